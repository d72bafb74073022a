//! Membership in a group whose coordinator divides the partitions (KIP-848), the consumer group protocol. Pure.
//!
//! Owns: [`ReconcilingMember`]: when to join, beat and leave, what answers mean, what is told to the coordinator; step
//! by step towards what it assigns ([`ownership`] keeps the sets).
//!
//! Invariants: those of every [`Membership`]. At most one heartbeat is under way, and none joins before a farewell is
//! answered. Who joins owns nothing. What the coordinator takes back is let go of by the application first, and only
//! then does a heartbeat say so; nothing is added while the coordinator may still hear that we do not have it. After
//! anything went wrong the next heartbeat tells everything, else only what has changed.
//!
//! Does not know: connections, where the coordinator is, offsets and records, clocks. It does not notice by itself that
//! its session ended: as in Kafka's own client, the next heartbeat or commit that gets through is told.

mod answer;
mod ownership;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, TopicName, TopicPartition, Uuid};

use super::{Attendance, Effect, GroupAnswer, GroupEvent, Identity, MemberKind, Membership, Outbox, Ticket};
use crate::consumer::GroupError;
use crate::retry::Backoff;
use ownership::Ownership;

/// How often the name of a topic is asked for that nobody knows yet.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(1);

/// How a member behaves.
#[derive(Debug, Clone)]
pub(crate) struct ReconcilingConfig {
    pub(crate) group: String,
    /// Set for a static member.
    pub(crate) instance_id: Option<String>,
    /// Where the member is.
    pub(crate) rack: Option<String>,
    /// How the coordinator is to divide the partitions, by name; it chooses itself if `None`.
    pub(crate) server_assignor: Option<String>,
    /// The longest time between polls; also how long a rebalance waits for this member.
    pub(crate) max_poll_interval: Duration,
    /// How long to wait for an instance id that another member still holds.
    pub(crate) patience: Duration,
    pub(crate) backoff: Backoff,
}

/// What the application subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subscription {
    Nothing,
    Topics(BTreeSet<TopicName>),
    /// All topics whose whole names match this regular expression.
    Matching(String),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ReconcilingMember {
    config: ReconcilingConfig,
    entropy: Entropy,
    /// Chosen once, for all of this member's life.
    member_id: String,
    /// 0 until the coordinator knows us.
    epoch: i32,
    subscription: Subscription,
    phase: Phase,
    told: Told,
    /// There may be something to take on.
    pending: bool,
    partitions: Ownership,
    resolving: Resolving,
    events: VecDeque<GroupEvent>,
    outbox: Outbox,
    attendance: Attendance,
    /// How often the coordinator wants to hear of us.
    interval: Duration,
    failures: u32,
    /// The coordinator may know us.
    known: bool,
    /// A farewell that is under way.
    farewell: Option<Ticket>,
    /// Since when another member holds our instance id.
    unreleased_since: Option<Monotonic>,
}

/// What the coordinator was told of us.
#[derive(Debug, Default)]
struct Told {
    /// What we subscribe to; `None` if it is to be told everything.
    subscription: Option<Subscription>,
    /// It waits to hear what we own.
    acknowledge: bool,
    /// A heartbeat told what we own, and whether the coordinator has heard it is not known (yet). Until it is, nothing is
    /// taken on: the coordinator may give to others what it was told that we do not have.
    unsettled: bool,
}

#[derive(Debug)]
enum Phase {
    /// Not subscribed.
    Out,
    /// Joins once this moment has come.
    Resting {
        until: Monotonic,
    },
    Joining {
        ticket: Ticket,
    },
    Member {
        next: Monotonic,
        waiting: Option<Ticket>,
    },
    /// Out of the group; joins at the next poll, or (fenced) never.
    Failed {
        for_good: Option<GroupError>,
    },
}

/// The names of topics that were assigned by id.
#[derive(Debug)]
struct Resolving {
    waiting: Option<Ticket>,
    not_before: Monotonic,
}

impl ReconcilingMember {
    pub(crate) fn new(config: ReconcilingConfig, mut entropy: Entropy) -> Self {
        Self {
            attendance: Attendance::new(config.max_poll_interval),
            config,
            member_id: entropy.uuid().to_string(),
            entropy,
            epoch: 0,
            subscription: Subscription::Nothing,
            phase: Phase::Out,
            told: Told::default(),
            pending: false,
            partitions: Ownership::default(),
            resolving: Resolving { waiting: None, not_before: Monotonic::ORIGIN },
            events: VecDeque::new(),
            outbox: Outbox::default(),
            interval: Duration::ZERO,
            failures: 0,
            known: false,
            farewell: None,
            unreleased_since: None,
        }
    }

