//! OffsetCommit: remembers how far a group has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

use super::{Placed, WithinTransaction};
use crate::classic::Classic;
use crate::effects::Turn;
use crate::group::{Group, Kind};
use crate::{
    Change, CommittedOffset, Effects, GroupId, GroupState, Groups, InstanceId, MemberId, Now, Reply, Token,
};

/// A request to remember offsets.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitOffsets {
    /// The group.
    pub group: GroupId,
    /// The member that commits; none if the client is no member (a simple consumer, an administrator).
    pub member: Option<MemberId>,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The generation that it works in, or the member's epoch in a newer kind of group; negative if the client is no member.
    pub generation: i32,
    /// How long to keep the offsets, if the client has a say (up to version 4).
    pub retention: Option<Duration>,
    /// What to remember.
    pub offsets: Vec<OffsetToCommit>,
    /// The transaction that it belongs to, if it does.
    pub within: Option<WithinTransaction>,
}

/// An offset to remember.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetToCommit {
    /// The partition.
    pub partition: TopicPartition,
    /// The next record to read.
    pub offset: Offset,
    /// The leader epoch of the record before it, if the client knows.
    pub leader_epoch: Option<LeaderEpoch>,
    /// A text to keep with it.
    pub metadata: String,
}

impl Groups {
    /// Remembers how far a group has come. Within a transaction of which an end may have been missed the outcome is
    /// [`ErrorCode::ConcurrentTransactions`]: its coordinator is to be asked again.
    pub fn commit_offsets(&mut self, now: Now, token: Token, commit: CommitOffsets) -> Effects {
        let ended = commit.within.is_some_and(|within| self.may_have_ended(&within));
        let mut turn = Turn::new(now, &self.config);
        let is_full = self.groups.len() >= turn.config.max_groups;
        let checked = match self.groups.get_mut(&commit.group) {
            _ if !commit.group.is_legal_for_offsets() => Err(ErrorCode::InvalidGroupId),
            // As in Kafka, the empty name is for those who commit by themselves.
            _ if commit.within.is_some() && !commit.group.is_legal() => Err(ErrorCode::InvalidGroupId),
            _ if ended => Err(ErrorCode::ConcurrentTransactions),
            None if commit.generation >= 0 && commit.within.is_some() => Err(ErrorCode::IllegalGeneration),
            None if commit.generation >= 0 => Err(ErrorCode::GroupIdNotFound),
            None if is_full => Err(ErrorCode::PolicyViolation),
            None => Ok(()),
            Some(group) => group.check_commit(now, &commit),
        };
        let id = commit.group.clone();
        let outcomes = if let Err(error) = checked {
            vec![error; commit.offsets.len()]
        } else {
            if let Some(within) = commit.within {
                self.in_transactions.join(within.producer, id.clone());
            }
            let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id.clone()));
            group.commit(&mut turn, &mut self.commits, commit)
        };
        turn.reply(token, Reply::CommitOffsets(outcomes));
        let effects = turn.effects;
        self.settle(&id);
        effects
    }
}

impl Classic {
    fn check_commit(&mut self, now: Now, commit: &CommitOffsets) -> Result<(), ErrorCode> {
        let state = self.state();
        let claims_membership =
            commit.generation >= 0 || commit.member.is_some() || commit.instance.is_some();
        match &commit.member {
            // Without members anybody may commit who does not claim to be one of a generation.
            _ if commit.generation < 0 && state == GroupState::Empty => return Ok(()),
            Some(member) => {
                self.current_member(member, commit.instance.as_ref())?;
                self.current_generation(member, commit.generation)?;
                // While others rejoin, a member may still say how far it has come; its next heartbeat tells it.
                if state != GroupState::CompletingRebalance {
                    self.renew_session(member, now.monotonic);
                }
            }
            // Old producers do not know for which member they commit.
            None if commit.within.is_some() && !claims_membership => {}
            None if claims_membership || state != GroupState::Empty => {
                return Err(ErrorCode::UnknownMemberId);
            }
            None => {}
        }
        if state == GroupState::CompletingRebalance && commit.within.is_none() {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }
}

impl Group {
    fn check_commit(&mut self, now: Now, commit: &CommitOffsets) -> Result<(), ErrorCode> {
        match &mut self.kind {
            Kind::Classic(classic) => classic.check_commit(now, commit),
            Kind::Consumer(consumer) => consumer.check_commit(commit),
            // It has offsets of another sort.
            Kind::Share(_) => Err(ErrorCode::GroupIdNotFound),
            Kind::Streams(streams) => streams.check_commit(commit),
        }
    }

    /// The outcome for each offset.
    fn commit(&mut self, turn: &mut Turn<'_>, commits: &mut u64, commit: CommitOffsets) -> Vec<ErrorCode> {
        let wall = turn.now.wall;
        let expires_at = commit
            .retention
            .map(|retention| wall.plus_ms(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX)));
        let mut outcomes = Vec::with_capacity(commit.offsets.len());
        // Of a partition that comes several times, the last counts, and is all that is recorded.
        let too_large = |metadata: &str| metadata.len() > turn.config.max_offset_metadata_bytes;
        let legal = commit.offsets.iter().enumerate().filter(|(_, offset)| !too_large(&offset.metadata));
        let last: BTreeMap<TopicPartition, usize> =
            legal.map(|(index, offset)| (offset.partition.clone(), index)).collect();
        for (index, to_commit) in commit.offsets.into_iter().enumerate() {
            if too_large(&to_commit.metadata) {
                outcomes.push(ErrorCode::OffsetMetadataTooLarge);
                continue;
            }
            if last.get(&to_commit.partition) != Some(&index) {
                outcomes.push(ErrorCode::None);
                continue;
            }
            let committed = CommittedOffset {
                offset: to_commit.offset,
                leader_epoch: to_commit.leader_epoch,
                metadata: Arc::from(to_commit.metadata),
                committed_at: wall,
                expires_at,
            };
            *commits += 1;
            let placed = Placed { committed: committed.clone(), number: *commits };
            let (group, partition) = (self.id.clone(), to_commit.partition);
            turn.record(match commit.within {
                None => {
                    self.offsets.put(partition.clone(), placed);
                    Change::OffsetCommitted { group, partition, committed }
                }
                Some(WithinTransaction { producer, .. }) => {
                    self.offsets.put_pending(producer.id, partition.clone(), placed);
                    Change::OffsetPending { producer, group, partition, committed }
                }
            });
            outcomes.push(ErrorCode::None);
        }
        outcomes
    }
}
