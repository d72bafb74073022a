//! The commands of consumer groups.
//!
//! - `topics NAME=PARTITIONS[/LIFE] ..`: these are all topics now; another life has another id
//! - `hello CLIENT [anew] [OPTION ..]`: joins, by default with topics=t; `hb CLIENT [epoch=N] [OPTION ..]`: says only what
//!   the options say; `bye CLIENT [for-a-while]`
//! - options: topics=NAME,.. pattern=RE as=INSTANCE assignor=NAME timeout=S owns=NAME-N,..|told|nothing rack=R id=ID; `v0`
//!   lets the coordinator make the id
//! - `members`: the group in detail; `may-fetch CLIENT|- [gen=N]`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_coordinator::{
    ConsumerGroupChange, ConsumerHeartbeat, Current, HeartbeatAnswer, MemberId, Partitions, Refused, Topic,
};
use headwater_model::{PartitionId, TopicName, Uuid};

use super::{Run, Words, group};

/// The id of a topic in one of its lives.
fn id(name: &str, life: u64) -> Uuid {
    let number =
        name.bytes().fold(0_u64, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Uuid::from_u64_pair(number, life)
}

/// Of each topic the numbers of its partitions.
fn by_topic(text: &str) -> BTreeMap<&str, Vec<i32>> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for one in text.split(',').filter(|one| !one.is_empty()) {
        let (topic, number) = one.rsplit_once('-').unwrap();
        by_topic.entry(topic).or_default().push(number.parse().unwrap());
    }
    by_topic
}

fn put_partitions(bytes: &mut Vec<u8>, partitions: &str) {
    let by_topic = by_topic(partitions);
    bytes.extend((by_topic.len() as i32).to_be_bytes());
    for (topic, numbers) in by_topic {
        put_name(bytes, topic);
        bytes.extend((numbers.len() as i32).to_be_bytes());
        bytes.extend(numbers.into_iter().flat_map(i32::to_be_bytes));
    }
}

fn put_name(bytes: &mut Vec<u8>, name: &str) {
    bytes.extend((name.len() as i16).to_be_bytes());
    bytes.extend(name.as_bytes());
}

/// A consumer's subscription of version 1.
pub(crate) fn subscription(topics: &str, owned: &str) -> Bytes {
    let names: Vec<&str> = topics.split(',').filter(|name| !name.is_empty()).collect();
    let mut bytes = vec![0, 1];
    bytes.extend((names.len() as i32).to_be_bytes());
    for name in names {
        put_name(&mut bytes, name);
    }
    bytes.extend((-1_i32).to_be_bytes());
    put_partitions(&mut bytes, owned);
    bytes.into()
}

/// A consumer's assignment of version 1.
pub(crate) fn assignment(partitions: &str) -> Bytes {
    let mut bytes = vec![0, 1];
    put_partitions(&mut bytes, partitions);
    bytes.extend((-1_i32).to_be_bytes());
    bytes.into()
}

