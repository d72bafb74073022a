//! Members against a small model of a coordinator, over a network that delays, reorders between members, repeats, and
//! loses; the coordinator moves and puts members out at any time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headwater_wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use proptest::prelude::*;

use super::super::*;
use super::{assignment, config, id, topic, topics};
use crate::error::CallError;
use crate::membership::GroupRequest;

const SESSION: Duration = Duration::from_secs(45);
const INTERVAL_MS: i32 = 2_000;
const PARTITIONS: i32 = 5;

type Numbers = BTreeSet<i32>;

#[derive(Debug, Default)]
struct Known {
    epoch: i32,
    previous_epoch: i32,
    assigned: Numbers,
    /// What it was asked to let go of, and has not yet.
    revoking: Numbers,
    /// Not all that it is to have was free when it was last looked at.
    waits: bool,
    heard: Monotonic,
}

/// The group as its coordinator sees it, by the rules of KIP-848.
#[derive(Debug, Default)]
struct Coordinator {
    epoch: i32,
    members: BTreeMap<String, Known>,
    /// Answers, by client.
    answers: Vec<(usize, Ticket, GroupAnswer)>,
}

impl Coordinator {
    fn handle(&mut self, client: usize, ticket: Ticket, request: &GroupRequest, now: Monotonic) {
        let answer = match request {
            GroupRequest::ConsumerHeartbeat(beat) => {
                let outcome = self.beat(beat, now);
                let response = outcome.unwrap_or_else(|error| ConsumerGroupHeartbeatResponse {
                    error_code: error.code(),
                    ..Default::default()
                });
                GroupAnswer::ConsumerHeartbeat(Ok(response))
            }
            GroupRequest::ConsumerLeave(leave) => {
                self.remove(&leave.member_id);
                GroupAnswer::Leave
            }
            other => unreachable!("{other:?}"),
        };
        self.answers.push((client, ticket, answer));
    }

    fn beat(
        &mut self,
        beat: &ConsumerGroupHeartbeatRequest,
        now: Monotonic,
    ) -> Result<ConsumerGroupHeartbeatResponse, ErrorCode> {
        let numbers = |topics: &Vec<_>| topics.iter().flat_map(partitions_of).collect::<Numbers>();
        let owned: Option<Numbers> = beat.topic_partitions.as_ref().map(numbers);
        if beat.member_epoch == 0 {
            assert!(owned.as_ref().is_some_and(BTreeSet::is_empty), "who joins owns nothing: {beat:?}");
            assert!(beat.rebalance_timeout_ms > 0 && beat.subscribed_topic_names.is_some());
            if !self.members.contains_key(&beat.member_id) {
                self.members.insert(beat.member_id.clone(), Known::default());
                self.epoch += 1;
            }
        }
        let member = self.members.get(&beat.member_id).ok_or(ErrorCode::UnknownMemberId)?;
        let is_before = beat.member_epoch == member.previous_epoch
            && owned.as_ref().is_some_and(|owned| owned.is_subset(&member.assigned));
        if beat.member_epoch != member.epoch && !is_before {
            return Err(ErrorCode::FencedMemberEpoch);
        }
        let before = member.assigned.clone();
        self.step(&beat.member_id, owned.as_ref());
        let member = self.members.get_mut(&beat.member_id).unwrap();
        member.heard = now;
        let told_all = beat.member_epoch == 0
            || beat.rebalance_timeout_ms > 0 && beat.subscribed_topic_names.is_some() && owned.is_some();
        let assigned: Vec<i32> = member.assigned.iter().copied().collect();
        Ok(ConsumerGroupHeartbeatResponse {
            member_epoch: member.epoch,
            heartbeat_interval_ms: INTERVAL_MS,
            assignment: (told_all || member.assigned != before).then(|| assignment(&assigned)),
            ..Default::default()
        })
    }

