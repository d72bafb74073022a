//! ConsumerGroupDescribe: a consumer group as seen from outside.

use crate::consumer::member::Member;
use crate::consumer::{Consumer, Subscription};
use crate::group::Kind;
use crate::{Assignor, Current, GroupId, GroupState, Groups, MemberId, Partitions};

/// A consumer group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedConsumerGroup {
    /// The group.
    pub group: GroupId,
    /// Its state.
    pub state: GroupState,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch of its target assignment.
    pub assignment_epoch: i32,
    /// The assignor that it uses.
    pub assignor: Assignor,
    /// Its members, by id.
    pub members: Vec<DescribedConsumer>,
}

/// A member of a consumer group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedConsumer {
    /// The member.
    pub member: MemberId,
    /// What it has said of itself.
    pub subscription: Subscription,
    /// What it works on.
    pub current: Current,
    /// What it is to work on.
    pub target: Partitions,
}

impl Groups {
    /// A consumer group in detail. None if there is no group of that name, or it is of another kind.
    pub fn describe_consumer_group(&self, group: &GroupId) -> Option<DescribedConsumerGroup> {
        let Kind::Consumer(consumer) = &self.groups.get(group)?.kind else {
            return None;
        };
        Some(DescribedConsumerGroup {
            group: group.clone(),
            state: consumer.state(),
            epoch: consumer.epoch,
            assignment_epoch: consumer.target_epoch,
            assignor: consumer.assignor(&self.config),
            members: consumer.describe_members(),
        })
    }
}

impl Consumer {
    fn describe_members(&self) -> Vec<DescribedConsumer> {
        let described = |(id, member): (&MemberId, &Member)| DescribedConsumer {
            member: id.clone(),
            subscription: member.subscription.clone(),
            current: member.current.clone(),
            target: member.target.clone().unwrap_or_default(),
        };
        self.members.iter().map(described).collect()
    }
}
