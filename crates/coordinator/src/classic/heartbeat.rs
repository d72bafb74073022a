//! Heartbeat: a member is alive, and learns whether it has to rejoin.

use headwater_model::ErrorCode;

use crate::classic::{Classic, Phase};
use crate::{GroupId, InstanceId, MemberId, Now};

/// A sign of life.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The generation that it works in.
    pub generation: i32,
}

impl Classic {
    pub(crate) fn heartbeat(&mut self, now: Now, heartbeat: &Heartbeat) -> Result<(), ErrorCode> {
        self.current_member(&heartbeat.member, heartbeat.instance.as_ref())?;
        self.current_generation(&heartbeat.member, heartbeat.generation)?;
        self.renew_session(&heartbeat.member, now.monotonic);
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::Preparing { .. } => Err(ErrorCode::RebalanceInProgress),
            // Members may start their heartbeats before the assignment is there.
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }
}
