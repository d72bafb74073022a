//! The requests that a member sends.

use headwater_model::Monotonic;
use headwater_wire::messages::heartbeat::HeartbeatRequest;
use headwater_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use headwater_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

use super::{ClassicMember, Phase};
use crate::assignor::Assignor;
use crate::assignor::protocol::{PROTOCOL_TYPE, Subscription, encode_subscription};
use crate::membership::GroupRequest;

impl ClassicMember {
    pub(super) fn send_join(&mut self) {
        self.joined_topics = self.topics.clone();
        let subscription = Subscription {
            topics: self.topics.clone(),
            owned: self.owned.clone(),
            generation: Some(self.generation).filter(|generation| *generation >= 0),
            rack: self.config.rack.clone(),
        };
        let protocols = self.config.assignors.iter().map(|assignor| JoinGroupRequestProtocol {
            name: assignor.name().to_owned(),
            metadata: encode_subscription(&subscription, assignor.user_data(&subscription)),
        });
        let request = JoinGroupRequest {
            group_id: self.config.group.clone(),
            session_timeout_ms: self.config.session_timeout.as_millis() as i32,
            rebalance_timeout_ms: self.config.max_poll_interval.as_millis() as i32,
            member_id: self.member_id.clone(),
            group_instance_id: self.config.instance_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: protocols.collect(),
            reason: None,
        };
        let ticket = self.outbox.send(GroupRequest::Join(request));
        self.phase = Phase::Joining { ticket };
    }

    /// The leader sends everybody's assignment, the others none.
    pub(super) fn send_sync(&mut self, assignor: Assignor, assignments: Vec<SyncGroupRequestAssignment>) {
        let request = SyncGroupRequest {
            group_id: self.config.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.config.instance_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(assignor.name().to_owned()),
            assignments,
        };
        let ticket = self.outbox.send(GroupRequest::Sync(request));
        self.phase = Phase::Syncing { ticket };
    }

    pub(super) fn send_heartbeat(&mut self, now: Monotonic) {
        let request = HeartbeatRequest {
            group_id: self.config.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.config.instance_id.clone(),
        };
        let ticket = self.outbox.send(GroupRequest::Heartbeat(request));
        if let Phase::Member(heartbeats) | Phase::LettingGo { heartbeats, .. } = &mut self.phase {
            heartbeats.waiting = Some(ticket);
            heartbeats.next = now + self.config.heartbeat_interval;
        }
    }

    /// Leaves, if we are known to the coordinator. A static member stays until its session ends, so that it can come
    /// back without a rebalance.
    pub(super) fn say_goodbye(&mut self, reason: &str) {
        if self.config.instance_id.is_none() && !self.member_id.is_empty() {
            let member_id = std::mem::take(&mut self.member_id);
            let request = LeaveGroupRequest {
                group_id: self.config.group.clone(),
                member_id: member_id.clone(),
                members: vec![MemberIdentity {
                    member_id,
                    group_instance_id: None,
                    reason: Some(reason.to_owned()),
                }],
            };
            self.outbox.send(GroupRequest::Leave(request));
        }
    }
}
