//! OffsetFetch: how far a group has come.

use headwater_model::{ErrorCode, TopicPartition};

use crate::group::Kind;
use crate::{CommittedOffset, GroupId, Groups, MemberId};

impl Groups {
    /// Whether a client may ask for a group's offsets: in a newer kind of group a member must come with its epoch, if it says
    /// to be one.
    pub fn check_fetch(
        &self,
        group: &GroupId,
        member: Option<&MemberId>,
        epoch: i32,
    ) -> Result<(), ErrorCode> {
        match self.groups.get(group).map(|group| &group.kind) {
            Some(Kind::Consumer(consumer)) => consumer.check_fetch(member, epoch),
            Some(Kind::Share(_)) => Err(ErrorCode::GroupIdNotFound),
            Some(Kind::Streams(streams)) => streams.check_fetch(member, epoch),
            Some(Kind::Classic(_)) | None => Ok(()),
        }
    }

    /// What the group has committed for a partition. Like every read, it may see what is not durable yet: the
    /// caller answers once everything that was recorded before is.
    pub fn committed_offset(&self, group: &GroupId, partition: &TopicPartition) -> Option<&CommittedOffset> {
        self.groups.get(group)?.offsets.by_partition.get(partition).map(|placed| &placed.committed)
    }

    /// Everything that the group has committed, by partition.
    pub fn committed_offsets(
        &self,
        group: &GroupId,
    ) -> impl Iterator<Item = (&TopicPartition, &CommittedOffset)> {
        let offsets = self.groups.get(group).into_iter().flat_map(|group| &group.offsets.by_partition);
        offsets.map(|(partition, placed)| (partition, &placed.committed))
    }
}
