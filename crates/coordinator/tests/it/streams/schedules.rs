//! Random schedules of members that join, work, freeze, vanish, shut down and come back, with answers lost and late,
//! topics that come, grow and go, internal topics that are made late, and a coordinator that is rebuilt from what it
//! has recorded, or from a part of it. Checked after each step: no task is active at two members, or twice in a
//! process; epochs only grow; and the records give the state. In the end, left alone, the group comes to rest with
//! everything assigned.
//!
//! A member keeps to what the protocol asks: one heartbeat at a time; what it gives back it has stopped; it begins
//! what it was told to only as long as no heartbeat that says otherwise is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    AssignedTasks, Change, DescribedStreamsGroup, Effects, GroupId, GroupState, Groups, GroupsConfig,
    MemberId, MissingTopic, Now, Refused, Reply, StreamsAnswer, StreamsCurrent, StreamsHeartbeat,
    StreamsSettings, StreamsTopology, Task, Tasks, Token, Topic, Topics,
};
use headwater_model::{Entropy, ErrorCode, Monotonic, Timestamp, TopicName, Uuid};

use crate::script::streams::{all_tasks, subtopology};

const SCHEDULES: u64 = 2_000;
const STEPS: u64 = 120;
const CLIENTS: u64 = 6;
const PROCESSES: u64 = 3;
const INTERNAL: [&str; 3] = ["r", "s0", "s1"];

type Answer = Result<StreamsAnswer, Refused>;

#[derive(Debug, Default)]
struct Client {
    process: String,
    lives: u64,
    member: Option<MemberId>,
    epoch: i32,
    /// What it works on.
    works: AssignedTasks,
    /// What it was told to.
    told: AssignedTasks,
    /// What it was last heard to own.
    said: Option<AssignedTasks>,
    /// An answer is under way to it.
    awaited: Option<Answer>,
    /// An answer got lost: it says everything, and begins nothing before it knows more.
    unsure: bool,
    frozen: bool,
    endpoint_epoch: i32,
}

impl Client {
    fn abandon(&mut self) {
        (self.epoch, self.unsure) = (0, false);
        (self.works, self.told, self.said) = (AssignedTasks::new(), AssignedTasks::new(), None);
    }

    /// Stops what it is not to work on.
    fn give_back(&mut self) {
        self.works = self.works.intersection(&self.told);
    }

    fn begin(&mut self) {
        if self.awaited.is_none() && !self.unsure && self.works.is_subset(&self.told) {
            self.works = self.told.clone();
        }
    }

    fn hear(&mut self) {
        match self.awaited.take() {
            None => {}
            Some(Ok(answer)) => {
                self.unsure = false;
                (self.epoch, self.endpoint_epoch) = (answer.epoch, answer.endpoint_epoch);
                if let Some(tasks) = answer.tasks {
                    self.told = tasks;
                }
            }
            Some(Err(refused)) => match refused.error {
                ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId | ErrorCode::GroupIdNotFound => {
                    self.abandon();
                }
                ErrorCode::GroupMaxSizeReached => {}
                other => panic!("{other:?}: {}", refused.message),
            },
        }
    }
}

struct World {
    seed: u64,
    dice: Entropy,
    config: GroupsConfig,
    settings: StreamsSettings,
    groups: Groups,
    elapsed: Duration,
    clients: Vec<Client>,
    topics: BTreeMap<TopicName, Topic>,
    /// Topics that the coordinator wants to be made.
    to_create: BTreeMap<TopicName, MissingTopic>,
    made: u64,
    tokens: u64,
    log: Vec<Change>,
    epoch: i32,
}

/// Tells the seed of what fails.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.seed);
        }
    }
}

fn group() -> GroupId {
    GroupId::new("g")
}

fn name(text: &str) -> TopicName {
    TopicName::new(text).unwrap()
}

fn topology() -> StreamsTopology {
    let subtopologies = ["0:t,>r,*s0", "1:<r,*s1", "2:u"].map(subtopology);
    StreamsTopology { epoch: 0, subtopologies: subtopologies.to_vec() }
}

