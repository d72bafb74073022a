//! What happens when nothing is heard: sessions end, and so does the time to give partitions back.

use headwater_model::Monotonic;

use crate::consumer::Consumer;
use crate::effects::Turn;
use crate::{MemberState, Times, Topics};

impl Consumer {
    /// Does what is due.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        let now = turn.now.monotonic;
        let mut out = self.sessions.take_due(now);
        out.extend(self.revocations.take_due(now));
        out.extend(self.rejoins.take_due(now));
        self.remove(turn, topics, &out);
    }

    /// The log has been replayed: members have a whole session to be heard of, and their whole time to give back.
    pub(super) fn begin_timers(&mut self, now: Monotonic, times: Times) {
        for (id, member) in &self.members {
            let classic = member.subscription.classic.as_ref();
            let session = classic.map_or(times.session_timeout, |classic| classic.session_timeout);
            self.sessions.set(id, now + session);
            let gives_back = member.current.state == MemberState::UnrevokedPartitions;
            if gives_back && !member.current.is_away() && classic.is_none() {
                self.revocations.set(id, now + member.subscription.rebalance_wait());
            }
        }
    }
}
