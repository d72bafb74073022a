//! A classic group: members that join, elect a leader, and work on what the leader assigns.
//!
//! The states are Kafka's. `Empty`: no members. `PreparingRebalance`: members have to (re)join. A rebalance ends
//! when all have, or when its time is up; who has not come back by then is out, unless it is static, which only the
//! end of its session removes. `CompletingRebalance`: a new generation waits for its leader's assignment. `Stable`:
//! it has it. (`Dead` is what a group that does not exist is called.)
//!
//! # Invariants
//! - The leader is a member whenever there are members.
//! - At least one protocol is supported by every member.
//! - `Empty` has no members; a `Stable` group is as its last record says, sessions apart.
//! - Only a member that may still be heard of is waited for: each of them has a deadline, or waits for another that
//!   has one.

mod converted;
mod heartbeat;
mod join;
mod leave;
mod member;
mod rebalance;
mod static_member;
mod stored;
mod sync;
mod timeouts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, Timestamp};

use crate::{GroupId, InstanceId, MemberId};

pub use heartbeat::Heartbeat;
pub use join::Join;
pub use leave::{Leave, Leaver};
pub use member::Protocol;
pub use sync::Sync;

pub(crate) use join::new_member_id;
pub(crate) use member::Member;

/// The protocol type of groups whose members are Kafka consumers.
pub(crate) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// The state of a group. Prints as Kafka spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupState {
    /// No members.
    Empty,
    /// Members have to join.
    PreparingRebalance,
    /// All have joined; the leader has to assign.
    CompletingRebalance,
    /// The topics that the topology needs are not all there (streams groups).
    NotReady,
    /// Members have changed, or what they want; the coordinator has to assign (newer kinds of group).
    Assigning,
    /// The coordinator has assigned; members are on their way there (newer kinds of group).
    Reconciling,
    /// Members work.
    Stable,
    /// There is no such group.
    Dead,
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::NotReady => "NotReady",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        })
    }
}

/// Where a group is in its cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    Empty,
    Preparing {
        /// When to stop waiting for joins.
        until: Monotonic,
        /// Set in the first rebalance of an empty group, which ends by its delays and not when all have joined.
        initial: Option<InitialDelay>,
    },
    Completing,
    Stable,
}

/// How much longer the first rebalance of an empty group may wait for newcomers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InitialDelay {
    remaining: Duration,
    /// Somebody joined since the delay was last extended.
    newcomer: bool,
}

/// The members' side of a group.
#[derive(Debug)]
pub(crate) struct Classic {
    id: GroupId,
    phase: Phase,
    state_since: Option<Timestamp>,
    generation: i32,
    protocol_type: Option<Arc<str>>,
    protocol: Option<Arc<str>>,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    statics: BTreeMap<InstanceId, MemberId>,
    /// Ids given out to clients that have not joined with them yet, and when to forget them (KIP-394).
    announced: BTreeMap<MemberId, Monotonic>,
    /// Members of this generation that have not asked for their assignment, and when they are out.
    unsynced: BTreeSet<MemberId>,
    sync_until: Option<Monotonic>,
    /// The epochs of members that were in a consumer group until now, as long as there is no generation that they have
    /// joined.
    generations_before: BTreeMap<MemberId, i32>,
    /// The log has a record of this group, so that its end needs a tombstone.
    stored: bool,
}

impl Classic {
    pub(crate) fn new(id: GroupId) -> Self {
        Self {
            id,
            phase: Phase::Empty,
            state_since: None,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            announced: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            sync_until: None,
            generations_before: BTreeMap::new(),
            stored: false,
        }
    }

    /// A group that was of another kind until this epoch: its generations go on from there.
    pub(crate) fn beginning_after(id: GroupId, epoch: i32, stored: bool) -> Self {
        Self { generation: epoch, stored, ..Self::new(id) }
    }

    pub(crate) fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::Preparing { .. } => GroupState::PreparingRebalance,
            Phase::Completing => GroupState::CompletingRebalance,
            Phase::Stable => GroupState::Stable,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.phase == Phase::Empty
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether one of the names is a member's.
    pub(crate) fn knows(&self, member: Option<&MemberId>, instance: Option<&InstanceId>) -> bool {
        member.is_some_and(|member| self.members.contains_key(member))
            || instance.is_some_and(|instance| self.statics.contains_key(instance))
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.stored
    }

    pub(crate) fn state_since(&self) -> Option<Timestamp> {
        self.state_since
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    pub(crate) fn protocol_type(&self) -> Option<&Arc<str>> {
        self.protocol_type.as_ref()
    }

    pub(crate) fn protocol(&self) -> Option<&Arc<str>> {
        self.protocol.as_ref()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&MemberId, &Member)> {
        self.members.iter()
    }

    pub(crate) fn is_consumer_group(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// Neither members nor announced ones.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_empty() && self.announced.is_empty()
    }

    /// That the request comes from the present holder of a member id, and of an instance id if it names one.
    pub(crate) fn current_member(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.statics.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if holder != member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// That a member comes with the present generation, or with what it knows as such until the next one begins.
    pub(crate) fn current_generation(&self, member: &MemberId, generation: i32) -> Result<(), ErrorCode> {
        let known = self.generations_before.get(member) == Some(&generation);
        if generation == self.generation || known { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    /// The member was heard of.
    pub(crate) fn renew_session(&mut self, member: &MemberId, now: Monotonic) {
        if let Some(member) = self.members.get_mut(member) {
            member.renew_session(now);
        }
    }

    fn enter(&mut self, phase: Phase, wall: Timestamp) {
        self.phase = phase;
        self.state_since = Some(wall);
    }
}
