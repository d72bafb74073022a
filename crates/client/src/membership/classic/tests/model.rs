//! Members against a small model of a coordinator, over a network that delays, reorders between members, and loses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headwater_wire::messages::heartbeat::HeartbeatResponse;
use headwater_wire::messages::join_group::{JoinGroupResponse, JoinGroupResponseMember};
use headwater_wire::messages::sync_group::SyncGroupResponse;
use proptest::prelude::*;

use super::super::*;
use super::config;
use crate::error::CallError;
use crate::membership::GroupRequest;
use crate::membership::words::topics;

const SESSION: Duration = Duration::from_secs(45);
const REBALANCE: Duration = Duration::from_mins(5);
const PARTITIONS: i32 = 5;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Empty,
    Preparing { since: Monotonic },
    Completing,
    Stable,
}

#[derive(Debug)]
struct Known {
    client: usize,
    metadata: bytes::Bytes,
    /// The ticket of a join that waits.
    joining: Option<Ticket>,
    /// The ticket of a sync that waits.
    syncing: Option<Ticket>,
    heard: Monotonic,
}

/// The group as its coordinator sees it.
#[derive(Debug)]
struct Coordinator {
    stage: Stage,
    generation: i32,
    members: BTreeMap<String, Known>,
    /// Ids that were given out and not used yet.
    reserved: BTreeSet<String>,
    leader: String,
    /// What all prefer.
    protocol: String,
    assignments: BTreeMap<String, bytes::Bytes>,
    next_id: u32,
    /// Answers, by client.
    answers: Vec<(usize, Ticket, GroupAnswer)>,
}

impl Coordinator {
    fn new() -> Self {
        Self {
            stage: Stage::Empty,
            generation: 0,
            members: BTreeMap::new(),
            reserved: BTreeSet::new(),
            leader: String::new(),
            protocol: String::new(),
            assignments: BTreeMap::new(),
            next_id: 0,
            answers: Vec::new(),
        }
    }

    fn handle(&mut self, client: usize, ticket: Ticket, request: GroupRequest, now: Monotonic) {
        match request {
            GroupRequest::Join(join) => {
                let refuse = |error: ErrorCode, member_id: String| {
                    GroupAnswer::Join(Ok(JoinGroupResponse {
                        error_code: error.code(),
                        member_id,
                        ..Default::default()
                    }))
                };
                if join.member_id.is_empty() {
                    self.next_id += 1;
                    let id = format!("m{}", self.next_id);
                    self.reserved.insert(id.clone());
                    self.answers.push((client, ticket, refuse(ErrorCode::MemberIdRequired, id)));
                    return;
                }
                let known = self.members.contains_key(&join.member_id);
                if !known && !self.reserved.remove(&join.member_id) {
                    self.answers.push((client, ticket, refuse(ErrorCode::UnknownMemberId, join.member_id)));
                    return;
                }
                self.protocol.clone_from(&join.protocols[0].name);
                let metadata = join.protocols[0].metadata.clone();
                let member = Known { client, metadata, joining: Some(ticket), syncing: None, heard: now };
                self.members.insert(join.member_id, member);
                self.prepare(now);
                self.complete_if_all_joined(now);
            }
            GroupRequest::Sync(sync) => {
                let error = self.check(&sync.member_id, sync.generation_id);
                if let Some(member) = self.members.get_mut(&sync.member_id) {
                    member.heard = now;
                    if error.is_none() && self.stage == Stage::Completing {
                        member.syncing = Some(ticket);
                        if sync.member_id == self.leader {
                            let given = sync.assignments.into_iter();
                            self.assignments = given.map(|a| (a.member_id, a.assignment)).collect();
                            self.stage = Stage::Stable;
                            self.answer_syncs(ErrorCode::None);
                        }
                        return;
                    }
                }
                let assignment = self.assignments.get(&sync.member_id).cloned().unwrap_or_default();
                let error = error.unwrap_or(ErrorCode::None);
                let response =
                    SyncGroupResponse { error_code: error.code(), assignment, ..Default::default() };
                self.answers.push((client, ticket, GroupAnswer::Sync(Ok(response))));
            }
            GroupRequest::Heartbeat(beat) => {
                let error = self.check(&beat.member_id, beat.generation_id).unwrap_or(ErrorCode::None);
                if let Some(member) = self.members.get_mut(&beat.member_id) {
                    member.heard = now;
                }
                let response = HeartbeatResponse { error_code: error.code(), ..Default::default() };
                self.answers.push((client, ticket, GroupAnswer::Heartbeat(Ok(response))));
            }
            GroupRequest::Leave(leave) => self.remove(&leave.member_id, now),
            other => unreachable!("{other:?}"),
        }
    }

