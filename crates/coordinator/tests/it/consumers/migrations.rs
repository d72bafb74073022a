//! Random schedules of a group whose members speak the classic protocol in some of their lives and the newer one in others,
//! with answers lost, and a coordinator that is rebuilt from what it has recorded, or from a part of each of its two logs, in
//! any order of these. Checked after each step: no partition is worked on by two members, epochs and generations only grow,
//! whatever the kind. In the end, left alone, everything is worked on.
//!
//! Members of the classic protocol give everything back before they join again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Change, ConsumerHeartbeat, DescribedConsumerGroup, Effects, GroupId, Groups, GroupsConfig, Heartbeat,
    Join, Joined, Leave, Leaver, MemberId, Now, Partitions, Protocol, Reply, Sync, Token, Topic, Topics,
};
use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, Timestamp, TopicName, Uuid};

use crate::script::consumers::{assigned, assignment, subscription};

const SCHEDULES: u64 = 2_000;
const STEPS: u64 = 120;
const CLIENTS: usize = 5;
const PARTITIONS: i32 = 5;

#[derive(Debug, Default)]
struct Client {
    classic: bool,
    lives: u64,
    member: Option<MemberId>,
    /// Its epoch, or its generation.
    epoch: i32,
    active: Partitions,
    /// In the classic protocol: it has joined the generation.
    joined: bool,
    /// In the classic protocol: it waits for an answer.
    waits: bool,
    /// What it assigns, if it leads.
    assigns: Vec<MemberId>,
    said: Option<Partitions>,
}

impl Client {
    fn begin_anew(&mut self, classic: bool) {
        *self = Self { classic, lives: self.lives + 1, waits: self.waits, ..Self::default() };
    }

    fn rejoin(&mut self) {
        (self.active, self.joined, self.assigns) = (Partitions::new(), false, Vec::new());
    }

    fn fail(&mut self, error: ErrorCode) {
        self.rejoin();
        (self.epoch, self.said) = (0, None);
        if self.classic && error == ErrorCode::UnknownMemberId {
            self.member = None;
        }
    }
}

struct World {
    seed: u64,
    dice: Entropy,
    groups: Groups,
    entropy: Entropy,
    elapsed: Duration,
    clients: Vec<Client>,
    topics: Arc<Topics>,
    tokens: u64,
    open: BTreeMap<Token, usize>,
    /// The log of classic groups, and that of consumer groups.
    logs: [Vec<Change>; 2],
    /// The consumer group when it was last seen: as the log of consumer groups has it.
    consumer: Option<DescribedConsumerGroup>,
    epoch: i32,
    /// Whether new lives speak the classic protocol, most of them.
    tide: bool,
}

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

fn topic() -> Uuid {
    Uuid::from_u64_pair(0, 1)
}

fn log_of(change: &Change) -> usize {
    usize::from(matches!(change, Change::ConsumerGroup { .. }))
}

