//! The commands of streams groups.
//!
//! - `topology [epoch=N] SUBTOPOLOGY ..`: what members bring from now on; a subtopology is
//!   `ID:TOPIC,<READ[/N],>WRITTEN, *CHANGELOG,&JOINED&JOINED`
//! - `enter CLIENT [anew] [OPTION ..]`: joins, with nothing in its hands; `sb CLIENT [epoch=N] [OPTION ..]`: a
//!   heartbeat that says only what the options say; `exit CLIENT`
//! - options: owns=ID_N,~ID_N,..|told|nothing (~ is a copy) process=P timeout=S rack=R endpoint=HOST:PORT tags=K.V,..
//!   as=I warmup=ID_N offsets=ID_N:OFFSET id=ID; `shutdown`, `bare` (without a topology)
//! - `settings [standbys=N] [delay=S] [session=S]`; `tasks`: the group in detail; `internal`: the internal topics of
//!   its topology

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use headwater_coordinator::{
    AssignedTasks, CopartitionGroup, Endpoint, EndpointPartitions, InternalTopic, MemberId, Refused,
    StreamsAnswer, StreamsCurrent, StreamsGroupChange, StreamsHeartbeat, StreamsSettings, StreamsTopology,
    Subtopology, SubtopologyId, Task, TaskOffset, Tasks,
};
use headwater_model::PartitionId;

use super::{Run, Words, group};

/// A subtopology, as the script writes it.
pub(crate) fn subtopology(text: &str) -> Subtopology {
    let (id, words) = text.split_once(':').unwrap();
    let mut subtopology = Subtopology {
        id: SubtopologyId::new(id),
        source_topics: Vec::new(),
        source_topic_regex: Vec::new(),
        repartition_sources: Vec::new(),
        repartition_sinks: Vec::new(),
        changelogs: Vec::new(),
        copartition_groups: Vec::new(),
    };
    for word in words.split(',').filter(|word| !word.is_empty()) {
        match word.split_at(1) {
            ("<", read) => subtopology.repartition_sources.push(internal(read)),
            (">", written) => subtopology.repartition_sinks.push(written.to_owned()),
            ("*", changelog) => subtopology.changelogs.push(internal(changelog)),
            ("&", joined) => {
                let group = joined_in(&subtopology, joined);
                subtopology.copartition_groups.push(group);
            }
            ("?", pattern) => subtopology.source_topic_regex.push(pattern.to_owned()),
            _ => subtopology.source_topics.push(word.to_owned()),
        }
    }
    subtopology
}

fn internal(text: &str) -> InternalTopic {
    let (name, count) = text.split_once('/').unwrap_or((text, "0"));
    InternalTopic {
        name: name.to_owned(),
        partitions: count.parse().unwrap(),
        replication_factor: 0,
        configs: Vec::new(),
    }
}

fn joined_in(subtopology: &Subtopology, names: &str) -> CopartitionGroup {
    let mut group = CopartitionGroup::default();
    for name in names.split('&') {
        let source = subtopology.source_topics.iter().position(|topic| topic == name);
        let read = subtopology.repartition_sources.iter().position(|topic| topic.name == name);
        group.source_topics.extend(source.map(|at| at as i16));
        group.repartition_sources.extend(read.map(|at| at as i16));
    }
    group
}

fn task(text: &str) -> Task {
    let (subtopology, number) = text.split_once('_').unwrap();
    Task { subtopology: SubtopologyId::new(subtopology), partition: PartitionId(number.parse().unwrap()) }
}

fn tasks(text: &str) -> AssignedTasks {
    let mut tasks = AssignedTasks::new();
    for text in text.split(',') {
        match text.strip_prefix('~') {
            Some(copy) => tasks.standby.insert(task(copy)),
            None => tasks.active.insert(task(text)),
        };
    }
    tasks
}

/// In brackets.
fn list_of(tasks: &AssignedTasks) -> String {
    let active = tasks.active.iter().map(|task| task.to_string());
    let standby = tasks.standby.iter().map(|task| format!("~{task}"));
    format!("[{}]", active.chain(standby).collect::<Vec<_>>().join(" "))
}

fn current(current: &StreamsCurrent) -> String {
    let mut text = format!("epoch={} {:?} {}", current.epoch, current.state, list_of(&current.assigned));
    if !current.revoking.is_empty() {
        write!(text, " revoking {}", list_of(&current.revoking)).unwrap();
    }
    text
}

