//! Members that leave.

use crate::MemberId;
use crate::Refused;
use crate::effects::Turn;
use crate::streams::member::Member;
use crate::streams::{Streams, StreamsAnswer, StreamsGroupChange, StreamsHeartbeat};

impl Streams {
    pub(super) fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        beat: &StreamsHeartbeat,
    ) -> Result<StreamsAnswer, Refused> {
        self.member(&beat.member)?;
        if beat.shutdown_application {
            self.shutdown_by.get_or_insert_with(|| beat.member.clone());
        }
        self.remove(turn, std::slice::from_ref(&beat.member));
        Ok(StreamsAnswer::goodbye(beat))
    }

    /// Removes members: what they held is free, and a new epoch begins.
    pub(super) fn remove(&mut self, turn: &mut Turn<'_>, ids: &[MemberId]) {
        let gone: Vec<&MemberId> = ids.iter().filter(|id| self.take_out(id).is_some()).collect();
        if gone.is_empty() {
            return;
        }
        self.bump(turn);
        for id in gone {
            StreamsGroupChange::forget_member(&self.id, id, turn);
        }
        if self.is_empty() {
            (self.shutdown_by, self.delayed_until) = (None, None);
        }
    }

    /// Removes a member and everything that points to it.
    fn take_out(&mut self, id: &MemberId) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.holders.release(id, &member.current);
        self.sessions.cancel(id);
        self.revocations.cancel(id);
        if member.said.endpoint.is_some() {
            self.endpoints_changed();
        }
        Some(member)
    }
}
