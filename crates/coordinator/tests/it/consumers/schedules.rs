//! Random schedules of members that join, work, freeze, vanish and come back, with answers lost and late, topics that
//! come, grow and go, and a coordinator that is rebuilt from what it has recorded, or from a part of it. Checked after
//! each step: nothing is worked on by two members, epochs only grow, and the records give the state. In the end, left
//! alone, the group comes to rest with everything assigned.
//!
//! A member keeps to what the protocol asks: one heartbeat at a time; what it gives back it has stopped; it begins what it
//! was told to only as long as no heartbeat that says otherwise is under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Change, ConsumerHeartbeat, Current, DescribedConsumerGroup, Effects, GroupId, GroupState, Groups,
    GroupsConfig, HeartbeatAnswer, InstanceId, MemberId, Now, Partitions, Refused, Reply, Token, Topic,
    Topics,
};
use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, Timestamp, TopicName, Uuid};

const SCHEDULES: u64 = 2_000;
const STEPS: u64 = 120;
const CLIENTS: u64 = 6;
const NAMES: [&str; 3] = ["t", "u", "tu"];

type Answer = Result<HeartbeatAnswer, Refused>;

#[derive(Debug, Default)]
struct Client {
    instance: Option<InstanceId>,
    lives: u64,
    member: Option<MemberId>,
    epoch: i32,
    /// What it works on.
    active: Partitions,
    /// What it was told to.
    told: Partitions,
    /// What it was last heard to own.
    said: Option<Partitions>,
    /// An answer is under way to it.
    awaited: Option<Answer>,
    /// An answer got lost: it says everything, and begins nothing before it knows more.
    unsure: bool,
    /// It wants something else than it has said.
    changed: bool,
    frozen: bool,
    topics: Vec<String>,
    pattern: String,
    assignor: Option<String>,
}

impl Client {
    fn abandon(&mut self) {
        (self.epoch, self.unsure) = (0, false);
        (self.active, self.told, self.said) = (Partitions::new(), Partitions::new(), None);
    }

    /// Stops what it is not to work on.
    fn give_back(&mut self) {
        self.active = self.active.intersection(&self.told);
    }

    fn begin(&mut self) {
        if self.awaited.is_none() && !self.unsure && self.active.is_subset(&self.told) {
            self.active = self.told.clone();
        }
    }

    fn hear(&mut self) {
        match self.awaited.take() {
            None => {}
            Some(Ok(answer)) => {
                self.unsure = false;
                self.epoch = answer.epoch;
                if let Some(assignment) = answer.assignment {
                    self.told = assignment;
                }
            }
            Some(Err(refused)) => match refused.error {
                ErrorCode::FencedMemberEpoch
                | ErrorCode::UnknownMemberId
                | ErrorCode::GroupIdNotFound
                | ErrorCode::FencedInstanceId => self.abandon(),
                ErrorCode::UnreleasedInstanceId | ErrorCode::GroupMaxSizeReached => {}
                other => panic!("{other:?}: {}", refused.message),
            },
        }
    }
}

