//! What happens when nothing is heard: sessions end, and so do the time to give tasks back and the wait for more
//! members.

use headwater_model::Monotonic;

use crate::MemberState;
use crate::effects::Turn;
use crate::streams::Streams;

impl Streams {
    /// Does what is due.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.monotonic;
        let mut out = self.sessions.take_due(now);
        out.extend(self.revocations.take_due(now));
        self.remove(turn, &out);
        if self.delayed_until.take_if(|until| *until <= now).is_some() && !self.is_empty() {
            self.retarget(turn);
        }
    }

    /// The log has been replayed: members have a whole session to be heard of, and their whole time to give back.
    pub(super) fn begin_timers(&mut self, now: Monotonic) {
        for (id, member) in &self.members {
            self.sessions.set(id, now + self.settings.session_timeout);
            if member.current.state == MemberState::UnrevokedPartitions {
                self.revocations.set(id, now + member.said.rebalance_wait());
            }
        }
    }
}
