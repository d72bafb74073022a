//! The sessions by which a share consumer acquires records of brokers and acknowledges them (KIP-932). Pure.
//!
//! Owns: [`Sessions`]: a session for each broker, what was acquired and is not acknowledged, what is still to be told.
//!
//! Invariants: one request at a time for each broker, since the session's epoch grows with each. Nothing is acknowledged
//! but what is acquired, and that once. Acknowledgements ride on the fetch that follows, or go by themselves when there is
//! none, and none is forgotten: it is told, or its failure is. A session that was lost took with it what was acquired by
//! it. Records are asked for only while somebody waits for some and none is there: their locks run from then on.
//!
//! Does not know: membership, where partitions are led, connections, clocks; `W` is whoever waits for outcomes.

mod answer;
mod reading;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, Monotonic, Offset, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::share_acknowledge::ShareAcknowledgeRequest;
use headwater_wire::messages::share_fetch::ShareFetchRequest;

use super::acquired::{Acknowledgement, Acquired};
use super::config::Acknowledging;
use super::error::{AcknowledgeCause, AcknowledgeFailure, NotAcquired, ShareError};
use super::ranges::Ranges;
use crate::retry::Backoff;
use request::{Who, beyond};

/// How many failures are kept for somebody to ask for them.
const MAX_FAILURES: usize = 1_000;

/// Links an answer to its request.
pub(crate) type Ticket = u64;

/// A partition of a topic that may be made anew under the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) id: Uuid,
    pub(crate) at: TopicPartition,
}

/// The partitions to consume from, by who leads them.
pub(crate) type Wanted = BTreeMap<i32, BTreeSet<Place>>;

/// How records are asked for and acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct SessionsConfig {
    pub(crate) group: String,
    pub(crate) acknowledging: Acknowledging,
    pub(crate) max_wait: Duration,
    pub(crate) min_bytes: usize,
    pub(crate) max_bytes: usize,
    pub(crate) max_records: i32,
    /// How long acknowledgements wait for others.
    pub(crate) linger: Duration,
    pub(crate) check_crcs: bool,
    pub(crate) backoff: Backoff,
}

/// What is to be sent to a broker, and reported with [`Sessions::fetched`] or [`Sessions::acknowledged`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ShareWork {
    Fetch {
        ticket: Ticket,
        node: i32,
        request: ShareFetchRequest,
    },
    /// Acknowledges; what renews needs a newer version.
    Acknowledge {
        ticket: Ticket,
        node: i32,
        request: ShareAcknowledgeRequest,
        renews: bool,
    },
}

/// What is told of an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gap,
    Told(Acknowledgement),
}

impl Kind {
    /// The number on the wire.
    fn code(self) -> i8 {
        match self {
            Self::Gap => 0,
            Self::Told(Acknowledgement::Accept) => 1,
            Self::Told(Acknowledgement::Release) => 2,
            Self::Told(Acknowledgement::Reject) => 3,
            Self::Told(Acknowledgement::Renew) => 4,
        }
    }
}

type Acks = BTreeMap<Place, Ranges<Kind>>;

/// Why we have a record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hold {
    /// The broker that gave it.
    node: i32,
    id: Uuid,
    until: Monotonic,
}

/// What a broker knows of us.
#[derive(Debug, Default)]
struct Session {
    /// Of the next request; 0 opens a session.
    epoch: i32,
    /// The partitions that the broker knows of.
    known: BTreeSet<Place>,
    under_way: Option<Asked>,
    /// Grows when the session is lost: what is under way then belongs to none.
    losses: u64,
    failures: u32,
    not_before: Option<Monotonic>,
    pending: Acks,
    pending_since: Option<Monotonic>,
    renewals: Acks,
    /// How many requests with acknowledgements have begun, and how many are through.
    begun: u64,
    through: u64,
    /// Acknowledgements do not wait until so many have begun.
    hurry_to: u64,
}

