//! Membership in a classic group: the member's half of Kafka's rebalance protocol, eager or cooperative (KIP-429). Pure.
//!
//! Owns: [`ClassicMember`]: when to join, sync, beat and leave, what answers mean, which partitions are ours, and what
//! the application is told about them.
//!
//! Invariants: those of every [`Membership`]. At most one of join, sync and counting is under way, and an answer to
//! anything older is ignored. An eager member lets go of all partitions before it joins again. A cooperative one keeps
//! them and says so when it joins, until it is assigned others or the group has moved on without it; it lets go of what it
//! is not assigned any more, and joins again at once.
//!
//! A member is cooperative if all its assignors are: one that is not may be chosen for the next generation, and gives to
//! others what we keep.
//!
//! Does not know: connections, where the coordinator is, offsets and records, clocks.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, TopicName, TopicPartition};

use super::{Attendance, Effect, GroupAnswer, GroupEvent, Identity, MemberKind, Membership, Outbox, Ticket};
use crate::assignor::{Assignor, Subscriber};
use crate::consumer::GroupError;
use crate::retry::Backoff;

/// How a member behaves.
#[derive(Debug, Clone)]
pub(crate) struct ClassicConfig {
    pub(crate) group: String,
    /// Set for a static member.
    pub(crate) instance_id: Option<String>,
    /// Where the member is.
    pub(crate) rack: Option<String>,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    /// The longest time between polls; also how long a rebalance waits for this member.
    pub(crate) max_poll_interval: Duration,
    /// In the order of preference.
    pub(crate) assignors: Vec<Assignor>,
    pub(crate) backoff: Backoff,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ClassicMember {
    config: ClassicConfig,
    entropy: Entropy,
    /// What the application subscribes to.
    topics: BTreeSet<TopicName>,
    /// What it subscribed to when we last joined.
    joined_topics: BTreeSet<TopicName>,
    member_id: String,
    generation: i32,
    phase: Phase,
    /// Set while we lead the group.
    leading: Option<Leading>,
    owned: BTreeSet<TopicPartition>,
    /// What of it the application knows to have.
    announced: BTreeSet<TopicPartition>,
    events: VecDeque<GroupEvent>,
    outbox: Outbox,
    failures: u32,
    attendance: Attendance,
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
    /// Leads, and waits for the sizes of the topics.
    Counting {
        ticket: Ticket,
        assignor: Assignor,
        members: Vec<Subscriber>,
    },
    Syncing {
        ticket: Ticket,
    },
    Member(Heartbeats),
    /// Joins again once the application has let go of these partitions.
    LettingGo {
        heartbeats: Heartbeats,
        partitions: BTreeSet<TopicPartition>,
        told: bool,
    },
    /// Out of the group; joins at the next poll, or (fenced) never.
    Failed {
        for_good: Option<GroupError>,
    },
}

#[derive(Debug, Clone, Copy)]
struct Heartbeats {
    next: Monotonic,
    waiting: Option<Ticket>,
}

/// What the leader assigned by.
#[derive(Debug)]
struct Leading {
    topics: BTreeSet<TopicName>,
    /// `None` if another member's leader assigned and we only took over.
    counts: Option<BTreeMap<TopicName, i32>>,
}

impl ClassicMember {
    pub(crate) fn new(config: ClassicConfig, entropy: Entropy) -> Self {
        Self {
            attendance: Attendance::new(config.max_poll_interval),
            config,
            entropy,
            topics: BTreeSet::new(),
            joined_topics: BTreeSet::new(),
            member_id: String::new(),
            generation: -1,
            phase: Phase::Out,
            leading: None,
            owned: BTreeSet::new(),
            announced: BTreeSet::new(),
            events: VecDeque::new(),
            outbox: Outbox::default(),
            failures: 0,
        }
    }
}

impl Membership for ClassicMember {
    fn subscribe(&mut self, topics: BTreeSet<TopicName>, now: Monotonic) {
        if topics.is_empty() {
            self.leave();
            return;
        }
        let changed = self.topics != topics;
        self.topics = topics;
        match self.phase {
            Phase::Out | Phase::Failed { .. } => {
                self.attendance.begin(now);
                self.join_at(now);
            }
            Phase::Member(_) if changed => self.rebalance(now),
            // Who is about to join, or to join again, does so for the new topics; see `synced` for the rest.
            _ => {}
        }
    }