    fn subscribe_to(&mut self, subscription: Subscription, now: Monotonic) {
        self.subscription = subscription;
        if matches!(self.phase, Phase::Out | Phase::Failed { .. }) {
            self.attendance.begin(now);
            self.join_at(now);
        }
    }

    /// True if the coordinator is to hear of something before the next heartbeat is due.
    fn is_urgent(&self) -> bool {
        self.told.acknowledge
            || self.told.subscription.as_ref().is_some_and(|told| *told != self.subscription)
    }

    fn poll_deadline(&self) -> Option<Monotonic> {
        let takes_part = !matches!(self.phase, Phase::Out | Phase::Failed { .. });
        self.attendance.deadline().filter(|_| takes_part)
    }

    /// The application has not polled for too long.
    fn expire(&mut self) {
        self.say_goodbye();
        let (group, interval) = (self.config.group.clone(), self.attendance.longest());
        self.fail(GroupError::PollTooLate { group, interval });
    }

    /// A step towards what the coordinator assigns: what is too much goes first.
    fn reconcile(&mut self, now: Monotonic) {
        self.resolve(now);
        if self.partitions.is_letting_go() {
            return;
        }
        self.pending = true;
        let excess = self.partitions.excess();
        if !excess.unheard.is_empty() {
            self.withdraw(excess.unheard);
        }
        if !excess.announced.is_empty() {
            self.outbox.push(Effect::Freeze(excess.announced.clone()));
            self.events.push_back(GroupEvent::Revoked(excess.announced.iter().cloned().collect()));
            self.partitions.begin_to_let_go(excess.announced);
        } else if !self.told.unsettled {
            self.take_on();
        }
    }

    /// Takes on what is assigned and not owned, so far as topics have names.
    fn take_on(&mut self) {
        let begins = self.partitions.begins();
        let added = self.partitions.add_missing();
        if !added.is_empty() {
            self.outbox.push(Effect::Start(added.clone()));
        }
        if begins || !added.is_empty() {
            self.events.push_back(GroupEvent::Assigned(added.iter().cloned().collect()));
        }
        self.told.acknowledge |= !added.is_empty() || !self.partitions.has_unknown();
        self.pending = false;
    }

    /// What the application has not heard of is let go without a word.
    fn withdraw(&mut self, partitions: BTreeSet<TopicPartition>) {
        for event in &mut self.events {
            if let GroupEvent::Assigned(assigned) = event {
                assigned.retain(|at| !partitions.contains(at));
            }
        }
        self.partitions.drop(&partitions);
        self.outbox.push(Effect::Stop(partitions));
        self.told.acknowledge = true;
    }

    /// Asks for the names that are not known, if it is time to.
    fn resolve(&mut self, now: Monotonic) {
        if self.resolving.waiting.is_some() || now < self.resolving.not_before {
            return;
        }
        let unknown = self.partitions.unknown();
        if !unknown.is_empty() {
            self.resolving.waiting = Some(self.outbox.ask(|ticket| Effect::Resolve(ticket, unknown)));
        }
    }

    /// The coordinator does not know us (any more).
    fn lose(&mut self, now: Monotonic) {
        self.give_up();
        self.epoch = 0;
        self.join_at(now);
    }

    /// Out of the group until the next poll.
    fn fail(&mut self, error: GroupError) {
        self.give_up();
        self.epoch = 0;
        let for_good = matches!(error, GroupError::Fenced { .. }).then(|| error.clone());
        if for_good.is_none() {
            self.events.push_back(GroupEvent::Failed(error));
        }
        self.phase = Phase::Failed { for_good };
    }

    /// What we own is ours no more, and the application hears of it unless it has let go by itself.
    fn give_up(&mut self) {
        self.events.retain(|event| !matches!(event, GroupEvent::Assigned(_) | GroupEvent::Revoked(_)));
        let given_up = self.partitions.give_up();
        if !given_up.lost.is_empty() {
            self.events.push_back(GroupEvent::Lost(given_up.lost.into_iter().collect()));
        }
        if !given_up.owned.is_empty() {
            self.outbox.push(Effect::Stop(given_up.owned));
        }
        self.resolving.waiting = None;
        self.told = Told::default();
        self.pending = false;
    }

    fn join_at(&mut self, until: Monotonic) {
        self.phase = Phase::Resting { until };
    }
}

