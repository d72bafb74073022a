//! Reads partitions of internal topics back into the state that their records add up to.

use std::io;
use std::sync::Arc;

use headwater_coordinator::{Outcome, ProducerIdentity};
use headwater_log::LogError;
use headwater_model::Offset;
use headwater_wire::batch::{Batch, BatchError, ControlMarker, batches};

use super::{Machine, RecordError};
use crate::partition::Partition;
use crate::storage::Storage;

/// Read at a time.
const READ_BYTES: usize = 1024 * 1024;
/// No record is larger, compressed by whoever wrote it.
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

/// What the records below the high watermark add up to. What waits for times has yet to begin.
pub(super) async fn load<M: Machine>(
    logs: &[Arc<Partition>],
    storage: &Storage,
    config: M::Config,
) -> Result<M, LoadError> {
    let mut machine = M::new(config);
    for log in logs {
        replay(&mut machine, log, storage).await?;
    }
    Ok(machine)
}

async fn replay<M: Machine>(
    machine: &mut M,
    partition: &Arc<Partition>,
    storage: &Storage,
) -> Result<(), LoadError> {
    let mut from = partition.start_offset();
    let until = partition.high_watermark();
    while from < until {
        let source = partition.clone();
        let read = storage.call(move || read_changes::<M>(&source, from)).await;
        let (changes, next) = read.ok_or(LoadError::Stopped)??;
        for change in changes {
            machine.replay(change);
        }
        from = next;
    }
    Ok(())
}

fn read_changes<M: Machine>(
    partition: &Partition,
    from: Offset,
) -> Result<(Vec<M::Change>, Offset), LoadError> {
    let bytes = partition.read(from, READ_BYTES, true)?.to_bytes()?;
    let mut changes = Vec::new();
    let mut next = from;
    for batch in batches(bytes) {
        let batch = batch?;
        batch.verify_crc()?;
        next = batch.next_offset();
        if batch.is_control() {
            changes.extend(read_marker::<M>(&batch)?);
        } else {
            read_batch::<M>(partition, &batch, from, &mut changes)?;
        }
    }
    if next == from { Err(LoadError::Missing(from)) } else { Ok((changes, next)) }
}

fn read_marker<M: Machine>(batch: &Batch) -> Result<Option<M::Change>, BatchError> {
    let outcome = match ControlMarker::of(batch)? {
        Some(ControlMarker::Commit) => Outcome::Commit,
        Some(ControlMarker::Abort) => Outcome::Abort,
        Some(ControlMarker::Other(_)) | None => return Ok(None),
    };
    Ok(M::read_marker(identity(batch), outcome))
}

fn read_batch<M: Machine>(
    partition: &Partition,
    batch: &Batch,
    from: Offset,
    changes: &mut Vec<M::Change>,
) -> Result<(), BatchError> {
    let within = batch.is_transactional().then(|| identity(batch));
    let open = batch.open(MAX_UNCOMPRESSED_BYTES)?;
    for record in open.records() {
        let record = record?;
        if record.offset < from {
            continue;
        }
        match M::read_record(partition.id().topic.as_str(), record.key, record.value, within) {
            Ok(change) => changes.push(change),
            Err(RecordError::UnknownKind(_)) => {}
            Err(error) => {
                let (partition, offset) = (partition.id(), record.offset);
                tracing::warn!(%partition, %offset, %error, "skipped a record that cannot be understood");
            }
        }
    }
    Ok(())
}

fn identity(batch: &Batch) -> ProducerIdentity {
    ProducerIdentity { id: batch.producer_id(), epoch: batch.producer_epoch() }
}