impl World {
    fn new(seed: u64) -> Self {
        let topic = Topic { id: topic(), partitions: PARTITIONS };
        let mut world = Self {
            seed,
            dice: Entropy::from_seed(seed),
            groups: Groups::new(GroupsConfig::default()),
            entropy: Entropy::from_seed(7),
            elapsed: Duration::ZERO,
            clients: std::iter::repeat_with(Client::default).take(CLIENTS).collect(),
            topics: Arc::new([(TopicName::new("t").unwrap(), topic)].into_iter().collect()),
            tokens: 0,
            open: BTreeMap::new(),
            logs: [Vec::new(), Vec::new()],
            consumer: None,
            epoch: 0,
            tide: seed.is_multiple_of(2),
        };
        world.rebuild();
        for client in &mut world.clients {
            client.classic = world.tide;
        }
        world
    }

    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::from_origin(self.elapsed),
            wall: Timestamp(self.elapsed.as_millis() as i64),
        }
    }

    fn step(&mut self) {
        let index = self.dice.below(CLIENTS as u64) as usize;
        match self.dice.below(40) {
            0..26 => {
                let effects = self.act(index);
                self.receive(effects, true);
            }
            26..29 => {
                let effects = self.act(index);
                self.receive(effects, false);
            }
            29 => self.leave(index),
            30 | 31 => {
                let classic = self.tide ^ self.dice.chance(1, 10);
                self.clients[index].begin_anew(classic);
            }
            34 => self.tide ^= self.dice.chance(1, 2),
            32 => self.restart(),
            33 => self.crash(index),
            _ => {
                let ms = self.dice.below(10_000);
                self.wait(Duration::from_millis(ms));
            }
        }
        self.check();
    }

    fn ask(&mut self, index: usize) -> Token {
        self.tokens += 1;
        self.open.insert(Token(self.tokens), index);
        Token(self.tokens)
    }

    /// What the client has to do next.
    fn act(&mut self, index: usize) -> Effects {
        let client = &self.clients[index];
        match client {
            Client { classic: false, .. } => self.newer_heartbeat(index),
            Client { waits: true, .. } => Effects::default(),
            Client { joined: false, .. } => self.join(index),
            // A leader brings the assignment, the others fetch theirs; who has it says that it is alive.
            Client { said: None, .. } => self.sync(index),
            Client { .. } => self.classic_heartbeat(index),
        }
    }

    fn newer_heartbeat(&mut self, index: usize) -> Effects {
        let token = self.ask(index);
        let client = &mut self.clients[index];
        let member = client.member.get_or_insert_with(|| format!("m{index}-{}", client.lives).into());
        let beat = ConsumerHeartbeat {
            group: group(),
            member: Some(member.clone()),
            requires_member: true,
            epoch: client.epoch,
            instance: None,
            rack: None,
            rebalance_timeout: Some(Duration::from_secs(30)),
            topics: Some(vec!["t".to_owned()]),
            pattern: None,
            assignor: None,
            owned: Some(client.active.clone()),
            client_id: String::new(),
            client_host: String::new(),
        };
        self.groups.consumer_heartbeat(self.now(), &mut self.entropy, token, &beat)
    }

    fn join(&mut self, index: usize) -> Effects {
        let token = self.ask(index);
        let client = &mut self.clients[index];
        client.rejoin();
        client.waits = true;
        let metadata = subscription("t", "");
        let join = Join {
            group: group(),
            member: client.member.clone(),
            instance: None,
            client_id: format!("c{index}"),
            client_host: String::new(),
            session_timeout: Duration::from_secs(20),
            rebalance_timeout: Duration::from_secs(20),
            protocol_type: "consumer".to_owned(),
            protocols: vec![Protocol { name: Arc::from("range"), metadata }],
            requires_known_member: true,
            can_skip_assignment: true,
        };
        self.groups.join(self.now(), &mut self.entropy, token, join)
    }

    fn sync(&mut self, index: usize) -> Effects {
        let token = self.ask(index);
        let client = &mut self.clients[index];
        client.waits = true;
        let share = |place: usize| {
            let numbers = (0..PARTITIONS as usize).filter(|number| number % client.assigns.len() == place);
            numbers.map(|number| format!("t-{number}")).collect::<Vec<_>>().join(",")
        };
        let assigns = client.assigns.iter().enumerate();
        let sync = Sync {
            group: group(),
            member: client.member.clone().unwrap(),
            instance: None,
            generation: client.epoch,
            protocol_type: None,
            protocol: None,
            assignments: assigns.map(|(place, member)| (member.clone(), assignment(&share(place)))).collect(),
        };
        self.groups.sync(self.now(), token, sync)
    }

    fn classic_heartbeat(&mut self, index: usize) -> Effects {
        let token = self.ask(index);
        let client = &self.clients[index];
        let (member, generation) = (client.member.clone().unwrap(), client.epoch);
        let heartbeat = Heartbeat { group: group(), member, instance: None, generation };
        self.groups.heartbeat(self.now(), token, &heartbeat)
    }

    fn leave(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(member) = client.member.clone().filter(|_| client.epoch > 0) else {
            return;
        };
        let classic = client.classic;
        client.begin_anew(classic);
        if classic {
            let leave =
                Leave { group: group(), leavers: vec![Leaver { member: Some(member), instance: None }] };
            let token = self.ask(index);
            let effects = self.groups.leave(self.now(), token, &leave);
            self.receive(effects, true);
        } else {
            let was = std::mem::take(&mut self.clients[index].member);
            self.clients[index].member = Some(member);
            self.clients[index].epoch = -1;
            let effects = self.newer_heartbeat(index);
            self.clients[index].member = was;
            self.clients[index].epoch = 0;
            self.receive(effects, false);
        }
    }

    /// The last reply, to whoever acted, may get lost; then the client asks again.
    fn receive(&mut self, effects: Effects, arrives: bool) {
        for change in effects.records {
            self.logs[log_of(&change)].push(change);
        }
        for (token, reply) in effects.replies {
            let index = self.open.remove(&token).expect("a token is answered once");
            self.clients[index].waits = false;
            if arrives {
                self.hear(index, reply);
            } else if self.clients[index].classic {
                self.clients[index].rejoin();
            }
        }
    }

    fn hear(&mut self, index: usize, reply: Reply) {
        let client = &mut self.clients[index];
        match reply {
            // What was asked in an earlier life, or in the other protocol.
            Reply::Join(_) | Reply::Sync(_) | Reply::Heartbeat(_) if !client.classic => {}
            Reply::Join(Ok(joined)) => client.has_joined(joined),
            Reply::Join(Err(refused)) if refused.error == ErrorCode::MemberIdRequired => {
                client.member = refused.member;
            }
            Reply::Sync(Ok(synced)) if client.joined => {
                let assigned = assigned(&synced.assignment).unwrap_or_default();
                client.active = assigned.iter().map(|(_, number)| (topic(), PartitionId(*number))).collect();
                client.said = Some(client.active.clone());
            }
            Reply::Join(Err(refused)) => client.fail(refused.error),
            Reply::Sync(Err(ErrorCode::RebalanceInProgress))
            | Reply::Heartbeat(Err(ErrorCode::RebalanceInProgress)) => client.rejoin(),
            Reply::Sync(Err(error)) | Reply::Heartbeat(Err(error)) => client.fail(error),
            Reply::ConsumerHeartbeat(Ok(answer)) if answer.epoch >= 0 => {
                client.epoch = answer.epoch;
                client.active = answer.assignment.expect("a full heartbeat is told everything");
            }
            Reply::ConsumerHeartbeat(Err(refused)) => client.fail(refused.error),
            _ => {}
        }
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(next) = self.groups.next_deadline()
            && next.since_origin() <= until
        {
            self.elapsed = self.elapsed.max(next.since_origin());
            let effects = self.groups.tick(self.now());
            self.receive(effects, true);
            assert!(self.groups.next_deadline() > Some(self.now().monotonic), "a tick leads nowhere");
        }
        self.elapsed = until;
    }

    fn restart(&mut self) {
        let effects = self.groups.fail_pending(self.now(), ErrorCode::NotCoordinator);
        self.receive(effects, false);
        assert_eq!(self.open, BTreeMap::new(), "somebody still waits");
        let expected = self.recorded_consumer_group();
        self.rebuild();
        assert_eq!(self.groups.describe_consumer_group(&group()), expected);
    }

    /// The group, if it is a consumer group by what is recorded. One without members that has become a classic group is still
    /// that until a generation is stored: one that is not has never been.
    fn recorded_consumer_group(&self) -> Option<DescribedConsumerGroup> {
        let stored = self.logs[0].iter().rev().find_map(|change| match change {
            Change::GroupStored(stored) => Some(Some(stored.generation)),
            Change::GroupForgotten { .. } => Some(None),
            _ => None,
        });
        let generation = stored.flatten();
        let counts = |group: &DescribedConsumerGroup| generation.is_none_or(|other| group.epoch > other);
        let recorded = self.consumer.clone().filter(counts);
        let present = self.groups.describe_consumer_group(&group());
        let was_left = present.is_none() && recorded.as_ref().is_some_and(|group| group.members.is_empty());
        assert!(was_left || recorded == present, "{recorded:?} is recorded, but there is {present:?}");
        recorded
    }

    /// Of a command's records a part of either log is lost, and all replies with them.
    fn crash(&mut self, index: usize) {
        let effects = self.act(index);
        let kept: Vec<u64> = (0..2).map(|_| self.dice.below(12)).collect();
        let mut room = [kept[0], kept[1]];
        for change in effects.records {
            let log = log_of(&change);
            if room[log] > 0 {
                room[log] -= 1;
                self.logs[log].push(change);
            } else {
                room[log] = 0;
            }
        }
        for index in std::mem::take(&mut self.open).into_values() {
            let client = &mut self.clients[index];
            client.waits = false;
            if client.classic {
                client.rejoin();
            }
        }
        self.rebuild();
        self.epoch = 0;
    }

    fn rebuild(&mut self) {
        self.groups = Groups::new(GroupsConfig::default());
        let first = self.dice.below(2) as usize;
        for log in [first, 1 - first] {
            self.logs[log].iter().cloned().for_each(|change| self.groups.replay(change));
        }
        let effects = self.groups.loaded(self.now());
        self.receive(effects, true);
        let effects = self.groups.topics_changed(self.now(), Arc::clone(&self.topics));
        self.receive(effects, true);
        // A generation that was not stored has never been.
        self.epoch = self.group_epoch().map_or(0, |epoch| epoch.min(self.epoch));
    }

    fn group_epoch(&self) -> Option<i32> {
        let classic = self.groups.describe(&group()).map(|described| described.generation);
        let consumer = self.groups.describe_consumer_group(&group()).map(|described| described.epoch);
        assert!(classic.is_none() || consumer.is_none(), "a group of two kinds");
        classic.or(consumer)
    }

    fn members(&self) -> Vec<MemberId> {
        let classic = self.groups.describe(&group()).into_iter().flat_map(|group| group.members);
        let consumer = self.groups.describe_consumer_group(&group()).into_iter();
        let consumer = consumer.flat_map(|group| group.members).map(|member| member.member);
        classic.map(|member| member.member).chain(consumer).collect()
    }

    fn check(&mut self) {
        self.consumer = self.groups.describe_consumer_group(&group()).or(self.consumer.take());
        let epoch = self.group_epoch().unwrap_or(0);
        assert!(epoch == 0 || epoch >= self.epoch, "an epoch goes back");
        self.epoch = epoch;
        let mut worked_on = Partitions::new();
        let members = self.members();
        let is_member = |client: &&Client| client.member.as_ref().is_some_and(|id| members.contains(id));
        for client in self.clients.iter().filter(is_member) {
            for (topic, number) in client.active.iter() {
                assert!(worked_on.insert(topic, number), "two work on {number}");
            }
        }
    }

    fn come_to_rest(&mut self) {
        for round in 0..60 {
            for index in 0..CLIENTS {
                let effects = self.act(index);
                self.receive(effects, true);
                self.check();
            }
            self.wait(Duration::from_secs(3));
            self.check();
            if round > 30 && self.works_on().len() == PARTITIONS as usize {
                return;
            }
        }
        panic!("not everything is worked on: {:?}", self.clients);
    }

    fn works_on(&self) -> Partitions {
        self.clients.iter().flat_map(|client| client.active.iter()).collect()
    }
}

impl Client {
    fn has_joined(&mut self, joined: Joined) {
        self.member = Some(joined.member);
        (self.epoch, self.joined, self.said) = (joined.generation, true, None);
        self.assigns = joined.members.into_iter().map(|member| member.member).collect();
    }
}

#[test]
fn groups_that_change_their_kind_keep_the_invariants_and_come_to_rest() {
    let scale = std::env::var("HEADWATER_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    for seed in 0..SCHEDULES * scale.unwrap_or(1_u64) {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.come_to_rest();
    }
}
