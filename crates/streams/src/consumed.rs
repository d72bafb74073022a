//! How a topic is read: the times of its records, and the watermarks of its partitions.
//!
//! Owns: what an author may say of a source besides its serdes, and the time of each record by it.
//!
//! Invariants: a record's time is settled once, where it is decoded, by the record and the times before it in its
//! partition alone.
//!
//! Does not know: clocks. Kafka's wall-clock extractor is left out, because with it the same records would not give the
//! same outputs.

use std::fmt;
use std::sync::Arc;

use headwater_model::Timestamp;

use crate::record::Record;
use crate::watermark::Watermarks;

/// How a topic is read, as Kafka Streams' `Consumed`: the times of its records, the watermarks of its partitions.
///
/// `V` is the type of the records' values: for a table whose values are `T`, that is `Option<T>`.
pub struct Consumed<K, V> {
    pub(crate) timestamps: Timestamps<K, V>,
    pub(crate) watermarks: Option<Watermarks>,
}

/// What to do about a record whose own time is negative, as Kafka's "no timestamp" is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvalidTimestamp {
    /// It is an error, [`TaskError::NoTimestamp`](crate::TaskError::NoTimestamp), for which there is a policy
    /// (`FailOnInvalidTimestamp`).
    #[default]
    Fail,
    /// The record is left out, and counted (`LogAndSkipOnInvalidTimestamp`).
    Skip,
    /// It gets the highest time of the records before it in its partition; where there is none, that is an error
    /// (`UsePartitionTimeOnInvalidTimestamp`).
    UsePartitionTime,
}

/// Gives a record its time.
pub(crate) enum Timestamps<K, V> {
    Own(InvalidTimestamp),
    Extracted(Extractor<K, V>),
}

type Extractor<K, V> = Arc<dyn Fn(&Record<K, V>, Timestamp) -> Timestamp + Send + Sync>;

/// When a record happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventTime {
    At(Timestamp),
    /// It is to be left out.
    Skipped,
    /// That is an error.
    Unknown,
}

impl<K, V> Consumed<K, V> {
    /// As the plain `stream` and `table` read a topic: by the records' own times.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives each record the time that `extract(record, partition_time)` says, as Kafka's `TimestampExtractor`.
    ///
    /// The record's timestamp is its own; the partition time is the highest that was given to a record before it in its
    /// partition, -1 at first. A record to which a negative time is given is left out, and counted.
    #[must_use]
    pub fn timestamps<F>(self, extract: F) -> Self
    where
        F: Fn(&Record<K, V>, Timestamp) -> Timestamp + Send + Sync + 'static,
    {
        Self { timestamps: Timestamps::Extracted(Arc::new(extract)), ..self }
    }

    /// Says what becomes of records whose own times are negative.
    #[must_use]
    pub fn invalid_timestamps(self, what: InvalidTimestamp) -> Self {
        Self { timestamps: Timestamps::Own(what), ..self }
    }

    /// Gives this topic's partitions watermarks of their own, in a topology that
    /// [goes by watermarks](crate::TopologyBuilder::watermarks).
    #[must_use]
    pub fn watermarks(self, watermarks: Watermarks) -> Self {
        Self { watermarks: Some(watermarks), ..self }
    }
}

impl<K, V> Timestamps<K, V> {
    /// True if a record's time is its own: whoever reads it again needs to know nothing else.
    pub(crate) fn are_own(&self) -> bool {
        matches!(self, Self::Own(InvalidTimestamp::Fail | InvalidTimestamp::Skip))
    }

    /// True if a record that has no time of its own is an error, whatever else is in it.
    pub(crate) fn need_own(&self) -> bool {
        matches!(self, Self::Own(InvalidTimestamp::Fail))
    }

    /// The time for scheduling of what cannot be read, or has no place: it must not move time further than a record could.
    pub(crate) fn of_unread(&self, own: Timestamp, partition_time: Timestamp) -> Timestamp {
        match self {
            Self::Own(_) => own,
            Self::Extracted(_) => partition_time,
        }
    }

    /// The time of a record, given the highest before it in its partition.
    pub(crate) fn of(&self, record: &Record<K, V>, partition_time: Timestamp) -> EventTime {
        match self {
            Self::Own(_) if record.timestamp >= Timestamp(0) => EventTime::At(record.timestamp),
            Self::Own(InvalidTimestamp::Fail) => EventTime::Unknown,
            Self::Own(InvalidTimestamp::Skip) => EventTime::Skipped,
            Self::Own(InvalidTimestamp::UsePartitionTime) if partition_time < Timestamp(0) => {
                EventTime::Unknown
            }
            Self::Own(InvalidTimestamp::UsePartitionTime) => EventTime::At(partition_time),
            Self::Extracted(extract) => match extract(record, partition_time) {
                time if time < Timestamp(0) => EventTime::Skipped,
                time => EventTime::At(time),
            },
        }
    }
}

impl<K, V> Default for Consumed<K, V> {
    fn default() -> Self {
        Self { timestamps: Timestamps::default(), watermarks: None }
    }
}

impl<K, V> Default for Timestamps<K, V> {
    fn default() -> Self {
        Self::Own(InvalidTimestamp::default())
    }
}

impl<K, V> Clone for Consumed<K, V> {
    fn clone(&self) -> Self {
        Self { timestamps: self.timestamps.clone(), watermarks: self.watermarks }
    }
}

impl<K, V> Clone for Timestamps<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Own(invalid) => Self::Own(*invalid),
            Self::Extracted(extract) => Self::Extracted(Arc::clone(extract)),
        }
    }
}

impl<K, V> fmt::Debug for Consumed<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamps = match self.timestamps {
            Timestamps::Own(invalid) => Some(invalid),
            Timestamps::Extracted(_) => None,
        };
        f.debug_struct("Consumed")
            .field("invalid_timestamps", &timestamps)
            .field("watermarks", &self.watermarks)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventTime::{At, Skipped, Unknown};

    #[test]
    fn a_record_without_a_time_is_an_error_is_left_out_or_gets_that_of_its_partition() {
        let record = |time| Record::new((), (), Timestamp(time));
        let cases = [
            (InvalidTimestamp::Fail, -1, 7, Unknown),
            (InvalidTimestamp::Skip, -1, 7, Skipped),
            (InvalidTimestamp::UsePartitionTime, -1, 7, At(Timestamp(7))),
            (InvalidTimestamp::UsePartitionTime, -1, -1, Unknown),
            (InvalidTimestamp::UsePartitionTime, -5, 0, At(Timestamp(0))),
            (InvalidTimestamp::Fail, 0, 7, At(Timestamp(0))),
            (InvalidTimestamp::Skip, 3, 7, At(Timestamp(3))),
            (InvalidTimestamp::UsePartitionTime, 3, 7, At(Timestamp(3))),
        ];
        for (invalid, time, before, expected) in cases {
            let found = Timestamps::Own(invalid).of(&record(time), Timestamp(before));
            assert_eq!(found, expected, "{invalid:?}, {time} behind {before}");
        }
    }

    #[test]
    fn an_extractor_has_the_last_word() {
        let consumed = Consumed::new()
            .invalid_timestamps(InvalidTimestamp::UsePartitionTime)
            .timestamps(|record: &Record<i64, ()>, partition_time| partition_time.plus_ms(record.key));
        let of = |key| consumed.timestamps.of(&Record::new(key, (), Timestamp(-1)), Timestamp(5));
        assert_eq!([of(2), of(-5), of(-6)], [At(Timestamp(7)), At(Timestamp(0)), Skipped]);
    }
}
