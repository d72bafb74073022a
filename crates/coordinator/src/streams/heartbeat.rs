//! A heartbeat of a member that stays or joins: what it says is taken in, and it is told what to work on.

use headwater_model::ErrorCode;

use crate::effects::Turn;
use crate::group::Group;
use crate::streams::member::Member;
use crate::streams::reconciliation::OwnedTasks;
use crate::streams::{
    AssignedTasks, Streams, StreamsAnswer, StreamsCurrent, StreamsGroupChange, StreamsHeartbeat,
    StreamsSettings, StreamsTopology, Task, request,
};
use crate::{Effects, GroupId, Groups, GroupsConfig, MemberId, Now, Refused, Reply, Token, Topics};

impl Groups {
    /// A member of a streams group is alive, joins, or leaves. Topics that are to be made are named in the answer
    /// ([`StreamsAnswer::to_create`]).
    pub fn streams_heartbeat(&mut self, now: Now, token: Token, beat: &StreamsHeartbeat) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let known = self.groups.contains_key(&beat.group);
        let is_full = self.groups.len() >= turn.config.max_groups;
        let outcome = match (beat.check(turn.config), &self.topics) {
            (Err(refused), _) => Err(refused),
            (Ok(()), None) => Err(ErrorCode::CoordinatorLoadInProgress.into()),
            (Ok(()), Some(_)) if !known && !beat.joins() => Err(Refused::new(
                ErrorCode::GroupIdNotFound,
                format!("Streams group {} not found.", beat.group),
            )),
            (Ok(()), Some(_)) if !known && is_full => Err(ErrorCode::PolicyViolation.into()),
            (Ok(()), Some(topics)) => {
                let id = &beat.group;
                let settings = self.streams_settings.get(id).unwrap_or(&self.config.streams);
                let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id.clone()));
                group.streams_heartbeat(&mut turn, topics, settings, beat)
            }
        };
        turn.reply(token, Reply::StreamsHeartbeat(outcome));
        let effects = turn.effects;
        self.settle(&beat.group);
        effects
    }

    /// From now on a streams group has these settings; without them it has those of [`GroupsConfig::streams`]. They are
    /// not durable here, and count from the next heartbeat on: to be told before the log is [`Groups::loaded`], and
    /// whenever they change.
    pub fn set_streams_settings(&mut self, group: GroupId, settings: Option<StreamsSettings>) {
        match settings {
            Some(settings) => drop(self.streams_settings.insert(group, settings)),
            None => drop(self.streams_settings.remove(&group)),
        }
    }
}

impl Group {
    fn streams_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        settings: &StreamsSettings,
        beat: &StreamsHeartbeat,
    ) -> Result<StreamsAnswer, Refused> {
        // Asked before the group changes its kind for the member.
        self.streams().map_or_else(
            || Streams::check_room(turn.config, 0),
            |streams| streams.check_room_for(turn.config, beat),
        )?;
        let other_kind =
            Refused::new(ErrorCode::GroupIdNotFound, format!("Group {} is not a streams group.", beat.group));
        let streams = if beat.joins() { self.as_streams(turn) } else { self.streams() };
        let streams = streams.ok_or(other_kind)?;
        streams.set_settings(settings);
        if beat.leaves() { streams.leave(turn, beat) } else { streams.heartbeat(turn, topics, beat) }
    }
}

/// What a member that is taken in changes.
struct News {
    /// It has said something else than before.
    said: bool,
    /// Its tasks may be others, for what it has said.
    works_otherwise: bool,
}

impl Streams {
    fn check_room(config: &GroupsConfig, members: usize) -> Result<(), Refused> {
        if members < config.max_group_size {
            return Ok(());
        }
        let message = format!(
            "The streams group has reached its maximum capacity of {} members.",
            config.max_group_size
        );
        Err(Refused::new(ErrorCode::GroupMaxSizeReached, message))
    }

    fn check_room_for(&self, config: &GroupsConfig, beat: &StreamsHeartbeat) -> Result<(), Refused> {
        if !beat.joins() || self.members.contains_key(&beat.member) {
            return Ok(());
        }
        Self::check_room(config, self.members.len())
    }

    fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        beat: &StreamsHeartbeat,
    ) -> Result<StreamsAnswer, Refused> {
        let owned = beat.owned_tasks();
        self.check_beat(beat, owned.as_ref())?;
        let before = self.members.get(&beat.member).map(|member| member.current.clone());
        self.begin_or_end_delay(turn, beat);
        self.take_in(turn, topics, beat);
        self.retarget(turn);
        self.reconcile(turn, &beat.member, beat.epoch, request::owned(owned.as_ref()));
        self.sessions.set(&beat.member, turn.now.monotonic + self.settings.session_timeout);
        if beat.shutdown_application {
            self.shutdown_by.get_or_insert_with(|| beat.member.clone());
        }
        Ok(self.answer(beat, before.as_ref()))
    }

    /// All reasons to refuse it: after that nothing is.
    fn check_beat(&self, beat: &StreamsHeartbeat, owned: Option<&AssignedTasks>) -> Result<(), Refused> {
        if !beat.joins() {
            let current = &self.member(&beat.member)?.current;
            check_epoch(current, beat.epoch, request::owned(owned))?;
            self.check_tasks(current, owned)?;
        }
        let is_update = |known: &StreamsTopology, said: &StreamsTopology| {
            said.epoch >= known.epoch && said.clone().in_order() != *known
        };
        match (&self.topology, &beat.topology) {
            (Some(known), Some(said)) if !self.may_be_replaced_by(beat) && is_update(known, said) => {
                Err(Refused::invalid("Topology updates are not supported yet."))
            }
            _ => Ok(()),
        }
    }

    /// Whether nobody works by the topology but whoever joins. (Kafka keeps a group's first topology up to 4.3, even
    /// without members.)
    fn may_be_replaced_by(&self, beat: &StreamsHeartbeat) -> bool {
        self.members.keys().all(|member| *member == beat.member)
    }

    pub(super) fn member(&self, id: &MemberId) -> Result<&Member, Refused> {
        self.members.get(id).ok_or_else(|| {
            let message = format!("Member {id} is not a member of group {}.", self.id);
            Refused::new(ErrorCode::UnknownMemberId, message)
        })
    }

    /// That the tasks that a member says to own are such. What it was given, it may say to own.
    fn check_tasks(&self, current: &StreamsCurrent, owned: Option<&AssignedTasks>) -> Result<(), Refused> {
        let (Some(layout), Some(owned)) = (self.layout(), owned) else {
            return Ok(());
        };
        let strange = owned.difference(&current.assigned).difference(&current.revoking);
        for Task { subtopology, partition } in strange.active.iter().chain(strange.standby.iter()) {
            let Some(part) = layout.parts.get(&subtopology) else {
                let message = format!("Subtopology {subtopology} does not exist in the topology.");
                return Err(Refused::invalid(message));
            };
            if !(0..part.tasks).contains(&partition.0) {
                return Err(Refused::invalid(format!(
                    "Task {partition} for subtopology {subtopology} is invalid. Number of tasks for this \
                     subtopology: {}",
                    part.tasks
                )));
            }
        }
        Ok(())
    }

    /// An empty group waits for more members, if it is to, and no longer than that.
    fn begin_or_end_delay(&mut self, turn: &Turn<'_>, beat: &StreamsHeartbeat) {
        let (now, delay) = (turn.now.monotonic, self.settings.initial_rebalance_delay);
        if self.is_empty() && beat.joins() && !delay.is_zero() {
            self.delayed_until = Some(now + delay);
        }
        self.delayed_until.take_if(|until| *until <= now);
    }

    /// Takes in what the member says, and begins a new epoch if that makes a difference.
    fn take_in(&mut self, turn: &mut Turn<'_>, topics: &Topics, beat: &StreamsHeartbeat) {
        let new_topology = self.take_topology(beat);
        let is_new = beat.joins() && self.begin_anew(&beat.member);
        let news = self.take_said(beat);
        let on_another_basis = self.is_on_another_basis(topics);
        if is_new || news.works_otherwise || new_topology || on_another_basis {
            self.bump(turn);
        }
        if new_topology && let Some(topology) = self.topology.clone() {
            turn.record(StreamsGroupChange::Topology { topology }.of(&self.id));
        }
        if (is_new || news.said)
            && let Some(member) = self.members.get(&beat.member)
        {
            let (member, said) = (beat.member.clone(), member.said.clone());
            turn.record(StreamsGroupChange::Member { member, said }.of(&self.id));
        }
    }

    /// True if the group has another topology than before.
    fn take_topology(&mut self, beat: &StreamsHeartbeat) -> bool {
        let Some(said) = beat.topology.clone().map(StreamsTopology::in_order) else {
            return false;
        };
        if self.topology.is_some()
            && (!self.may_be_replaced_by(beat) || self.topology.as_ref() == Some(&said))
        {
            return false;
        }
        self.topology = Some(said);
        self.configuration = None;
        true
    }

    /// The member holds nothing. True if it is a new one.
    fn begin_anew(&mut self, id: &MemberId) -> bool {
        let Some(member) = self.members.get_mut(id) else {
            self.members.insert(id.clone(), Member::joining());
            return true;
        };
        self.holders.release(id, &member.current);
        self.revocations.cancel(id);
        member.begin_anew();
        if member.said.endpoint.is_some() {
            self.endpoints_changed();
        }
        false
    }

    fn take_said(&mut self, beat: &StreamsHeartbeat) -> News {
        let mut news = News { said: false, works_otherwise: false };
        let Some(member) = self.members.get_mut(&beat.member) else {
            return news;
        };
        if let Some(offsets) = &beat.task_offsets {
            member.offsets.clone_from(offsets);
        }
        if let Some(offsets) = &beat.task_end_offsets {
            member.end_offsets.clone_from(offsets);
        }
        let updated = member.said.updated(beat);
        if updated == member.said {
            return news;
        }
        news = News { said: true, works_otherwise: !updated.works_alike(&member.said) };
        let before = std::mem::replace(&mut member.said, updated);
        if before.process != member.said.process {
            self.holders.release(&beat.member, &member.current);
            self.holders.hold(&beat.member, &member.said.process, &member.current);
        }
        if before.endpoint != member.said.endpoint {
            self.endpoints_changed();
        }
        news
    }
}

/// That a member comes with an epoch that it can have.
fn check_epoch(current: &StreamsCurrent, epoch: i32, owned: OwnedTasks<'_>) -> Result<(), Refused> {
    if current.accepts(epoch, owned) {
        return Ok(());
    }
    let how = if epoch > current.epoch { "greater" } else { "smaller" };
    let message = format!(
        "The streams group member has a {how} member epoch ({epoch}) than the one known by the group coordinator \
         ({}). The member must abandon all its partitions and rejoin.",
        current.epoch
    );
    Err(Refused::new(ErrorCode::FencedMemberEpoch, message))
}
