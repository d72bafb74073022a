//! SyncGroup: the leader hands in the assignment, every member gets its part.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_model::ErrorCode;

use crate::classic::{Classic, Phase};
use crate::effects::Turn;
use crate::{GroupId, GroupsConfig, InstanceId, MemberId, Reply, Synced, Token};

/// A request for the member's part of the assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The generation that it has joined.
    pub generation: i32,
    /// The kind of group that it believes in (from version 5).
    pub protocol_type: Option<String>,
    /// The protocol that it believes to be chosen (from version 5).
    pub protocol: Option<String>,
    /// From the leader: each member's part. Whoever is not named gets nothing.
    pub assignments: Vec<(MemberId, Bytes)>,
}

impl Classic {
    /// Answers `token` now, or when the leader has assigned.
    pub(crate) fn sync(&mut self, turn: &mut Turn<'_>, token: Token, sync: Sync) {
        if let Err(error) = self.check_sync(&sync) {
            turn.reply(token, Reply::Sync(Err(error)));
            return;
        }
        let id = sync.member;
        self.unsynced.remove(&id);
        if self.unsynced.is_empty() {
            self.sync_until = None;
        }
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if let Some(superseded) = member.syncing.replace(token) {
            turn.reply(superseded, Reply::Sync(Err(ErrorCode::RebalanceInProgress)));
        }
        if self.phase == Phase::Completing && self.leader.as_ref() == Some(&id) {
            self.assign(turn, sync.assignments.into_iter().collect());
        }
        if self.phase == Phase::Stable {
            self.answer_syncs(turn);
        }
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), ErrorCode> {
        self.current_member(&sync.member, sync.instance.as_ref())?;
        self.current_generation(&sync.member, sync.generation)?;
        let differs = |believed: &Option<String>, actual: Option<&str>| {
            believed.is_some() && believed.as_deref() != actual
        };
        if differs(&sync.protocol_type, self.protocol_type.as_deref())
            || differs(&sync.protocol, self.protocol.as_deref())
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::Preparing { .. } => Err(ErrorCode::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    fn assign(&mut self, turn: &mut Turn<'_>, mut assignments: BTreeMap<MemberId, Bytes>) {
        for (id, member) in &mut self.members {
            member.assignment = assignments.remove(id).unwrap_or_default();
        }
        if !self.fits_into_a_record(turn.config) {
            // As Kafka does with a group that does not fit into a record.
            self.cancel_assignment(turn, ErrorCode::UnknownServerError);
            self.rebalance(turn);
            return;
        }
        self.enter(Phase::Stable, turn.now.wall);
        self.store(turn);
    }

    /// Whether what is stored of the group is not too large.
    pub(super) fn fits_into_a_record(&self, config: &GroupsConfig) -> bool {
        let stored = self.members.values().map(|member| member.stored_bytes() + member.assignment.len());
        stored.sum::<usize>() <= config.max_group_bytes
    }

    fn answer_syncs(&mut self, turn: &mut Turn<'_>) {
        let (Some(protocol_type), Some(protocol)) = (&self.protocol_type, &self.protocol) else {
            return;
        };
        for member in self.members.values_mut() {
            let Some(token) = member.syncing.take() else {
                continue;
            };
            member.renew_session(turn.now.monotonic);
            turn.reply(
                token,
                Reply::Sync(Ok(Synced {
                    protocol_type: protocol_type.clone(),
                    protocol: protocol.clone(),
                    assignment: member.assignment.clone(),
                })),
            );
        }
    }
}
