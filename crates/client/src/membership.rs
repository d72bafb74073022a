//! Membership in a classic group: the member's half of Kafka's rebalance protocol, eager. Pure.
//!
//! Owns: [`Membership`]: when to join, sync, beat and leave, what answers mean, which partitions are ours, and what
//! the application is told about them.
//!
//! Invariants: at most one of join, sync and counting is under way, and an answer to anything older is ignored. What
//! the application was told to have ([`GroupEvent::Assigned`]) is taken back exactly once, by `Revoked` (it may still
//! commit; the member joins again only at the application's next poll) or by `Lost` (it may not). An application
//! that does not poll for the configured time loses its membership, though its heartbeats went on.
//!
//! Does not know: connections, where the coordinator is, offsets and records, clocks.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, Monotonic, TopicName, TopicPartition};
use headwater_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use headwater_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use headwater_wire::messages::leave_group::LeaveGroupRequest;
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::assignor::{Assignor, Subscriber};
use crate::consumer::GroupError;
use crate::error::CallError;
use crate::retry::Backoff;

/// How a member behaves.
#[derive(Debug, Clone)]
pub(crate) struct MembershipConfig {
    pub(crate) group: String,
    /// Set for a static member.
    pub(crate) instance_id: Option<String>,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    /// The longest time between polls; also how long a rebalance waits for this member.
    pub(crate) max_poll_interval: Duration,
    /// In the order of preference.
    pub(crate) assignors: Vec<Assignor>,
    pub(crate) backoff: Backoff,
}

/// Links an answer to the request that it belongs to.
pub(crate) type Ticket = u64;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Send this to the coordinator and report with [`Membership::answered`].
    Send(Ticket, GroupRequest),
    /// Find out how many partitions these topics have, and report with [`Membership::counted`].
    Count(Ticket, BTreeSet<TopicName>),
    /// The coordinator is elsewhere: look it up again.
    ForgetCoordinator,
    /// Read these partitions from where the group is.
    Start(BTreeSet<TopicPartition>),
    /// Hand out nothing more of what was started, but keep the positions for a last commit.
    Freeze,
    /// Forget what was started.
    Stop,
}

/// A request of membership.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GroupRequest {
    Join(JoinGroupRequest),
    Sync(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    /// Its answer does not matter.
    Leave(LeaveGroupRequest),
}

/// The answer to a request of membership.
#[derive(Debug, Clone)]
pub(crate) enum GroupAnswer {
    Join(Result<JoinGroupResponse, CallError>),
    Sync(Result<SyncGroupResponse, CallError>),
    Heartbeat(Result<HeartbeatResponse, CallError>),
    Leave,
}