    /// A member's next step towards its share.
    fn step(&mut self, member_id: &str, owned: Option<&Numbers>) {
        let share = self.share(member_id);
        let others = self.members.iter().filter(|(id, _)| *id != member_id);
        let taken: Numbers =
            others.flat_map(|(_, other)| other.assigned.union(&other.revoking)).copied().collect();
        let group_epoch = self.epoch;
        let member = self.members.get_mut(member_id).unwrap();
        let has = |of: &Numbers| owned.is_none_or(|owned| !owned.is_disjoint(of));
        if !member.revoking.is_empty() && has(&member.revoking) {
            return;
        }
        member.revoking.clear();
        if member.epoch == group_epoch && !member.waits {
            return;
        }
        let kept: Numbers = member.assigned.intersection(&share).copied().collect();
        let excess: Numbers = member.assigned.difference(&share).copied().collect();
        if !excess.is_empty() && has(&excess) {
            (member.assigned, member.revoking) = (kept, excess);
            return;
        }
        let free: Numbers = share.difference(&taken).copied().collect();
        member.waits = !share.is_subset(&free);
        member.assigned = kept.union(&free).copied().collect();
        if member.epoch != group_epoch {
            (member.previous_epoch, member.epoch) = (member.epoch, group_epoch);
        }
    }

    fn share(&self, member_id: &str) -> Numbers {
        let place = self.members.keys().position(|id| id == member_id).unwrap();
        let count = self.members.len();
        (0..PARTITIONS).filter(|number| *number as usize % count == place).collect()
    }

    fn remove(&mut self, member_id: &str) {
        if self.members.remove(member_id).is_some() {
            self.epoch += 1;
        }
    }

    /// As if other answers had been given since: whatever epoch the member has, it is fenced.
    fn forget_epoch(&mut self, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            self.epoch += 1;
            (member.previous_epoch, member.epoch) = (-9, self.epoch);
        }
    }

    fn tick(&mut self, now: Monotonic) {
        let dead = self.members.iter().filter(|(_, member)| now - member.heard > SESSION);
        for id in dead.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&id);
        }
    }
}

fn partitions_of(
    topic: &headwater_wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequestTopicPartitions,
) -> Vec<i32> {
    topic.partitions.clone()
}

/// A consumer without records: its membership, its application, its part of the network.
struct Client {
    membership: ReconcilingMember,
    /// What the application believes to own.
    owned: BTreeSet<TopicPartition>,
    requests: VecDeque<(Ticket, GroupRequest)>,
    answers: VecDeque<(Ticket, GroupAnswer)>,
    alive: bool,
}

struct World {
    coordinator: Coordinator,
    clients: Vec<Client>,
    now: Monotonic,
    /// How often it happened.
    counts: BTreeMap<&'static str, u32>,
}

