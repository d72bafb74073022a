//! Random schedules of members that join, freeze, vanish and come back, with messages lost, late and out of order, topics
//! that come, grow and go, and a coordinator that is rebuilt from what it has recorded, or from a part of it. Checked after
//! each step: epochs only grow, nobody is ahead of the group, and the records give the state. In the end, left alone, the
//! group comes to rest with everything assigned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Change, DescribedShareGroup, DescribedShareMember, Effects, GroupId, Groups, GroupsConfig,
    HeartbeatAnswer, MemberId, Now, Partitions, Refused, Reply, ShareHeartbeat, Token, Topic, Topics,
};
use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, Timestamp, TopicName, Uuid};

const SCHEDULES: u64 = 2_000;
const STEPS: u64 = 120;
const CLIENTS: u64 = 6;
const NAMES: [&str; 3] = ["t", "u", "v"];

type Answer = Result<HeartbeatAnswer, Refused>;

#[derive(Debug, Default)]
struct Client {
    lives: u64,
    member: Option<MemberId>,
    epoch: i32,
    /// What it was told to work on.
    told: Partitions,
    /// An answer is under way to it.
    awaited: Option<Answer>,
    /// An answer got lost: it says everything.
    unsure: bool,
    /// It wants something else than it has said.
    changed: bool,
    frozen: bool,
    topics: Vec<String>,
}

