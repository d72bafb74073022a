//! What idempotent producers have written, to refuse repeats and gaps.
//!
//! Owns: for each producer id its epoch and its last five batches, as Kafka keeps them, and the transaction that it has
//! open.
//!
//! Invariants: pure; built from batch headers and markers alone, so replaying a log rebuilds it. A batch is new, a repeat
//! of one of the last five (answered with the original's offsets), or refused.
//!
//! Does not know: files, who decides transactions.

mod snapshot;

use std::collections::{BTreeMap, VecDeque};

use headwater_model::{ErrorCode, Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchHeader, TimestampType};

use crate::transactions::OpenTransactions;

pub(crate) use snapshot::{AbortedCounts, ProducerSnapshot, StoredProducers};

/// How many batches of a producer are remembered: as many as it may have in flight.
const REMEMBERED: usize = 5;

/// The producers of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Producers {
    entries: BTreeMap<ProducerId, Producer>,
    open: OpenTransactions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Producer {
    epoch: ProducerEpoch,
    /// The last batches of this epoch, oldest first.
    batches: VecDeque<Remembered>,
    /// Only a marker is known of it: what it wrote before may have been deleted.
    by_marker_alone: bool,
    last_seen: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remembered {
    first_sequence: i32,
    last_sequence: i32,
    written: Written,
}

/// Where a batch was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The offset of its first record.
    pub first_offset: Offset,
    /// The offset of its last record.
    pub last_offset: Offset,
    /// The time that the broker gave it, or [`Timestamp::NONE`].
    pub append_time: Timestamp,
}

/// A producer, for people who look for the one that holds a partition up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    /// Its id.
    pub id: ProducerId,
    /// The epoch in which it wrote last.
    pub epoch: ProducerEpoch,
    /// The sequence number of the last record in this epoch, if any.
    pub last_sequence: Option<i32>,
    /// When it wrote last.
    pub last_seen: Timestamp,
    /// Where its open transaction begins, if it has one.
    pub transaction_start: Option<Offset>,
}

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is to be written.
    New,
    /// It is there already.
    Duplicate(Written),
}

/// Why a producer's batch is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SequenceError {
    /// A batch is missing in between.
    #[error(
        "producer {} sent sequence {found} where {expected} was to follow; a batch before it is missing", producer.0
    )]
    OutOfOrder {
        /// The producer.
        producer: ProducerId,
        /// The sequence number that was to come.
        expected: i32,
        /// The one that came.
        found: i32,
    },
    /// A newer incarnation of the producer has written.
    #[error("producer {} sent epoch {}, epoch {} has written already", producer.0, found.0, current.0)]
    StaleEpoch {
        /// The producer.
        producer: ProducerId,
        /// The epoch that wrote last.
        current: ProducerEpoch,
        /// The epoch that came.
        found: ProducerEpoch,
    },
}

impl SequenceError {
    /// The error that a client is told.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::OutOfOrder { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Self::StaleEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        }
    }
}

impl Producers {
    /// Whether a batch is new, a repeat, or to be refused. Batches without a producer id are new.
    pub fn admit(&self, batch: &BatchHeader) -> Result<Admission, SequenceError> {
        let Some(producer) = self.entries.get(&batch.producer_id).filter(|_| is_idempotent(batch)) else {
            // Kafka takes any sequence from a producer that it has no memory of: what it had may have expired.
            return Ok(Admission::New);
        };
        let (id, found) = (batch.producer_id, batch.base_sequence);
        if batch.producer_epoch < producer.epoch {
            let (current, found) = (producer.epoch, batch.producer_epoch);
            return Err(SequenceError::StaleEpoch { producer: id, current, found });
        }
        if batch.is_control() {
            return Ok(Admission::New);
        }
        let expected = if batch.producer_epoch == producer.epoch {
            let sequences = (found, batch.last_sequence());
            let same = |known: &&Remembered| (known.first_sequence, known.last_sequence) == sequences;
            if let Some(known) = producer.batches.iter().find(same) {
                return Ok(Admission::Duplicate(known.written));
            }
            match producer.batches.back() {
                Some(last) => next_sequence(last.last_sequence),
                None if producer.by_marker_alone => return Ok(Admission::New),
                None => 0,
            }
        } else {
            0
        };
        if found == expected {
            Ok(Admission::New)
        } else {
            Err(SequenceError::OutOfOrder { producer: id, expected, found })
        }
    }