/// What a member holds, whatever it does with it.
fn held(current: &StreamsCurrent) -> Vec<Task> {
    let StreamsCurrent { assigned, revoking, .. } = current;
    let active = assigned.active.iter().chain(revoking.active.iter());
    active.chain(assigned.standby.iter()).chain(revoking.standby.iter()).collect()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Entropy::from_seed(seed);
        let config = GroupsConfig {
            max_group_size: if dice.chance(1, 8) { 3 } else { 100 },
            ..GroupsConfig::default()
        };
        let delay = if dice.chance(1, 4) { Duration::from_secs(3) } else { Duration::ZERO };
        let settings = StreamsSettings {
            standby_replicas: dice.below(3) as usize,
            initial_rebalance_delay: delay,
            ..StreamsSettings::default()
        };
        let client = |index: u64| Client { process: format!("p{}", index % PROCESSES), ..Client::default() };
        let mut world = Self {
            seed,
            dice,
            groups: Groups::new(config.clone()),
            config,
            settings,
            elapsed: Duration::ZERO,
            clients: (0..CLIENTS).map(client).collect(),
            topics: BTreeMap::new(),
            to_create: BTreeMap::new(),
            made: 0,
            tokens: 0,
            log: Vec::new(),
            epoch: 0,
        };
        world.rebuild();
        for topic in ["t", "u"] {
            if !world.dice.chance(1, 4) {
                world.make(topic, 3);
            }
        }
        world.tell_topics();
        world
    }

    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::from_origin(self.elapsed),
            wall: Timestamp(self.elapsed.as_millis() as i64),
        }
    }

    fn client(&mut self) -> usize {
        self.dice.below(CLIENTS) as usize
    }

    fn step(&mut self) {
        let index = self.client();
        match self.dice.below(44) {
            0..14 => self.beat(index),
            14..22 => self.clients[index].hear(),
            22..26 => self.clients[index].give_back(),
            26..30 => self.clients[index].begin(),
            30 => self.lose_answer(index),
            31 => self.leave(index),
            32 => self.vanish(index),
            33 => self.clients[index].frozen ^= true,
            34 => self.change_topics(),
            35..39 => self.create_a_topic(),
            39 => self.change_settings(),
            40 => self.restart(),
            41 => self.crash(index),
            _ => {
                let ms = self.dice.below(20_000);
                self.wait(Duration::from_millis(ms));
            }
        }
        self.check();
    }

    /// A heartbeat that reaches the coordinator, unless it is lost on its way.
    fn beat(&mut self, index: usize) {
        let client = &self.clients[index];
        if client.awaited.is_some() || client.frozen {
            return;
        }
        if self.dice.chance(1, 20) {
            self.clients[index].unsure = true;
            return;
        }
        let beat = self.heartbeat(index);
        let effects = self.send(&beat);
        self.receive(index, effects);
    }

    fn heartbeat(&mut self, index: usize) -> StreamsHeartbeat {
        let client = &mut self.clients[index];
        let lives = &mut client.lives;
        let member = client.member.get_or_insert_with(|| {
            *lives += 1;
            MemberId::from(format!("m{index}-{lives}"))
        });
        let full = client.epoch == 0 || client.unsure || self.dice.chance(1, 10);
        let speaks = full || client.said.as_ref() != Some(&client.works);
        if speaks {
            client.said = Some(client.works.clone());
        }
        let owned = client.said.clone().filter(|_| speaks);
        StreamsHeartbeat {
            group: group(),
            member: member.clone(),
            epoch: client.epoch,
            endpoint_epoch: client.endpoint_epoch,
            instance: None,
            rack: None,
            rebalance_timeout: full.then_some(Duration::from_secs(30)),
            topology: (client.epoch == 0).then(topology),
            warmup: owned.as_ref().map(|_| Tasks::new()),
            active: owned.as_ref().map(|owned| owned.active.clone()),
            standby: owned.map(|owned| owned.standby),
            process: full.then(|| client.process.clone()),
            endpoint: None,
            tags: None,
            task_offsets: None,
            task_end_offsets: None,
            shutdown_application: self.dice.chance(1, 100),
            client_id: format!("c{index}"),
            client_host: String::new(),
        }
    }

    fn send(&mut self, beat: &StreamsHeartbeat) -> Effects {
        self.tokens += 1;
        self.groups.streams_heartbeat(self.now(), Token(self.tokens), beat)
    }

    fn receive(&mut self, index: usize, effects: Effects) {
        self.log.extend(effects.records);
        for (_, reply) in effects.replies {
            let Reply::StreamsHeartbeat(answer) = reply else {
                panic!("not what was asked");
            };
            if let Ok(answer) = &answer {
                let wanted = answer.to_create.iter().map(|topic| (topic.name.clone(), topic.clone()));
                self.to_create.extend(wanted);
            }
            self.clients[index].awaited = Some(answer);
        }
    }

    fn lose_answer(&mut self, index: usize) {
        if self.clients[index].awaited.take().is_some() {
            self.clients[index].unsure = true;
        }
    }

    fn leave(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.epoch <= 0 || client.awaited.is_some() {
            return;
        }
        client.abandon();
        let beat = self.heartbeat(index);
        let effects = self.send(&StreamsHeartbeat { epoch: -1, topology: None, ..beat });
        self.log.extend(effects.records);
        self.clients[index].member = None;
    }

    /// The process ends without a word; another takes its place.
    fn vanish(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.abandon();
        (client.member, client.awaited, client.frozen) = (None, None, false);
    }

    fn change_settings(&mut self) {
        self.settings.standby_replicas = self.dice.below(3) as usize;
        self.groups.set_streams_settings(group(), Some(self.settings.clone()));
    }

    fn make(&mut self, topic: &str, partitions: i32) {
        self.made += 1;
        let fresh = Topic { id: Uuid::from_u64_pair(0, self.made), partitions };
        self.topics.entry(name(topic)).or_insert(fresh);
    }

    fn create_a_topic(&mut self) {
        if let Some((topic, wanted)) = self.to_create.pop_first() {
            self.make(topic.as_str(), wanted.partitions);
            self.tell_topics();
        }
    }

    fn change_topics(&mut self) {
        match self.dice.below(6) {
            0 => {
                let internal = INTERNAL[self.dice.below(3) as usize];
                self.topics.remove(&name(internal));
            }
            1 => drop(self.topics.remove(&name("t"))),
            2 => drop(self.topics.remove(&name("u"))),
            3 => self.make("t", 3),
            4 => {
                let partitions = self.dice.below(4) as i32 + 1;
                self.make("u", partitions);
            }
            _ => {
                if let Some(topic) = self.topics.get_mut(&name("u")) {
                    topic.partitions += 1;
                }
            }
        }
        self.tell_topics();
    }

    fn tell_topics(&mut self) {
        let topics: Topics = self.topics.clone().into_iter().collect();
        let effects = self.groups.topics_changed(self.now(), Arc::new(topics));
        assert!(effects.replies.is_empty());
        self.log.extend(effects.records);
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(next) = self.groups.next_deadline()
            && next.since_origin() <= until
        {
            self.elapsed = self.elapsed.max(next.since_origin());
            let effects = self.groups.tick(self.now());
            assert!(effects.replies.is_empty());
            self.log.extend(effects.records);
            assert!(self.groups.next_deadline() > Some(self.now().monotonic), "a tick leads nowhere");
        }
        self.elapsed = until;
    }

    /// The state is built anew from all that was recorded.
    fn restart(&mut self) {
        let before = self.described();
        let effects = self.rebuild();
        assert_eq!(effects, Effects::default(), "there is nothing to mend");
        let recorded = self.log.len();
        self.tell_topics();
        let has_other_settings = self.log.len() > recorded;
        if !has_other_settings {
            assert_eq!(self.described(), before);
        }
    }

    /// A part of a command's records is lost with the answer, and the state is built anew.
    fn crash(&mut self, index: usize) {
        if self.clients[index].awaited.is_some() || self.clients[index].frozen {
            return;
        }
        let beat = self.heartbeat(index);
        let effects = self.send(&beat);
        let kept = self.dice.below(effects.records.len() as u64 + 1) as usize;
        self.log.extend(effects.records.into_iter().take(kept));
        self.clients[index].unsure = true;
        self.epoch = 0;
        let effects = self.rebuild();
        self.log.extend(effects.records);
        self.tell_topics();
    }

    fn rebuild(&mut self) -> Effects {
        self.groups = Groups::new(self.config.clone());
        self.groups.set_streams_settings(group(), Some(self.settings.clone()));
        self.log.iter().cloned().for_each(|change| self.groups.replay(change));
        self.groups.loaded(self.now())
    }

    fn described(&self) -> Option<DescribedStreamsGroup> {
        self.groups.describe_streams_group(&group())
    }

    fn check(&mut self) {
        let Some(described) = self.described() else {
            return;
        };
        assert!(described.epoch >= self.epoch, "the group's epoch goes back");
        self.epoch = described.epoch;
        assert!(described.assignment_epoch <= described.epoch);
        let (mut active, mut in_process) = (Tasks::new(), BTreeSet::new());
        for member in &described.members {
            let StreamsCurrent { epoch, assigned, revoking, .. } = &member.current;
            assert!(*epoch <= described.assignment_epoch.max(1), "a member is ahead");
            for task in assigned.active.iter().chain(revoking.active.iter()) {
                assert!(active.insert(task.clone()), "{task} is active twice");
            }
            for task in held(&member.current) {
                let place = (member.said.process.clone(), task);
                assert!(in_process.insert(place.clone()), "{place:?} is twice in a process");
            }
        }
        self.check_work(&described);
        let is_ready = self.expected_tasks().is_some();
        assert_eq!(described.state == GroupState::NotReady, !is_ready && !described.members.is_empty());
        if matches!(described.state, GroupState::Stable | GroupState::Reconciling) {
            self.check_targets(&described);
        }
        if described.state == GroupState::Stable {
            for member in &described.members {
                assert_eq!(member.current.assigned, member.target);
            }
        }
    }

    /// No member works on what it does not hold, so that no two work on the same.
    fn check_work(&self, described: &DescribedStreamsGroup) {
        for client in &self.clients {
            let known =
                described.members.iter().find(|member| Some(&member.member) == client.member.as_ref());
            let Some(member) = known else {
                continue;
            };
            let StreamsCurrent { assigned, revoking, .. } = &member.current;
            let stray = client.works.difference(assigned).difference(revoking);
            assert!(stray.is_empty(), "{:?} works on {stray:?}, which is not its own", client.member);
        }
    }

    /// All tasks, if all topics are there as they have to be.
    fn expected_tasks(&self) -> Option<Tasks> {
        let count = |topic: &str| self.topics.get(&name(topic)).map(|topic| topic.partitions);
        let (t, u) = (count("t")?, count("u")?);
        let fits = INTERNAL.iter().all(|internal| count(internal) == Some(t));
        fits.then(|| all_tasks(&[("0", t), ("1", t), ("2", u)]))
    }

    /// Everything is to be worked on, by one member, with as many copies as there can be.
    fn check_targets(&self, described: &DescribedStreamsGroup) {
        let mut active = Tasks::new();
        let mut copies: BTreeMap<Task, usize> = BTreeMap::new();
        for member in &described.members {
            for task in member.target.active.iter() {
                assert!(active.insert(task.clone()), "two are to work on {task}");
            }
            member.target.standby.iter().for_each(|task| *copies.entry(task).or_default() += 1);
        }
        assert_eq!(Some(&active), self.expected_tasks().as_ref());
        let processes: BTreeSet<&str> =
            described.members.iter().map(|member| member.said.process.as_str()).collect();
        let is_stateful = |task: &Task| task.subtopology.as_str() != "2";
        let counts: BTreeSet<usize> =
            active.iter().filter(is_stateful).map(|task| copies.get(&task).copied().unwrap_or(0)).collect();
        assert!(counts.len() <= 1, "all have as many copies");
        assert!(counts.iter().all(|count| *count < processes.len()));
        assert!(copies.keys().all(is_stateful));
    }

    fn is_at_rest(&self) -> bool {
        let idle = self.clients.iter().all(|client| client.works == client.told);
        idle && self.described().is_some_and(|described| described.state == GroupState::Stable)
    }

    /// Everybody does what is to be done, and time passes.
    fn come_to_rest(&mut self) {
        for client in &mut self.clients {
            client.frozen = false;
        }
        for internal in INTERNAL {
            self.topics.remove(&name(internal));
        }
        self.to_create.clear();
        self.make("t", 3);
        self.make("u", 2);
        self.tell_topics();
        for round in 0..60 {
            for index in 0..self.clients.len() {
                let client = &mut self.clients[index];
                client.hear();
                client.give_back();
                client.begin();
                if client.awaited.is_none() {
                    let beat = self.heartbeat(index);
                    let effects = self.send(&beat);
                    self.receive(index, effects);
                }
                self.check();
                self.create_a_topic();
            }
            self.wait(Duration::from_secs(3));
            self.check();
            if round >= 20 && self.is_at_rest() {
                break;
            }
        }
        self.check_rest();
    }

    fn check_rest(&mut self) {
        let described = self.described().unwrap();
        assert_eq!(described.state, GroupState::Stable, "{described:?}");
        for client in &mut self.clients {
            client.hear();
        }
        let room = self.config.max_group_size.min(self.clients.len());
        assert_eq!(described.members.len(), room);
        let mut processes = BTreeSet::new();
        let mut copies = 0;
        for member in &described.members {
            let worker = self.clients.iter().find(|client| client.member.as_ref() == Some(&member.member));
            assert_eq!(worker.map(|client| &client.works), Some(&member.current.assigned));
            processes.insert(&member.said.process);
            copies += member.target.standby.len();
        }
        let replicas = self.settings.standby_replicas.min(processes.len() - 1);
        assert_eq!(copies, 6 * replicas);
    }
}

#[test]
fn every_schedule_keeps_the_invariants_and_comes_to_rest() {
    let scale = std::env::var("HEADWATER_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    for seed in 0..SCHEDULES * scale.unwrap_or(1_u64) {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.come_to_rest();
    }
}

/// What is held in a state is held once, whatever part of the records it is built from, and time goes forward in them.
#[test]
fn every_prefix_of_the_log_gives_a_group_that_holds_together() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        let log = std::mem::take(&mut world.log);
        for change in log {
            world.log.push(change);
            let recorded = world.log.len();
            let effects = world.rebuild();
            world.log.extend(effects.records);
            world.tell_topics();
            world.epoch = 0;
            world.clients.iter_mut().for_each(Client::abandon);
            world.check();
            let mended = world.described();
            let effects = world.rebuild();
            assert_eq!(effects, Effects::default(), "what was mended is whole");
            world.tell_topics();
            assert_eq!(world.described(), mended);
            world.log.truncate(recorded);
        }
    }
}
