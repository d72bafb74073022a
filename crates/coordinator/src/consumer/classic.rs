//! Members of the classic protocol within a consumer group: they go on with JoinGroup, SyncGroup, Heartbeat and LeaveGroup
//! while others move to the newer protocol, and are assigned to by the coordinator like these (KIP-848, "Migration").
//!
//! A generation of theirs is their epoch. By a join they say what they have given back; by a rebalance in progress they
//! learn that they have to join again; by a sync they get their assignment. Nobody leads. They are waited for by times of
//! their own: to join once they were told to, and to sync once they have joined.

mod heartbeat;
mod join;
mod leave;
mod sync;

use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic};

use crate::consumer::Consumer;
use crate::consumer::member::Member;
use crate::{InstanceId, MemberId, MemberState, Protocol};

/// What a member of the classic protocol has said besides its subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicSide {
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// The protocols that it supports, the preferred one first.
    pub protocols: Vec<Protocol>,
}

impl ClassicSide {
    pub(crate) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|supported| &*supported.name == protocol)
    }

    /// The protocol that it is told to be chosen.
    fn protocol(&self) -> Option<&Arc<str>> {
        self.protocols.first().map(|protocol| &protocol.name)
    }
}

impl Consumer {
    /// Every member speaks the classic protocol.
    pub(crate) fn is_all_classic(&self) -> bool {
        self.members.values().all(|member| member.subscription.classic.is_some())
    }

    /// The member of the classic protocol that a request comes from, in the epoch that it names.
    fn classic_member(
        &self,
        id: &MemberId,
        instance: Option<&InstanceId>,
        generation: i32,
    ) -> Result<(&Member, &ClassicSide), ErrorCode> {
        let (member, classic) = self.classic_holder(id, instance)?;
        if member.current.epoch == generation {
            Ok((member, classic))
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    fn classic_holder(
        &self,
        id: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(&Member, &ClassicSide), ErrorCode> {
        match instance.map(|instance| self.statics.get(instance)) {
            Some(None) => return Err(ErrorCode::UnknownMemberId),
            Some(Some(holder)) if holder != id => return Err(ErrorCode::FencedInstanceId),
            Some(Some(_)) | None => {}
        }
        let member = self.members.get(id).ok_or(ErrorCode::UnknownMemberId)?;
        let classic = member.subscription.classic.as_ref().ok_or(ErrorCode::UnknownMemberId)?;
        Ok((member, classic))
    }

    /// Whether a member gets more, or gets on, by joining again.
    fn has_to_rejoin(&self, id: &MemberId, member: &Member) -> bool {
        let waits_in_vain = || {
            let target = member.target.clone().unwrap_or_default();
            self.holders.held_by_others(id, &target.difference(&member.current.assigned)).is_empty()
        };
        match member.current.state {
            _ if member.current.epoch < self.epoch => true,
            MemberState::UnrevokedPartitions => true,
            MemberState::UnreleasedPartitions => waits_in_vain(),
            MemberState::Stable => false,
        }
    }

    /// The member has been told to join again.
    fn await_rejoin(&mut self, id: &MemberId, now: Monotonic) {
        if let Some(member) = self.members.get(id) {
            self.rejoins.set_if_absent(id, now + member.subscription.rebalance_wait());
        }
    }

    fn renew_classic_session(&mut self, id: &MemberId, now: Monotonic) {
        let member = self.members.get(id);
        if let Some(classic) = member.and_then(|member| member.subscription.classic.as_ref()) {
            self.sessions.set(id, now + classic.session_timeout);
        }
    }
}