    /// The same for batches that are to be appended together; a repeat among them makes all of them one.
    pub fn admit_all(&self, batches: &[BatchHeader]) -> Result<Admission, SequenceError> {
        if let [batch] = batches {
            return self.admit(batch);
        }
        let touched = |batch: &BatchHeader| {
            self.entries.get(&batch.producer_id).map(|producer| (batch.producer_id, producer.clone()))
        };
        let mut trial =
            Self { entries: batches.iter().filter_map(touched).collect(), open: OpenTransactions::default() };
        for batch in batches {
            match trial.admit(batch)? {
                Admission::New => trial.record(batch, Timestamp::NONE),
                repeat @ Admission::Duplicate(_) => return Ok(repeat),
            }
        }
        Ok(Admission::New)
    }

    /// Remembers a batch that was written, with the offsets it was given; also the way to replay a log.
    pub fn record(&mut self, batch: &BatchHeader, now: Timestamp) {
        if !is_idempotent(batch) {
            return;
        }
        let producer = self.entries.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch: batch.producer_epoch,
            batches: VecDeque::new(),
            by_marker_alone: batch.is_control(),
            last_seen: now,
        });
        // A marker that an administrator writes may be of an older epoch, which does not come back by it.
        let is_past = batch.is_control() && batch.producer_epoch < producer.epoch;
        if batch.producer_epoch != producer.epoch && !is_past {
            producer.epoch = batch.producer_epoch;
            producer.batches.clear();
            producer.by_marker_alone = false;
        }
        producer.last_seen = now;
        if batch.is_control() {
            return;
        }
        // What compaction has emptied belongs to a transaction that has ended, whose marker may be gone.
        if batch.is_transactional() && batch.record_count > 0 {
            self.open.write(batch.producer_id, batch.base_offset);
        }
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Remembered {
            first_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            written: Written {
                first_offset: batch.base_offset,
                last_offset: batch.last_offset(),
                append_time: match batch.timestamp_type() {
                    TimestampType::CreateTime => Timestamp::NONE,
                    TimestampType::LogAppendTime => batch.max_timestamp,
                },
            },
        });
    }

    /// Remembers that a marker has ended a producer's transaction; gives its first offset, if it had one open here.
    pub(crate) fn end_transaction(&mut self, producer: ProducerId) -> Option<Offset> {
        self.open.end(producer)
    }

    /// The open transactions.
    pub(crate) fn open(&self) -> &OpenTransactions {
        &self.open
    }

    /// Forgets producers that have been idle for longer than that, unless they have a transaction open.
    pub fn expire(&mut self, now: Timestamp, idle_ms: i64) {
        let open = &self.open;
        self.entries.retain(|id, producer| now.ms_since(producer.last_seen) <= idle_ms || open.contains(*id));
    }

    /// Every producer, by id.
    pub fn states(&self) -> impl Iterator<Item = ProducerState> {
        self.entries.iter().map(|(id, producer)| ProducerState {
            id: *id,
            epoch: producer.epoch,
            last_sequence: producer.batches.back().map(|last| last.last_sequence),
            last_seen: producer.last_seen,
            transaction_start: self.open.first_of(*id),
        })
    }

    /// Who is remembered, with the last offset of each one's last batch, if its epoch has one.
    pub(crate) fn last_batches(&self) -> BTreeMap<ProducerId, Option<Offset>> {
        let last = |producer: &Producer| producer.batches.back().map(|last| last.written.last_offset);
        self.entries.iter().map(|(id, producer)| (*id, last(producer))).collect()
    }

    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn is_idempotent(batch: &BatchHeader) -> bool {
    batch.producer_id.0 >= 0
}

/// The sequence number after another; 0 follows 2^31 - 1.
fn next_sequence(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}
