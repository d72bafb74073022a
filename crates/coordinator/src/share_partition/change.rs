//! The durable facts about a share-partition: a snapshot, and updates of it.
//!
//! An update counts for the snapshot whose epoch it names. Updates of one snapshot differ in their slots, so that a log
//! that is compacted by key (a share-partition, and the slot of an update) keeps all that count, and not many others.

use headwater_model::Offset;

/// A durable fact about a share-partition. Each replaces what an earlier one with the same key (snapshot, or the slot of an
/// update) said; one that ends in `Forgotten` is the tombstone of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareStateChange {
    /// The whole state; what came before is of no account.
    Snapshot(ShareSnapshot),
    /// A change to it.
    Update {
        /// Where it stands among the updates of the same snapshot, from 0.
        slot: u16,
        /// The change.
        update: ShareUpdate,
    },
    /// The share-partition is gone.
    SnapshotForgotten,
    /// The share-partition is gone.
    UpdateForgotten {
        /// The slot.
        slot: u16,
    },
}

/// The whole state of a share-partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareSnapshot {
    /// How often the start offset was altered.
    pub state_epoch: i32,
    /// Tells snapshots apart.
    pub snapshot_epoch: i32,
    /// The first record that has not been dealt with.
    pub start: Offset,
    /// The records after it that have been delivered, in order. Others have not.
    pub batches: Vec<StateBatch>,
}

/// A change to the state of a share-partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareUpdate {
    /// The snapshot that it belongs to.
    pub snapshot_epoch: i32,
    /// The first record that has not been dealt with.
    pub start: Offset,
    /// The records whose state has changed, in no order; of the same record the last counts.
    pub batches: Vec<StateBatch>,
}

/// Records that follow each other and are in the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateBatch {
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// Their state.
    pub state: DeliveryState,
    /// How often they were delivered; 0 where that is of no account any more.
    pub deliveries: u16,
}

/// The durable state of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryState {
    /// It may be acquired.
    Available,
    /// It has to be written to the dead-letter topic.
    Archiving(DeadLetterCause),
    /// It is not delivered any more: it has been processed, or is archived.
    Done,
}

/// Why a record goes to the dead-letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadLetterCause {
    /// A member could not process it.
    Rejected,
    /// It was delivered as often as may be.
    Exhausted,
}
