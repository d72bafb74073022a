//! Reads a partition of `__consumer_offsets` back into the state that its records add up to.

use std::io;
use std::sync::Arc;

use headwater_coordinator::{Change, Groups, GroupsConfig};
use headwater_log::LogError;
use headwater_model::Offset;
use headwater_wire::batch::{BatchError, batches};

use super::records::{self, RecordError};
use crate::partition::Partition;
use crate::storage::Storage;

/// Read at a time.
const READ_BYTES: usize = 1024 * 1024;
/// No group is larger, compressed by whoever wrote it.
const MAX_UNCOMPRESSED_BYTES: usize = 256 * 1024 * 1024;

/// Why a shard's state cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("reading a segment failed: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("there is nothing to read at offset {0}, below the high watermark")]
    Missing(Offset),
    #[error("the storage has stopped")]
    Stopped,
}

/// What the records below the high watermark add up to. Sessions have yet to begin.
pub(super) async fn load(
    partition: &Arc<Partition>,
    storage: &Storage,
    config: GroupsConfig,
) -> Result<Groups, LoadError> {
    let mut groups = Groups::new(config);
    let mut from = partition.start_offset();
    let until = partition.high_watermark();
    while from < until {
        let source = partition.clone();
        let read = storage.call(move || read_changes(&source, from)).await;
        let (changes, next) = read.ok_or(LoadError::Stopped)??;
        for change in changes {
            groups.replay(change);
        }
        from = next;
    }
    Ok(groups)
}

fn read_changes(partition: &Partition, from: Offset) -> Result<(Vec<Change>, Offset), LoadError> {
    let bytes = partition.read(from, READ_BYTES, true)?.to_bytes()?;
    let mut changes = Vec::new();
    let mut next = from;
    for batch in batches(bytes) {
        let batch = batch?;
        batch.verify_crc()?;
        next = batch.next_offset();
        if batch.is_control() {
            continue;
        }
        let open = batch.open(MAX_UNCOMPRESSED_BYTES)?;
        for record in open.records() {
            let record = record?;
            if record.offset < from {
                continue;
            }
            match records::decode(record.key, record.value) {
                Ok(change) => changes.push(change),
                Err(RecordError::UnknownKind(_)) => {}
                Err(error) => {
                    let (partition, offset) = (partition.id(), record.offset);
                    tracing::warn!(%partition, %offset, %error, "skipped a record that cannot be understood");
                }
            }
        }
    }
    if next == from { Err(LoadError::Missing(from)) } else { Ok((changes, next)) }
}
