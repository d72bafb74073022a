//! Who may commit, and ask for, the offsets of a streams group.

use std::cmp::Ordering;

use headwater_model::{ErrorCode, TopicPartition};

use crate::streams::member::Member;
use crate::streams::{Streams, Subtopology, Task};
use crate::{CommitOffsets, MemberId};

impl Streams {
    pub(crate) fn check_commit(&self, commit: &CommitOffsets) -> Result<(), ErrorCode> {
        // Without members an administrator may commit.
        if commit.generation < 0 && self.is_empty() {
            return Ok(());
        }
        let claims_membership =
            commit.generation >= 0 || commit.member.is_some() || commit.instance.is_some();
        // Old producers do not know for which member they commit.
        if commit.within.is_some() && !claims_membership {
            return Ok(());
        }
        let known = self.known(commit.member.as_ref())?;
        let mut partitions = commit.offsets.iter().map(|offset| &offset.partition);
        match commit.generation.cmp(&known.current.epoch) {
            Ordering::Equal => Ok(()),
            // It has not heard yet of an epoch that has left it these tasks (KIP-1251).
            Ordering::Less if partitions.all(|at| self.has_had(known, at, commit.generation)) => Ok(()),
            Ordering::Less | Ordering::Greater => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    pub(crate) fn check_fetch(&self, member: Option<&MemberId>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none() && epoch < 0 {
            return Ok(());
        }
        let known = self.known(member)?;
        if known.current.epoch == epoch { Ok(()) } else { Err(ErrorCode::StaleMemberEpoch) }
    }

    fn known(&self, member: Option<&MemberId>) -> Result<&Member, ErrorCode> {
        member.and_then(|member| self.members.get(member)).ok_or(ErrorCode::UnknownMemberId)
    }

    /// Whether a member has had, since that epoch, a task that reads the partition.
    fn has_had(&self, member: &Member, at: &TopicPartition, epoch: i32) -> bool {
        let subtopologies = self.topology.iter().flat_map(|topology| &topology.subtopologies);
        let mut reading =
            subtopologies.filter(|subtopology| subtopology.consumed().any(|name| name == at.topic.as_str()));
        reading.any(|Subtopology { id, .. }| {
            let task = Task { subtopology: id.clone(), partition: at.partition };
            member.since.get(&task).is_some_and(|since| *since <= epoch)
        })
    }
}
