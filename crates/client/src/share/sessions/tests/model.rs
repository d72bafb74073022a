//! A consumer against a small model of brokers, by the rules of KIP-932: sessions with strict epochs, records that are
//! acquired by one at a time, answers that are lost together with the session; and against itself: what was accepted is not
//! handed out again unless its failure was told.

use headwater_wire::messages::share_acknowledge::ShareAcknowledgeRequest;
use headwater_wire::messages::share_fetch::ShareFetchRequest;
use proptest::prelude::*;

use super::*;

const RECORDS: i64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Available(i16),
    /// Until then.
    Acquired(i16, Monotonic),
    Done,
}

/// A broker with one partition, of its own number.
#[derive(Debug)]
struct Broker {
    records: Vec<State>,
    /// The epoch that is expected next.
    session: Option<i32>,
}

impl Broker {
    fn new() -> Self {
        Self { records: (0..RECORDS).map(|_| State::Available(0)).collect(), session: None }
    }

    fn lose_session(&mut self) {
        self.session = None;
        for record in &mut self.records {
            if let State::Acquired(count, _) = record {
                *record = State::Available(*count);
            }
        }
    }

    fn enter(&mut self, epoch: i32) -> Result<(), ErrorCode> {
        match (epoch, self.session) {
            (0, _) => self.session = Some(1),
            (_, None) => return Err(ErrorCode::ShareSessionNotFound),
            (-1, Some(_)) => {}
            (epoch, Some(expected)) if epoch == expected => self.session = Some(expected + 1),
            _ => return Err(ErrorCode::InvalidShareSessionEpoch),
        }
        Ok(())
    }

    fn acknowledge(&mut self, first: i64, last: i64, kind: i8, now: Monotonic) -> ErrorCode {
        for offset in first..=last {
            let State::Acquired(count, until) = self.records[offset as usize] else {
                return ErrorCode::InvalidRecordState;
            };
            if until <= now {
                self.records[offset as usize] = State::Available(count);
                return ErrorCode::InvalidRecordState;
            }
            self.records[offset as usize] = match kind {
                2 => State::Available(count),
                4 => State::Acquired(count, now + LOCK),
                _ => State::Done,
            };
        }
        ErrorCode::None
    }

    fn acquire(&mut self, now: Monotonic) -> Vec<AcquiredRecords> {
        let mut acquired = Vec::new();
        for (offset, record) in (0..).zip(&mut self.records) {
            let count = match record {
                State::Available(count) => *count,
                State::Acquired(count, until) if *until <= now => *count,
                _ => continue,
            };
            *record = State::Acquired(count + 1, now + LOCK);
            let (first_offset, last_offset, delivery_count) = (offset, offset, count + 1);
            acquired.push(AcquiredRecords { first_offset, last_offset, delivery_count });
            if acquired.len() == 4 {
                break;
            }
        }
        acquired
    }

    fn fetch(&mut self, node: i32, request: &ShareFetchRequest, now: Monotonic) -> ShareFetchResponse {
        if let Err(error) = self.enter(request.share_session_epoch) {
            return ShareFetchResponse { error_code: error.code(), ..Default::default() };
        }
        let mut acknowledge_error_code = 0;
        for partition in request.topics.iter().flat_map(|topic| &topic.partitions) {
            assert_eq!(partition.partition_index, node);
            let acks = &partition.acknowledgement_batches;
            assert!(acks.is_empty() || request.share_session_epoch > 0, "a session is opened without any");
            for ack in acks {
                let error =
                    self.acknowledge(ack.first_offset, ack.last_offset, ack.acknowledge_types[0], now);
                acknowledge_error_code = acknowledge_error_code.max(error.code());
            }
        }
        let all: Vec<i64> = (0..RECORDS).collect();
        let data = PartitionData {
            partition_index: node,
            acknowledge_error_code,
            records: Some(batch(&all).into()),
            acquired_records: self.acquire(now),
            ..Default::default()
        };
        ShareFetchResponse {
            acquisition_lock_timeout_ms: LOCK.as_millis() as i32,
            responses: vec![ShareFetchableTopicResponse { topic_id: place(0).id, partitions: vec![data] }],
            ..Default::default()
        }
    }