/// The partitions of a consumer's assignment of version 1; none if it is something else.
pub(crate) fn assigned(bytes: &[u8]) -> Option<Vec<(String, i32)>> {
    let mut rest = bytes.strip_prefix(&[0, 1])?;
    let mut take = |length: usize| {
        let (taken, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(taken.to_vec())
    };
    let number = |take: &mut dyn FnMut(usize) -> Option<Vec<u8>>| {
        Some(i32::from_be_bytes(take(4)?.try_into().unwrap()))
    };
    let mut partitions = Vec::new();
    for _ in 0..number(&mut take)? {
        let length = i16::from_be_bytes(take(2)?.try_into().unwrap());
        let topic = String::from_utf8(take(length as usize)?).unwrap();
        for _ in 0..number(&mut take)? {
            partitions.push((topic.clone(), number(&mut take)?));
        }
    }
    Some(partitions)
}

/// As people read it.
pub(crate) fn readable(bytes: &Bytes) -> String {
    match assigned(bytes) {
        None => format!("{bytes:?}"),
        Some(partitions) => {
            let texts = partitions.iter().map(|(topic, number)| format!("{topic}-{number}"));
            format!("[{}]", texts.collect::<Vec<_>>().join(" "))
        }
    }
}

impl Run {
    pub(super) fn consumer_line(&mut self, command: &str, words: Words<'_>) {
        match command {
            "topics" => self.set_topics(&words),
            "hello" => self.hello(words),
            "hb" => self.hb(words, None),
            "bye" => {
                let epoch = if words.has("for-a-while") { -2 } else { -1 };
                self.hb(words, Some(epoch));
            }
            "members" => self.show_members(),
            _ => self.may_fetch(words),
        }
    }

    fn set_topics(&mut self, words: &Words<'_>) {
        let topic = |(name, text): &(&str, &str)| {
            let (partitions, life) = text.split_once('/').unwrap_or((text, "0"));
            let id = id(name, life.parse().unwrap());
            (TopicName::new(name).unwrap(), Topic { id, partitions: partitions.parse().unwrap() })
        };
        let topics = Arc::new(words.options.iter().map(topic).collect());
        self.topics = Some(Arc::clone(&topics));
        let effects = self.groups.topics_changed(self.now(), topics);
        self.show(effects);
    }

    fn hello(&mut self, mut words: Words<'_>) {
        let client = self.clients.entry(words.plain[0].to_owned()).or_default();
        if words.has("anew") {
            client.member = None;
        }
        for (key, value) in [("topics", "t"), ("timeout", "60"), ("owns", "nothing")] {
            let given = words
                .options
                .iter()
                .any(|(known, _)| *known == key || *known == "pattern" && key == "topics");
            if !given {
                words.options.push((key, value));
            }
        }
        words.options.push(("epoch", "0"));
        self.hb(words, None);
    }

    fn hb(&mut self, mut words: Words<'_>, epoch: Option<i32>) {
        let name = words.plain[0].to_owned();
        let owned = words.take("owns").map(|text| self.partitions(&name, text));
        let client = self.clients.entry(name.clone()).or_default();
        if let Some(instance) = words.take("as") {
            client.instance = Some(instance.into());
        }
        if client.member.is_none() && !words.has("v0") {
            let member = MemberId::from(format!("{name}{}", "'".repeat(client.lives)));
            client.lives += 1;
            self.names.insert(member.clone(), member.to_string());
            client.member = Some(member);
        }
        let text = |text: &str| if text == "''" { String::new() } else { text.to_owned() };
        let names = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let beat = ConsumerHeartbeat {
            group: group(),
            member: words.take("id").map(MemberId::new).or_else(|| client.member.clone()),
            requires_member: !words.has("v0"),
            epoch: words.take("epoch").map(|n| n.parse().unwrap()).or(epoch).unwrap_or(client.generation),
            instance: client.instance.clone(),
            rack: words.take("rack").map(text),
            rebalance_timeout: words.seconds("timeout"),
            topics: words.take("topics").map(names),
            pattern: words.take("pattern").map(text),
            assignor: words.take("assignor").map(text),
            owned,
            client_id: name.clone(),
            client_host: "/127.0.0.1".to_owned(),
        };
        let token = self.ask(&name);
        let effects = self.groups.consumer_heartbeat(self.now(), &mut self.entropy, token, &beat);
        self.show(effects);
    }

    fn partitions(&self, client: &str, text: &str) -> Partitions {
        match text {
            "told" => self.clients[client].told.clone(),
            "nothing" => Partitions::new(),
            some => some
                .split(',')
                .map(|text| {
                    let (topic, number) = text.rsplit_once('-').unwrap();
                    let topics = self.topics.as_ref().unwrap();
                    let id = topics.get(topic).map_or(id(topic, 0), |topic| topic.id);
                    (id, PartitionId(number.parse().unwrap()))
                })
                .collect(),
        }
    }

    pub(super) fn show_answer(&mut self, who: &str, outcome: Result<HeartbeatAnswer, Refused>) {
        match outcome {
            Err(refused) => {
                writeln!(self.out, "{who}: {:?}: {}", refused.error, refused.message).unwrap();
            }
            Ok(answer) => {
                let told = answer.assignment.as_ref().map(|told| self.list_of(told)).unwrap_or_default();
                let interval = match answer.heartbeat_interval {
                    Duration::ZERO => " leaves",
                    _ => "",
                };
                writeln!(self.out, "{who}: epoch={}{told}{interval}", answer.epoch).unwrap();
                let client = self.clients.get_mut(who).unwrap();
                client.generation = answer.epoch;
                if let Some(told) = answer.assignment {
                    client.told = told;
                }
                if client.member.is_none() {
                    self.names.insert(answer.member.clone(), who.to_owned());
                    client.member = Some(answer.member);
                }
            }
        }
    }

    /// In brackets, after a space.
    pub(super) fn list_of(&self, partitions: &Partitions) -> String {
        let topics = self.topics.as_ref().unwrap();
        let one = |(topic, number): (Uuid, PartitionId)| match topics.name(topic) {
            Some(name) => format!("{name}-{number}"),
            None => format!("?-{number}"),
        };
        format!(" [{}]", partitions.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    fn current(&self, current: &Current) -> String {
        let mut text = format!("epoch={}", current.epoch);
        write!(text, " {:?}{}", current.state, self.list_of(&current.assigned)).unwrap();
        if !current.revoking.is_empty() {
            write!(text, " revoking{}", self.list_of(&current.revoking)).unwrap();
        }
        text
    }

    pub(super) fn show_consumer_change(&mut self, change: &ConsumerGroupChange) {
        let line = match change {
            ConsumerGroupChange::Epoch { epoch, .. } => format!("epoch {epoch}"),
            ConsumerGroupChange::EpochForgotten => "epoch forgotten".to_owned(),
            ConsumerGroupChange::TargetEpoch { epoch } => format!("target epoch {epoch}"),
            ConsumerGroupChange::TargetEpochForgotten => "target epoch forgotten".to_owned(),
            ConsumerGroupChange::Member { member, .. } => format!("member {}", self.name(member)),
            ConsumerGroupChange::Target { member, partitions } => {
                format!("target {}{}", self.name(member), self.list_of(partitions))
            }
            ConsumerGroupChange::Current { member, current } => {
                format!("current {} {}", self.name(member), self.current(current))
            }
            ConsumerGroupChange::MemberForgotten { member } => {
                format!("member {} forgotten", self.name(member))
            }
            ConsumerGroupChange::TargetForgotten { member } => {
                format!("target {} forgotten", self.name(member))
            }
            ConsumerGroupChange::CurrentForgotten { member } => {
                format!("current {} forgotten", self.name(member))
            }
        };
        writeln!(self.out, "+ {line}").unwrap();
    }

    fn show_members(&mut self) {
        let Some(described) = self.groups.describe_consumer_group(&group()) else {
            writeln!(self.out, "no consumer group").unwrap();
            return;
        };
        let (epoch, target) = (described.epoch, described.assignment_epoch);
        writeln!(self.out, "{} epoch={epoch} target={target} {}", described.state, described.assignor)
            .unwrap();
        for member in described.members {
            let (name, current) = (self.name(&member.member), self.current(&member.current));
            let target = self.list_of(&member.target);
            writeln!(self.out, "  {name} {current} ->{target}").unwrap();
        }
    }

    fn may_fetch(&mut self, mut words: Words<'_>) {
        let name = words.plain[0].to_owned();
        let epoch = words.take("gen").map(|text| text.parse().unwrap());
        let client = self.clients.get(&name);
        let member = client.and_then(|client| client.member.as_ref());
        let epoch = epoch.unwrap_or_else(|| client.map_or(-1, |client| client.generation));
        let outcome = self.groups.check_fetch(&group(), member, epoch);
        writeln!(self.out, "{name}: may fetch {}", super::word(outcome)).unwrap();
    }
}
