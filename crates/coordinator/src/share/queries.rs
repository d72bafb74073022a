//! ShareGroupDescribe: a share group as seen from outside; and who asks about one.

use headwater_model::ErrorCode;

use crate::assignor::simple;
use crate::group::Kind;
use crate::share::member::Member;
use crate::share::{Share, ShareCurrent, ShareSubscription};
use crate::{GroupId, GroupState, Groups, MemberId, Partitions};

/// A share group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedShareGroup {
    /// The group.
    pub group: GroupId,
    /// Its state: empty or stable.
    pub state: GroupState,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch of its target assignment.
    pub assignment_epoch: i32,
    /// The assignor that it uses, as Kafka calls it.
    pub assignor: &'static str,
    /// Its members, by id.
    pub members: Vec<DescribedShareMember>,
}

/// A member of a share group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedShareMember {
    /// The member.
    pub member: MemberId,
    /// What it has said of itself.
    pub subscription: ShareSubscription,
    /// What it works on.
    pub current: ShareCurrent,
    /// What it is to work on.
    pub target: Partitions,
}

impl Groups {
    /// A share group in detail. None if there is no group of that name, or it is of another kind.
    pub fn describe_share_group(&self, group: &GroupId) -> Option<DescribedShareGroup> {
        let Kind::Share(share) = &self.groups.get(group)?.kind else {
            return None;
        };
        Some(DescribedShareGroup {
            group: group.clone(),
            state: share.state(),
            epoch: share.epoch,
            assignment_epoch: share.target_epoch,
            assignor: simple::NAME,
            members: share.describe_members(),
        })
    }

    /// Whether an administrator may alter or delete the offsets of a share group now: it must have no members.
    pub fn check_share_alteration(&self, group: &GroupId) -> Result<(), ErrorCode> {
        match self.groups.get(group).map(|group| &group.kind) {
            Some(Kind::Share(share)) if share.is_empty() => Ok(()),
            Some(Kind::Share(_)) => Err(ErrorCode::NonEmptyGroup),
            _ => Err(ErrorCode::GroupIdNotFound),
        }
    }
}

impl Share {
    fn describe_members(&self) -> Vec<DescribedShareMember> {
        let described = |(id, member): (&MemberId, &Member)| DescribedShareMember {
            member: id.clone(),
            subscription: member.subscription.clone(),
            current: member.current.clone(),
            target: member.target.clone().unwrap_or_default(),
        };
        self.members.iter().map(described).collect()
    }
}