impl Run {
    pub(super) fn streams_line(&mut self, command: &str, words: Words<'_>) {
        match command {
            "topology" => self.set_topology(words),
            "enter" => self.enter(words),
            "sb" => self.sb(words, None),
            "exit" => self.sb(words, Some(-1)),
            "settings" => self.set_settings(words),
            "internal" => self.show_internal(),
            _ => self.show_tasks(),
        }
    }

    fn set_topology(&mut self, mut words: Words<'_>) {
        let epoch = words.take("epoch").map_or(0, |epoch| epoch.parse().unwrap());
        let subtopologies = words.plain.iter().map(|text| subtopology(text)).collect();
        self.topology = StreamsTopology { epoch, subtopologies };
    }

    fn set_settings(&mut self, mut words: Words<'_>) {
        let mut settings = StreamsSettings::default();
        if let Some(standbys) = words.take("standbys") {
            settings.standby_replicas = standbys.parse().unwrap();
        }
        if let Some(delay) = words.seconds("delay") {
            settings.initial_rebalance_delay = delay;
        }
        if let Some(session) = words.seconds("session") {
            settings.session_timeout = session;
        }
        self.settings = Some(settings.clone());
        self.groups.set_streams_settings(group(), Some(settings));
    }

    fn enter(&mut self, mut words: Words<'_>) {
        let name = words.plain[0];
        let client = self.clients.entry(name.to_owned()).or_default();
        if words.has("anew") {
            client.member = None;
        }
        for (key, value) in [("timeout", "60"), ("owns", "nothing")] {
            if !words.options.iter().any(|(known, _)| *known == key) {
                words.options.push((key, value));
            }
        }
        words.options.push(("epoch", "0"));
        self.sb(words, None);
    }

    fn sb(&mut self, mut words: Words<'_>, epoch: Option<i32>) {
        let name = words.plain[0].to_owned();
        let client = self.clients.entry(name.clone()).or_default();
        let owned = words.take("owns").map(|text| match text {
            "told" => client.tasks.clone(),
            "nothing" => AssignedTasks::new(),
            some => tasks(some),
        });
        if client.member.is_none() {
            let member = MemberId::from(format!("{name}{}", "'".repeat(client.lives)));
            client.lives += 1;
            self.names.insert(member.clone(), member.to_string());
            client.member = Some(member);
        }
        let text = |text: &str| if text == "''" { String::new() } else { text.to_owned() };
        let epoch = words.take("epoch").map(|n| n.parse().unwrap()).or(epoch).unwrap_or(client.generation);
        let endpoint = |text: &str| {
            let (host, port) = text.split_once(':').unwrap();
            Endpoint { host: host.to_owned(), port: port.parse().unwrap() }
        };
        let tag = |text: &str| {
            let (key, value) = text.split_once('.').unwrap();
            (key.to_owned(), value.to_owned())
        };
        let offset = |text: &str| {
            let (name, offset) = text.split_once(':').unwrap();
            TaskOffset { task: task(name), offset: offset.parse().unwrap() }
        };
        let beat = StreamsHeartbeat {
            group: group(),
            member: words.take("id").map(|id| MemberId::from(text(id))).or(client.member.clone()).unwrap(),
            epoch,
            endpoint_epoch: client.endpoint_epoch.unwrap_or(-1),
            instance: words.take("as").map(Into::into),
            rack: words.take("rack").map(text),
            rebalance_timeout: words.seconds("timeout"),
            topology: (epoch == 0 && !words.has("bare")).then(|| self.topology.clone()),
            warmup: owned.as_ref().map(|_| words.take("warmup").map(task).into_iter().collect()),
            active: owned.as_ref().map(|owned| owned.active.clone()),
            standby: owned.map(|owned| owned.standby),
            process: words.take("process").map(text).or_else(|| (epoch == 0).then(|| format!("p-{name}"))),
            endpoint: words.take("endpoint").map(endpoint),
            tags: words.take("tags").map(|tags| tags.split(',').map(tag).collect()),
            task_offsets: words.take("offsets").map(|offsets| offsets.split(',').map(offset).collect()),
            task_end_offsets: None,
            shutdown_application: words.has("shutdown"),
            client_id: name.clone(),
            client_host: "/127.0.0.1".to_owned(),
        };
        let token = self.ask(&name);
        let effects = self.groups.streams_heartbeat(self.now(), token, &beat);
        self.show(effects);
    }

