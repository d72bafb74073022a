//! The records of control batches: markers that end transactions.

use super::{Batch, BatchError};

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_as_they_are_written() {
        for marker in [ControlMarker::Abort, ControlMarker::Commit, ControlMarker::Other(5)] {
            assert_eq!(ControlMarker::parse(Some(&marker.key())).unwrap(), marker);
        }
        for key in [None, Some(&[0, 0, 0][..]), Some(&[0xFF, 0xFF, 0, 0])] {
            assert!(ControlMarker::parse(key).is_err());
        }
    }
}
