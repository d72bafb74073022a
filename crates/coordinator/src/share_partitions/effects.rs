//! What commands lead to: changes, replies, dead letters.

use std::collections::BTreeSet;

use headwater_model::{ErrorCode, Offset};

use crate::share_partition::StateBatch;
use crate::{Acquired, DeadLetterCause, DeliveryState, Refused, SharePartitionId, ShareStateChange, Token};

/// What a command or the passing of time leads to.
///
/// The changes have been applied already. Replies may be sent, and dead letters written, once the changes, and all that
/// came before them, are durable.
#[derive(Debug, Default, PartialEq)]
pub struct SharePartitionEffects {
    /// To be appended to the log, in this order.
    pub records: Vec<SharePartitionChange>,
    /// To be sent, each to the request that its token stands for.
    pub replies: Vec<(Token, SharePartitionReply)>,
    /// To be written to the groups' dead-letter topics.
    pub dead_letters: Vec<DeadLetters>,
    /// Where somebody who waits for records may get some now.
    pub freed: BTreeSet<SharePartitionId>,
}

/// A durable fact about a share-partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharePartitionChange {
    /// The share-partition.
    pub id: SharePartitionId,
    /// What.
    pub change: ShareStateChange,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum SharePartitionReply {
    /// To the request to begin: where it begins, or has begun.
    Begin(Result<Offset, ErrorCode>),
    /// To a request for records, in order.
    Acquire(Result<Vec<Acquired>, ErrorCode>),
    /// To acknowledgements.
    Acknowledge(Result<(), Refused>),
    /// To the departure of a member.
    Release,
    /// To the alteration of the start offset.
    Alter(Result<(), ErrorCode>),
    /// To the end of share-partitions: which have ended.
    Forget(Vec<SharePartitionId>),
}

/// Records that could not be processed, to be written to the dead-letter topic of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// Where they are.
    pub id: SharePartitionId,
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// How often they were delivered.
    pub deliveries: u16,
    /// Why.
    pub cause: DeadLetterCause,
}

impl SharePartitionEffects {
    pub(super) fn bury(&mut self, id: &SharePartitionId, dead: Vec<StateBatch>) {
        for StateBatch { first, last, state, deliveries } in dead {
            if let DeliveryState::Archiving(cause) = state {
                self.dead_letters.push(DeadLetters { id: id.clone(), first, last, deliveries, cause });
            }
        }
    }

    pub(super) fn reply(&mut self, token: Token, reply: SharePartitionReply) {
        self.replies.push((token, reply));
    }
}
