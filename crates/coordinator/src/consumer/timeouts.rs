//! What happens when nothing is heard: sessions end, and so does the time to give partitions back.

use headwater_model::Monotonic;

use crate::consumer::Consumer;
use crate::effects::Turn;
use crate::{GroupsConfig, MemberState, Topics};

impl Consumer {
    /// Does what is due.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        let now = turn.now.monotonic;
        let mut out = self.sessions.take_due(now);
        out.extend(self.revocations.take_due(now));
        self.remove(turn, topics, &out);
    }

    /// The log has been replayed: members have a whole session to be heard of, and their whole time to give back.
    pub(super) fn begin_timers(&mut self, now: Monotonic, config: &GroupsConfig) {
        for (id, member) in &self.members {
            self.sessions.set(id, now + config.consumer_session_timeout);
            if member.current.state == MemberState::UnrevokedPartitions && !member.current.is_away() {
                self.revocations.set(id, now + member.subscription.rebalance_timeout);
            }
        }
    }
}
