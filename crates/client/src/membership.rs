//! Membership in a group: what every kind of member has in common. Pure.
//!
//! Owns: [`Membership`], a member as the consumer sees it, and its words: requests and answers, effects, events. The
//! two kinds are [`classic`] (the members divide the partitions) and [`reconciling`] (the coordinator does). Members of
//! [`share`] groups have no partitions of their own, those of [`streams`] groups have tasks: they are no [`Membership`].
//!
//! Invariants: what the application was told to have ([`GroupEvent::Assigned`]) is taken back exactly once, by
//! `Revoked` (it may still commit, until its next poll) or by `Lost` (it may not). An application that does not poll for
//! the configured time loses its membership, though its heartbeats went on.
//!
//! Does not know: connections, where the coordinator is, offsets and records, clocks.

mod attendance;
pub(crate) mod classic;
mod heart;
mod outbox;
pub(crate) mod reconciling;
pub(crate) mod share;
pub(crate) mod streams;
#[cfg(test)]
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use headwater_model::{ErrorCode, Monotonic, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use headwater_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use headwater_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use headwater_wire::messages::leave_group::LeaveGroupRequest;
use headwater_wire::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use headwater_wire::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse,
};
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::consumer::GroupError;
use crate::error::CallError;
use attendance::Attendance;
use outbox::Outbox;

/// Links an answer to the request that it belongs to.
pub(crate) type Ticket = u64;

/// A member of a group, or who wants to be one.
pub(crate) trait Membership: fmt::Debug + Send {
    /// Subscribes to these topics instead of any before; none leaves the group.
    fn subscribe(&mut self, topics: BTreeSet<TopicName>, now: Monotonic);

    /// Subscribes to all topics whose whole names match, instead of any before, if the coordinator finds out which
    /// these are. False if it does not: then nothing has changed.
    fn subscribe_matching(&mut self, _pattern: &str, _now: Monotonic) -> bool {
        false
    }

    /// Leaves the group and forgets the subscription. A static member stays known, so that it can come back without a
    /// rebalance.
    fn leave(&mut self);

    /// The application polls. True if that leads to something.
    fn poll_begins(&mut self, now: Monotonic) -> bool;

    /// The application is done with what it was told to let go of. True if there was anything.
    fn let_go(&mut self, now: Monotonic) -> bool;

    /// The application's poll returns.
    fn poll_ends(&mut self, now: Monotonic);

    /// What the application is to be told next; it counts as told.
    fn next_event(&mut self) -> Option<GroupEvent>;

    /// True if [`Membership::next_event`] has something.
    fn has_events(&self) -> bool;

    /// What came of everything since the last call.
    fn take_effects(&mut self) -> Vec<Effect>;

    /// Does what is due at this time.
    fn tick(&mut self, now: Monotonic);

    /// When [`Membership::tick`] has to be called at the latest.
    fn deadline(&self) -> Option<Monotonic>;

    /// Who commits; `None` while we are no member.
    fn identity(&self) -> Option<Identity>;

    /// True once subscribed, until unsubscribed.
    fn is_subscribed(&self) -> bool;

    /// True if these are what is subscribed to.
    fn is_subscribed_to(&self, topics: &BTreeSet<TopicName>) -> bool;

    /// The topics whose numbers of partitions matter to us.
    fn watched_topics(&self) -> BTreeSet<TopicName>;

    /// An answer has come, or will not come. Answers to what is not under way any more are ignored.
    fn answered(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic);

    /// A commit of this generation was refused: that tells of our membership what a heartbeat would.
    fn commit_refused(&mut self, generation: i32, error: ErrorCode, now: Monotonic);

    /// The sizes of the topics that were asked for, or `None` if they cannot be had just now.
    fn counted(&mut self, _ticket: Ticket, _counts: Option<BTreeMap<TopicName, i32>>, _now: Monotonic) {}

    /// The names of the topics that were asked for, as far as they exist, or `None` if they cannot be had just now.
    fn resolved(&mut self, _ticket: Ticket, _names: Option<BTreeMap<Uuid, TopicName>>, _now: Monotonic) {}