impl Client {
    fn abandon(&mut self) {
        (self.epoch, self.unsure, self.told) = (0, false, Partitions::new());
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
    groups: Groups,
    elapsed: Duration,
    clients: Vec<Client>,
    /// Messages that nobody waits for any more, and that may arrive yet.
    late: Vec<ShareHeartbeat>,
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
            max_share_group_size: if dice.chance(1, 8) { 3 } else { 100 },
            ..GroupsConfig::default()
        };
        let client = |_| Client { topics: vec!["t".to_owned()], ..Client::default() };
        let mut world = Self {
            seed,
            dice,
            groups: Groups::new(config.clone()),
            config,
            elapsed: Duration::ZERO,
            clients: (0..CLIENTS).map(client).collect(),
            late: Vec::new(),
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

    fn step(&mut self) {
        let index = self.dice.below(CLIENTS) as usize;
        match self.dice.below(40) {
            0..16 => self.beat(index),
            16..26 => self.clients[index].hear(),
            26 | 27 => self.lose_answer(index),
            28 => self.leave(index),
            29 => self.vanish(index),
            30 => self.clients[index].frozen ^= true,
            31 => self.change_topics(),
            32 => self.change_mind(index),
            33 => self.restart(),
            34 => self.crash(index),
            35 => self.arrive_late(),
            36 => self.delete(),
            _ => {
                let ms = self.dice.below(20_000);
                self.wait(Duration::from_millis(ms));
            }
        }
        self.check();
    }

    /// A heartbeat, which may get lost on its way, or be late.
    fn beat(&mut self, index: usize) {
        let client = &self.clients[index];
        if client.awaited.is_some() || client.frozen {
            return;
        }
        let beat = self.heartbeat(index);
        match self.dice.below(20) {
            0 => self.clients[index].unsure = true,
            1 => {
                self.clients[index].unsure = true;
                self.late.push(beat);
            }
            _ => {
                let answer = self.send(&beat);
                self.clients[index].awaited = Some(answer);
            }
        }
    }

    fn heartbeat(&mut self, index: usize) -> ShareHeartbeat {
        let client = &mut self.clients[index];
        let lives = &mut client.lives;
        let member = client.member.get_or_insert_with(|| {
            *lives += 1;
            MemberId::from(format!("m{index}-{lives}"))
        });
        let full = client.epoch == 0 || client.unsure || client.changed || self.dice.chance(1, 10);
        client.changed &= !full;
        ShareHeartbeat {
            group: group(),
            member: member.clone(),
            epoch: client.epoch,
            rack: None,
            topics: full.then(|| client.topics.clone()),
            client_id: format!("c{index}"),
            client_host: String::new(),
        }
    }

    fn send(&mut self, beat: &ShareHeartbeat) -> Answer {
        let effects = self.apply(beat);
        self.log.extend(effects.records);
        let mut replies = effects.replies.into_iter();
        match (replies.next(), replies.next()) {
            (Some((token, Reply::ShareHeartbeat(answer))), None) if token == Token(self.tokens) => answer,
            _ => panic!("not what was asked"),
        }
    }

    fn apply(&mut self, beat: &ShareHeartbeat) -> Effects {
        self.tokens += 1;
        self.groups.share_heartbeat(self.now(), Token(self.tokens), beat)
    }

    fn lose_answer(&mut self, index: usize) {
        if self.clients[index].awaited.take().is_some() {
            self.clients[index].unsure = true;
        }
    }

    /// Who sent it has gone on without an answer, or is gone.
    fn arrive_late(&mut self) {
        if !self.late.is_empty() {
            let at = self.dice.below(self.late.len() as u64) as usize;
            let beat = self.late.swap_remove(at);
            let _ = self.send(&beat);
        }
    }

    fn leave(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.epoch <= 0 || client.awaited.is_some() {
            return;
        }
        client.abandon();
        let beat = ShareHeartbeat { epoch: -1, ..self.heartbeat(index) };
        if self.dice.chance(1, 4) {
            self.late.push(beat);
        } else {
            let _ = self.send(&beat);
        }
        if self.dice.chance(1, 2) {
            self.clients[index].member = None;
        }
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
        if !topics.is_empty() {
            self.clients[index].topics = topics;
            self.clients[index].changed = true;
        }
    }

    fn delete(&mut self) {
        self.tokens += 1;
        let effects = self.groups.delete_group(self.now(), Token(self.tokens), &group());
        if effects.replies == [(Token(self.tokens), Reply::DeleteGroup(Ok(())))] {
            assert_eq!(self.described(), None);
            self.epoch = 0;
        } else {
            assert_eq!(effects.records, []);
        }
        self.log.extend(effects.records);
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
        let effects = self.apply(&beat);
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

    fn described(&self) -> Option<DescribedShareGroup> {
        self.groups.describe_share_group(&group())
    }

    fn check(&mut self) {
        let Some(described) = self.described() else {
            return;
        };
        assert!(described.epoch >= self.epoch, "the group's epoch goes back");
        self.epoch = described.epoch;
        assert!(described.assignment_epoch <= described.epoch);
        for member in &described.members {
            assert!(member.current.epoch <= described.assignment_epoch.max(0), "a member is ahead");
        }
        if described.epoch == described.assignment_epoch {
            self.check_targets(&described);
        }
        if is_settled(&described) {
            for member in &described.members {
                assert_eq!(member.current.assigned, member.target);
            }
        }
    }

    /// Everything that somebody subscribes to is to be worked on, by subscribers, and evenly.
    fn check_targets(&self, described: &DescribedShareGroup) {
        let mut sharers: BTreeMap<(Uuid, PartitionId), usize> = BTreeMap::new();
        for member in &described.members {
            for partition in member.target.iter() {
                *sharers.entry(partition).or_default() += 1;
            }
            let mine = self.partitions_of(member);
            assert!(member.target.iter().all(|partition| mine.contains(&partition)), "a stray partition");
            assert!(!member.target.is_empty() || mine.is_empty(), "a member has nothing to do");
        }
        let wanted: BTreeSet<(Uuid, PartitionId)> =
            described.members.iter().flat_map(|member| self.partitions_of(member)).collect();
        assert_eq!(sharers.keys().copied().collect::<BTreeSet<_>>(), wanted);
        let mut subscriptions = described.members.iter().map(|member| &member.subscription.topics);
        let first = subscriptions.next();
        if subscriptions.all(|other| Some(other) == first) {
            let loads = described.members.iter().map(|member| member.target.len());
            assert!(spread(loads) <= 1 && spread(sharers.values().copied()) <= 1, "{described:?}");
        }
    }

    /// What a member subscribes to.
    fn partitions_of(&self, member: &DescribedShareMember) -> BTreeSet<(Uuid, PartitionId)> {
        let topics = &member.subscription.topics;
        let wanted = self.topics.iter().filter(|(name, _)| topics.contains(name.as_str()));
        wanted
            .flat_map(|(_, topic)| (0..topic.partitions).map(move |number| (topic.id, PartitionId(number))))
            .collect()
    }

    /// Everybody does what is to be done, and time passes.
    fn come_to_rest(&mut self) {
        self.late.clear();
        for client in &mut self.clients {
            // What came late may have been taken for what it wants: it says everything once more.
            (client.frozen, client.changed) = (false, true);
        }
        for _ in 0..40 {
            for index in 0..self.clients.len() {
                self.clients[index].hear();
                let beat = self.heartbeat(index);
                let answer = self.send(&beat);
                self.clients[index].awaited = Some(answer);
                self.check();
            }
            self.wait(Duration::from_secs(3));
            self.check();
        }
        let described = self.described().unwrap();
        assert!(is_settled(&described), "{described:?}");
        let room = self.config.max_share_group_size.min(self.clients.len());
        assert_eq!(described.members.len(), room);
        for client in &mut self.clients {
            client.hear();
        }
        for member in &described.members {
            let worker = self.clients.iter().find(|client| client.member.as_ref() == Some(&member.member));
            assert_eq!(worker.map(|client| &client.told), Some(&member.current.assigned));
        }
    }
}

fn is_settled(described: &DescribedShareGroup) -> bool {
    described.members.iter().all(|member| member.current.epoch == described.epoch)
}

fn spread(numbers: impl Iterator<Item = usize> + Clone) -> usize {
    numbers.clone().max().unwrap_or(0) - numbers.min().unwrap_or(0)
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

/// What holds of a state holds of it whatever part of the records it is built from.
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
