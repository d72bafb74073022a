//! Who may commit, and ask for, the offsets of a streams group.

use headwater_model::ErrorCode;

use crate::streams::Streams;
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
        self.check_member(commit.member.as_ref(), commit.generation)
    }

    pub(crate) fn check_fetch(&self, member: Option<&MemberId>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none() && epoch < 0 { Ok(()) } else { self.check_member(member, epoch) }
    }

    fn check_member(&self, member: Option<&MemberId>, epoch: i32) -> Result<(), ErrorCode> {
        let known = member.and_then(|member| self.members.get(member));
        let known = known.ok_or(ErrorCode::UnknownMemberId)?;
        if known.current.epoch == epoch { Ok(()) } else { Err(ErrorCode::StaleMemberEpoch) }
    }
}
