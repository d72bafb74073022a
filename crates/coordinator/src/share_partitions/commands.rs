//! The commands.

use std::collections::BTreeSet;

use headwater_model::{ErrorCode, Offset, PartitionId, Uuid};

use super::{Kept, SharePartitionChange, SharePartitionEffects, SharePartitionReply, SharePartitions};
use crate::share_partition::{SharePartition, Step};
use crate::{Acknowledgements, Acquire, GroupId, MemberId, Now, Refused, SharePartitionId, Token};

/// A member has gone from share-partitions: its share session has ended, or its membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberGone {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
}

/// Which share-partitions have come to their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharePartitionsGone {
    /// Those of a group that is deleted.
    Group(GroupId),
    /// Those of topics of a group, as an administrator wants it.
    GroupTopics(GroupId, BTreeSet<Uuid>),
    /// Those of topics that are deleted.
    Topics(BTreeSet<Uuid>),
}

impl SharePartitionsGone {
    fn includes(&self, id: &SharePartitionId) -> bool {
        match self {
            Self::Group(group) => id.group == *group,
            Self::GroupTopics(group, topics) => id.group == *group && topics.contains(&id.topic),
            Self::Topics(topics) => topics.contains(&id.topic),
        }
    }
}

/// A record can be there, and another one after it.
fn is_possible(offset: Offset) -> bool {
    (Offset::ZERO..Offset(i64::MAX)).contains(&offset)
}

impl SharePartitions {
    /// A group reads a partition for the first time, from this offset on. One that has begun stays where it is.
    pub fn begin(&mut self, token: Token, id: &SharePartitionId, start: Offset) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let known = self.describe(id).map(|described| described.start);
        let outcome = match known {
            Some(start) => Ok(start),
            None => self.begin_in(&mut effects, id, start).map(|()| start),
        };
        effects.reply(token, SharePartitionReply::Begin(outcome));
        effects
    }

    fn begin_in(
        &mut self,
        effects: &mut SharePartitionEffects,
        id: &SharePartitionId,
        start: Offset,
    ) -> Result<(), ErrorCode> {
        if !id.group.is_legal() {
            return Err(ErrorCode::InvalidGroupId);
        }
        if !is_possible(start) {
            return Err(ErrorCode::InvalidRequest);
        }
        if self.partitions.len() >= self.config.max_partitions {
            return Err(ErrorCode::PolicyViolation);
        }
        let (state, change) = SharePartition::begin(start);
        let kept = Kept { state: Some(state), ..Kept::default() };
        self.partitions.insert(id.clone(), kept);
        effects.records.push(SharePartitionChange { id: id.clone(), change });
        Ok(())
    }

    /// A member wants records.
    pub fn acquire(
        &mut self,
        now: Now,
        token: Token,
        id: &SharePartitionId,
        request: &Acquire,
    ) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let acquired = self.step(&mut effects, now, id, |state, step| state.acquire(step, request));
        let outcome = acquired.ok_or(ErrorCode::UnknownTopicOrPartition);
        effects.reply(token, SharePartitionReply::Acquire(outcome));
        effects
    }

    /// A member says what has become of records that it has acquired.
    pub fn acknowledge(
        &mut self,
        now: Now,
        token: Token,
        id: &SharePartitionId,
        said: &Acknowledgements,
    ) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let outcome = self.step(&mut effects, now, id, |state, step| state.acknowledge(step, said));
        let unknown: Result<(), Refused> = Err(ErrorCode::UnknownTopicOrPartition.into());
        effects.reply(token, SharePartitionReply::Acknowledge(outcome.unwrap_or(unknown)));
        effects
    }

    /// A member has gone: what it has acquired may be had by others.
    pub fn release(&mut self, now: Now, token: Token, gone: &MemberGone) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let ids: Vec<SharePartitionId> = self.of_group(&gone.group).map(|(id, _)| id.clone()).collect();
        for id in ids {
            let release = |state: &mut SharePartition, step: &mut Step<'_>| {
                state.release(step, &gone.member);
            };
            self.step(&mut effects, now, &id, release);
        }
        effects.reply(token, SharePartitionReply::Release);
        effects
    }

    /// These are in the group's dead-letter topic now, durably; or it has none any more.
    pub fn dead_lettered(
        &mut self,
        now: Now,
        id: &SharePartitionId,
        first: Offset,
        last: Offset,
    ) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        self.step(&mut effects, now, id, |state, step| state.dead_lettered(step, first, last));
        effects
    }

    /// The log of a partition begins at this offset now: what was before is gone, in all groups.
    pub fn log_start_moved(
        &mut self,
        now: Now,
        topic: Uuid,
        partition: PartitionId,
        log_start: Offset,
    ) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let of_partition = self.partitions.keys().filter(|id| (id.topic, id.partition) == (topic, partition));
        let ids: Vec<SharePartitionId> = of_partition.cloned().collect();
        for id in ids {
            self.step(&mut effects, now, &id, |state, step| state.log_start_moved(step, log_start));
        }
        effects
    }

    /// An administrator has a share-partition of a group without members begin at another offset.
    pub fn alter(
        &mut self,
        now: Now,
        token: Token,
        id: &SharePartitionId,
        start: Offset,
    ) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let altered = match start {
            start if !is_possible(start) => Some(Err(ErrorCode::InvalidRequest)),
            _ => self.step(&mut effects, now, id, |state, step| {
                state.alter(step, start);
                Ok(())
            }),
        };
        let outcome = altered.unwrap_or_else(|| self.begin_in(&mut effects, id, start));
        effects.reply(token, SharePartitionReply::Alter(outcome));
        effects
    }

    /// Forgets share-partitions.
    pub fn forget(&mut self, token: Token, gone: &SharePartitionsGone) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let mut ended = Vec::new();
        for (id, kept) in self.partitions.extract_if(.., |id, _| gone.includes(id)) {
            if let Some(registered) = kept.registered {
                self.deadlines.remove(&(registered, id.clone()));
            }
            effects.forget(&id, &kept);
            ended.push(id);
        }
        effects.reply(token, SharePartitionReply::Forget(ended));
        effects
    }
}