    pub(super) fn show_streams_answer(&mut self, who: &str, outcome: Result<StreamsAnswer, Refused>) {
        let answer = match outcome {
            Err(refused) => {
                writeln!(self.out, "{who}: {:?}: {}", refused.error, refused.message).unwrap();
                return;
            }
            Ok(answer) => answer,
        };
        let told = answer.tasks.as_ref().map(|told| format!(" {}", list_of(told))).unwrap_or_default();
        let leaves = if answer.heartbeat_interval == Duration::ZERO { " leaves" } else { "" };
        writeln!(self.out, "{who}: epoch={}{told}{leaves}", answer.epoch).unwrap();
        for status in &answer.status {
            writeln!(self.out, "  {:?}: {}", status.code, status.detail).unwrap();
        }
        for topic in &answer.to_create {
            writeln!(self.out, "  create {}/{}", topic.name, topic.partitions).unwrap();
        }
        for known in answer.endpoints.iter().flatten() {
            self.show_endpoint(known);
        }
        let client = self.clients.get_mut(who).unwrap();
        client.generation = answer.epoch;
        client.endpoint_epoch = Some(answer.endpoint_epoch);
        if let Some(told) = answer.tasks {
            client.tasks = told;
        }
    }

    fn show_endpoint(&mut self, known: &EndpointPartitions) {
        let list = |sign: &str, partitions: &BTreeMap<String, BTreeSet<PartitionId>>| -> String {
            let each = partitions.iter().flat_map(|(topic, numbers)| {
                numbers.iter().map(move |number| format!(" {sign}{topic}-{number}"))
            });
            each.collect()
        };
        let Endpoint { host, port } = &known.endpoint;
        writeln!(self.out, "  at {host}:{port}{}{}", list("", &known.active), list("~", &known.standby))
            .unwrap();
    }

    pub(super) fn show_streams_change(&mut self, change: &StreamsGroupChange) {
        let line = match change {
            StreamsGroupChange::Epoch { epoch, basis } => match basis.validated_topology {
                Some(validated) => format!("epoch {epoch} validated={validated}"),
                None => format!("epoch {epoch}"),
            },
            StreamsGroupChange::EpochForgotten => "epoch forgotten".to_owned(),
            StreamsGroupChange::Topology { topology } => format!("topology {}", topology.epoch),
            StreamsGroupChange::TopologyForgotten => "topology forgotten".to_owned(),
            StreamsGroupChange::TargetEpoch { epoch } => format!("target epoch {epoch}"),
            StreamsGroupChange::TargetEpochForgotten => "target epoch forgotten".to_owned(),
            StreamsGroupChange::Member { member, .. } => format!("member {}", self.name(member)),
            StreamsGroupChange::Target { member, tasks } => {
                format!("target {} {}", self.name(member), list_of(tasks))
            }
            StreamsGroupChange::Current { member, current: is } => {
                format!("current {} {}", self.name(member), current(is))
            }
            StreamsGroupChange::MemberForgotten { member } => {
                format!("member {} forgotten", self.name(member))
            }
            StreamsGroupChange::TargetForgotten { member } => {
                format!("target {} forgotten", self.name(member))
            }
            StreamsGroupChange::CurrentForgotten { member } => {
                format!("current {} forgotten", self.name(member))
            }
        };
        writeln!(self.out, "+ {line}").unwrap();
    }

    fn show_internal(&mut self) {
        let described = self.groups.describe_streams_group(&group());
        let topology = described.and_then(|described| described.topology).unwrap();
        for subtopology in topology.subtopologies {
            write!(self.out, "{}", subtopology.id).unwrap();
            for topic in subtopology.repartition_sources.iter().chain(&subtopology.changelogs) {
                write!(self.out, " {}/{}", topic.name, topic.partitions).unwrap();
            }
            writeln!(self.out).unwrap();
        }
    }

    fn show_tasks(&mut self) {
        let Some(described) = self.groups.describe_streams_group(&group()) else {
            writeln!(self.out, "no streams group").unwrap();
            return;
        };
        let (epoch, target) = (described.epoch, described.assignment_epoch);
        writeln!(self.out, "{} epoch={epoch} target={target}", described.state).unwrap();
        for member in described.members {
            let (name, is) = (self.name(&member.member), current(&member.current));
            write!(self.out, "  {name} {is} -> {}", list_of(&member.target)).unwrap();
            for TaskOffset { task, offset } in member.task_offsets {
                write!(self.out, " {task}:{offset}").unwrap();
            }
            writeln!(self.out).unwrap();
        }
    }
}

/// The tasks of a topology that has all its topics.
pub(crate) fn all_tasks(counts: &[(&str, i32)]) -> Tasks {
    let of_one = |(id, count): &(&str, i32)| {
        let id = SubtopologyId::new(id);
        (0..*count).map(move |number| Task { subtopology: id.clone(), partition: PartitionId(number) })
    };
    counts.iter().flat_map(of_one).collect()
}
