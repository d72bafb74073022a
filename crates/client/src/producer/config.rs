//! How a producer is set up.

use std::time::Duration;

use headwater_wire::batch::Compression;

/// What counts as acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// Nothing: a record counts as acknowledged once it was handed to the operating system. Offsets are not known.
    None,
    /// The leader has it, perhaps only in memory.
    Leader,
    /// All replicas in sync have it (the embedded broker: it is on disk, with the default durability).
    All,
}

impl Acks {
    /// The number on the wire.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// How a [`Producer`](super::Producer) is set up. Start from the default and change what differs.
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// What counts as acknowledged. Default [`Acks::All`].
    pub acks: Acks,
    /// Number the batches, so that a retry never writes a record twice and never changes the order. Default true;
    /// effective with [`Acks::All`] only. Without it, a retry after a lost answer may write records twice.
    pub idempotent: bool,
    /// How batches are compressed. Default none.
    pub compression: Compression,
    /// How long a batch that is not full waits for more records. Default 5 ms.
    pub linger: Duration,
    /// At this size (uncompressed, in bytes) a batch is full; a larger record gets a batch of its own. Default 16 KiB.
    pub batch_size: usize,
    /// Bytes of records that may wait to be acknowledged; beyond, `send` waits. Default 32 MiB.
    pub buffer_memory: usize,
    /// The largest record, and the largest request unless one batch alone is larger, in bytes. Default 1 MiB.
    pub max_request_size: usize,
    /// How long after `send` a record is acknowledged or fails. Default 2 min.
    pub delivery_timeout: Duration,
    /// How long `send` waits for room or for the topic's metadata before it fails. Default 1 min.
    pub max_block: Duration,
    /// Requests that may be unanswered per broker, 1 to 5. Default 5.
    pub max_in_flight: usize,
    /// Let a broker that is configured so create topics that do not exist. Default false.
    pub auto_create_topics: bool,
    /// How long `close` waits for acknowledgements. Default 30 s.
    pub close_timeout: Duration,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotent: true,
            compression: Compression::None,
            linger: Duration::from_millis(5),
            batch_size: 16 << 10,
            buffer_memory: 32 << 20,
            max_request_size: 1 << 20,
            delivery_timeout: Duration::from_mins(2),
            max_block: Duration::from_mins(1),
            max_in_flight: 5,
            auto_create_topics: false,
            close_timeout: Duration::from_secs(30),
        }
    }
}
