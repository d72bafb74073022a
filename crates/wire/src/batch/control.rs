//! The records of control batches: markers that end transactions.

use bytes::Bytes;
use headwater_model::{ProducerEpoch, ProducerId, Timestamp};

use super::{Batch, BatchBuilder, BatchError, BatchMeta, Compression};

/// Version i16 = 0, and the epoch of the coordinator i32 = 0: there is one, which never moves; and a Kafka that this data
/// moves to begins at 0.
const MARKER_VALUE: [u8; 6] = [0; 6];
/// Markers are a few bytes; nothing larger is opened.
const LARGEST: usize = 64 * 1024;

/// What a control record says, read from its key (version i16, type i16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlMarker {
    /// The producer's open transaction on this partition is aborted.
    Abort,
    /// The producer's open transaction on this partition is committed.
    Commit,
    /// A type of marker that consumers skip.
    Other(i16),
}

impl ControlMarker {
    /// Reads a control record's key.
    pub fn parse(key: Option<&[u8]>) -> Result<Self, BatchError> {
        match key {
            Some([version_high, _, high, low, ..]) if version_high & 0x80 == 0 => {
                Ok(match i16::from_be_bytes([*high, *low]) {
                    0 => Self::Abort,
                    1 => Self::Commit,
                    other => Self::Other(other),
                })
            }
            _ => Err(BatchError::NotAMarker),
        }
    }

    /// What a control batch says; `None` if compaction has removed its record.
    pub fn of(batch: &Batch) -> Result<Option<Self>, BatchError> {
        match batch.open(LARGEST)?.records().next() {
            Some(record) => Self::parse(record?.key).map(Some),
            None => Ok(None),
        }
    }

    /// The key of the record, in version 0.
    pub fn key(self) -> [u8; 4] {
        let kind = match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::Other(kind) => kind,
        };
        let [high, low] = kind.to_be_bytes();
        [0, 0, high, low]
    }

    /// The control batch that says it of a producer's transaction.
    pub fn batch(self, producer: ProducerId, epoch: ProducerEpoch, now: Timestamp) -> Bytes {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(now, Some(&self.key()), Some(&MARKER_VALUE), &[]);
        builder.build(&BatchMeta {
            producer_id: producer,
            producer_epoch: epoch,
            is_transactional: true,
            is_control: true,
            ..BatchMeta::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_as_they_are_written() {
        for marker in [ControlMarker::Abort, ControlMarker::Commit, ControlMarker::Other(5)] {
            assert_eq!(ControlMarker::parse(Some(&marker.key())).unwrap(), marker);
        }
        let batch = ControlMarker::Abort.batch(ProducerId(7), ProducerEpoch(2), Timestamp(5));
        let batch = Batch::parse(&batch).unwrap();
        assert_eq!(ControlMarker::of(&batch).unwrap(), Some(ControlMarker::Abort));
        assert_eq!((batch.producer_id(), batch.producer_epoch()), (ProducerId(7), ProducerEpoch(2)));
        for key in [None, Some(&[0, 0, 0][..]), Some(&[0xFF, 0xFF, 0, 0])] {
            assert!(ControlMarker::parse(key).is_err());
        }
    }
}