    fn check(&self, member_id: &str, generation: i32) -> Option<ErrorCode> {
        if !self.members.contains_key(member_id) {
            return Some(ErrorCode::UnknownMemberId);
        }
        if generation != self.generation {
            return Some(ErrorCode::IllegalGeneration);
        }
        let preparing = matches!(self.stage, Stage::Preparing { .. });
        preparing.then_some(ErrorCode::RebalanceInProgress)
    }

    fn remove(&mut self, member_id: &str, now: Monotonic) {
        if self.members.remove(member_id).is_some() {
            self.prepare(now);
            self.complete_if_all_joined(now);
        }
    }

    fn prepare(&mut self, now: Monotonic) {
        if self.members.is_empty() {
            self.stage = Stage::Empty;
        } else if !matches!(self.stage, Stage::Preparing { .. }) {
            self.answer_syncs(ErrorCode::RebalanceInProgress);
            self.stage = Stage::Preparing { since: now };
        }
    }

    fn answer_syncs(&mut self, error: ErrorCode) {
        for (id, member) in &mut self.members {
            if let Some(ticket) = member.syncing.take() {
                let assignment = self.assignments.get(id).cloned().unwrap_or_default();
                let response =
                    SyncGroupResponse { error_code: error.code(), assignment, ..Default::default() };
                self.answers.push((member.client, ticket, GroupAnswer::Sync(Ok(response))));
            }
        }
    }

    fn complete_if_all_joined(&mut self, now: Monotonic) {
        let preparing = matches!(self.stage, Stage::Preparing { .. });
        if !preparing || self.members.values().any(|member| member.joining.is_none()) {
            return;
        }
        self.generation += 1;
        self.stage = Stage::Completing;
        self.assignments.clear();
        self.leader = self.members.keys().next().cloned().unwrap();
        let all = self.members.iter().map(|(id, member)| JoinGroupResponseMember {
            member_id: id.clone(),
            metadata: member.metadata.clone(),
            ..Default::default()
        });
        let all: Vec<_> = all.collect();
        for (id, member) in &mut self.members {
            member.heard = now;
            let members = if *id == self.leader { all.clone() } else { Vec::new() };
            let response = JoinGroupResponse {
                generation_id: self.generation,
                protocol_name: Some(self.protocol.clone()),
                leader: self.leader.clone(),
                member_id: id.clone(),
                members,
                ..Default::default()
            };
            let ticket = member.joining.take().unwrap();
            self.answers.push((member.client, ticket, GroupAnswer::Join(Ok(response))));
        }
    }

    fn tick(&mut self, now: Monotonic) {
        let waits = |member: &Known| member.joining.is_some() || member.syncing.is_some();
        let dead = self.members.iter().filter(|(_, m)| !waits(m) && now - m.heard > SESSION);
        for id in dead.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&id, now);
        }
        if let Stage::Preparing { since } = self.stage
            && now - since > REBALANCE
        {
            self.members.retain(|_, member| member.joining.is_some());
            self.complete_if_all_joined(now);
        }
    }
}

/// A consumer without records: its membership, its application, its part of the network.
struct Client {
    membership: ClassicMember,
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

/// What the members of a group offer, in turn. All prefer the first.
const OFFERS: [&[&[Assignor]]; 3] = [
    &[&[Assignor::Range]],
    &[&[Assignor::CooperativeSticky]],
    // In the middle of the second of the restarts by which a group becomes cooperative.
    &[&[Assignor::CooperativeSticky], &[Assignor::CooperativeSticky, Assignor::Range]],
];

impl World {
    fn new(count: usize, offers: &[&[Assignor]]) -> Self {
        let client = |index: usize| {
            let config = ClassicConfig { assignors: offers[index % offers.len()].to_vec(), ..config(None) };
            let mut membership = ClassicMember::new(config, Entropy::from_seed(index as u64));
            membership.subscribe(topics(&["t"]), Monotonic::ORIGIN);
            let (requests, answers) = (VecDeque::new(), VecDeque::new());
            Client { membership, owned: BTreeSet::new(), requests, answers, alive: true }
        };
        let clients = (0..count).map(client).collect();
        let (coordinator, counts) = (Coordinator::new(), BTreeMap::new());
        Self { coordinator, clients, now: Monotonic::ORIGIN, counts }
    }

