//! A static member that comes back without its member id takes its own place (KIP-345).

use headwater_model::ErrorCode;

use crate::classic::{Classic, Join, Phase};
use crate::effects::Turn;
use crate::{Joined, MemberId, Reply, Token};

impl Classic {
    /// Gives the place of `old` to `new`; whoever still acts as `old` is fenced from now on.
    pub(super) fn replace_static_member(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        old: &MemberId,
        new: &MemberId,
        join: Join,
    ) {
        let Some(mut member) = self.members.remove(old) else {
            turn.refuse_join(token, ErrorCode::UnknownMemberId, None);
            return;
        };
        member.dismiss(turn, old, ErrorCode::FencedInstanceId);
        let can_skip_assignment = join.can_skip_assignment;
        if let Some(instance) = &member.instance {
            self.statics.insert(instance.clone(), new.clone());
        }
        member.update(join);
        member.is_new = false;
        member.renew_session(turn.now.monotonic);
        let led = self.leader.as_ref() == Some(old);
        if led {
            self.leader = Some(new.clone());
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(new.clone());
        }
        self.members.insert(new.clone(), member);

        let stays = self.phase == Phase::Stable && self.elect_protocol() == self.protocol;
        if stays && self.fits_into_a_record(turn.config) {
            // Nothing that the group agreed on has changed: its generation and assignments stand.
            self.store(turn);
            self.answer_unchanged(turn, token, old, new, led, can_skip_assignment);
            return;
        }
        if let Some(member) = self.members.get_mut(new) {
            member.joining = Some(token);
        }
        // In a generation that still waits for its assignment the leader may know the old id only.
        self.rebalance(turn);
    }

    fn answer_unchanged(
        &self,
        turn: &mut Turn<'_>,
        token: Token,
        old: &MemberId,
        new: &MemberId,
        led: bool,
        can_skip_assignment: bool,
    ) {
        if can_skip_assignment || !led {
            self.answer_join(turn, token, new, led, led);
            return;
        }
        // A leader that cannot be told to skip the assignment must not learn that it leads.
        let (Some(protocol_type), Some(protocol)) = (&self.protocol_type, &self.protocol) else {
            turn.refuse_join(token, ErrorCode::UnknownMemberId, Some(new.clone()));
            return;
        };
        turn.reply(
            token,
            Reply::Join(Ok(Joined {
                generation: self.generation,
                protocol_type: protocol_type.clone(),
                protocol: protocol.clone(),
                leader: old.clone(),
                member: new.clone(),
                skip_assignment: false,
                members: Vec::new(),
            })),
        );
    }
}