#[derive(Debug)]
struct Asked {
    ticket: Ticket,
    epoch: i32,
    losses: u64,
    /// The partitions that records were asked for of; none if it was not a fetch.
    places: BTreeSet<Place>,
    acks: Acks,
    /// It ends the session.
    ends: bool,
}

/// A partition that is left alone for a while.
#[derive(Debug, Default)]
struct Rest {
    failures: u32,
    until: Option<Monotonic>,
}

/// Somebody who waits until what was acknowledged is told.
#[derive(Debug)]
struct Waiting<W> {
    /// For each broker, how many requests have to be through.
    targets: BTreeMap<i32, u64>,
    waiter: W,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Sessions<W> {
    config: SessionsConfig,
    member_id: String,
    entropy: Entropy,
    nodes: BTreeMap<i32, Session>,
    held: BTreeMap<TopicPartition, Ranges<Hold>>,
    /// What has come and was not handed out, with the broker it came from.
    ready: VecDeque<(i32, Acquired)>,
    /// What the last poll handed out.
    handed: Vec<(TopicPartition, i64, i64)>,
    resting: BTreeMap<Place, Rest>,
    faults: VecDeque<ShareError>,
    failures: VecDeque<AcknowledgeFailure>,
    waiting: Vec<Waiting<W>>,
    /// Those whose wait is over, with what failed meanwhile.
    pub(crate) outcomes: Vec<(W, Vec<AcknowledgeFailure>)>,
    /// Topics whose leaders may have changed.
    stale: BTreeSet<TopicName>,
    last_ticket: Ticket,
    /// How many polls wait for records.
    polls: u32,
    closing: bool,
    wake: Option<Monotonic>,
}

impl<W> Sessions<W> {
    pub(crate) fn new(config: SessionsConfig, member_id: String, entropy: Entropy) -> Self {
        Self {
            config,
            member_id,
            entropy,
            nodes: BTreeMap::new(),
            held: BTreeMap::new(),
            ready: VecDeque::new(),
            handed: Vec::new(),
            resting: BTreeMap::new(),
            faults: VecDeque::new(),
            failures: VecDeque::new(),
            waiting: Vec::new(),
            outcomes: Vec::new(),
            stale: BTreeSet::new(),
            last_ticket: 0,
            polls: 0,
            closing: false,
            wake: None,
        }
    }

    /// Somebody waits for records. What the poll before handed out is accepted, if that is the rule.
    pub(crate) fn poll_begins(&mut self, now: Monotonic) {
        self.polls += 1;
        let handed = std::mem::take(&mut self.handed);
        if self.config.acknowledging == Acknowledging::Implicit {
            for (at, first, last) in handed {
                // What is not held any more was acknowledged otherwise, or its lock has ended: others get it.
                drop(self.acknowledge(&at, (first, last), Acknowledgement::Accept, now));
            }
        }
    }

    pub(crate) fn poll_ends(&mut self) {
        self.polls = self.polls.saturating_sub(1);
    }

    /// True if [`Sessions::take`] has something.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.faults.is_empty()
    }

    /// What has come, or what went wrong. Records whose locks have ended are not among them.
    pub(crate) fn take(&mut self, now: Monotonic) -> Option<Result<Vec<Acquired>, ShareError>> {
        if let Some(fault) = self.faults.pop_front() {
            return Some(Err(fault));
        }
        let ready = std::mem::take(&mut self.ready).into_iter().map(|(_, acquired)| acquired);
        let ready: Vec<Acquired> = ready.filter(|acquired| acquired.locked_until > now).collect();
        for acquired in &ready {
            let ranges = acquired.ranges.iter();
            let handed = ranges.map(|range| (acquired.topic_partition.clone(), range.first.0, range.last.0));
            self.handed.extend(handed);
        }
        (!ready.is_empty()).then_some(Ok(ready))
    }

