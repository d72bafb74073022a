//! A heartbeat of a member that stays or joins: what it says is taken in, and it is told what to work on.

use headwater_model::ErrorCode;

use crate::effects::Turn;
use crate::group::Group;
use crate::share::{Share, ShareCurrent, ShareGroupChange, ShareHeartbeat, ShareSubscription};
use crate::{
    Effects, Groups, GroupsConfig, HeartbeatAnswer, MemberId, Now, Refused, Reply, Times, Token, Topics,
};

impl Groups {
    /// A member of a share group is alive, joins, or leaves.
    pub fn share_heartbeat(&mut self, now: Now, token: Token, beat: &ShareHeartbeat) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        turn.times = self.member_times.get(&beat.group).copied().unwrap_or(turn.times);
        let known = self.groups.contains_key(&beat.group);
        let is_full = self.groups.len() >= turn.config.max_groups;
        let outcome = match (beat.check(turn.config), &self.topics) {
            (Err(refused), _) => Err(refused),
            (Ok(()), None) => Err(ErrorCode::CoordinatorLoadInProgress.into()),
            (Ok(()), Some(_)) if !known && !beat.joins() => Err(Refused::new(
                ErrorCode::GroupIdNotFound,
                format!("Share group {} not found.", beat.group),
            )),
            (Ok(()), Some(_)) if !known && is_full => Err(ErrorCode::PolicyViolation.into()),
            (Ok(()), Some(topics)) => {
                let id = &beat.group;
                let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id.clone()));
                group.share_heartbeat(&mut turn, topics, beat)
            }
        };
        turn.reply(token, Reply::ShareHeartbeat(outcome));
        let effects = turn.effects;
        self.settle(&beat.group);
        effects
    }
}

impl Group {
    fn share_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        beat: &ShareHeartbeat,
    ) -> Result<HeartbeatAnswer, Refused> {
        let other_kind =
            Refused::new(ErrorCode::GroupIdNotFound, format!("Group {} is not a share group.", beat.group));
        let share = if beat.joins() { self.as_share() } else { self.share() };
        let share = share.ok_or(other_kind)?;
        if beat.leaves() { share.leave(turn, topics, beat) } else { share.heartbeat(turn, topics, beat) }
    }
}

impl Share {
    fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        beat: &ShareHeartbeat,
    ) -> Result<HeartbeatAnswer, Refused> {
        self.check_room(turn.config, &beat.member)?;
        let id = &beat.member;
        if beat.joins() {
            self.members.entry(id.clone()).or_default().current = ShareCurrent::default();
        } else {
            self.check_epoch(beat)?;
        }
        let before = self.members.get(id).map(|member| member.current.clone()).unwrap_or_default();
        if let Some(member) = self.members.get(id) {
            let updated = member.subscription.updated(beat);
            self.subscribe(turn, topics, id, updated);
        }
        self.retarget(turn, topics);
        self.advance(turn, id, beat.epoch);
        self.sessions.set(id, turn.now.monotonic + turn.times.share.session_timeout);
        self.answer(turn.times.share, beat, &before)
    }

    /// That the group has room for the member, if it is a new one.
    fn check_room(&self, config: &GroupsConfig, id: &MemberId) -> Result<(), Refused> {
        if self.members.contains_key(id) || self.members.len() < config.max_share_group_size {
            return Ok(());
        }
        let message = format!(
            "The share group has reached its maximum capacity of {} members.",
            config.max_share_group_size
        );
        Err(Refused::new(ErrorCode::GroupMaxSizeReached, message))
    }

    /// That the member is one already, and comes with an epoch that it can have.
    fn check_epoch(&self, beat: &ShareHeartbeat) -> Result<(), Refused> {
        let member = self.members.get(&beat.member).ok_or_else(|| self.unknown(&beat.member))?;
        if member.current.accepts(beat.epoch) {
            return Ok(());
        }
        let how = if beat.epoch > member.current.epoch { "greater" } else { "smaller" };
        let message = format!(
            "The share group member has a {how} member epoch ({}) than the one known by the group coordinator ({}). \
             The member must abandon all its partitions and rejoin.",
            beat.epoch, member.current.epoch
        );
        Err(Refused::new(ErrorCode::FencedMemberEpoch, message))
    }

    pub(super) fn unknown(&self, id: &MemberId) -> Refused {
        let message = format!("Member {id} is not a member of group {}.", self.id);
        Refused::new(ErrorCode::UnknownMemberId, message)
    }

    /// Takes in what the member says of itself. What it wants begins a new epoch, if that is news.
    fn subscribe(&mut self, turn: &mut Turn<'_>, topics: &Topics, id: &MemberId, updated: ShareSubscription) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let is_new = member.target.is_none();
        if !is_new && member.subscription == updated {
            return;
        }
        let wants_the_same = member.subscription.topics == updated.topics;
        member.subscription = updated.clone();
        if is_new || !wants_the_same {
            self.bump(turn, topics);
        }
        turn.record(ShareGroupChange::Member { member: id.clone(), subscription: updated }.of(&self.id));
    }

    /// The member has its target from now on.
    fn advance(&mut self, turn: &mut Turn<'_>, id: &MemberId, known_epoch: i32) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        if member.current.epoch == self.target_epoch {
            return;
        }
        let assigned = member.target.clone().unwrap_or_default();
        let current = ShareCurrent { epoch: self.target_epoch, previous_epoch: known_epoch, assigned };
        member.current = current.clone();
        turn.record(ShareGroupChange::Current { member: id.clone(), current }.of(&self.id));
    }

    fn answer(
        &self,
        times: Times,
        beat: &ShareHeartbeat,
        before: &ShareCurrent,
    ) -> Result<HeartbeatAnswer, Refused> {
        let current = &self.members.get(&beat.member).ok_or(ErrorCode::UnknownMemberId)?.current;
        // One that comes with an older epoch has missed an answer.
        let is_known = before.epoch == beat.epoch && before.assigned == current.assigned;
        let is_news = beat.is_full() || !is_known;
        Ok(HeartbeatAnswer {
            epoch: current.epoch,
            heartbeat_interval: times.heartbeat_interval,
            assignment: is_news.then(|| current.assigned.clone()),
            member: beat.member.clone(),
        })
    }
}
