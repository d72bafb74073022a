//! A small language for scripts of commands: one a line, on the group `g`. The outcome repeats each line after `>`
//! and tells what it led to, with members called by their clients' names (`a`, and `a'` in its second life).
//!
//! - `announce CLIENT`: the first step of a new dynamic member, which gets its member id.
//! - `join CLIENT [as=INSTANCE] [protocols=NAME:METADATA,..] [type=T] [session=S] [rebalance=S] [anew] [old]`: with
//!   the client's member id (after announcing it, if it is dynamic and has none); `anew` forgets the id first; `old`
//!   speaks a version that knows neither announcing nor skipping assignments; reads=TOPIC,.. [owned=TOPIC-N,..] puts a
//!   consumer's subscription in the place of METADATA.
//! - (an ASSIGNMENT that begins with @ is a consumer's)
//! - `sync CLIENT [MEMBER=ASSIGNMENT ..] [gen=N] [protocol=P] [type=T]`, `beat CLIENT [gen=N]`
//! - `leave [CLIENT ..] [as=INSTANCE ..]`
//! - `commit CLIENT|- TOPIC-N=OFFSET[/METADATA] .. [gen=N] [keep=S] [in=PRODUCER [late]]`, `fetch`, `forget TOPIC-N ..`;
//!   `late` means that the transaction was looked at before its last end
//! - `end PRODUCER commit|abort`: of its transaction; a PRODUCER is an id, in epoch 0, or ID/EPOCH
//! - of consumer groups: see [`consumers`]; of streams groups: see [`streams`]
//! - `wait S`: seconds pass; `restart`: the state is lost and replayed; `delete`; `list [STATE ..] [type=TYPE]`; `show`

pub(crate) mod consumers;
pub(crate) mod streams;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use expect_test::Expect;
use headwater_coordinator::{
    AssignedTasks, Change, CommitOffsets, DeleteOffsets, Effects, EndsSeen, GroupId, Groups, GroupsConfig,
    Heartbeat, InstanceId, Join, JoinRefused, Joined, Leave, Leaver, ListFilter, MemberId, Now,
    OffsetToCommit, Outcome, Partitions, ProducerIdentity, Protocol, Reply, StoredGroup, StreamsSettings,
    StreamsTopology, Sync, Token, Topics, WithinTransaction,
};
use headwater_model::{
    Entropy, ErrorCode, Monotonic, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName,
    TopicPartition,
};

/// Runs a script and compares what it leads to.
#[track_caller]
pub(crate) fn check(script: &str, expected: Expect) {
    check_with(GroupsConfig::default(), script, expected);
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an Expect is written in place")]
pub(crate) fn check_with(config: GroupsConfig, script: &str, expected: Expect) {
    let mut run = Run::new(config);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(run.out, "> {line}").unwrap();
        run.line(line);
    }
    expected.assert_eq(&run.out);
}

#[derive(Default)]
struct Client {
    member: Option<MemberId>,
    instance: Option<InstanceId>,
    generation: i32,
    lives: usize,
    /// What it was last told to work on, in a consumer group.
    told: Partitions,
    /// The same in a streams group.
    tasks: AssignedTasks,
    endpoint_epoch: Option<i32>,
}

struct Run {
    config: GroupsConfig,
    groups: Groups,
    entropy: Entropy,
    elapsed: Duration,
    clients: BTreeMap<String, Client>,
    names: BTreeMap<MemberId, String>,
    asked: BTreeMap<Token, String>,
    tokens: u64,
    log: Vec<Change>,
    before_last_end: EndsSeen,
    topics: Option<Arc<Topics>>,
    /// What members of a streams group bring.
    topology: StreamsTopology,
    settings: Option<StreamsSettings>,
    out: String,
}

/// The words of a line: `key=value` ones apart from the others.
struct Words<'a> {
    plain: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn new(words: impl Iterator<Item = &'a str>) -> Self {
        let (mut plain, mut options) = (Vec::new(), Vec::new());
        for word in words {
            match word.split_once('=') {
                Some(option) => options.push(option),
                None => plain.push(word),
            }
        }
        Self { plain, options }
    }

    fn take(&mut self, key: &str) -> Option<&'a str> {
        let at = self.options.iter().position(|(known, _)| *known == key)?;
        Some(self.options.remove(at).1)
    }

    fn seconds(&mut self, key: &str) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.take(key)?.parse().unwrap()))
    }

    fn has(&self, word: &str) -> bool {
        self.plain.contains(&word)
    }
}