    /// Says what is to become of acquired records, first to last offset, so far as they are still ours.
    pub(crate) fn acknowledge(
        &mut self,
        at: &TopicPartition,
        (first, last): (i64, i64),
        how: Acknowledgement,
        now: Monotonic,
    ) -> Result<(), NotAcquired> {
        let not_acquired = || NotAcquired { partition: at.clone(), offset: Offset(first) };
        let held = self.held.get_mut(at).ok_or_else(not_acquired)?;
        let renews = how == Acknowledgement::Renew;
        let mut parts = if renews { held.within(first, last) } else { held.remove(first, last) };
        if held.is_empty() {
            self.held.remove(at);
        }
        parts.retain(|(_, _, hold)| hold.until > now);
        for (first, last, hold) in &parts {
            let session = self.nodes.entry(hold.node).or_default();
            let place = Place { id: hold.id, at: at.clone() };
            session.tell(place, (*first, *last), Kind::Told(how), now);
        }
        self.end_waits();
        if parts.is_empty() { Err(not_acquired()) } else { Ok(()) }
    }

    /// `waiter` waits until everything that was acknowledged so far is told; it is told at once.
    pub(crate) fn commit(&mut self, waiter: W) {
        let mut targets = BTreeMap::new();
        for (node, session) in &mut self.nodes {
            let to_begin = u64::from(!session.pending.is_empty()) + u64::from(!session.renewals.is_empty());
            session.hurry_to = session.begun + to_begin;
            if session.hurry_to > session.through {
                targets.insert(*node, session.hurry_to);
            }
        }
        self.waiting.push(Waiting { targets, waiter });
        self.end_waits();
    }

    /// All that was acquired so far is not ours any more: the membership by which it was has ended.
    pub(crate) fn lose_all(&mut self, now: Monotonic) {
        let nodes: Vec<i32> = self.nodes.keys().copied().collect();
        for node in nodes {
            self.lose(node, now);
        }
        self.resting.clear();
        self.end_waits();
    }

    /// What is due.
    pub(crate) fn plan(&mut self, wanted: &Wanted, now: Monotonic) -> Vec<ShareWork> {
        self.wake = None;
        let nodes: BTreeSet<i32> = wanted.keys().chain(self.nodes.keys()).copied().collect();
        let mut work = Vec::new();
        for node in nodes {
            let awake = self.awake(wanted.get(&node), now);
            work.extend(self.plan_node(node, &awake, now));
        }
        work
    }