struct World {
    seed: u64,
    dice: Entropy,
    config: GroupsConfig,
    groups: Groups,
    entropy: Entropy,
    elapsed: Duration,
    clients: Vec<Client>,
    topics: BTreeMap<TopicName, Topic>,
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

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Entropy::from_seed(seed);
        let config = GroupsConfig {
            max_group_size: if dice.chance(1, 8) { 3 } else { 100 },
            ..GroupsConfig::default()
        };
        let client = |index: u64| Client {
            instance: (index % 3 == 2).then(|| InstanceId::from(format!("i{index}"))),
            topics: vec!["t".to_owned()],
            ..Client::default()
        };
        let mut world = Self {
            seed,
            dice,
            groups: Groups::new(config.clone()),
            config,
            entropy: Entropy::from_seed(7),
            elapsed: Duration::ZERO,
            clients: (0..CLIENTS).map(client).collect(),
            topics: BTreeMap::new(),
            made: 0,
            tokens: 0,
            log: Vec::new(),
            epoch: 0,
        };
        world.rebuild();
        world.change_topics();
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
        match self.dice.below(40) {
            0..14 => self.beat(index),
            14..22 => self.clients[index].hear(),
            22..26 => self.clients[index].give_back(),
            26..30 => self.clients[index].begin(),
            30 => self.lose_answer(index),
            31 => self.leave(index, -1),
            32 => self.leave(index, -2),
            33 => self.vanish(index),
            34 => self.clients[index].frozen ^= true,
            35 => self.change_topics(),
            36 => self.change_mind(index),
            37 => self.restart(),
            38 => self.crash(index),
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

    fn heartbeat(&mut self, index: usize) -> ConsumerHeartbeat {
        let client = &mut self.clients[index];
        let (instance, lives) = (client.instance.clone(), &mut client.lives);
        let member = client.member.get_or_insert_with(|| {
            *lives += 1;
            MemberId::from(format!("m{index}-{lives}"))
        });
        let full = client.epoch == 0 || client.unsure || client.changed || self.dice.chance(1, 10);
        client.changed &= !full;
        let speaks = full || client.said.as_ref() != Some(&client.active);
        if speaks {
            client.said = Some(client.active.clone());
        }
        ConsumerHeartbeat {
            group: group(),
            member: Some(member.clone()),
            requires_member: true,
            epoch: client.epoch,
            instance: instance.filter(|_| full),
            rack: None,
            rebalance_timeout: full.then_some(Duration::from_secs(30)),
            topics: full.then(|| client.topics.clone()),
            pattern: full.then(|| client.pattern.clone()),
            assignor: client.assignor.clone().filter(|_| full),
            owned: client.said.clone().filter(|_| speaks),
            client_id: format!("c{index}"),
            client_host: String::new(),
        }
    }

    fn send(&mut self, beat: &ConsumerHeartbeat) -> Effects {
        self.tokens += 1;
        self.groups.consumer_heartbeat(self.now(), &mut self.entropy, Token(self.tokens), beat)
    }

    fn receive(&mut self, index: usize, effects: Effects) {
        self.log.extend(effects.records);
        for (_, reply) in effects.replies {
            let Reply::ConsumerHeartbeat(answer) = reply else {
                panic!("not what was asked");
            };
            self.clients[index].awaited = Some(answer);
        }
    }

    fn lose_answer(&mut self, index: usize) {
        if self.clients[index].awaited.take().is_some() {
            self.clients[index].unsure = true;
        }
    }

    fn leave(&mut self, index: usize, epoch: i32) {
        let client = &mut self.clients[index];
        if client.epoch <= 0 || client.awaited.is_some() || (epoch == -2 && client.instance.is_none()) {
            return;
        }
        client.abandon();
        let beat = self.heartbeat(index);
        let instance = self.clients[index].instance.clone();
        let effects = self.send(&ConsumerHeartbeat { epoch, instance, ..beat });
        self.log.extend(effects.records);
        self.clients[index].member = None;
    }

    /// The process ends without a word; another takes its place.
    fn vanish(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.abandon();
        (client.member, client.awaited, client.frozen) = (None, None, false);
    }

    fn change_mind(&mut self, index: usize) {
        let mut topics: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
        topics.retain(|_| self.dice.chance(2, 3));
        let client = &mut self.clients[index];
        client.topics = topics;
        ["", "t.*", ".*u"][self.dice.below(3) as usize].clone_into(&mut client.pattern);
        client.assignor = self.dice.chance(1, 4).then(|| "range".to_owned());
        client.changed = true;
    }

    fn change_topics(&mut self) {
        let name = TopicName::new(NAMES[self.dice.below(3) as usize]).unwrap();
        if self.dice.chance(1, 4) {
            self.topics.remove(&name);
        } else {
            let grown = self.dice.below(4) as i32;
            self.made += 1;
            let fresh = Topic { id: Uuid::from_u64_pair(0, self.made), partitions: 1 };
            self.topics.entry(name).or_insert(fresh).partitions += grown;
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
        self.tell_topics();
        assert_eq!(self.described(), before);
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
        self.log.iter().cloned().for_each(|change| self.groups.replay(change));
        self.groups.loaded(self.now())
    }

    fn described(&self) -> Option<DescribedConsumerGroup> {
        self.groups.describe_consumer_group(&group())
    }

    fn check(&mut self) {
        let Some(described) = self.described() else {
            return;
        };
        assert!(described.epoch >= self.epoch, "the group's epoch goes back");
        self.epoch = described.epoch;
        assert!(described.assignment_epoch <= described.epoch);
        let mut held = Partitions::new();
        for member in &described.members {
            let Current { epoch, assigned, revoking, .. } = &member.current;
            assert!(*epoch <= described.assignment_epoch.max(0), "a member is ahead");
            for (topic, number) in assigned.iter().chain(revoking.iter()) {
                assert!(held.insert(topic, number), "{topic} {number} is held twice");
            }
        }
        self.check_work(&described);
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
    fn check_work(&self, described: &DescribedConsumerGroup) {
        for client in &self.clients {
            let known =
                described.members.iter().find(|member| Some(&member.member) == client.member.as_ref());
            let Some(member) = known else {
                continue;
            };
            let Current { assigned, revoking, .. } = &member.current;
            let stray = client.active.difference(assigned).difference(revoking);
            assert!(stray.is_empty(), "{:?} works on {stray:?}, which is not its own", client.member);
        }
    }

    /// Everything that somebody subscribes to is to be worked on, by one member. (Whoever reads a part of a command's records
    /// finds it so, or assigns anew.)
    fn check_targets(&self, described: &DescribedConsumerGroup) {
        let mut targets = Partitions::new();
        for (topic, number) in described.members.iter().flat_map(|member| member.target.iter()) {
            assert!(targets.insert(topic, number), "two are to work on {topic} {number}");
        }
        let wanted = |name: &str| {
            described.members.iter().any(|member| {
                let pattern = member.subscription.pattern.as_deref();
                let matches = match pattern {
                    Some("t.*") => name.starts_with('t'),
                    Some(".*u") => name.ends_with('u'),
                    _ => false,
                };
                matches || member.subscription.topics.contains(name)
            })
        };
        let wanted = self.topics.iter().filter(|(name, _)| wanted(name.as_str()));
        let all = wanted
            .flat_map(|(_, topic)| (0..topic.partitions).map(move |number| (topic.id, PartitionId(number))));
        assert_eq!(targets, all.collect());
    }

    fn is_at_rest(&self) -> bool {
        let idle = self.clients.iter().all(|client| client.active == client.told);
        idle && self.described().is_some_and(|described| described.state == GroupState::Stable)
    }

    /// Everybody does what is to be done, and time passes.
    fn come_to_rest(&mut self) {
        for client in &mut self.clients {
            client.frozen = false;
        }
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
            }
            self.wait(Duration::from_secs(3));
            self.check();
            if round >= 20 && self.is_at_rest() {
                break;
            }
        }
        let described = self.described().unwrap();
        assert_eq!(described.state, GroupState::Stable, "{described:?}");
        for client in &mut self.clients {
            client.hear();
        }
        let room = self.config.max_group_size.min(self.clients.len());
        assert_eq!(described.members.len(), room);
        for member in &described.members {
            let worker = self.clients.iter().find(|client| client.member.as_ref() == Some(&member.member));
            assert_eq!(worker.map(|client| &client.active), Some(&member.current.assigned));
        }
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