    fn leave(&mut self) {
        self.say_goodbye("the consumer was closed or unsubscribed");
        self.give_up();
        self.events.clear();
        self.topics.clear();
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
        let Phase::LettingGo { partitions, told: true, .. } = &mut self.phase else {
            return false;
        };
        let partitions = std::mem::take(partitions);
        self.stop(partitions);
        self.rejoin(now);
        true
    }

    fn poll_ends(&mut self, now: Monotonic) {
        self.attendance.poll_ends(now);
    }

    fn next_event(&mut self) -> Option<GroupEvent> {
        let event = self.events.pop_front();
        match (&event, &mut self.phase) {
            (Some(GroupEvent::Assigned(added)), _) => self.announced.extend(added.iter().cloned()),
            (Some(GroupEvent::Revoked(_)), Phase::LettingGo { told, .. }) => *told = true,
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
        match &self.phase {
            Phase::Resting { until } if *until <= now => self.send_join(),
            Phase::Member(heartbeats) | Phase::LettingGo { heartbeats, .. }
                if heartbeats.waiting.is_none() && heartbeats.next <= now =>
            {
                self.send_heartbeat(now);
            }
            _ => {}
        }
    }

    fn deadline(&self) -> Option<Monotonic> {
        let own = match &self.phase {
            Phase::Resting { until } => Some(*until),
            Phase::Member(heartbeats) | Phase::LettingGo { heartbeats, .. } => {
                heartbeats.waiting.is_none().then_some(heartbeats.next)
            }
            _ => None,
        };
        own.into_iter().chain(self.poll_deadline()).min()
    }

    /// Who keeps partitions while joining commits for them.
    fn identity(&self) -> Option<Identity> {
        let is_member = matches!(self.phase, Phase::Member(_) | Phase::LettingGo { .. });
        (is_member || !self.owned.is_empty()).then(|| Identity {
            generation: self.generation,
            member_id: self.member_id.clone(),
            instance_id: self.config.instance_id.clone(),
            kind: if self.is_cooperative() { MemberKind::Cooperative } else { MemberKind::Eager },
        })
    }

    fn is_subscribed(&self) -> bool {
        !self.topics.is_empty()
    }

    fn is_subscribed_to(&self, topics: &BTreeSet<TopicName>) -> bool {
        self.topics == *topics
    }

    fn watched_topics(&self) -> BTreeSet<TopicName> {
        let led = self.leading.iter().flat_map(|leading| &leading.topics);
        self.topics.iter().chain(led).cloned().collect()
    }

    fn partitions_seen(&mut self, count: &dyn Fn(&TopicName) -> Option<i32>, now: Monotonic) {
        let (Phase::Member(_), Some(leading)) = (&self.phase, &mut self.leading) else {
            return;
        };
        let seen = counted(&leading.topics, count);
        let before = leading.counts.get_or_insert_with(|| seen.clone());
        if *before != seen {
            self.rebalance(now);
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic) {
        self.take_answer(ticket, answer, now);
    }

    fn commit_refused(&mut self, generation: i32, error: ErrorCode, now: Monotonic) {
        self.hear_of_commit(generation, error, now);
    }

    fn counted(&mut self, ticket: Ticket, counts: Option<BTreeMap<TopicName, i32>>, now: Monotonic) {
        self.take_counts(ticket, counts, now);
    }
}

impl ClassicMember {
    fn poll_deadline(&self) -> Option<Monotonic> {
        let takes_part = !matches!(self.phase, Phase::Out | Phase::Failed { .. });
        self.attendance.deadline().filter(|_| takes_part)
    }

    /// The application has not polled for too long.
    fn expire(&mut self) {
        self.say_goodbye("the application did not poll within the longest interval allowed");
        let (group, interval) = (self.config.group.clone(), self.attendance.longest());
        self.fail(GroupError::PollTooLate { group, interval });
    }

    fn is_cooperative(&self) -> bool {
        self.config.assignors.iter().all(|assignor| assignor.is_cooperative())
    }

    /// The group rebalances: we join again, without what we may not keep.
    fn rebalance(&mut self, now: Monotonic) {
        if matches!(self.phase, Phase::Member(_)) {
            let is_cooperative = self.is_cooperative();
            let is_kept = |at: &&TopicPartition| is_cooperative && self.topics.contains(&at.topic);
            let excess = self.owned.iter().filter(|at| !is_kept(at)).cloned().collect();
            self.take_back(excess, now);
        }
    }

    /// Joins again once these are let go of: what the application has heard of by the application, the rest at once.
    fn take_back(&mut self, partitions: BTreeSet<TopicPartition>, now: Monotonic) {
        let Phase::Member(heartbeats) = self.phase else {
            return;
        };
        let (partitions, unheard): (BTreeSet<_>, _) =
            partitions.into_iter().partition(|at| self.announced.contains(at));
        self.withdraw(unheard);
        if partitions.is_empty() {
            self.rejoin(now);
        } else {
            self.outbox.push(Effect::Freeze(partitions.clone()));
            self.events.push_back(GroupEvent::Revoked(partitions.iter().cloned().collect()));
            self.phase = Phase::LettingGo { heartbeats, partitions, told: false };
        }
    }

    /// What the application has not heard of is let go without a word.
    fn withdraw(&mut self, partitions: BTreeSet<TopicPartition>) {
        for event in &mut self.events {
            if let GroupEvent::Assigned(added) = event {
                added.retain(|at| !partitions.contains(at));
            }
        }
        self.events.retain(|event| !matches!(event, GroupEvent::Assigned(added) if added.is_empty()));
        self.stop(partitions);
    }

    /// Owns these as well. Who owns nothing is told so.
    fn take_on(&mut self, added: BTreeSet<TopicPartition>) {
        self.owned.extend(added.iter().cloned());
        if added.is_empty() && !self.owned.is_empty() {
            return;
        }
        self.events.push_back(GroupEvent::Assigned(added.iter().cloned().collect()));
        self.outbox.push(Effect::Start(added));
    }

    /// Owns these no more.
    fn stop(&mut self, partitions: BTreeSet<TopicPartition>) {
        self.owned.retain(|at| !partitions.contains(at));
        self.announced.retain(|at| !partitions.contains(at));
        if !partitions.is_empty() {
            self.outbox.push(Effect::Stop(partitions));
        }
    }

    /// The group has moved on without us.
    fn lose(&mut self, now: Monotonic) {
        self.give_up();
        self.join_at(now);
    }

    /// Out of the group until the next poll.
    fn fail(&mut self, error: GroupError) {
        self.give_up();
        let for_good = matches!(error, GroupError::Fenced { .. }).then(|| error.clone());
        if for_good.is_none() {
            self.events.push_back(GroupEvent::Failed(error));
        }
        self.phase = Phase::Failed { for_good };
    }

    /// What we own is ours no more, and the application hears of it unless it has let go by itself.
    fn give_up(&mut self) {
        self.events.retain(|event| !matches!(event, GroupEvent::Assigned(_) | GroupEvent::Revoked(_)));
        let mut lost = std::mem::take(&mut self.announced);
        if let Phase::LettingGo { partitions, told: true, .. } = &self.phase {
            lost.retain(|at| !partitions.contains(at));
        }
        if !lost.is_empty() {
            self.events.push_back(GroupEvent::Lost(lost.into_iter().collect()));
        }
        let owned = std::mem::take(&mut self.owned);
        if !owned.is_empty() {
            self.outbox.push(Effect::Stop(owned));
        }
        self.generation = -1;
        self.leading = None;
    }

    /// Joins for the next generation.
    fn rejoin(&mut self, now: Monotonic) {
        self.leading = None;
        self.join_at(now);
    }

    fn join_at(&mut self, until: Monotonic) {
        self.phase = Phase::Resting { until };
    }

    /// Joins again after a wait that grows with each failure.
    fn rest(&mut self, now: Monotonic) {
        self.failures = self.failures.saturating_add(1);
        let delay = self.config.backoff.delay(self.failures, &mut self.entropy);
        self.join_at(now + delay);
    }
}

/// How many partitions the topics have that exist.
fn counted(
    topics: &BTreeSet<TopicName>,
    count: impl Fn(&TopicName) -> Option<i32>,
) -> BTreeMap<TopicName, i32> {
    topics.iter().filter_map(|topic| Some((topic.clone(), count(topic)?))).collect()
}
