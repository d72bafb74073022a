//! Who a consumer is in its group, for offsets that are committed by a transaction instead of by the consumer.

use crate::membership::Identity;

/// A member of a group, as it is now: what makes the group refuse the offsets of a consumer that it has moved on without.
///
/// Taken from a consumer by [`Consumer::group_metadata`](crate::Consumer::group_metadata) for each transaction anew,
/// or put together by who takes part in a group by other means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupMetadata {
    /// The group.
    pub group: String,
    /// The generation, or the member's epoch, by the kind of group; -1 for offsets that nobody is a member for.
    pub generation: i32,
    /// The member's id; empty for offsets that nobody is a member for.
    pub member_id: String,
    /// Set for a static member.
    pub instance_id: Option<String>,
}

impl ConsumerGroupMetadata {
    /// A group that divides nothing among members: its partitions were assigned by hand. Nothing then keeps two
    /// processes from committing for the same partitions.
    pub fn without_member(group: impl Into<String>) -> Self {
        Self { group: group.into(), generation: -1, member_id: String::new(), instance_id: None }
    }

    pub(crate) fn new(group: String, identity: Identity) -> Self {
        let Identity { generation, member_id, instance_id, kind: _ } = identity;
        Self { group, generation, member_id, instance_id }
    }
}
