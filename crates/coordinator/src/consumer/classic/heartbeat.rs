//! Heartbeat of a member of the classic protocol.

use headwater_model::ErrorCode;

use crate::consumer::Consumer;
use crate::{Heartbeat, Now};

impl Consumer {
    pub(crate) fn classic_heartbeat(&mut self, now: Now, heartbeat: &Heartbeat) -> Result<(), ErrorCode> {
        let id = &heartbeat.member;
        let (member, _) = self.classic_member(id, heartbeat.instance.as_ref(), heartbeat.generation)?;
        let rejoins = self.has_to_rejoin(id, member);
        self.renew_classic_session(id, now.monotonic);
        if rejoins {
            self.await_rejoin(id, now.monotonic);
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }
}
