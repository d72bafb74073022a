//! A streams group (KIP-1071): the members of a streams application say its topology and what they work on by
//! heartbeats, and the coordinator assigns tasks.
//!
//! The topology is the group's; the first member brings it. When all topics that it needs are there
//! ([`configuration`]), it has tasks; until then members have none, and are told why. The group's epoch grows
//! whenever members, what they say, the topology, its topics or the number of copies change. The next heartbeat of any
//! member computes the target of that epoch ([`assignor`]); each member is brought there by its own heartbeats
//! ([`reconciliation`]).
//!
//! # Invariants
//! - Epochs only grow: the group's, the target's, which never is ahead of it, and each member's. A member is ahead of
//!   the target only in the first epoch of a group that waits for more members, with nothing to do.
//! - No task is active at two members. Two members of one process do not have the same task, unless one has moved to
//!   the other's process with it. When all members are stable, each task is active at exactly one of them.
//! - A member that is there has a session, and one that has to give tasks back a time by which it must have.
//! - The records of a command begin with the group's new epoch, and the topology comes before who has brought it:
//!   whatever is lost of them, the target is computed anew.
//!
//! # What is not here
//! Who may read or make which topic; who makes the topics that are missing (the driver does, by
//! [`StreamsAnswer::to_create`]); static members, warm-up tasks, assignment by tags and regular expressions of source
//! topics, which Kafka has later than 4.3.

mod answer;
mod assignor;
mod change;
mod commit;
mod configuration;
mod endpoints;
mod heartbeat;
mod holders;
mod leave;
mod member;
mod queries;
mod reconciliation;
mod replayed;
mod request;
mod settings;
mod status;
mod target;
mod tasks;
mod timeouts;
mod topology;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{Monotonic, Timestamp, TopicName};

use crate::effects::Turn;
use crate::membership::Timers;
use crate::{GroupId, GroupState, MemberId, MemberState, Topics};

pub use answer::StreamsAnswer;
pub use change::{StreamsBasis, StreamsGroupChange};
pub use configuration::MissingTopic;
pub use endpoints::EndpointPartitions;
pub use member::{Endpoint, StreamsMember, TaskOffset};
pub use queries::{DescribedStreamsGroup, DescribedStreamsMember};
pub use reconciliation::StreamsCurrent;
pub use request::StreamsHeartbeat;
pub use settings::StreamsSettings;
pub use status::{StatusCode, StreamsStatus};
pub use tasks::{AssignedTasks, Task, Tasks};
pub use topology::{CopartitionGroup, InternalTopic, StreamsTopology, Subtopology};

pub(crate) use replayed::Replayed;

use configuration::{Configuration, Layout};
use holders::Holders;
use member::Member;
use reconciliation::{OwnedTasks, Place, TasksTarget};

/// What Kafka calls the protocol of the members.
pub(crate) const STREAMS_PROTOCOL_TYPE: &str = "streams";

/// The members' side of a streams group.
#[derive(Debug)]
pub(crate) struct Streams {
    id: GroupId,
    epoch: i32,
    /// What the target rests on, in this epoch.
    basis: StreamsBasis,
    topology: Option<StreamsTopology>,
    /// What the topology comes to; none before that was found out.
    configuration: Option<Configuration>,
    /// The epoch for which the members' targets were computed.
    target_epoch: i32,
    members: BTreeMap<MemberId, Member>,
    holders: Holders,
    settings: StreamsSettings,
    /// When members are out unless heard of.
    sessions: Timers,
    /// When members are out unless they have given back what they are to.
    revocations: Timers,
    /// Until when more members are waited for, before the first target.
    delayed_until: Option<Monotonic>,
    /// Who wants all members to end.
    shutdown_by: Option<MemberId>,
    /// The number of what is known of members' endpoints.
    endpoint_epoch: i32,
    /// The log has a record of this group, so that its end needs a tombstone.
    stored: bool,
}

