//! What commands carry and what they lead to: times, tokens, replies.

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::{ErrorCode, Monotonic, Timestamp};

use crate::{
    Change, GroupsConfig, HeartbeatAnswer, InstanceId, MemberId, MemberTimes, Refused, StreamsAnswer,
};

/// The time at which a command takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For timeouts.
    pub monotonic: Monotonic,
    /// For what is stored.
    pub wall: Timestamp,
}

/// Stands for a request that waits for its reply. The caller chooses them; each is answered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What a command or the passing of time leads to.
///
/// The changes have been applied already. The replies may be sent once the changes, and all that came before them,
/// are durable.
#[derive(Debug, Default, PartialEq)]
pub struct Effects {
    /// To be appended to the log, in this order.
    pub records: Vec<Change>,
    /// To be sent, each to the request that its token stands for.
    pub replies: Vec<(Token, Reply)>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To a join.
    Join(Result<Joined, JoinRefused>),
    /// To a sync.
    Sync(Result<Synced, ErrorCode>),
    /// To a heartbeat.
    Heartbeat(Result<(), ErrorCode>),
    /// To a heartbeat of a member of a consumer group.
    ConsumerHeartbeat(Result<HeartbeatAnswer, Refused>),
    /// To a heartbeat of a member of a share group.
    ShareHeartbeat(Result<HeartbeatAnswer, Refused>),
    /// To a heartbeat of a member of a streams group.
    StreamsHeartbeat(Result<StreamsAnswer, Refused>),
    /// To a leave: the outcome for the whole request, else for each leaver, in the request's order.
    Leave(Result<Vec<ErrorCode>, ErrorCode>),
    /// To a commit: the outcome for each offset, in the request's order.
    CommitOffsets(Vec<ErrorCode>),
    /// To the end of a transaction.
    EndTransaction(Result<(), ErrorCode>),
    /// To the deletion of a group.
    DeleteGroup(Result<(), ErrorCode>),
    /// To the deletion of offsets: the outcome for the whole request, else for each partition, in its order.
    DeleteOffsets(Result<Vec<ErrorCode>, ErrorCode>),
}

/// A member's view of the generation that it has joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The generation.
    pub generation: i32,
    /// The kind of group: "consumer", "connect", ...
    pub protocol_type: Arc<str>,
    /// The protocol that the members' votes chose.
    pub protocol: Arc<str>,
    /// Who computes the assignment.
    pub leader: MemberId,
    /// The member that this answers.
    pub member: MemberId,
    /// The leader keeps the assignment that stands: a static leader came back to a stable group (KIP-814).
    pub skip_assignment: bool,
    /// All members, for the leader; empty for the others.
    pub members: Vec<JoinedMember>,
}

/// What the leader learns of a member.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinedMember {
    /// The member.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// What it said under the chosen protocol.
    pub metadata: Bytes,
}

/// Why a join failed.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinRefused {
    /// The reason.
    pub error: ErrorCode,
    /// With [`ErrorCode::MemberIdRequired`] the id to join again with; otherwise the request's.
    pub member: Option<MemberId>,
}

/// What a member is to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct Synced {
    /// The kind of group.
    pub protocol_type: Arc<str>,
    /// The chosen protocol.
    pub protocol: Arc<str>,
    /// What the leader assigned to the member.
    pub assignment: Bytes,
}

/// One step of a machine: the time, the limits, and the effects so far.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a GroupsConfig,
    /// Of the members of the group that the step is about.
    pub(crate) times: MemberTimes,
    pub(crate) effects: Effects,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: Now, config: &'a GroupsConfig) -> Self {
        Self { now, config, times: config.member_times(), effects: Effects::default() }
    }

    pub(crate) fn record(&mut self, change: Change) {
        self.effects.records.push(change);
    }

    pub(crate) fn reply(&mut self, token: Token, reply: Reply) {
        self.effects.replies.push((token, reply));
    }

    pub(crate) fn refuse_join(&mut self, token: Token, error: ErrorCode, member: Option<MemberId>) {
        self.reply(token, Reply::Join(Err(JoinRefused { error, member })));
    }
}
