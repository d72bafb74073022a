//! Static members: whoever has the instance id is the member; one that is away keeps its place (KIP-345 in KIP-848).

use headwater_model::ErrorCode;

use crate::consumer::member::Member;
use crate::consumer::{Consumer, ConsumerGroupChange, ConsumerHeartbeat, Refused};
use crate::effects::Turn;
use crate::{Current, MemberId};

impl Consumer {
    /// The member that a heartbeat comes from: the present holder of its instance id, if it names one.
    pub(super) fn identify(&self, beat: &ConsumerHeartbeat) -> Result<MemberId, Refused> {
        let unknown = |message: String| Refused::new(ErrorCode::UnknownMemberId, message);
        let id = beat.member.clone().ok_or(ErrorCode::UnknownMemberId)?;
        let Some(instance) = &beat.instance else {
            if self.members.contains_key(&id) {
                return Ok(id);
            }
            return Err(unknown(format!("Member {id} is not a member of group {}.", self.id)));
        };
        match self.statics.get(instance) {
            None => Err(unknown(format!("Instance id {instance} is unknown."))),
            Some(holder) if *holder != id => Err(Refused::new(
                ErrorCode::FencedInstanceId,
                format!("Static member {id} with instance id {instance} was fenced by member {holder}."),
            )),
            Some(_) => Ok(id),
        }
    }

    /// Gives the place of a static member that is away, or speaks the classic protocol, to its next incarnation: nothing has changed for the others.
    pub(super) fn succeed(
        &mut self,
        turn: &mut Turn<'_>,
        old: &MemberId,
        new: &MemberId,
    ) -> Result<(), Refused> {
        let is_free = |member: &Member| member.current.is_away() || member.subscription.classic.is_some();
        if !self.members.get(old).is_some_and(is_free) || self.members.contains_key(new) {
            return Err(Refused::new(
                ErrorCode::UnreleasedInstanceId,
                format!(
                    "Static member {new} cannot join the group because the instance id is owned by member {old}."
                ),
            ));
        }
        Ok(self.replace(turn, old, new)?)
    }

    /// Gives the place of a static member to another. This begins no epoch.
    pub(super) fn replace(
        &mut self,
        turn: &mut Turn<'_>,
        old: &MemberId,
        new: &MemberId,
    ) -> Result<(), ErrorCode> {
        let before = self.take_out(old).ok_or(ErrorCode::UnknownMemberId)?;
        let member = Member { current: before.current.succeeded(), ..before };
        let (subscription, target) = (member.subscription.clone(), member.target.clone());
        ConsumerGroupChange::succeed_member(&self.id, old, (new, subscription, target), turn);
        if let Some(instance) = &member.subscription.instance {
            self.statics.insert(instance.clone(), new.clone());
        }
        self.holders.replace(new, &Current::joining(), &member.current);
        self.members.insert(new.clone(), member);
        Ok(())
    }
}