impl Membership for ReconcilingMember {
    fn subscribe(&mut self, topics: BTreeSet<TopicName>, now: Monotonic) {
        if topics.is_empty() {
            self.leave();
        } else {
            self.subscribe_to(Subscription::Topics(topics), now);
        }
    }

    fn subscribe_matching(&mut self, pattern: &str, now: Monotonic) -> bool {
        self.subscribe_to(Subscription::Matching(pattern.to_owned()), now);
        true
    }

    fn leave(&mut self) {
        self.say_goodbye();
        self.give_up();
        self.events.clear();
        self.subscription = Subscription::Nothing;
        self.phase = Phase::Out;
    }

    fn poll_begins(&mut self, now: Monotonic) -> bool {
        self.attendance.poll_begins();
        if self.events.is_empty() && matches!(self.phase, Phase::Failed { for_good: None }) {
            self.join_at(now);
            return true;
        }
        self.let_go(now)
    }

    fn let_go(&mut self, now: Monotonic) -> bool {
        let Some(gone) = self.partitions.let_go() else {
            return false;
        };
        self.outbox.push(Effect::Stop(gone));
        self.told.acknowledge = true;
        self.reconcile(now);
        true
    }

    fn poll_ends(&mut self, now: Monotonic) {
        self.attendance.poll_ends(now);
    }

    fn next_event(&mut self) -> Option<GroupEvent> {
        let event = self.events.pop_front();
        match (&event, &self.phase) {
            (Some(GroupEvent::Assigned(assigned)), _) => self.partitions.announce(assigned),
            (Some(GroupEvent::Revoked(_)), _) => self.partitions.tell_to_let_go(),
            (None, Phase::Failed { for_good: Some(error) }) => {
                return Some(GroupEvent::Failed(error.clone()));
            }
            _ => {}
        }
        event
    }

    fn has_events(&self) -> bool {
        !self.events.is_empty() || matches!(self.phase, Phase::Failed { for_good: Some(_) })
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        self.outbox.take()
    }

    fn tick(&mut self, now: Monotonic) {
        if self.poll_deadline().is_some_and(|deadline| deadline <= now) {
            self.expire();
        }
        match self.phase {
            Phase::Resting { until } if until <= now && self.farewell.is_none() => self.send_join(),
            Phase::Member { next, waiting: None } if next <= now || self.is_urgent() => {
                self.send_heartbeat(now);
            }
            _ => {}
        }
        self.resolve(now);
    }

    fn deadline(&self) -> Option<Monotonic> {
        let own = match self.phase {
            Phase::Resting { until } if self.farewell.is_none() => Some(until),
            Phase::Member { next, waiting: None } => Some(next),
            _ => None,
        };
        let waits_for_names = self.resolving.waiting.is_none() && self.partitions.has_unknown();
        let resolving = waits_for_names.then_some(self.resolving.not_before);
        [own, resolving, self.poll_deadline()].into_iter().flatten().min()
    }

    fn identity(&self) -> Option<Identity> {
        matches!(self.phase, Phase::Member { .. }).then(|| Identity {
            generation: self.epoch,
            member_id: self.member_id.clone(),
            instance_id: self.config.instance_id.clone(),
            kind: MemberKind::Reconciling,
        })
    }

    fn is_subscribed(&self) -> bool {
        self.subscription != Subscription::Nothing
    }

    fn is_subscribed_to(&self, topics: &BTreeSet<TopicName>) -> bool {
        matches!(&self.subscription, Subscription::Topics(ours) if ours == topics)
    }

    /// The coordinator watches the topics.
    fn watched_topics(&self) -> BTreeSet<TopicName> {
        BTreeSet::new()
    }

    fn answered(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic) {
        self.take_answer(ticket, answer, now);
    }

    /// What a commit was told is asked about at once: the epoch may only have risen since.
    fn commit_refused(&mut self, generation: i32, error: ErrorCode, now: Monotonic) {
        let concerns_us = matches!(
            error,
            ErrorCode::StaleMemberEpoch | ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId
        );
        if let Phase::Member { next, .. } = &mut self.phase
            && self.epoch == generation
            && concerns_us
        {
            *next = now.min(*next);
        }
    }

    fn resolved(&mut self, ticket: Ticket, names: Option<BTreeMap<Uuid, TopicName>>, now: Monotonic) {
        if self.resolving.waiting != Some(ticket) {
            return;
        }
        self.resolving = Resolving { waiting: None, not_before: now + RESOLVE_INTERVAL };
        if self.partitions.learn(names.unwrap_or_default()) {
            self.reconcile(now);
        }
    }
}
