//! LeaveGroup: members that go, or are told to by an administrator who knows their instance ids.

use headwater_model::ErrorCode;

use crate::classic::{Classic, Phase};
use crate::effects::Turn;
use crate::{GroupId, InstanceId, MemberId};

/// A request that members leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Leave {
    /// The group.
    pub group: GroupId,
    /// Who leaves.
    pub leavers: Vec<Leaver>,
}

/// A member that leaves: by its id, by its instance id, or by both.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaver {
    /// The member.
    pub member: Option<MemberId>,
    /// The instance id.
    pub instance: Option<InstanceId>,
}

impl Classic {
    /// The outcome for each leaver. All go before the group rebalances once.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>, leavers: &[Leaver]) -> Vec<ErrorCode> {
        let members = self.members.len();
        let outcomes = leavers
            .iter()
            .map(|leaver| self.leave_one(turn, leaver).err().unwrap_or(ErrorCode::None))
            .collect();
        self.after_removals(turn, self.members.len() < members);
        outcomes
    }

    fn leave_one(&mut self, turn: &mut Turn<'_>, leaver: &Leaver) -> Result<(), ErrorCode> {
        let id = match (&leaver.member, &leaver.instance) {
            (Some(member), None) if self.announced.remove(member).is_some() => return Ok(()),
            (Some(member), instance) => {
                self.current_member(member, instance.as_ref())?;
                member.clone()
            }
            (None, Some(instance)) => {
                self.statics.get(instance).cloned().ok_or(ErrorCode::UnknownMemberId)?
            }
            (None, None) => return Err(ErrorCode::UnknownMemberId),
        };
        self.remove_member(turn, &id);
        Ok(())
    }

    /// Goes on after members, or only announced ones, have been removed.
    pub(super) fn after_removals(&mut self, turn: &mut Turn<'_>, members_removed: bool) {
        match self.phase {
            Phase::Preparing { .. } => self.begin_generation_if_all_joined(turn),
            Phase::Completing | Phase::Stable if members_removed => self.rebalance(turn),
            Phase::Empty | Phase::Completing | Phase::Stable => {}
        }
    }
}