impl Run {
    fn new(config: GroupsConfig) -> Self {
        let mut groups = Groups::new(config.clone());
        groups.loaded(Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) });
        Self {
            config,
            before_last_end: groups.ends_seen(),
            groups,
            entropy: Entropy::from_seed(1),
            elapsed: Duration::ZERO,
            clients: BTreeMap::new(),
            names: BTreeMap::new(),
            asked: BTreeMap::new(),
            tokens: 0,
            log: Vec::new(),
            topics: None,
            topology: StreamsTopology::default(),
            settings: None,
            out: String::new(),
        }
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap();
        let words = Words::new(words);
        match command {
            "announce" | "join" => self.join(command == "announce", words),
            "sync" => self.sync(words),
            "beat" => self.beat(words),
            "leave" => self.leave(&words),
            "commit" => self.commit(words),
            "fetch" => self.fetch(),
            "end" => self.end(&words),
            "forget" => self.forget(&words),
            "wait" => self.wait(Duration::from_secs_f64(words.plain[0].parse().unwrap())),
            "restart" => self.restart(),
            "delete" => {
                let token = self.ask("delete");
                let effects = self.groups.delete_group(self.now(), token, &group());
                self.show(effects);
            }
            "list" => self.list(&words),
            "show" => self.describe(),
            "topics" | "hello" | "hb" | "bye" | "members" | "may-fetch" => {
                self.consumer_line(command, words);
            }
            "topology" | "enter" | "sb" | "exit" | "settings" | "tasks" | "internal" => {
                self.streams_line(command, words);
            }
            unknown => panic!("unknown command {unknown}"),
        }
    }

    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::from_origin(self.elapsed),
            wall: Timestamp(self.elapsed.as_millis() as i64),
        }
    }

    fn ask(&mut self, what: &str) -> Token {
        self.tokens += 1;
        self.asked.insert(Token(self.tokens), what.to_owned());
        Token(self.tokens)
    }

    fn name(&self, member: &MemberId) -> String {
        let prefix = || member.as_str().split('-').next().unwrap();
        self.names.get(member).cloned().unwrap_or_else(|| format!("{}?", prefix()))
    }

    fn join(&mut self, announce: bool, mut words: Words<'_>) {
        let name = words.plain[0];
        let client = self.clients.entry(name.to_owned()).or_default();
        if words.has("anew") {
            client.member = None;
        }
        if let Some(instance) = words.take("as") {
            client.instance = Some(instance.into());
        }
        let reads = words.take("reads");
        let owned = words.take("owned").unwrap_or("");
        let protocols = words.take("protocols").unwrap_or("range:");
        let join = Join {
            group: words.take("group").map_or(group(), GroupId::new),
            member: client.member.clone(),
            instance: client.instance.clone(),
            client_id: name.to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout: words.seconds("session").unwrap_or(Duration::from_secs(10)),
            rebalance_timeout: words.seconds("rebalance").unwrap_or(Duration::from_mins(1)),
            protocol_type: words.take("type").unwrap_or("consumer").to_owned(),
            protocols: protocols
                .split(',')
                .filter_map(|protocol| protocol.split_once(':'))
                .map(|(name, metadata)| Protocol {
                    name: Arc::from(name),
                    metadata: match reads {
                        Some(topics) => consumers::subscription(topics, owned),
                        None => metadata.to_owned().into(),
                    },
                })
                .collect(),
            requires_known_member: !words.has("old"),
            can_skip_assignment: !words.has("old"),
        };
        let announces = join.member.is_none() && join.instance.is_none() && join.requires_known_member;
        if announces && !announce {
            let token = self.ask("");
            let effects = self.groups.join(self.now(), &mut self.entropy, token, join.clone());
            self.show(effects);
            let member = self.clients[name].member.clone();
            if member.is_none() {
                return;
            }
            self.send_join(name, Join { member, ..join });
        } else {
            self.send_join(name, join);
        }
    }

    fn send_join(&mut self, name: &str, join: Join) {
        let token = self.ask(name);
        let effects = self.groups.join(self.now(), &mut self.entropy, token, join);
        self.show(effects);
    }

    fn sync(&mut self, mut words: Words<'_>) {
        let name = words.plain[0];
        let generation = words.take("gen").map(|text| text.parse().unwrap());
        let protocol = words.take("protocol").map(str::to_owned);
        let protocol_type = words.take("type").map(str::to_owned);
        let assignments = words.options.iter().map(|(member, assignment)| {
            let known = self.clients.get(*member).and_then(|client| client.member.clone());
            let assignment = match assignment.strip_prefix('@') {
                Some(partitions) => consumers::assignment(partitions),
                None => (*assignment).to_owned().into(),
            };
            (known.unwrap_or_else(|| MemberId::new(member)), assignment)
        });
        let client = &self.clients[name];
        let sync = Sync {
            group: group(),
            member: client.member.clone().unwrap(),
            instance: client.instance.clone(),
            generation: generation.unwrap_or(client.generation),
            protocol_type,
            protocol,
            assignments: assignments.collect(),
        };
        let token = self.ask(name);
        let effects = self.groups.sync(self.now(), token, sync);
        self.show(effects);
    }

    fn beat(&mut self, mut words: Words<'_>) {
        let name = words.plain[0];
        let generation = words.take("gen").map(|text| text.parse().unwrap());
        let client = &self.clients[name];
        let heartbeat = Heartbeat {
            group: group(),
            member: client.member.clone().unwrap(),
            instance: client.instance.clone(),
            generation: generation.unwrap_or(client.generation),
        };
        let token = self.ask(name);
        let effects = self.groups.heartbeat(self.now(), token, &heartbeat);
        self.show(effects);
    }

    fn leave(&mut self, words: &Words<'_>) {
        let by_id = words
            .plain
            .iter()
            .map(|name| Leaver { member: Some(self.clients[*name].member.clone().unwrap()), instance: None });
        let by_instance = words
            .options
            .iter()
            .map(|(_, instance)| Leaver { member: None, instance: Some(InstanceId::new(instance)) });
        let leave = Leave { group: group(), leavers: by_id.chain(by_instance).collect() };
        let token = self.ask("leave");
        let effects = self.groups.leave(self.now(), token, &leave);
        self.show(effects);
    }

    fn commit(&mut self, mut words: Words<'_>) {
        let name = words.plain[0];
        let generation = words.take("gen").map(|text| text.parse().unwrap());
        let retention = words.seconds("keep");
        let verified = if words.has("late") { self.before_last_end } else { self.groups.ends_seen() };
        let within = words.take("in").map(|id| WithinTransaction { producer: producer(id), verified });
        let none = Client { generation: -1, ..Client::default() };
        let client = self.clients.get(name).unwrap_or(&none);
        let commit = CommitOffsets {
            group: group(),
            member: client.member.clone(),
            instance: client.instance.clone(),
            generation: generation.unwrap_or(client.generation),
            retention,
            within,
            offsets: words
                .options
                .iter()
                .map(|(at, offset)| {
                    let (offset, metadata) = offset.split_once('/').unwrap_or((offset, ""));
                    OffsetToCommit {
                        partition: partition(at),
                        offset: Offset(offset.parse().unwrap()),
                        leader_epoch: None,
                        metadata: metadata.to_owned(),
                    }
                })
                .collect(),
        };
        let token = self.ask(name);
        let effects = self.groups.commit_offsets(self.now(), token, commit);
        self.show(effects);
    }

    fn fetch(&mut self) {
        for (partition, committed) in self.groups.committed_offsets(&group()) {
            assert_eq!(self.groups.committed_offset(&group(), partition), Some(committed));
            let (offset, metadata) = (committed.offset, &committed.metadata);
            let unstable = if self.groups.is_unstable(&group(), partition) { " unstable" } else { "" };
            writeln!(self.out, "{partition}={offset}/{metadata}{unstable}").unwrap();
        }
        for partition in self.groups.unstable_partitions(&group()) {
            if self.groups.committed_offset(&group(), partition).is_none() {
                writeln!(self.out, "{partition} unstable").unwrap();
            }
        }
    }

    fn end(&mut self, words: &Words<'_>) {
        let outcome = if words.has("commit") { Outcome::Commit } else { Outcome::Abort };
        self.before_last_end = self.groups.ends_seen();
        let token = self.ask("end");
        let effects = self.groups.end_transaction(self.now(), token, producer(words.plain[0]), outcome);
        self.show(effects);
    }

    fn forget(&mut self, words: &Words<'_>) {
        let token = self.ask("forget");
        let delete = DeleteOffsets {
            group: group(),
            partitions: words.plain.iter().map(|text| partition(text)).collect(),
        };
        let effects = self.groups.delete_offsets(self.now(), token, &delete);
        self.show(effects);
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(next) = self.groups.next_deadline()
            && next.since_origin() <= until
        {
            self.elapsed = self.elapsed.max(next.since_origin());
            let effects = self.groups.tick(self.now());
            assert!(self.groups.next_deadline() > Some(self.now().monotonic), "a tick leads nowhere");
            if effects != Effects::default() {
                writeln!(self.out, "at {:?}:", self.elapsed).unwrap();
                self.show(effects);
            }
        }
        self.elapsed = until;
    }

    fn restart(&mut self) {
        let effects = self.groups.fail_pending(self.now(), ErrorCode::NotCoordinator);
        self.show(effects);
        self.groups = Groups::new(self.config.clone());
        self.groups.set_streams_settings(group(), self.settings.clone());
        for change in &self.log {
            self.groups.replay(change.clone());
        }
        let effects = self.groups.loaded(self.now());
        self.show(effects);
        if let Some(topics) = self.topics.clone() {
            let effects = self.groups.topics_changed(self.now(), topics);
            self.show(effects);
        }
    }

    fn list(&mut self, words: &Words<'_>) {
        let filter = ListFilter {
            states: words.plain.iter().map(|&word| word.to_owned()).collect(),
            types: words.options.iter().map(|(_, name)| (*name).to_owned()).collect(),
        };
        for listed in self.groups.list(&filter) {
            let (group, state, group_type) = (listed.group, listed.state, listed.group_type);
            writeln!(self.out, "{group} {state} {group_type} type={:?}", listed.protocol_type).unwrap();
        }
    }

    fn describe(&mut self) {
        let Some(described) = self.groups.describe(&group()) else {
            writeln!(self.out, "no such group").unwrap();
            return;
        };
        write!(self.out, "{} gen={}", described.state, described.generation).unwrap();
        if let Some(protocol) = described.protocol {
            write!(self.out, " protocol={protocol}").unwrap();
        }
        writeln!(self.out).unwrap();
        for member in described.members {
            let name = self.name(&member.member);
            writeln!(self.out, "  {name} {:?} {:?}", member.metadata, member.assignment).unwrap();
        }
    }

    fn show(&mut self, effects: Effects) {
        for (token, reply) in effects.replies {
            let who = self.asked.remove(&token).expect("a token is answered once");
            self.show_reply(&who, reply);
        }
        for change in effects.records {
            self.show_record(&change);
            self.log.push(change);
        }
    }

    fn show_reply(&mut self, who: &str, reply: Reply) {
        match reply {
            Reply::Join(Ok(joined)) => self.show_joined(who, &joined),
            Reply::Join(Err(JoinRefused { error, member })) => {
                if error == ErrorCode::MemberIdRequired {
                    self.announced(who, &member.unwrap());
                } else {
                    writeln!(self.out, "{who}: join {error:?}").unwrap();
                }
            }
            Reply::Sync(Ok(synced)) => {
                let protocol = synced.protocol;
                let assignment = consumers::readable(&synced.assignment);
                writeln!(self.out, "{who}: synced {protocol} {assignment}").unwrap();
            }
            Reply::Sync(Err(error)) => writeln!(self.out, "{who}: sync {error:?}").unwrap(),
            Reply::ConsumerHeartbeat(outcome) => self.show_answer(who, outcome),
            Reply::StreamsHeartbeat(outcome) => self.show_streams_answer(who, outcome),
            Reply::Heartbeat(outcome) => writeln!(self.out, "{who}: beat {}", word(outcome)).unwrap(),
            Reply::EndTransaction(outcome) | Reply::DeleteGroup(outcome) => {
                writeln!(self.out, "{who}: {}", word(outcome)).unwrap();
            }
            Reply::CommitOffsets(outcomes) => writeln!(self.out, "{who}: commit {outcomes:?}").unwrap(),
            Reply::Leave(outcome) | Reply::DeleteOffsets(outcome) => {
                writeln!(self.out, "{who}: {outcome:?}").unwrap();
            }
        }
    }

    /// An empty `who` is a join that announces itself on the way.
    fn announced(&mut self, who: &str, member: &MemberId) {
        let name = member.as_str().split('-').next().unwrap().to_owned();
        if !who.is_empty() {
            writeln!(self.out, "{who}: announced").unwrap();
        }
        self.adopt(&name, member);
    }

    fn adopt(&mut self, name: &str, member: &MemberId) {
        let client = self.clients.get_mut(name).unwrap();
        if !self.names.contains_key(member) {
            self.names.insert(member.clone(), format!("{name}{}", "'".repeat(client.lives)));
            client.lives += 1;
        }
        client.member = Some(member.clone());
    }

    fn show_joined(&mut self, who: &str, joined: &Joined) {
        self.adopt(who, &joined.member);
        self.clients.get_mut(who).unwrap().generation = joined.generation;
        let (me, leader) = (self.name(&joined.member), self.name(&joined.leader));
        write!(self.out, "{who}: joined as {me} gen={} {}", joined.generation, joined.protocol).unwrap();
        write!(self.out, " leader={leader}").unwrap();
        if joined.skip_assignment {
            write!(self.out, " skip").unwrap();
        }
        for member in &joined.members {
            write!(self.out, " {}:{:?}", self.name(&member.member), member.metadata).unwrap();
        }
        writeln!(self.out).unwrap();
    }

    fn show_record(&mut self, change: &Change) {
        match change {
            Change::GroupStored(stored) => self.show_stored(stored),
            Change::ConsumerGroup { change, .. } => self.show_consumer_change(change),
            Change::StreamsGroup { change, .. } => self.show_streams_change(change),
            Change::GroupForgotten { group } => writeln!(self.out, "+ {group} forgotten").unwrap(),
            Change::OffsetCommitted { partition, committed, .. } => {
                writeln!(self.out, "+ {partition}={}/{}", committed.offset, committed.metadata).unwrap();
            }
            Change::OffsetPending { producer, partition, committed, .. } => {
                let (id, offset, metadata) = (producer.id.0, committed.offset, &committed.metadata);
                writeln!(self.out, "+ {partition}={offset}/{metadata} in {id}").unwrap();
            }
            Change::TransactionEnded { producer, outcome } => {
                writeln!(self.out, "+ {outcome:?} {}", producer.id.0).unwrap();
            }
            Change::OffsetForgotten { partition, .. } => {
                writeln!(self.out, "+ {partition} forgotten").unwrap();
            }
        }
    }

    fn show_stored(&mut self, stored: &StoredGroup) {
        write!(self.out, "+ gen={} {:?}", stored.generation, stored.protocol).unwrap();
        for member in &stored.members {
            let assignment = consumers::readable(&member.assignment);
            write!(self.out, " {}:{assignment}", self.name(&member.member)).unwrap();
        }
        writeln!(self.out).unwrap();
    }
}

fn word(outcome: Result<(), ErrorCode>) -> String {
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn producer(id: &str) -> ProducerIdentity {
    let (id, epoch) = id.split_once('/').unwrap_or((id, "0"));
    ProducerIdentity { id: ProducerId(id.parse().unwrap()), epoch: ProducerEpoch(epoch.parse().unwrap()) }
}

fn group() -> GroupId {
    GroupId::new("g")
}

fn partition(text: &str) -> TopicPartition {
    let (topic, number) = text.rsplit_once('-').unwrap();
    TopicPartition::new(TopicName::new(topic).unwrap(), PartitionId(number.parse().unwrap()))
}
