//! A heartbeat of a member that stays or joins: what it says is taken in, and it is told what to work on.

use std::time::Duration;

use headwater_model::{Entropy, ErrorCode};

use crate::consumer::member::Member;
use crate::consumer::{Consumer, ConsumerGroupChange, ConsumerHeartbeat, Refused, Subscription};
use crate::effects::Turn;
use crate::group::{Group, Kind};
use crate::{Current, Effects, Groups, GroupsConfig, MemberId, Now, Partitions, Reply, Times, Token, Topics};

/// What a member is told.
#[derive(Debug, Clone, PartialEq)]
pub struct HeartbeatAnswer {
    /// The member.
    pub member: MemberId,
    /// Its epoch.
    pub epoch: i32,
    /// When to send the next heartbeat; zero to one that leaves.
    pub heartbeat_interval: Duration,
    /// What to work on, if that is news.
    pub assignment: Option<Partitions>,
}

impl Groups {
    /// A member of a consumer group is alive, joins, or leaves.
    pub fn consumer_heartbeat(
        &mut self,
        now: Now,
        entropy: &mut Entropy,
        token: Token,
        beat: &ConsumerHeartbeat,
    ) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        turn.times = self.member_times.get(&beat.group).copied().unwrap_or(turn.times);
        let known = self.groups.contains_key(&beat.group);
        let is_full = self.groups.len() >= turn.config.max_groups;
        let outcome = match (beat.check(turn.config), &self.topics) {
            (Err(refused), _) => Err(refused),
            (Ok(()), None) => Err(ErrorCode::CoordinatorLoadInProgress.into()),
            (Ok(()), Some(_)) if !known && !beat.joins() => Err(Refused::new(
                ErrorCode::GroupIdNotFound,
                format!("Consumer group {} not found.", beat.group),
            )),
            (Ok(()), Some(_)) if !known && is_full => Err(ErrorCode::PolicyViolation.into()),
            (Ok(()), Some(topics)) => {
                let id = &beat.group;
                let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id.clone()));
                group.consumer_heartbeat(&mut turn, entropy, topics, beat)
            }
        };
        turn.reply(token, Reply::ConsumerHeartbeat(outcome));
        let effects = turn.effects;
        self.settle(&beat.group);
        effects
    }
}

impl Group {
    /// That the group has room for the member, if it is a new one. (Asked before the group changes its kind for it.)
    fn check_room(&self, config: &GroupsConfig, beat: &ConsumerHeartbeat) -> Result<(), Refused> {
        let (members, known) = match &self.kind {
            Kind::Classic(classic) => {
                (classic.len(), classic.knows(beat.member.as_ref(), beat.instance.as_ref()))
            }
            Kind::Consumer(group) => (group.len(), group.knows(beat.member.as_ref(), beat.instance.as_ref())),
            // It is refused for another reason.
            Kind::Share(_) => return Ok(()),
            // It becomes a consumer group only without members.
            Kind::Streams(_) => (0, false),
        };
        if known || members < config.max_group_size {
            return Ok(());
        }
        let message = format!(
            "The consumer group has reached its maximum capacity of {} members.",
            config.max_group_size
        );
        Err(Refused::new(ErrorCode::GroupMaxSizeReached, message))
    }

    fn consumer_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        entropy: &mut Entropy,
        topics: &Topics,
        beat: &ConsumerHeartbeat,
    ) -> Result<HeartbeatAnswer, Refused> {
        self.check_room(turn.config, beat)?;
        let other_kind = Refused::new(
            ErrorCode::GroupIdNotFound,
            format!("Group {} is not a consumer group.", beat.group),
        );
        let consumer = if beat.joins() { self.as_consumer(turn, topics) } else { self.consumer() };
        let consumer = consumer.ok_or(other_kind)?;
        if beat.leaves() {
            let outcome = consumer.leave(turn, topics, beat);
            self.become_classic_if_all_are(turn, topics);
            outcome
        } else {
            consumer.heartbeat(turn, entropy, topics, beat)
        }
    }
}

