//! LeaveGroup of members of the classic protocol.

use headwater_model::ErrorCode;

use crate::consumer::Consumer;
use crate::effects::Turn;
use crate::{Leaver, MemberId, Topics};

impl Consumer {
    /// The outcome for each leaver. A new epoch begins once.
    pub(crate) fn classic_leave(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        leavers: &[Leaver],
    ) -> Vec<ErrorCode> {
        let mut gone: Vec<MemberId> = Vec::new();
        let mut outcomes = Vec::with_capacity(leavers.len());
        for leaver in leavers {
            outcomes.push(match self.leaving(leaver) {
                Ok(id) if gone.contains(&id) => ErrorCode::UnknownMemberId,
                Ok(id) => {
                    gone.push(id);
                    ErrorCode::None
                }
                Err(error) => error,
            });
        }
        self.remove(turn, topics, &gone);
        outcomes
    }

    fn leaving(&self, leaver: &Leaver) -> Result<MemberId, ErrorCode> {
        let Leaver { member, instance } = leaver;
        let named = instance.as_ref().and_then(|instance| self.statics.get(instance));
        let id = member.as_ref().or(named).ok_or(ErrorCode::UnknownMemberId)?;
        self.classic_holder(id, instance.as_ref())?;
        Ok(id.clone())
    }
}
