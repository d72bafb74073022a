//! Members that leave, for good or for a while.

use std::time::Duration;

use crate::MemberId;
use crate::Topics;
use crate::consumer::member::Member;
use crate::consumer::{Consumer, ConsumerGroupChange, ConsumerHeartbeat, HeartbeatAnswer, Refused};
use crate::effects::Turn;
use crate::membership::AWAY;

impl Consumer {
    pub(super) fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        beat: &ConsumerHeartbeat,
    ) -> Result<HeartbeatAnswer, Refused> {
        let id = self.identify(beat)?;
        if beat.epoch == AWAY {
            self.go_away(turn, &id);
        } else {
            self.remove(turn, topics, std::slice::from_ref(&id));
        }
        Ok(HeartbeatAnswer {
            member: id,
            epoch: beat.epoch,
            heartbeat_interval: Duration::ZERO,
            assignment: None,
        })
    }

    /// A static member is kept its place for as long as a session lasts.
    fn go_away(&mut self, turn: &mut Turn<'_>, id: &MemberId) {
        if let Some(away) = self.members.get(id).map(|member| member.current.away()) {
            self.set_current(turn, id, away);
            self.sessions.set(id, turn.now.monotonic + turn.times.consumer.session_timeout);
        }
    }

    /// Removes members: what they held is free, and a new epoch begins.
    pub(super) fn remove(&mut self, turn: &mut Turn<'_>, topics: &Topics, ids: &[MemberId]) {
        let gone: Vec<&MemberId> = ids.iter().filter(|id| self.take_out(id).is_some()).collect();
        if gone.is_empty() {
            return;
        }
        self.bump(turn, topics);
        for id in gone {
            ConsumerGroupChange::forget_member(&self.id, id, turn);
        }
    }

    /// Removes a member and everything that points to it.
    pub(super) fn take_out(&mut self, id: &MemberId) -> Option<Member> {
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.subscription.instance {
            self.statics.remove(instance);
        }
        self.holders.release(id, &member.current);
        self.sessions.cancel(id);
        self.revocations.cancel(id);
        self.rejoins.cancel(id);
        Some(member)
    }
}