impl Consumer {
    fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        entropy: &mut Entropy,
        topics: &Topics,
        beat: &ConsumerHeartbeat,
    ) -> Result<HeartbeatAnswer, Refused> {
        let id = if beat.joins() { self.admit(turn, entropy, beat)? } else { self.recognize(beat)? };
        let before = self.members.get(&id).map(|member| member.current.clone());
        if let Some(member) = self.members.get(&id) {
            let updated = member.subscription.updated(beat);
            self.subscribe(turn, topics, &id, updated);
        }
        self.retarget(turn, topics);
        self.reconcile(turn, &id, beat.epoch, beat.owned());
        self.rejoins.cancel(&id);
        self.sessions.set(&id, turn.now.monotonic + turn.times.consumer.session_timeout);
        self.answer(turn.times.consumer, id, beat, before)
    }

    fn answer(
        &self,
        times: Times,
        id: MemberId,
        beat: &ConsumerHeartbeat,
        before: Option<Current>,
    ) -> Result<HeartbeatAnswer, Refused> {
        let current = &self.members.get(&id).ok_or(ErrorCode::UnknownMemberId)?.current;
        // One that comes with an older epoch has missed an answer.
        let knows = |before: Current| before.epoch == beat.epoch && before.assigned == current.assigned;
        let is_news = beat.is_full() || !before.is_some_and(knows);
        Ok(HeartbeatAnswer {
            epoch: current.epoch,
            heartbeat_interval: current.state.next_heartbeat(times.heartbeat_interval),
            assignment: is_news.then(|| current.assigned.clone()),
            member: id,
        })
    }

    /// The member that joins: a new one, one that begins anew with nothing in its hands, or the successor of a static one.
    fn admit(
        &mut self,
        turn: &mut Turn<'_>,
        entropy: &mut Entropy,
        beat: &ConsumerHeartbeat,
    ) -> Result<MemberId, Refused> {
        let id = beat.member.clone().unwrap_or_else(|| MemberId::from(entropy.uuid().to_string()));
        let holder = beat.instance.as_ref().and_then(|instance| self.statics.get(instance)).cloned();
        match holder {
            Some(old) if old != id => self.succeed(turn, &old, &id)?,
            _ => self.begin_anew(&id),
        }
        Ok(id)
    }

    fn begin_anew(&mut self, id: &MemberId) {
        let member = self.members.entry(id.clone()).or_insert_with(Member::joining);
        if member.current.is_away() {
            member.current = member.current.succeeded();
            return;
        }
        self.holders.release(id, &member.current);
        self.revocations.cancel(id);
        member.current = Current::joining();
    }

    /// The member that says to be one already, with an epoch that it can have.
    fn recognize(&self, beat: &ConsumerHeartbeat) -> Result<MemberId, Refused> {
        let id = self.identify(beat)?;
        let current = &self.members.get(&id).ok_or(ErrorCode::UnknownMemberId)?.current;
        if current.accepts(beat.epoch, beat.owned()) {
            return Ok(id);
        }
        let how = if beat.epoch > current.epoch { "greater" } else { "smaller" };
        let message = format!(
            "The consumer group member has a {how} member epoch ({}) than the one known by the group coordinator \
             ({}). The member must abandon all its partitions and rejoin.",
            beat.epoch, current.epoch
        );
        Err(Refused::new(ErrorCode::FencedMemberEpoch, message))
    }

    /// Takes in what the member says of itself. What it wants begins a new epoch, if that is news.
    pub(super) fn subscribe(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        id: &MemberId,
        updated: Subscription,
    ) {
        let is_news = |member: &Member| member.target.is_none() || member.subscription != updated;
        if !self.members.get(id).is_some_and(is_news) {
            return;
        }
        let preferred = self.assignor(turn.config);
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let is_new = member.target.is_none();
        let wants_the_same = updated.wants_the_same(&member.subscription);
        let before = std::mem::replace(&mut member.subscription, updated.clone());
        if let Some(instance) = before.instance.filter(|before| updated.instance.as_ref() != Some(before)) {
            self.statics.remove(&instance);
        }
        if let Some(instance) = &updated.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        if !wants_the_same {
            self.resolve_patterns(topics);
        }
        if is_new || !wants_the_same || self.assignor(turn.config) != preferred {
            self.bump(turn, topics);
        }
        turn.record(ConsumerGroupChange::Member { member: id.clone(), subscription: updated }.of(&self.id));
    }
}