    /// When [`Sessions::plan`] has to be called again because time has passed.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.wake
    }

    /// Topics whose leaders have to be looked up again.
    pub(crate) fn take_stale(&mut self) -> BTreeSet<TopicName> {
        std::mem::take(&mut self.stale)
    }

    /// Nothing is asked for any more: what is acknowledged is told, the rest released.
    pub(crate) fn begin_close(&mut self) {
        self.closing = true;
        self.polls = 0;
        self.ready.clear();
        let nodes: Vec<i32> = self.nodes.keys().copied().collect();
        for node in nodes {
            self.drop_renewals(node);
        }
    }

    /// What is about to be released needs no new lock.
    fn drop_renewals(&mut self, node: i32) {
        let Some(session) = self.nodes.get_mut(&node) else {
            return;
        };
        let renewals = std::mem::take(&mut session.renewals);
        session.begun += u64::from(!renewals.is_empty());
        self.settle(node, &renewals, |_| Ok(()));
    }

    /// True once every session is ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing && self.nodes.values().all(|session| session.epoch == 0 && session.under_way.is_none())
    }

    /// Nobody waits any longer.
    pub(crate) fn abandon(&mut self) {
        let nodes: Vec<i32> = self.nodes.keys().copied().collect();
        for node in nodes {
            if let Some(asked) = self.nodes.get_mut(&node).and_then(|session| session.under_way.take()) {
                self.settle(node, &asked.acks, |_| Err(AcknowledgeCause::SessionEnded));
            }
            self.forget_acquired(node);
        }
        for waiting in &mut self.waiting {
            waiting.targets.clear();
        }
        self.end_waits();
    }

    fn is_hungry(&self) -> bool {
        self.polls > 0 && !self.closing && !self.has_ready()
    }

    /// Those of the places that are not left alone.
    fn awake(&mut self, places: Option<&BTreeSet<Place>>, now: Monotonic) -> BTreeSet<Place> {
        let mut awake = BTreeSet::new();
        for place in places.into_iter().flatten() {
            match self.resting.get(place).and_then(|rest| rest.until) {
                Some(until) if until > now => self.wake_at(until),
                _ => drop(awake.insert(place.clone())),
            }
        }
        awake
    }

    fn wake_at(&mut self, at: Monotonic) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// The next request to a broker, if one is due.
    fn plan_node(&mut self, node: i32, places: &BTreeSet<Place>, now: Monotonic) -> Option<ShareWork> {
        let hungry = self.is_hungry() && !places.is_empty();
        let linger = self.config.linger;
        let session = self.nodes.entry(node).or_default();
        if session.under_way.is_some() {
            return None;
        }
        if let Some(until) = session.not_before.filter(|until| *until > now) {
            if hungry || session.has_acks() {
                self.wake_at(until);
            }
            return None;
        }
        if self.closing {
            return (session.epoch > 0).then(|| self.send_end(node));
        }
        if !session.renewals.is_empty() {
            return Some(self.send_renewals(node));
        }
        let all_ride = session.pending.keys().all(|place| places.contains(place));
        if hungry && all_ride {
            return Some(self.send_fetch(node, places));
        }
        let due = session.pending_since.map(|since| since + linger)?;
        if due <= now || hungry || session.begun < session.hurry_to {
            return Some(self.send_acknowledgements(node));
        }
        self.wake_at(due);
        None
    }

    fn send_fetch(&mut self, node: i32, places: &BTreeSet<Place>) -> ShareWork {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let session = self.nodes.entry(node).or_default();
        let acks = session.take_pending();
        let who = Who { config: &self.config, member_id: &self.member_id, epoch: session.epoch };
        let request = who.fetch(beyond(places, &session.known), beyond(&session.known, places), &acks);
        session.begin(ticket, places.clone(), acks);
        ShareWork::Fetch { ticket, node, request }
    }

    fn send_acknowledgements(&mut self, node: i32) -> ShareWork {
        let session = self.nodes.entry(node).or_default();
        let acks = session.take_pending();
        self.send_acks(node, acks, false)
    }

    fn send_renewals(&mut self, node: i32) -> ShareWork {
        let session = self.nodes.entry(node).or_default();
        let acks = std::mem::take(&mut session.renewals);
        self.send_acks(node, acks, true)
    }

    fn send_acks(&mut self, node: i32, acks: Acks, renews: bool) -> ShareWork {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let session = self.nodes.entry(node).or_default();
        let who = Who { config: &self.config, member_id: &self.member_id, epoch: session.epoch };
        let request = who.acknowledge(&acks, renews);
        session.begin(ticket, BTreeSet::new(), acks);
        ShareWork::Acknowledge { ticket, node, request, renews }
    }

    fn send_end(&mut self, node: i32) -> ShareWork {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let session = self.nodes.entry(node).or_default();
        let acks = session.take_pending();
        let who = Who { config: &self.config, member_id: &self.member_id, epoch: session.epoch };
        let request = who.end(&acks);
        session.begin(ticket, BTreeSet::new(), acks);
        if let Some(asked) = &mut session.under_way {
            asked.ends = true;
        }
        ShareWork::Acknowledge { ticket, node, request, renews: false }
    }

    /// The session with a broker is lost, and with it what was acquired.
    fn lose(&mut self, node: i32, now: Monotonic) {
        let Some(session) = self.nodes.get_mut(&node) else {
            return;
        };
        session.epoch = 0;
        session.known.clear();
        session.losses += 1;
        self.forget_acquired(node);
        self.held.retain(|_, held| {
            held.retain(|hold| hold.node != node && hold.until > now);
            !held.is_empty()
        });
        self.ready.retain(|(from, _)| *from != node);
    }

    /// What was to be told is told no more.
    fn forget_acquired(&mut self, node: i32) {
        let Some(session) = self.nodes.get_mut(&node) else {
            return;
        };
        for acks in [session.take_pending(), std::mem::take(&mut session.renewals)] {
            if let (false, Some(session)) = (acks.is_empty(), self.nodes.get_mut(&node)) {
                session.begun += 1;
                self.settle(node, &acks, |_| Err(AcknowledgeCause::SessionEnded));
            }
        }
    }

    /// What became of acknowledgements.
    fn settle(&mut self, node: i32, acks: &Acks, outcome: impl Fn(&Place) -> Result<(), AcknowledgeCause>) {
        if acks.is_empty() {
            return;
        }
        for (place, ranges) in acks {
            let Err(cause) = outcome(place) else { continue };
            for (first, last, kind) in ranges.iter() {
                // Nobody has heard of what is not there.
                if *kind != Kind::Gap {
                    let (first, last) = (Offset(first), Offset(last));
                    let partition = place.at.clone();
                    let failure = AcknowledgeFailure { partition, first, last, cause: cause.clone() };
                    self.failures.push_back(failure);
                }
            }
        }
        while self.failures.len() > MAX_FAILURES {
            let failure = self.failures.pop_front();
            tracing::warn!(?failure, "an acknowledgement failed, and nobody has asked");
        }
        if let Some(session) = self.nodes.get_mut(&node) {
            session.through += 1;
        }
        self.end_waits();
    }

    /// Failures that nobody has heard of.
    pub(super) fn keep(&mut self, failures: Vec<AcknowledgeFailure>) {
        for failure in failures.into_iter().rev() {
            self.failures.push_front(failure);
        }
    }

    fn end_waits(&mut self) {
        let mut still = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            waiting
                .targets
                .retain(|node, target| self.nodes.get(node).is_some_and(|session| session.through < *target));
            if waiting.targets.is_empty() {
                self.outcomes.push((waiting.waiter, self.failures.drain(..).collect()));
            } else {
                still.push(waiting);
            }
        }
        self.waiting = still;
    }
}

