//! Members against a small model of a coordinator, over a network that delays, repeats and loses; the coordinator moves and
//! puts members out at any time.

use headwater_wire::messages::streams_group_heartbeat::StreamsGroupHeartbeatRequest;
use proptest::prelude::*;

use super::*;

const SESSION: Duration = Duration::from_secs(45);
const TASKS: i32 = 5;

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

/// The group as its coordinator sees it, by the rules of KIP-1071, of active tasks alone.
#[derive(Debug, Default)]
struct Coordinator {
    epoch: i32,
    members: BTreeMap<String, Known>,
}

impl Coordinator {
    fn handle(&mut self, request: &GroupRequest, now: Monotonic) -> GroupAnswer {
        match request {
            GroupRequest::StreamsHeartbeat(beat) => {
                let outcome = self.beat(beat, now);
                let response = outcome.unwrap_or_else(|error| StreamsGroupHeartbeatResponse {
                    error_code: error.code(),
                    ..Default::default()
                });
                GroupAnswer::StreamsHeartbeat(Ok(Box::new(response)))
            }
            GroupRequest::StreamsLeave(leave) => {
                self.remove(&leave.member_id);
                GroupAnswer::Leave
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn beat(
        &mut self,
        beat: &StreamsGroupHeartbeatRequest,
        now: Monotonic,
    ) -> Result<StreamsGroupHeartbeatResponse, ErrorCode> {
        let owned: Option<Numbers> = beat
            .active_tasks
            .as_ref()
            .map(|ids| ids.iter().flat_map(|ids| &ids.partitions).copied().collect());
        if beat.member_epoch == 0 {
            assert!(owned.as_ref().is_some_and(BTreeSet::is_empty), "who joins works on nothing: {beat:?}");
            assert!(beat.rebalance_timeout_ms > 0 && beat.topology.is_some() && beat.process_id.is_some());
            if !self.members.contains_key(&beat.member_id) {
                self.members.insert(beat.member_id.clone(), Known::default());
                self.epoch += 1;
            }
        } else {
            assert!(beat.topology.is_none(), "only who joins says what it runs");
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
        let told_all = beat.member_epoch == 0 || beat.rebalance_timeout_ms > 0 && owned.is_some();
        let assigned: Vec<i32> = member.assigned.iter().copied().collect();
        let news = told_all || member.assigned != before;
        Ok(StreamsGroupHeartbeatResponse {
            member_epoch: member.epoch,
            heartbeat_interval_ms: 2_000,
            active_tasks: news.then(|| task_ids(&assigned)),
            standby_tasks: news.then(Vec::new),
            warmup_tasks: news.then(Vec::new),
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
        (0..TASKS).filter(|number| *number as usize % count == place).collect()
    }

    fn remove(&mut self, member_id: &str) {
        if self.members.remove(member_id).is_some() {
            self.epoch += 1;
        }
    }

    fn tick(&mut self, now: Monotonic) {
        let dead = self.members.iter().filter(|(_, member)| now - member.heard > SESSION);
        for id in dead.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&id);
        }
    }
}

/// A member, its application, and its part of the network.
struct Client {
    member: StreamsMember,
    /// What the application believes to work on.
    works_on: TaskAssignment,
    requests: VecDeque<(Ticket, GroupRequest)>,
    answers: VecDeque<(Ticket, GroupAnswer)>,
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
            let mut member = StreamsMember::new(config(), Entropy::from_seed(index as u64));
            member.join(Monotonic::ORIGIN);
            let (requests, answers) = (VecDeque::new(), VecDeque::new());
            Client { member, works_on: TaskAssignment::default(), requests, answers }
        };
        let clients = (0..count).map(client).collect();
        Self { coordinator: Coordinator::default(), clients, now: Monotonic::ORIGIN, counts: BTreeMap::new() }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn settle(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.member.tick(self.now);
        for effect in client.member.take_effects() {
            if let Effect::Send(ticket, request) = effect {
                client.requests.push_back((ticket, request));
            }
        }
    }

    fn deliver_request(&mut self, index: usize, chance: &mut Entropy, faults: bool) {
        let Some((ticket, request)) = self.clients[index].requests.pop_front() else { return };
        let mut answer = self.coordinator.handle(&request, self.now);
        if faults && chance.chance(1, 20) {
            self.count("repeated");
            // Only the first answer is heard.
            self.coordinator.handle(&request, self.now);
        }
        if faults && chance.chance(1, 20) {
            self.count("moved");
            let error_code = ErrorCode::NotCoordinator.code();
            let response = StreamsGroupHeartbeatResponse { error_code, ..Default::default() };
            answer = GroupAnswer::StreamsHeartbeat(Ok(Box::new(response)));
        }
        self.clients[index].answers.push_back((ticket, answer));
    }

    fn deliver_answer(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some((ticket, answer)) = client.answers.pop_front() else { return };
        let error = match &answer {
            GroupAnswer::StreamsHeartbeat(Ok(response)) => ErrorCode::from_code(response.error_code),
            _ => ErrorCode::None,
        };
        client.member.answered(ticket, answer, self.now);
        match error {
            ErrorCode::FencedMemberEpoch => self.count("fenced"),
            ErrorCode::UnknownMemberId => self.count("unknown"),
            _ => {}
        }
    }

    /// The request or the answer is gone, and the member hears that the connection broke.
    fn lose(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let request = client.requests.pop_front().map(|(ticket, _)| ticket);
        let lost = request.or_else(|| client.answers.pop_front().map(|(ticket, _)| ticket));
        if let Some(ticket) = lost {
            let nothing = GroupAnswer::StreamsHeartbeat(Err(CallError::UnknownBroker(0)));
            client.member.answered(ticket, nothing, self.now);
            self.count("unanswered");
        }
    }

    /// The application polls once and believes what it is told, if it makes sense.
    fn poll(&mut self, index: usize) -> Result<(), TestCaseError> {
        let client = &mut self.clients[index];
        client.member.poll_begins(self.now);
        client.member.let_go();
        let news = client.member.next_news();
        client.member.poll_ends(self.now);
        match news {
            Some(StreamsNews::Assigned(tasks)) => {
                prop_assert!(tasks.without(&client.works_on) == tasks, "assigned twice: {tasks:?}");
                client.works_on.add(&tasks);
                self.count("assigned");
            }
            Some(StreamsNews::Revoked(tasks)) => {
                prop_assert!(tasks.without(&client.works_on).is_empty(), "not the application's: {tasks:?}");
                client.works_on.remove(&tasks);
                self.count("revoked");
            }
            Some(StreamsNews::Lost(tasks)) => {
                prop_assert!(client.works_on.without(&tasks).is_empty(), "lost in part: {tasks:?}");
                client.works_on = TaskAssignment::default();
                self.count("lost");
            }
            Some(StreamsNews::Failed(error)) => {
                prop_assert!(matches!(error, GroupError::PollTooLate { .. }), "{error}");
                prop_assert!(client.works_on.is_empty());
                self.count("polled too late");
            }
            Some(StreamsNews::Status(_) | StreamsNews::Endpoints(_)) | None => {}
        }
        Ok(())
    }

    /// What a member of the group works on, the coordinator has not given to another.
    fn check(&self) -> Result<(), TestCaseError> {
        for client in &self.clients {
            let Some(me) = client.member.identity() else { continue };
            if !self.coordinator.members.contains_key(&me.member_id) {
                continue;
            }
            for (other, known) in self.coordinator.members.iter().filter(|(id, _)| **id != me.member_id) {
                for task in &client.member.tasks().active {
                    prop_assert!(!known.assigned.contains(&task.partition.0), "{} is {}'s", task, other);
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
                let long = chance.chance(1, 30) && faults;
                let ms = if long { 100_000 + 300_000 * chance.below(2) } else { chance.below(1_500) };
                self.now = self.now + Duration::from_millis(ms);
                self.coordinator.tick(self.now);
                (0..self.clients.len()).for_each(|index| self.settle(index));
            }
            17 if faults => self.lose(index),
            18 if faults && chance.chance(1, 10) => {
                let unlucky = self.clients[index].member.heart.member_id().to_owned();
                self.coordinator.remove(&unlucky);
            }
            19 if faults && chance.chance(1, 20) => {
                let client = &mut self.clients[index];
                client.member.leave();
                client.works_on = TaskAssignment::default();
                client.member.join(self.now);
            }
            _ => {}
        }
        self.settle(index);
        self.check()
    }

    fn is_settled(&self) -> bool {
        let mut all = Vec::new();
        for client in &self.clients {
            let me = client.member.identity();
            let in_group = me.is_some_and(|me| me.generation == self.coordinator.epoch);
            if !in_group || client.works_on != *client.member.tasks() {
                return false;
            }
            all.extend(client.works_on.active.iter().cloned());
        }
        all.sort();
        all.len() == TASKS as usize && all.windows(2).all(|pair| pair[0] != pair[1])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn members_never_work_on_what_another_was_given_and_settle_once_the_faults_end(
        seed: u64, count in 1usize..5, chaos in 0usize..600,
    ) {
        let mut chance = Entropy::from_seed(seed);
        let mut world = World::new(count);
        (0..count).for_each(|index| world.settle(index));
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
    let all =
        ["assigned", "lost", "moved", "polled too late", "repeated", "revoked", "unanswered", "unknown"];
    for what in all {
        assert!(counts.get(what).is_some_and(|count| *count > 20), "{what}: {counts:?}");
    }
}