impl Streams {
    /// A group that was of another kind until this epoch, or that begins.
    pub(crate) fn beginning_after(id: GroupId, epoch: i32, stored: bool, wall: Timestamp) -> Self {
        Self {
            id,
            epoch,
            basis: StreamsBasis::default(),
            topology: None,
            configuration: None,
            target_epoch: 0,
            members: BTreeMap::new(),
            holders: Holders::default(),
            settings: StreamsSettings::default(),
            sessions: Timers::default(),
            revocations: Timers::default(),
            delayed_until: None,
            shutdown_by: None,
            endpoint_epoch: endpoints::first_epoch(wall),
            stored,
        }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.stored
    }

    pub(crate) fn set_settings(&mut self, settings: &StreamsSettings) {
        if self.settings != *settings {
            self.settings.clone_from(settings);
        }
    }

    pub(crate) fn state(&self) -> GroupState {
        let reconciled = |member: &Member| member.current.is_reconciled(self.target_epoch);
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.basis.validated_topology.is_none() {
            GroupState::NotReady
        } else if self.epoch > self.target_epoch {
            GroupState::Assigning
        } else if self.members.values().all(reconciled) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    /// The topics that members read.
    pub(crate) fn consumed(&self) -> BTreeSet<TopicName> {
        let topology = self.topology.as_ref().filter(|_| !self.is_empty());
        topology.map(StreamsTopology::consumed_topics).unwrap_or_default()
    }

    /// The topics have changed: a target that rests on others is not the one that is wanted.
    pub(crate) fn topics_changed(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        self.configuration = None;
        if !self.is_empty() && self.is_on_another_basis(topics) {
            self.bump(turn);
        }
    }

    /// Finds out what the topology comes to on these topics. True if that, or the number of copies, has changed.
    fn is_on_another_basis(&mut self, topics: &Topics) -> bool {
        let before = self.basis;
        if let (None, Some(topology)) = (&self.configuration, &self.topology) {
            let configuration = Configuration::of(topology, topics);
            self.basis.fingerprint = topics.fingerprint(&topology.required_topics());
            self.basis.validated_topology = configuration.is_ready().then_some(topology.epoch);
            self.configuration = Some(configuration);
        }
        self.basis.standby_replicas = self.settings.standby_replicas;
        self.basis != before
    }

    fn layout(&self) -> Option<&Layout> {
        self.configuration.as_ref().and_then(Configuration::layout)
    }

    /// The group's next epoch begins.
    fn bump(&mut self, turn: &mut Turn<'_>) {
        // As in Kafka: members that wait for the first target have an epoch before it.
        self.epoch = if self.epoch == 0 { 2 } else { self.epoch.saturating_add(1) };
        self.stored = true;
        turn.record(StreamsGroupChange::Epoch { epoch: self.epoch, basis: self.basis }.of(&self.id));
    }

    /// The epoch that members are brought to.
    fn epoch_to_reach(&self) -> i32 {
        if self.delayed_until.is_some() { self.target_epoch.max(1) } else { self.target_epoch }
    }

    /// Brings a member as near to its target as can be now.
    fn reconcile(&mut self, turn: &mut Turn<'_>, id: &MemberId, known_epoch: i32, owned: OwnedTasks<'_>) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        let none = AssignedTasks::new();
        let tasks = member.target.as_ref().unwrap_or(&none);
        let target = TasksTarget { epoch: self.epoch_to_reach(), tasks };
        let place = Place { member: id, process: &member.said.process, holders: &self.holders };
        if let Some(next) = member.current.reconciled(place, known_epoch, owned, target) {
            self.set_current(turn, id, next);
        }
    }

    fn set_current(&mut self, turn: &mut Turn<'_>, id: &MemberId, next: StreamsCurrent) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        if next.state == MemberState::UnrevokedPartitions {
            self.revocations.set(id, turn.now.monotonic + member.said.rebalance_wait());
        } else {
            self.revocations.cancel(id);
        }
        self.holders.release(id, &member.current);
        self.holders.hold(id, &member.said.process, &next);
        let tells = member.said.endpoint.is_some() && next.assigned != member.current.assigned;
        turn.record(StreamsGroupChange::Current { member: id.clone(), current: next.clone() }.of(&self.id));
        member.advance(next);
        if tells {
            self.endpoints_changed();
        }
    }

    /// The earliest moment at which silence leads to something.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let times = [self.sessions.next(), self.revocations.next(), self.delayed_until];
        times.into_iter().flatten().min()
    }
}
