//! Members that go.

use std::time::Duration;

use crate::effects::Turn;
use crate::share::{Share, ShareGroupChange, ShareHeartbeat};
use crate::{HeartbeatAnswer, MemberId, Refused, Topics};

impl Share {
    pub(super) fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        beat: &ShareHeartbeat,
    ) -> Result<HeartbeatAnswer, Refused> {
        if !self.members.contains_key(&beat.member) {
            return Err(self.unknown(&beat.member));
        }
        self.remove(turn, topics, std::slice::from_ref(&beat.member));
        Ok(HeartbeatAnswer {
            member: beat.member.clone(),
            epoch: beat.epoch,
            heartbeat_interval: Duration::ZERO,
            assignment: None,
        })
    }

    /// Removes members, and begins a new epoch.
    pub(super) fn remove(&mut self, turn: &mut Turn<'_>, topics: &Topics, ids: &[MemberId]) {
        let gone: Vec<&MemberId> = ids.iter().filter(|id| self.members.remove(id).is_some()).collect();
        if gone.is_empty() {
            return;
        }
        self.bump(turn, topics);
        for id in gone {
            self.sessions.cancel(id);
            ShareGroupChange::forget_member(&self.id, id, turn);
        }
    }
}