/// What the application is told.
#[derive(Debug, Clone)]
pub(crate) enum GroupEvent {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
    Failed(GroupError),
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) generation: i32,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Membership {
    config: MembershipConfig,
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
    /// Whether the application knows what we own.
    announced: bool,
    events: VecDeque<GroupEvent>,
    effects: Vec<Effect>,
    last_ticket: Ticket,
    failures: u32,
    /// Polls that are under way.
    polls: u32,
    last_poll: Monotonic,
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
    /// The group rebalances; the application has to let go of its partitions first.
    LettingGo {
        heartbeats: Heartbeats,
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

impl Membership {
    pub(crate) fn new(config: MembershipConfig, entropy: Entropy) -> Self {
        Self {
            config,
            entropy,
            topics: BTreeSet::new(),
            joined_topics: BTreeSet::new(),
            member_id: String::new(),
            generation: -1,
            phase: Phase::Out,
            leading: None,
            owned: BTreeSet::new(),
            announced: false,
            events: VecDeque::new(),
            effects: Vec::new(),
            last_ticket: 0,
            failures: 0,
            polls: 0,
            last_poll: Monotonic::ORIGIN,
        }
    }

    /// Subscribes to these topics instead of any before; none leaves the group.
    pub(crate) fn subscribe(&mut self, topics: BTreeSet<TopicName>, now: Monotonic) {
        if topics.is_empty() {
            self.leave();
            return;
        }
        let changed = self.topics != topics;
        self.topics = topics;
        match self.phase {
            Phase::Out | Phase::Failed { .. } => {
                self.last_poll = now;
                self.join_at(now);
            }
            Phase::Member(_) if changed => self.rebalance(now),
            // Who is about to join, or to join again, does so for the new topics; see `synced` for the rest.
            _ => {}
        }
    }

    /// Leaves the group (a static member only falls silent) and forgets the subscription.
    pub(crate) fn leave(&mut self) {
        self.say_goodbye("the consumer was closed or unsubscribed");
        self.give_up();
        self.events.clear();
        self.topics.clear();
        self.phase = Phase::Out;
    }

    /// The application polls. True if that leads to something.
    pub(crate) fn poll_begins(&mut self, now: Monotonic) -> bool {
        self.polls += 1;
        if self.events.is_empty() && matches!(self.phase, Phase::Failed { for_good: None }) {
            self.join_at(now);
            return true;
        }
        self.let_go(now)
    }

    /// The application is done with what it was told to let go of. True if there was anything.
    pub(crate) fn let_go(&mut self, now: Monotonic) -> bool {
        let was_told = matches!(self.phase, Phase::LettingGo { told: true, .. });
        if was_told {
            self.give_up();
            self.join_at(now);
        }
        was_told
    }

    /// The application's poll returns.
    pub(crate) fn poll_ends(&mut self, now: Monotonic) {
        self.polls = self.polls.saturating_sub(1);
        self.last_poll = now;
    }

    /// What the application is to be told next; it counts as told.
    pub(crate) fn next_event(&mut self) -> Option<GroupEvent> {
        let event = self.events.pop_front();
        match (&event, &mut self.phase) {
            (Some(GroupEvent::Assigned(_)), _) => self.announced = true,
            (Some(GroupEvent::Revoked(_)), Phase::LettingGo { told, .. }) => *told = true,
            (None, Phase::Failed { for_good: Some(error) }) => {
                return Some(GroupEvent::Failed(error.clone()));
            }
            _ => {}
        }
        event
    }

    /// True if [`Membership::next_event`] has something.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty() || matches!(self.phase, Phase::Failed { for_good: Some(_) })
    }

    /// What came of everything since the last call.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Does what is due at this time.
    pub(crate) fn tick(&mut self, now: Monotonic) {
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

    /// When [`Membership::tick`] has to be called at the latest.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        let own = match &self.phase {
            Phase::Resting { until } => Some(*until),
            Phase::Member(heartbeats) | Phase::LettingGo { heartbeats, .. } => {
                heartbeats.waiting.is_none().then_some(heartbeats.next)
            }
            _ => None,
        };
        own.into_iter().chain(self.poll_deadline()).min()
    }

    /// Who commits; `None` while we are no member.
    pub(crate) fn identity(&self) -> Option<Identity> {
        match self.phase {
            Phase::Member(_) | Phase::LettingGo { .. } => Some(Identity {
                generation: self.generation,
                member_id: self.member_id.clone(),
                instance_id: self.config.instance_id.clone(),
            }),
            _ => None,
        }
    }

    /// True once subscribed, until unsubscribed.
    pub(crate) fn is_subscribed(&self) -> bool {
        !self.topics.is_empty()
    }

    /// True if these are what is subscribed to.
    pub(crate) fn is_subscribed_to(&self, topics: &BTreeSet<TopicName>) -> bool {
        self.topics == *topics
    }

    /// The topics whose numbers of partitions matter to us.
    pub(crate) fn watched_topics(&self) -> BTreeSet<TopicName> {
        let led = self.leading.iter().flat_map(|leading| &leading.topics);
        self.topics.iter().chain(led).cloned().collect()
    }

    /// The leader joins again when a topic has other partitions than those it assigned.
    pub(crate) fn partitions_seen(&mut self, count: impl Fn(&TopicName) -> Option<i32>, now: Monotonic) {
        let (Phase::Member(_), Some(leading)) = (&self.phase, &mut self.leading) else {
            return;
        };
        let seen = counted(&leading.topics, count);
        let before = leading.counts.get_or_insert_with(|| seen.clone());
        if *before != seen {
            self.rebalance(now);
        }
    }

    fn poll_deadline(&self) -> Option<Monotonic> {
        let takes_part = !matches!(self.phase, Phase::Out | Phase::Failed { .. });
        (takes_part && self.polls == 0).then(|| self.last_poll + self.config.max_poll_interval)
    }

    /// The application has not polled for too long.
    fn expire(&mut self) {
        self.say_goodbye("the application did not poll within the longest interval allowed");
        let (group, interval) = (self.config.group.clone(), self.config.max_poll_interval);
        self.fail(GroupError::PollTooLate { group, interval });
    }

    /// The group rebalances: what the application has must be taken back before we join again.
    fn rebalance(&mut self, now: Monotonic) {
        let Phase::Member(heartbeats) = self.phase else {
            return;
        };
        if self.announced && !self.owned.is_empty() {
            self.effects.push(Effect::Freeze);
            self.events.push_back(GroupEvent::Revoked(self.owned.iter().cloned().collect()));
            self.phase = Phase::LettingGo { heartbeats, told: false };
        } else {
            self.give_up();
            self.join_at(now);
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
        let let_go = matches!(self.phase, Phase::LettingGo { told: true, .. });
        self.events.retain(|event| !matches!(event, GroupEvent::Assigned(_) | GroupEvent::Revoked(_)));
        let owned = std::mem::take(&mut self.owned);
        if self.announced && !let_go && !owned.is_empty() {
            self.events.push_back(GroupEvent::Lost(owned.iter().cloned().collect()));
        }
        if !owned.is_empty() {
            self.effects.push(Effect::Stop);
        }
        self.announced = false;
        self.leading = None;
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

    fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        self.last_ticket
    }
}

/// How many partitions the topics have that exist.
fn counted(
    topics: &BTreeSet<TopicName>,
    count: impl Fn(&TopicName) -> Option<i32>,
) -> BTreeMap<TopicName, i32> {
    topics.iter().filter_map(|topic| Some((topic.clone(), count(topic)?))).collect()
}