    /// How many partitions the watched topics have, as the cluster was last heard of.
    fn partitions_seen(&mut self, _count: &dyn Fn(&TopicName) -> Option<i32>, _now: Monotonic) {}
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Send this to the coordinator and report with [`Membership::answered`].
    Send(Ticket, GroupRequest),
    /// Find out how many partitions these topics have, and report with [`Membership::counted`].
    Count(Ticket, BTreeSet<TopicName>),
    /// Find out what the topics of these ids are called, and report with [`Membership::resolved`].
    Resolve(Ticket, BTreeSet<Uuid>),
    /// The coordinator is elsewhere: look it up again.
    ForgetCoordinator,
    /// Read these partitions as well, from where the group is.
    Start(BTreeSet<TopicPartition>),
    /// Hand out nothing more of these, but keep the positions for a last commit.
    Freeze(BTreeSet<TopicPartition>),
    /// Forget these: they are ours no more.
    Stop(BTreeSet<TopicPartition>),
}

/// A request of membership.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GroupRequest {
    Join(JoinGroupRequest),
    Sync(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    /// Its answer does not matter.
    Leave(LeaveGroupRequest),
    ConsumerHeartbeat(ConsumerGroupHeartbeatRequest),
    /// A heartbeat that leaves. What is answered does not matter, but that it is.
    ConsumerLeave(ConsumerGroupHeartbeatRequest),
    ShareHeartbeat(ShareGroupHeartbeatRequest),
    /// As [`GroupRequest::ConsumerLeave`].
    ShareLeave(ShareGroupHeartbeatRequest),
    StreamsHeartbeat(Box<StreamsGroupHeartbeatRequest>),
    /// As [`GroupRequest::ConsumerLeave`].
    StreamsLeave(Box<StreamsGroupHeartbeatRequest>),
}

impl GroupRequest {
    /// True if it leaves the group.
    pub(crate) fn is_farewell(&self) -> bool {
        matches!(self, Self::Leave(_) | Self::ConsumerLeave(_) | Self::ShareLeave(_) | Self::StreamsLeave(_))
    }
}

/// The answer to a request of membership.
#[derive(Debug, Clone)]
pub(crate) enum GroupAnswer {
    Join(Result<JoinGroupResponse, CallError>),
    Sync(Result<SyncGroupResponse, CallError>),
    Heartbeat(Result<HeartbeatResponse, CallError>),
    ConsumerHeartbeat(Result<ConsumerGroupHeartbeatResponse, CallError>),
    ShareHeartbeat(Result<ShareGroupHeartbeatResponse, CallError>),
    StreamsHeartbeat(Result<Box<StreamsGroupHeartbeatResponse>, CallError>),
    Leave,
}

/// What the application is told.
#[derive(Debug, Clone)]
pub(crate) enum GroupEvent {
    /// These are added to what it has.
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
    Failed(GroupError),
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The generation, or the member's epoch.
    pub(crate) generation: i32,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) kind: MemberKind,
}

/// What the generation of an [`Identity`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberKind {
    /// Who is no member.
    Nobody,
    /// With the generation everybody's partitions change.
    Eager,
    /// Generations follow each other while partitions stay: a commit may be made in one and sent in the next.
    Cooperative,
    /// The epoch rises while partitions stay, likewise.
    Reconciling,
}

impl Identity {
    /// Whoever assigns partitions by hand.
    pub(crate) fn nobody() -> Self {
        Self { generation: -1, member_id: String::new(), instance_id: None, kind: MemberKind::Nobody }
    }

    /// True if a commit that was made by `earlier` may be sent by this one, as long as its partitions stayed.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        let partitions_stay = matches!(self.kind, MemberKind::Cooperative | MemberKind::Reconciling);
        self.member_id == earlier.member_id
            && self.kind == earlier.kind
            && (partitions_stay || self.generation == earlier.generation)
    }
}