impl Session {
    fn has_acks(&self) -> bool {
        !self.pending.is_empty() || !self.renewals.is_empty()
    }

    /// These offsets are told that, with the next request.
    fn tell(&mut self, place: Place, (first, last): (i64, i64), kind: Kind, now: Monotonic) {
        if first > last {
            return;
        }
        if kind == Kind::Told(Acknowledgement::Renew) {
            self.renewals.entry(place).or_default().insert(first, last, kind);
            return;
        }
        if let Some(renewals) = self.renewals.get_mut(&place) {
            renewals.remove(first, last);
            if renewals.is_empty() {
                self.renewals.remove(&place);
                // Somebody may wait for the request that is not needed any more.
                let none_left = u64::from(self.renewals.is_empty());
                self.begun += none_left;
                self.through += none_left;
            }
        }
        self.pending_since.get_or_insert(now);
        self.pending.entry(place).or_default().insert(first, last, kind);
    }

    fn take_pending(&mut self) -> Acks {
        self.pending_since = None;
        std::mem::take(&mut self.pending)
    }

    fn begin(&mut self, ticket: Ticket, places: BTreeSet<Place>, acks: Acks) {
        self.begun += u64::from(!acks.is_empty());
        let (epoch, losses) = (self.epoch, self.losses);
        self.under_way = Some(Asked { ticket, epoch, losses, places, acks, ends: false });
    }
}