    fn answer(&mut self, request: &ShareAcknowledgeRequest, now: Monotonic) -> ShareAcknowledgeResponse {
        assert_ne!(request.share_session_epoch, 0, "acknowledging opens no session");
        if let Err(error) = self.enter(request.share_session_epoch) {
            return ShareAcknowledgeResponse { error_code: error.code(), ..Default::default() };
        }
        let mut partitions = Vec::new();
        for partition in request.topics.iter().flat_map(|topic| &topic.partitions) {
            let mut error_code = 0;
            for ack in &partition.acknowledgement_batches {
                let error =
                    self.acknowledge(ack.first_offset, ack.last_offset, ack.acknowledge_types[0], now);
                error_code = error_code.max(error.code());
            }
            let partition_index = partition.partition_index;
            partitions.push(AckData { partition_index, error_code, ..Default::default() });
        }
        if request.share_session_epoch == -1 {
            self.lose_session();
        }
        ShareAcknowledgeResponse {
            acquisition_lock_timeout_ms: LOCK.as_millis() as i32,
            responses: vec![ShareAcknowledgeTopicResponse { topic_id: place(0).id, partitions }],
            ..Default::default()
        }
    }
}

struct World {
    sessions: Sessions<u32>,
    brokers: BTreeMap<i32, Broker>,
    wanted: Wanted,
    under_way: BTreeMap<i32, ShareWork>,
    now: Monotonic,
    polling: bool,
    /// What we have, so far as we know.
    held: BTreeSet<(i32, i64)>,
    /// What we accepted and is not known to have failed.
    accepted: BTreeSet<(i32, i64)>,
    commits: u32,
    ended: u32,
}

impl World {
    fn new() -> Self {
        let wanted = [1, 2].map(|node| (node, BTreeSet::from([place(node)])));
        Self {
            sessions: Sessions::new(config(Acknowledging::Explicit), "m".into(), Entropy::from_seed(1)),
            brokers: [1, 2].map(|node| (node, Broker::new())).into(),
            wanted: wanted.into(),
            under_way: BTreeMap::new(),
            now: Monotonic::ORIGIN,
            polling: false,
            held: BTreeSet::new(),
            accepted: BTreeSet::new(),
            commits: 0,
            ended: 0,
        }
    }

    fn plan(&mut self) {
        for work in self.sessions.plan(&self.wanted, self.now) {
            let node = match &work {
                ShareWork::Fetch { node, .. } | ShareWork::Acknowledge { node, .. } => *node,
            };
            let before = self.under_way.insert(node, work);
            assert!(before.is_none(), "one request at a time for a broker");
        }
    }

    /// An answer that is lost takes its connection, and that the session, with it.
    fn deliver(&mut self, node: i32, there: bool, back: bool) {
        let Some(work) = self.under_way.remove(&node) else { return };
        let (broker, now) = (self.brokers.get_mut(&node).unwrap(), self.now);
        let lost = CallError::UnknownBroker(node);
        match work {
            ShareWork::Fetch { ticket, request, .. } => {
                let answer = there.then(|| broker.fetch(node, &request, now)).filter(|_| back);
                if answer.is_none() {
                    broker.lose_session();
                }
                self.sessions.fetched(ticket, answer.ok_or(lost), now);
            }
            ShareWork::Acknowledge { ticket, request, .. } => {
                let answer = there.then(|| broker.answer(&request, now)).filter(|_| back);
                if answer.is_none() {
                    broker.lose_session();
                }
                self.sessions.acknowledged(ticket, answer.ok_or(lost), now);
            }
        }
    }

