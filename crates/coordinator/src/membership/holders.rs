//! Which member holds which partition.

use std::collections::BTreeMap;

use headwater_model::{PartitionId, Uuid};

use crate::membership::Current;
use crate::{MemberId, Partitions};

/// The partitions that members hold: what they are assigned and what they have to give back.
#[derive(Debug, Default)]
pub(crate) struct Holders(BTreeMap<(Uuid, PartitionId), MemberId>);

impl Holders {
    /// Whether a member may be given a partition.
    pub(crate) fn is_free_for(&self, member: &MemberId, topic: Uuid, partition: PartitionId) -> bool {
        self.0.get(&(topic, partition)).is_none_or(|holder| holder == member)
    }

    /// A member holds what it is assigned now, and nothing of what it was.
    pub(crate) fn replace(&mut self, member: &MemberId, before: &Current, after: &Current) {
        self.release(member, before);
        for partition in held(after) {
            self.0.insert(partition, member.clone());
        }
    }

    /// A member holds nothing any more.
    pub(crate) fn release(&mut self, member: &MemberId, before: &Current) {
        for partition in held(before) {
            if self.0.get(&partition) == Some(member) {
                self.0.remove(&partition);
            }
        }
    }

    /// What of these partitions others hold.
    pub(crate) fn held_by_others(&self, member: &MemberId, partitions: &Partitions) -> Partitions {
        partitions.filtered(|topic, partition| !self.is_free_for(member, topic, partition))
    }
}

fn held(current: &Current) -> impl Iterator<Item = (Uuid, PartitionId)> {
    current.assigned.iter().chain(current.revoking.iter())
}