    /// Carries out what the member wants, and routes what the coordinator said.
    fn settle(&mut self, index: usize) {
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
                        Effect::Count(ticket, topics) => {
                            let counts = topics.into_iter().map(|topic| (topic, PARTITIONS)).collect();
                            client.membership.counted(ticket, Some(counts), now);
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

    fn deliver_request(&mut self, index: usize) {
        if let Some((ticket, request)) = self.clients[index].requests.pop_front() {
            self.coordinator.handle(index, ticket, request, self.now);
        }
    }

    fn deliver_answer(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        if let Some((ticket, answer)) = client.answers.pop_front()
            && client.alive
        {
            client.membership.answered(ticket, answer, now);
        }
    }

    /// The request or the answer is gone, and the member hears that the connection broke.
    fn lose(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        let lost = match (client.requests.pop_front(), client.answers.pop_front()) {
            (Some((ticket, request)), _) => Some((
                ticket,
                match request {
                    GroupRequest::Join(_) => GroupAnswer::Join(Err(CallError::UnknownBroker(0))),
                    GroupRequest::Sync(_) => GroupAnswer::Sync(Err(CallError::UnknownBroker(0))),
                    GroupRequest::Heartbeat(_) => GroupAnswer::Heartbeat(Err(CallError::UnknownBroker(0))),
                    _ => GroupAnswer::Leave,
                },
            )),
            (None, Some((ticket, answer))) => Some((
                ticket,
                match answer {
                    GroupAnswer::Join(_) => GroupAnswer::Join(Err(CallError::UnknownBroker(0))),
                    GroupAnswer::Sync(_) => GroupAnswer::Sync(Err(CallError::UnknownBroker(0))),
                    GroupAnswer::Heartbeat(_) => GroupAnswer::Heartbeat(Err(CallError::UnknownBroker(0))),
                    _ => GroupAnswer::Leave,
                },
            )),
            (None, None) => None,
        };
        if let Some((ticket, answer)) = lost.filter(|_| client.alive) {
            client.membership.answered(ticket, answer, now);
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
        let keeps = client.membership.is_cooperative();
        if let Some(event) = client.membership.next_event() {
            let what = match &event {
                GroupEvent::Assigned(_) if keeps && !client.owned.is_empty() => "assigned more",
                GroupEvent::Assigned(_) => "assigned",
                GroupEvent::Revoked(partitions) if partitions.len() < client.owned.len() => "revoked some",
                GroupEvent::Revoked(_) => "revoked",
                GroupEvent::Lost(_) => "lost",
                GroupEvent::Failed(_) => "polled too late",
            };
            *self.counts.entry(what).or_default() += 1;
            match event {
                GroupEvent::Assigned(partitions) => {
                    prop_assert!(keeps || client.owned.is_empty(), "assigned on top of {:?}", client.owned);
                    for at in partitions {
                        prop_assert!(client.owned.insert(at.clone()), "{at} was assigned twice");
                    }
                }
                GroupEvent::Revoked(partitions) => {
                    prop_assert!(keeps || partitions.len() == client.owned.len(), "{partitions:?} only");
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

    /// No partition has two owners that the coordinator knows, whatever generation they are in.
    fn check(&self) -> Result<(), TestCaseError> {
        let mut owners = BTreeMap::new();
        for client in self.clients.iter().filter(|client| client.alive) {
            let me = &client.membership.member_id;
            if self.coordinator.members.contains_key(me) {
                for partition in &client.membership.owned {
                    let other = owners.insert(partition, me);
                    prop_assert_eq!(other, None, "{} is {}'s", partition, me);
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, chance: &mut Entropy, faults: bool) -> Result<(), TestCaseError> {
        let index = chance.below(self.clients.len() as u64) as usize;
        match chance.below(20) {
            0..=5 => self.deliver_request(index),
            6..=11 => self.deliver_answer(index),
            12..=14 => self.poll(index)?,
            15 | 16 => {
                let ms = if chance.chance(1, 30) && faults { 100_000 } else { chance.below(1_500) };
                self.now = self.now + Duration::from_millis(ms);
                self.coordinator.tick(self.now);
                for index in 0..self.clients.len() {
                    self.settle(index);
                }
            }
            17 if faults => self.lose(index),
            18 if faults && chance.chance(1, 20) => self.clients[index].alive = false,
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
        self.settle(index);
        self.check()
    }

    fn is_settled(&self) -> bool {
        let mut owned = Vec::new();
        for client in self.clients.iter().filter(|client| client.alive && client.membership.is_subscribed()) {
            let in_group =
                client.membership.identity().is_some_and(|me| me.generation == self.coordinator.generation);
            if !in_group || client.owned != client.membership.owned {
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
    fn members_never_share_a_partition_and_settle_once_the_faults_end(
        seed: u64, count in 1usize..5, chaos in 0usize..600, offers in 0usize..3,
    ) {
        let mut chance = Entropy::from_seed(seed);
        let mut world = World::new(count, OFFERS[offers]);
        for index in 0..count {
            world.settle(index);
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
fn cooperative_members_in_the_model_really_keep_gain_and_give() {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..300 {
        let mut chance = Entropy::from_seed(seed);
        let mut world = World::new(3, OFFERS[1]);
        for _ in 0..600 {
            world.step(&mut chance, true).unwrap();
        }
        for (what, count) in world.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    for what in ["assigned", "assigned more", "lost", "revoked some"] {
        assert!(counts.get(what).is_some_and(|count| *count > 20), "{what}: {counts:?}");
    }
}