impl World {
    fn new(count: usize) -> Self {
        let client = |index: usize| {
            let mut membership = ReconcilingMember::new(config(None), Entropy::from_seed(index as u64));
            membership.subscribe(topics(&["t"]), Monotonic::ORIGIN);
            let (requests, answers) = (VecDeque::new(), VecDeque::new());
            Client { membership, owned: BTreeSet::new(), requests, answers, alive: true }
        };
        let clients = (0..count).map(client).collect();
        Self { coordinator: Coordinator::default(), clients, now: Monotonic::ORIGIN, counts: BTreeMap::new() }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Carries out what the member wants, and routes what the coordinator said.
    fn settle(&mut self, index: usize, chance: &mut Entropy, faults: bool) {
        let now = self.now;
        let client = &mut self.clients[index];
        if client.alive {
            loop {
                client.membership.tick(now);
                let effects = client.membership.take_effects();
                if effects.is_empty() {
                    break;
                }
                for effect in effects {
                    match effect {
                        Effect::Send(ticket, request) => client.requests.push_back((ticket, request)),
                        Effect::Resolve(ticket, _) => {
                            let known = !(faults && chance.chance(1, 3));
                            let names = known.then(|| [(id(1), topic("t"))].into());
                            client.membership.resolved(ticket, names, now);
                        }
                        _ => {}
                    }
                }
            }
        }
        for (index, ticket, answer) in self.coordinator.answers.drain(..) {
            self.clients[index].answers.push_back((ticket, answer));
        }
    }

    fn deliver_request(&mut self, index: usize, chance: &mut Entropy, faults: bool) {
        let Some((ticket, request)) = self.clients[index].requests.pop_front() else { return };
        let moved = [ErrorCode::NotCoordinator, ErrorCode::CoordinatorLoadInProgress];
        if faults && chance.chance(1, 20) {
            let error = moved[chance.below(2) as usize];
            let response = ConsumerGroupHeartbeatResponse { error_code: error.code(), ..Default::default() };
            let answer = GroupAnswer::ConsumerHeartbeat(Ok(response));
            self.coordinator.answers.push((index, ticket, answer));
            self.count("moved");
            return;
        }
        self.coordinator.handle(index, ticket, &request, self.now);
        if faults && chance.chance(1, 20) {
            self.count("repeated");
            self.coordinator.handle(index, ticket, &request, self.now);
        }
    }

    fn deliver_answer(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        if let Some((ticket, answer)) = client.answers.pop_front()
            && client.alive
        {
            let error = match &answer {
                GroupAnswer::ConsumerHeartbeat(Ok(response)) => ErrorCode::from_code(response.error_code),
                _ => ErrorCode::None,
            };
            client.membership.answered(ticket, answer, now);
            match error {
                ErrorCode::FencedMemberEpoch => self.count("fenced"),
                ErrorCode::UnknownMemberId => self.count("unknown"),
                _ => {}
            }
        }
    }

    /// The request or the answer is gone, and the member hears that the connection broke.
    fn lose(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        let request = client.requests.pop_front().map(|(ticket, _)| ticket);
        let lost = request.or_else(|| client.answers.pop_front().map(|(ticket, _)| ticket));
        if let Some(ticket) = lost.filter(|_| client.alive) {
            let nothing = GroupAnswer::ConsumerHeartbeat(Err(CallError::UnknownBroker(0)));
            client.membership.answered(ticket, nothing, now);
            self.count("unanswered");
        }
    }

    /// The application polls once and believes what it is told, if it makes sense.
    fn poll(&mut self, index: usize) -> Result<(), TestCaseError> {
        let now = self.now;
        let client = &mut self.clients[index];
        if !client.alive {
            return Ok(());
        }
        client.membership.poll_begins(now);
        if let Some(event) = client.membership.next_event() {
            let what = match &event {
                GroupEvent::Assigned(_) => "assigned",
                GroupEvent::Revoked(_) => "revoked",
                GroupEvent::Lost(_) => "lost",
                GroupEvent::Failed(_) => "polled too late",
            };
            *self.counts.entry(what).or_default() += 1;
            match event {
                GroupEvent::Assigned(partitions) => {
                    for at in partitions {
                        prop_assert!(client.owned.insert(at.clone()), "{at} was assigned twice");
                    }
                }
                GroupEvent::Revoked(partitions) => {
                    for at in partitions {
                        prop_assert!(client.owned.remove(&at), "{at} was not the application's");
                    }
                }
                GroupEvent::Lost(partitions) => {
                    prop_assert_eq!(partitions.into_iter().collect::<BTreeSet<_>>(), client.owned.clone());
                    client.owned.clear();
                }
                GroupEvent::Failed(error) => {
                    prop_assert!(matches!(error, GroupError::PollTooLate { .. }), "{error}");
                    prop_assert!(client.owned.is_empty());
                }
            }
        }
        client.membership.poll_ends(now);
        Ok(())
    }

    /// What a member of the group believes to own, the coordinator has not given to another.
    fn check(&self) -> Result<(), TestCaseError> {
        for client in self.clients.iter().filter(|client| client.alive) {
            let me = &client.membership.member_id;
            if !self.coordinator.members.contains_key(me) {
                prop_assert!(client.membership.epoch >= 0);
                continue;
            }
            let others = self.coordinator.members.iter().filter(|(id, _)| *id != me);
            for (other, known) in others {
                for at in client.membership.partitions.owned() {
                    let number = at.partition.0;
                    prop_assert!(!known.assigned.contains(&number), "{} is {}'s, not {}'s", at, other, me);
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, chance: &mut Entropy, faults: bool) -> Result<(), TestCaseError> {
        let index = chance.below(self.clients.len() as u64) as usize;
        match chance.below(20) {
            0..=5 => self.deliver_request(index, chance, faults),
            6..=11 => self.deliver_answer(index),
            12..=14 => self.poll(index)?,
            15 | 16 => {
                let ms = if chance.chance(1, 30) && faults {
                    100_000 + 300_000 * chance.below(2)
                } else {
                    chance.below(1_500)
                };
                self.now = self.now + Duration::from_millis(ms);
                self.coordinator.tick(self.now);
                for index in 0..self.clients.len() {
                    self.settle(index, chance, faults);
                }
            }
            17 if faults => self.lose(index),
            18 if faults && chance.chance(1, 20) => self.clients[index].alive = false,
            18 if faults && chance.chance(1, 10) => {
                let unlucky = self.clients[index].membership.member_id.clone();
                if chance.chance(1, 2) {
                    self.coordinator.remove(&unlucky);
                } else {
                    self.coordinator.forget_epoch(&unlucky);
                }
            }
            19 if faults && chance.chance(1, 20) => {
                let topics = if chance.chance(1, 3) { BTreeSet::new() } else { topics(&["t"]) };
                let client = &mut self.clients[index];
                if client.alive {
                    if topics.is_empty() {
                        client.owned.clear();
                    }
                    client.membership.subscribe(topics, self.now);
                }
            }
            _ => {}
        }
        self.settle(index, chance, faults);
        self.check()
    }

    fn is_settled(&self) -> bool {
        let mut owned = Vec::new();
        for client in self.clients.iter().filter(|client| client.alive && client.membership.is_subscribed()) {
            let me = client.membership.identity();
            let in_group = me.is_some_and(|me| me.generation == self.coordinator.epoch);
            if !in_group || !client.owned.iter().eq(client.membership.partitions.owned()) {
                return false;
            }
            owned.extend(client.owned.iter().cloned());
        }
        owned.sort();
        let nobody = !self.clients.iter().any(|client| client.alive && client.membership.is_subscribed());
        nobody || owned.len() == PARTITIONS as usize && owned.windows(2).all(|pair| pair[0] != pair[1])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn members_never_own_what_another_was_given_and_settle_once_the_faults_end(
        seed: u64, count in 1usize..5, chaos in 0usize..600,
    ) {
        let mut chance = Entropy::from_seed(seed);
        let mut world = World::new(count);
        for index in 0..count {
            world.settle(index, &mut chance, true);
        }
        for _ in 0..chaos {
            world.step(&mut chance, true)?;
        }
        let mut steps = 0;
        while !world.is_settled() {
            steps += 1;
            prop_assert!(steps < 20_000, "not settled: {:?}", world.coordinator);
            world.step(&mut chance, false)?;
        }
    }
}

#[test]
fn the_rough_coordinator_really_exercises_what_it_claims_to() {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..100 {
        let mut chance = Entropy::from_seed(seed);
        let mut world = World::new(3);
        for _ in 0..600 {
            world.step(&mut chance, true).unwrap();
        }
        for (what, count) in world.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    let all = [
        "assigned",
        "fenced",
        "lost",
        "moved",
        "polled too late",
        "repeated",
        "revoked",
        "unanswered",
        "unknown",
    ];
    for what in all {
        assert!(counts.get(what).is_some_and(|count| *count > 20), "{what}: {counts:?}");
    }
}
