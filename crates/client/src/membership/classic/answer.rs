//! What the coordinator's answers mean to a member.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{ErrorCode, Monotonic, TopicName, TopicPartition};
use headwater_wire::ApiKey;
use headwater_wire::messages::join_group::{JoinGroupResponse, JoinGroupResponseMember};
use headwater_wire::messages::sync_group::{SyncGroupRequestAssignment, SyncGroupResponse};

use super::{ClassicMember, Effect, GroupAnswer, Heartbeats, Leading, Phase, Ticket};
use crate::assignor::protocol::{Subscription, decode_assignment, decode_subscription, encode_assignment};
use crate::assignor::{Assignor, Subscriber};
use crate::consumer::GroupError;
use crate::error::CallError;

impl ClassicMember {
    pub(super) fn take_answer(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic) {
        match (&mut self.phase, answer) {
            (Phase::Joining { ticket: waiting }, GroupAnswer::Join(answer)) if *waiting == ticket => {
                match answer {
                    Ok(response) => self.joined(response, now),
                    Err(error) => self.unanswered(error, now),
                }
            }
            (Phase::Syncing { ticket: waiting }, GroupAnswer::Sync(answer)) if *waiting == ticket => {
                match answer {
                    Ok(response) => self.synced(response, now),
                    Err(error) => self.unanswered(error, now),
                }
            }
            (
                Phase::Member(heartbeats) | Phase::LettingGo { heartbeats, .. },
                GroupAnswer::Heartbeat(answer),
            ) if heartbeats.waiting == Some(ticket) => {
                heartbeats.waiting = None;
                match answer {
                    Ok(response) => self.beaten(ErrorCode::from_code(response.error_code), now),
                    Err(error) if error.is_retriable() => self.beat_again_soon(true, now),
                    Err(error) => self.fail_call(error),
                }
            }
            _ => {}
        }
    }

    pub(super) fn take_counts(
        &mut self,
        ticket: Ticket,
        counts: Option<BTreeMap<TopicName, i32>>,
        now: Monotonic,
    ) {
        let Phase::Counting { ticket: waiting, assignor, members } = &mut self.phase else {
            return;
        };
        if *waiting != ticket {
            return;
        }
        let Some(counts) = counts else {
            self.rest(now);
            return;
        };
        let (assignor, members) = (*assignor, std::mem::take(members));
        let assigned = assignor.assign(&counts, &members);
        let assignments = assigned.into_iter().map(|(member_id, partitions)| SyncGroupRequestAssignment {
            member_id,
            assignment: encode_assignment(&partitions),
        });
        let assignments = assignments.collect();
        self.leading = Some(Leading { topics: wanted(&members), counts: Some(counts) });
        self.send_sync(assignor, assignments);
    }

    pub(super) fn hear_of_commit(&mut self, generation: i32, error: ErrorCode, now: Monotonic) {
        if self.generation == generation && matches!(self.phase, Phase::Member(_) | Phase::LettingGo { .. }) {
            match error {
                // It may be the rebalance that we have just been through: the next heartbeat tells.
                ErrorCode::RebalanceInProgress if self.is_cooperative() => self.beat_at(now),
                ErrorCode::RebalanceInProgress
                | ErrorCode::IllegalGeneration
                | ErrorCode::UnknownMemberId
                | ErrorCode::FencedInstanceId => self.beaten(error, now),
                _ => {}
            }
        }
    }

    fn joined(&mut self, response: JoinGroupResponse, now: Monotonic) {
        match ErrorCode::from_code(response.error_code) {
            ErrorCode::None => self.enter(response),
            ErrorCode::MemberIdRequired => {
                self.member_id = response.member_id;
                self.join_at(now);
            }
            error => self.refused(ApiKey::JoinGroup, error, now),
        }
    }

    /// The group has a new generation, and we are part of it.
    fn enter(&mut self, response: JoinGroupResponse) {
        let name = response.protocol_name.unwrap_or_default();
        let Some(assignor) = Assignor::from_name(&name) else {
            let group = self.config.group.clone();
            self.fail(GroupError::Assignor { group, assignor: name });
            return;
        };
        let leads = response.leader == response.member_id;
        self.member_id = response.member_id;
        self.generation = response.generation_id;
        let members: Vec<_> = response.members.into_iter().map(subscriber).collect();
        if !leads {
            self.send_sync(assignor, Vec::new());
        } else if response.skip_assignment {
            // A static leader that came back: what it assigned before stays.
            self.leading = Some(Leading { topics: wanted(&members), counts: None });
            self.send_sync(assignor, Vec::new());
        } else {
            let ticket = self.outbox.ask(|ticket| Effect::Count(ticket, wanted(&members)));
            self.phase = Phase::Counting { ticket, assignor, members };
        }
    }

