//! Membership in a share group (KIP-932): members are assigned partitions to share, and give nothing back. Pure.
//!
//! Owns: [`ShareMember`]: what its heartbeats tell, and what is assigned.
//!
//! Invariants: at most one heartbeat is under way. What is assigned holds at once, whoever has it beside. Whenever the
//! coordinator may have put us out, [`ShareMember::incarnation`] grows: whatever was acquired before is released.
//!
//! Does not know: records, sessions, what topics are called, connections, clocks.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, TopicName, Uuid};
use headwater_wire::ApiKey;
use headwater_wire::messages::share_group_heartbeat::{
    Assignment, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};

use super::heart::{Answered, Heart, LEAVES, Meaning};
use super::{Effect, GroupAnswer, GroupRequest, Outbox, Ticket};
use crate::consumer::GroupError;
use crate::error::CallError;
use crate::retry::Backoff;

/// How a member behaves.
#[derive(Debug, Clone)]
pub(crate) struct ShareMemberConfig {
    pub(crate) group: String,
    /// Where the member is.
    pub(crate) rack: Option<String>,
    /// The longest time between polls.
    pub(crate) max_poll_interval: Duration,
    pub(crate) backoff: Backoff,
}

/// Partitions by the ids of their topics.
pub(crate) type Assigned = BTreeMap<Uuid, BTreeSet<PartitionId>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct ShareMember {
    config: ShareMemberConfig,
    heart: Heart,
    subscription: BTreeSet<TopicName>,
    /// What the coordinator was told to be subscribed to; `None` if it is to be told everything.
    told: Option<BTreeSet<TopicName>>,
    assigned: Assigned,
    incarnation: u64,
    failures: VecDeque<GroupError>,
    outbox: Outbox,
}

impl ShareMember {
    pub(crate) fn new(config: ShareMemberConfig, entropy: Entropy) -> Self {
        Self {
            heart: Heart::new(config.backoff, config.max_poll_interval, entropy),
            config,
            subscription: BTreeSet::new(),
            told: None,
            assigned: Assigned::new(),
            incarnation: 0,
            failures: VecDeque::new(),
            outbox: Outbox::default(),
        }
    }

    pub(crate) fn member_id(&self) -> &str {
        self.heart.member_id()
    }

    /// The partitions to consume from.
    pub(crate) fn assigned(&self) -> &Assigned {
        &self.assigned
    }

