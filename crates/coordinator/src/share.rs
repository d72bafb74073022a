//! A share group (KIP-932): members say what they want by heartbeats, the coordinator assigns, and several members may
//! consume from one partition.
//!
//! The group's epoch grows whenever members, their subscriptions or the topics change. The next heartbeat of any member
//! computes the target assignment of that epoch; each member has its part of it with its own next heartbeat: nobody has to
//! give anything back before.
//!
//! # Invariants
//! - Epochs only grow: the group's, the target's, which never is ahead of it, and each member's, which never is ahead of the
//!   target's.
//! - When all members have come to the group's epoch, each partition of the topics that they subscribe to is assigned to
//!   at least one of them, and each member that subscribes to a topic that exists has a partition.
//! - A member has a session.
//! - The records of a command begin with the group's new epoch: whatever is lost of them, the target is computed anew.
//! - A group is no share group before it is made one, and none of another kind as long as it is one, members or not.
//!
//! # What is not here
//! Which records a member gets, and what becomes of them ([`crate::SharePartitions`]); share sessions; who may read which
//! topic.

mod change;
mod heartbeat;
mod leave;
mod member;
mod queries;
mod replayed;
mod request;
mod target;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{Monotonic, TopicName};

use crate::effects::Turn;
use crate::membership::Timers;
use crate::{GroupId, GroupState, MemberId, Times, Topics};

pub use change::ShareGroupChange;
pub use member::{ShareCurrent, ShareSubscription};
pub use queries::{DescribedShareGroup, DescribedShareMember};
pub use request::ShareHeartbeat;

pub(crate) use replayed::Replayed;

use member::Member;

/// What Kafka calls the protocol of these groups.
pub(crate) const SHARE_PROTOCOL_TYPE: &str = "share";

/// The members' side of a share group.
#[derive(Debug)]
pub(crate) struct Share {
    id: GroupId,
    epoch: i32,
    /// Of the topics that are subscribed to, in this epoch.
    fingerprint: u64,
    /// The epoch for which the members' targets were computed.
    target_epoch: i32,
    members: BTreeMap<MemberId, Member>,
    /// When members are out unless heard of.
    sessions: Timers,
}

impl Share {
    /// A group that begins, or that has come to an epoch.
    pub(crate) fn beginning_after(id: GroupId, epoch: i32) -> Self {
        Self {
            id,
            epoch,
            fingerprint: 0,
            target_epoch: 0,
            members: BTreeMap::new(),
            sessions: Timers::default(),
        }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Drops the records of the group and its members.
    pub(crate) fn forget(&self, turn: &mut Turn<'_>) {
        for member in self.members.keys() {
            ShareGroupChange::forget_member(&self.id, member, turn);
        }
        ShareGroupChange::forget_group(&self.id, turn);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The log has a record of this group, so that its end needs a tombstone.
    pub(crate) fn is_stored(&self) -> bool {
        self.epoch > 0
    }

    /// Kafka knows no other: members work in whatever epoch they are.
    pub(crate) fn state(&self) -> GroupState {
        if self.members.is_empty() { GroupState::Empty } else { GroupState::Stable }
    }

    /// The topics that members subscribe to, so far as they exist.
    pub(crate) fn subscribed(&self, topics: &Topics) -> BTreeSet<TopicName> {
        let names: BTreeSet<&str> = self
            .members
            .values()
            .flat_map(|member| &member.subscription.topics)
            .map(String::as_str)
            .collect();
        names.into_iter().filter_map(|name| topics.entry(name)).map(|(name, _)| name.clone()).collect()
    }

    /// The topics have changed: a target that rests on others is not the one that is wanted.
    pub(crate) fn topics_changed(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        if !self.is_empty() && topics.fingerprint(&self.subscribed(topics)) != self.fingerprint {
            self.bump(turn, topics);
        }
    }

    /// The group's next epoch begins.
    fn bump(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        self.epoch = self.epoch.saturating_add(1);
        self.fingerprint = topics.fingerprint(&self.subscribed(topics));
        let (epoch, fingerprint) = (self.epoch, self.fingerprint);
        turn.record(ShareGroupChange::Epoch { epoch, fingerprint }.of(&self.id));
    }

    /// Members that were not heard of for a session are out.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        let out = self.sessions.take_due(turn.now.monotonic);
        self.remove(turn, topics, &out);
    }

    /// The earliest moment at which silence leads to something.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.sessions.next()
    }

    /// The log has been replayed: members have a whole session to be heard of.
    fn begin_sessions(&mut self, now: Monotonic, times: Times) {
        for id in self.members.keys() {
            self.sessions.set(id, now + times.session_timeout);
        }
    }
}