    fn synced(&mut self, response: SyncGroupResponse, now: Monotonic) {
        match ErrorCode::from_code(response.error_code) {
            ErrorCode::None => {}
            error => return self.refused(ApiKey::SyncGroup, error, now),
        }
        match decode_assignment(response.assignment) {
            Ok(assigned) => self.assigned(&assigned, now),
            Err(source) => {
                let group = self.config.group.clone();
                self.fail(GroupError::Assignment { group, source });
            }
        }
    }

    /// We are a member of the new generation. What we kept and are not assigned any more goes to others, who wait for us
    /// to join again without it.
    fn assigned(&mut self, assigned: &BTreeSet<TopicPartition>, now: Monotonic) {
        self.failures = 0;
        self.phase = Phase::Member(Heartbeats { next: now + self.config.heartbeat_interval, waiting: None });
        let excess: BTreeSet<_> = self.owned.difference(assigned).cloned().collect();
        let added: BTreeSet<_> = assigned.difference(&self.owned).cloned().collect();
        if !excess.is_empty() {
            self.take_back(excess, now);
        }
        self.take_on(added);
        if self.joined_topics != self.topics {
            self.rebalance(now);
        }
    }

    /// The coordinator refuses a join or a sync.
    fn refused(&mut self, api: ApiKey, error: ErrorCode, now: Monotonic) {
        self.leading = None;
        match error {
            // The generation was overtaken while we synced: that is no failure.
            ErrorCode::RebalanceInProgress if api == ApiKey::SyncGroup => self.join_at(now),
            ErrorCode::RebalanceInProgress => self.rest(now),
            // Whatever we kept may have been given to others.
            ErrorCode::IllegalGeneration => {
                self.give_up();
                self.rest(now);
            }
            ErrorCode::UnknownMemberId => {
                self.member_id.clear();
                self.give_up();
                self.rest(now);
            }
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.rest(now);
            }
            error if error.is_retriable() => self.rest(now),
            error => self.fail_refused(api, error),
        }
    }

    /// What a heartbeat (or a commit) tells about our membership.
    fn beaten(&mut self, error: ErrorCode, now: Monotonic) {
        match error {
            ErrorCode::None => self.failures = 0,
            // Nothing to do if the application has yet to let go.
            ErrorCode::RebalanceInProgress => self.rebalance(now),
            ErrorCode::IllegalGeneration => self.lose(now),
            ErrorCode::UnknownMemberId => {
                self.member_id.clear();
                self.lose(now);
            }
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => self.beat_again_soon(true, now),
            error if error.is_retriable() => self.beat_again_soon(false, now),
            error => self.fail_refused(ApiKey::Heartbeat, error),
        }
    }

    fn beat_again_soon(&mut self, elsewhere: bool, now: Monotonic) {
        if elsewhere {
            self.outbox.push(Effect::ForgetCoordinator);
        }
        self.failures = self.failures.saturating_add(1);
        let delay = self.config.backoff.delay(self.failures, &mut self.entropy);
        self.beat_at(now + delay.min(self.config.heartbeat_interval));
    }

    fn beat_at(&mut self, next: Monotonic) {
        if let Phase::Member(heartbeats) | Phase::LettingGo { heartbeats, .. } = &mut self.phase {
            heartbeats.next = next;
        }
    }

    /// A join or a sync has no answer. The coordinator knows us by our id if it heard us: joining again is safe.
    fn unanswered(&mut self, error: CallError, now: Monotonic) {
        if error.is_retriable() {
            self.leading = None;
            self.outbox.push(Effect::ForgetCoordinator);
            self.rest(now);
        } else {
            self.fail_call(error);
        }
    }

    fn fail_call(&mut self, source: CallError) {
        let group = self.config.group.clone();
        self.fail(GroupError::Call { group, source });
    }

    fn fail_refused(&mut self, api: ApiKey, error: ErrorCode) {
        let group = self.config.group.clone();
        let instance = self.config.instance_id.clone();
        self.fail(match (error, instance) {
            (ErrorCode::FencedInstanceId, Some(instance)) => GroupError::Fenced { group, instance },
            _ => GroupError::Refused { group, api, error, reason: None },
        });
    }
}

/// A member whose subscription cannot be read gets nothing, which is better than failing the group.
fn subscriber(member: JoinGroupResponseMember) -> Subscriber {
    let Subscription { topics, owned, generation, rack: _ } =
        decode_subscription(member.metadata).unwrap_or_default();
    Subscriber {
        member_id: member.member_id,
        instance_id: member.group_instance_id,
        topics,
        owned,
        generation,
    }
}

fn wanted(members: &[Subscriber]) -> BTreeSet<TopicName> {
    members.iter().flat_map(|member| member.topics.iter().cloned()).collect()
}