    /// Grows when what was acquired so far is not ours any more.
    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        !self.subscription.is_empty()
    }

    /// Consumes from these topics instead of any before; none leaves the group.
    pub(crate) fn subscribe(&mut self, topics: BTreeSet<TopicName>, now: Monotonic) {
        if topics.is_empty() {
            return self.leave();
        }
        self.subscription = topics;
        self.heart.begin(now);
    }

    pub(crate) fn leave(&mut self) {
        self.say_goodbye();
        self.give_up();
        self.failures.clear();
        self.subscription.clear();
        self.heart.end();
    }

    /// The application polls. True if that leads to something.
    pub(crate) fn poll_begins(&mut self, now: Monotonic) -> bool {
        self.heart.poll_begins(now, self.failures.is_empty())
    }

    pub(crate) fn poll_ends(&mut self, now: Monotonic) {
        self.heart.poll_ends(now);
    }

    /// What the application is to be told next.
    pub(crate) fn next_failure(&mut self) -> Option<GroupError> {
        self.failures.pop_front()
    }

    pub(crate) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        self.outbox.take()
    }

    /// Does what is due at this time.
    pub(crate) fn tick(&mut self, now: Monotonic) {
        if self.heart.is_absent(now) {
            self.say_goodbye();
            let (group, interval) = (self.config.group.clone(), self.heart.longest_between_polls());
            self.fail(GroupError::PollTooLate { group, interval });
        }
        let is_news = self.told.as_ref().is_some_and(|told| *told != self.subscription);
        if self.heart.due(now, is_news).is_some() {
            let request = self.heartbeat();
            let ticket = self.outbox.send(GroupRequest::ShareHeartbeat(request));
            self.heart.sent(ticket, now);
        }
    }

    /// When [`ShareMember::tick`] has to be called at the latest.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.heart.deadline()
    }

    /// An answer has come, or will not come. Answers to what is not under way any more are ignored.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic) {
        let answered = self.heart.answered(ticket);
        let GroupAnswer::ShareHeartbeat(answer) = answer else {
            return;
        };
        match answer {
            _ if answered == Answered::Nothing => {}
            Ok(response) => self.heard(response, answered, now),
            Err(error) => self.unanswered(error, now),
        }
    }

    fn heard(&mut self, response: ShareGroupHeartbeatResponse, answered: Answered, now: Monotonic) {
        match Meaning::of(ErrorCode::from_code(response.error_code), answered) {
            Meaning::Accepted => {
                self.heart.accepted(response.member_epoch, response.heartbeat_interval_ms, now);
                if let Some(assignment) = response.assignment {
                    self.assigned = by_id(assignment);
                }
            }
            Meaning::Lost => {
                self.give_up();
                self.heart.join_anew(now);
            }
            Meaning::Again => self.try_again(now),
            Meaning::Elsewhere => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.try_again(now);
            }
            Meaning::LeaveFirst => {
                self.say_goodbye();
                self.try_again(now);
            }
            // We stay what we are, and see more once we may.
            Meaning::Refused(error @ ErrorCode::TopicAuthorizationFailed) => {
                self.failures.push_back(self.refusal(error, response.error_message));
                self.told = None;
                self.heart.go_on(now);
            }
            Meaning::Refused(error) => self.fail(self.refusal(error, response.error_message)),
        }
    }

    /// Whether the coordinator has heard us is not known: everything is told again.
    fn unanswered(&mut self, error: CallError, now: Monotonic) {
        let group = self.config.group.clone();
        match error {
            CallError::Unsupported { .. } => self.fail(GroupError::NoShareGroups { group }),
            error if error.is_retriable() => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.try_again(now);
            }
            source => self.fail(GroupError::Call { group, source }),
        }
    }

    fn try_again(&mut self, now: Monotonic) {
        self.told = None;
        self.heart.try_again(now);
    }

    /// Out of the group until the next poll.
    fn fail(&mut self, error: GroupError) {
        self.give_up();
        self.failures.push_back(error);
        self.heart.fail();
    }

    /// Nothing is assigned, and nothing acquired, any more.
    fn give_up(&mut self) {
        self.assigned.clear();
        self.told = None;
        self.incarnation += 1;
    }

    /// Leaves, if the coordinator may know us.
    fn say_goodbye(&mut self) {
        if self.heart.is_known() {
            let request = ShareGroupHeartbeatRequest { member_epoch: LEAVES, ..self.who_we_are() };
            let ticket = self.outbox.send(GroupRequest::ShareLeave(request));
            self.heart.leaving(ticket);
        }
    }

    /// What the coordinator does not know yet; everything if it may know nothing.
    fn heartbeat(&mut self) -> ShareGroupHeartbeatRequest {
        let mut request = self.who_we_are();
        let everything = self.told.is_none() || self.heart.epoch() == 0;
        if everything {
            request.rack_id.clone_from(&self.config.rack);
        }
        if everything || self.told.as_ref() != Some(&self.subscription) {
            let names = self.subscription.iter().map(ToString::to_string);
            request.subscribed_topic_names = Some(names.collect());
        }
        self.told = Some(self.subscription.clone());
        request
    }

    fn who_we_are(&self) -> ShareGroupHeartbeatRequest {
        ShareGroupHeartbeatRequest {
            group_id: self.config.group.clone(),
            member_id: self.heart.member_id().to_owned(),
            member_epoch: self.heart.epoch(),
            ..Default::default()
        }
    }

    fn refusal(&self, error: ErrorCode, reason: Option<String>) -> GroupError {
        let group = self.config.group.clone();
        match error {
            ErrorCode::UnsupportedVersion => GroupError::NoShareGroups { group },
            _ => GroupError::Refused { group, api: ApiKey::ShareGroupHeartbeat, error, reason },
        }
    }
}

fn by_id(assignment: Assignment) -> Assigned {
    let mut assigned = Assigned::new();
    for topic in assignment.topic_partitions {
        let partitions = topic.partitions.into_iter().map(PartitionId);
        assigned.entry(topic.topic_id).or_default().extend(partitions);
    }
    assigned.retain(|_, partitions| !partitions.is_empty());
    assigned
}