    fn take(&mut self) {
        while let Some(next) = self.sessions.take(self.now) {
            for acquired in next.unwrap() {
                let node = acquired.topic_partition.partition.0;
                for range in &acquired.ranges {
                    let offset = range.first.0;
                    // Its failure may be known only to the next commit.
                    if self.accepted.remove(&(node, offset)) {
                        let failed = self.sessions.failures.iter().any(|failure| {
                            failure.partition == place(node).at
                                && (failure.first.0..=failure.last.0).contains(&offset)
                        });
                        assert!(failed, "{node}: {offset} was accepted, and is handed out again");
                    }
                    self.held.insert((node, offset));
                }
            }
        }
    }

    fn say(&mut self, which: usize, how: Acknowledgement) {
        let which = which % self.held.len().max(1);
        let Some((node, offset)) = self.held.iter().nth(which).copied() else { return };
        let told = self.sessions.acknowledge(&place(node).at, (offset, offset), how, self.now);
        if how != Renew || told.is_err() {
            self.held.remove(&(node, offset));
        }
        if told.is_ok() && how == Accept {
            self.accepted.insert((node, offset));
        }
    }

    fn collect(&mut self) {
        for (_, failures) in std::mem::take(&mut self.sessions.outcomes) {
            self.ended += 1;
            for failure in failures {
                let node = failure.partition.partition.0;
                for offset in failure.first.0..=failure.last.0 {
                    self.accepted.remove(&(node, offset));
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Pass(ms) => self.now = self.now + Duration::from_millis(ms.into()),
            Step::Poll => {
                self.polling = !self.polling;
                if self.polling {
                    self.sessions.poll_begins(self.now);
                } else {
                    self.sessions.poll_ends();
                }
            }
            Step::Deliver(first, there, back) => self.deliver(if first { 1 } else { 2 }, there, back),
            Step::Say(which, how) => self.say(which, how),
            Step::Commit => self.commit(),
            Step::LoseSession(first) => {
                self.brokers.get_mut(if first { &1 } else { &2 }).unwrap().lose_session();
            }
            Step::LoseMembership => {
                self.sessions.lose_all(self.now);
                self.brokers.values_mut().for_each(Broker::lose_session);
            }
        }
        self.collect();
        self.take();
        self.plan();
        self.collect();
    }

    fn commit(&mut self) {
        self.commits += 1;
        self.sessions.commit(self.commits);
    }

    /// Nothing is lost on the way any more.
    fn settle(&mut self) {
        self.commit();
        self.sessions.begin_close();
        for _ in 0..10 {
            self.now = self.now + Duration::from_secs(2);
            self.plan();
            self.deliver(1, true, true);
            self.deliver(2, true, true);
        }
        self.commit();
        self.collect();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u16),
    Poll,
    /// To broker 1 or 2; whether the request, then the answer, gets through.
    Deliver(bool, bool, bool),
    Say(usize, Acknowledgement),
    Commit,
    LoseSession(bool),
    LoseMembership,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![Just(Accept), Just(Release), Just(Reject), Just(Renew)];
    prop_oneof![
        2 => (0..12_000_u16).prop_map(Step::Pass),
        4 => Just(Step::Poll),
        6 => any::<(bool, u8, u8)>()
            .prop_map(|(which, there, back)| Step::Deliver(which, there > 20, back > 20)),
        6 => (0..50_usize, how).prop_map(|(which, how)| Step::Say(which, how)),
        2 => Just(Step::Commit),
        1 => any::<bool>().prop_map(Step::LoseSession),
        1 => Just(Step::LoseMembership),
    ]
}

proptest! {
    #[test]
    fn nothing_that_was_acknowledged_is_forgotten_or_told_twice(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        prop_assert!(world.sessions.is_closed());
        prop_assert_eq!(world.ended, world.commits, "every commit ends");
        for (node, offset) in &world.accepted {
            let state = world.brokers[node].records[*offset as usize];
            prop_assert_eq!(state, State::Done, "{}: {} was accepted", node, offset);
        }
        let acquired = |broker: &Broker| broker.records.iter().any(|state| matches!(state, State::Acquired(..)));
        prop_assert!(!world.brokers.values().any(acquired), "the rest is released");
    }
}
