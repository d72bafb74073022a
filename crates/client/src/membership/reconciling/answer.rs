//! What the coordinator's answers mean to a member.

use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, PartitionId};
use headwater_wire::ApiKey;
use headwater_wire::messages::consumer_group_heartbeat::{Assignment, ConsumerGroupHeartbeatResponse};

use super::ownership::ById;
use super::{Phase, ReconcilingMember};
use crate::consumer::GroupError;
use crate::error::CallError;
use crate::membership::{Effect, GroupAnswer, GroupEvent, Ticket};

/// No coordinator makes us beat faster.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

impl ReconcilingMember {
    pub(super) fn take_answer(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic) {
        if self.farewell == Some(ticket) {
            self.farewell = None;
            return;
        }
        let GroupAnswer::ConsumerHeartbeat(answer) = answer else {
            return;
        };
        match &mut self.phase {
            Phase::Joining { ticket: waiting } if *waiting == ticket => {}
            Phase::Member { waiting, .. } if *waiting == Some(ticket) => *waiting = None,
            _ => return,
        }
        match answer {
            Ok(response) => self.heard(response, now),
            Err(error) => self.unanswered(error, now),
        }
    }

    fn heard(&mut self, response: ConsumerGroupHeartbeatResponse, now: Monotonic) {
        let joins = matches!(self.phase, Phase::Joining { .. });
        match ErrorCode::from_code(response.error_code) {
            ErrorCode::None => self.accepted(response, now),
            // We are known by an epoch of before, and would be refused until that session ends.
            ErrorCode::FencedMemberEpoch if joins => {
                self.say_goodbye();
                self.try_again(now);
            }
            ErrorCode::UnknownMemberId if joins => self.try_again(now),
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => self.lose(now),
            // A group that is gone knows no members.
            ErrorCode::GroupIdNotFound if !joins => self.lose(now),
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.try_again(now);
            }
            ErrorCode::UnreleasedInstanceId => {
                // It may be ourselves, if the answer to an earlier join was lost. Nobody else hears this.
                self.say_goodbye();
                self.wait_for_release(now);
            }
            error @ ErrorCode::TopicAuthorizationFailed => {
                // We stay what we are, and see more once we may.
                let refused = self.refusal(error, response.error_message);
                self.events.push_back(GroupEvent::Failed(refused));
                self.try_again_at(now + self.interval.max(SHORTEST_INTERVAL));
            }
            error if error.is_retriable() => self.try_again(now),
            error => {
                let refused = self.refusal(error, response.error_message);
                self.fail(refused);
            }
        }
    }

    /// The coordinator knows us, and may have something for us.
    fn accepted(&mut self, response: ConsumerGroupHeartbeatResponse, now: Monotonic) {
        self.failures = 0;
        self.unreleased_since = None;
        self.epoch = response.member_epoch;
        let interval = Duration::from_millis(u64::try_from(response.heartbeat_interval_ms).unwrap_or(0));
        self.interval = interval.max(SHORTEST_INTERVAL);
        match &mut self.phase {
            Phase::Member { next, .. } => *next = (*next).min(now + self.interval),
            phase => *phase = Phase::Member { next: now + self.interval, waiting: None },
        }
        self.told.unsettled = false;
        let is_new = response.assignment.is_some_and(|assignment| self.partitions.aim_at(by_id(assignment)));
        if is_new || self.pending {
            self.reconcile(now);
        }
    }

    /// Whether the coordinator has heard us is not known: everything is told again.
    fn unanswered(&mut self, error: CallError, now: Monotonic) {
        let group = self.config.group.clone();
        match error {
            CallError::Unsupported { .. } => self.fail(GroupError::UnknownProtocol { group }),
            error if error.is_retriable() => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.try_again(now);
            }
            source => self.fail(GroupError::Call { group, source }),
        }
    }

    /// The member that has our instance id may be one that died a moment ago: its session ends.
    fn wait_for_release(&mut self, now: Monotonic) {
        let since = *self.unreleased_since.get_or_insert(now);
        if now - since <= self.config.patience {
            self.try_again(now);
            return;
        }
        self.unreleased_since = None;
        let group = self.config.group.clone();
        let instance = self.config.instance_id.clone().unwrap_or_default();
        self.fail(GroupError::Unreleased { group, instance });
    }

    /// Tells everything after a wait that grows with each failure.
    fn try_again(&mut self, now: Monotonic) {
        self.failures = self.failures.saturating_add(1);
        let delay = self.config.backoff.delay(self.failures, &mut self.entropy);
        self.try_again_at(now + delay);
    }

    fn try_again_at(&mut self, at: Monotonic) {
        self.told.subscription = None;
        self.told.acknowledge = false;
        match &mut self.phase {
            Phase::Member { next, .. } => *next = at,
            phase => *phase = Phase::Resting { until: at },
        }
    }

    fn refusal(&self, error: ErrorCode, reason: Option<String>) -> GroupError {
        let group = self.config.group.clone();
        match (error, &self.config.instance_id) {
            (ErrorCode::UnsupportedVersion, _) => GroupError::UnknownProtocol { group },
            (ErrorCode::FencedInstanceId, Some(instance)) => {
                GroupError::Fenced { group, instance: instance.clone() }
            }
            _ => GroupError::Refused { group, api: ApiKey::ConsumerGroupHeartbeat, error, reason },
        }
    }
}

fn by_id(assignment: Assignment) -> ById {
    let mut partitions = ById::new();
    for topic in assignment.topic_partitions {
        let of_topic = topic.partitions.into_iter().map(PartitionId);
        partitions.entry(topic.topic_id).or_default().extend(of_topic);
    }
    partitions.retain(|_, of_topic| !of_topic.is_empty());
    partitions
}
