//! Log compaction: what stays, what goes, and that nothing is lost on the way.

mod crash;
mod model;
mod rules;

use bytes::Bytes;
use headwater_log::{Compacted, Log, LogConfig, LogError};
use headwater_model::{Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, ControlMarker, batches};

use crate::support::*;

/// Compacted whenever anything is dirty, in segments of a few batches.
pub(super) fn eager() -> LogConfig {
    LogConfig {
        segment_bytes: 600,
        index_interval_bytes: 100,
        retention_ms: None,
        compacted: true,
        min_cleanable_dirty_ratio: 0.0,
        delete_retention_ms: 1_000,
        producer_expiry_ms: i64::MAX,
        ..LogConfig::default()
    }
}

/// A key and a value; records without a key have none.
pub(super) type KeyValue<'a> = (Option<&'a str>, Option<&'a str>);

pub(super) fn keyed(codec: Compression, timestamp: i64, records: &[KeyValue<'_>], meta: &BatchMeta) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    for (key, value) in records {
        builder.append(Timestamp(timestamp), key.map(str::as_bytes), value.map(str::as_bytes), &[]);
    }
    builder.build(meta)
}

pub(super) fn simple(records: &[(&str, &str)]) -> Bytes {
    let records: Vec<_> = records.iter().map(|(key, value)| (Some(*key), Some(*value))).collect();
    keyed(Compression::None, 1_000, &records, &BatchMeta::default())
}

pub(super) fn tombstone(key: &str) -> Bytes {
    keyed(Compression::None, 1_000, &[(Some(key), None)], &BatchMeta::default())
}

pub(super) fn producer(id: i64, sequence: i32, is_transactional: bool) -> BatchMeta {
    BatchMeta {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(0),
        base_sequence: sequence,
        is_transactional,
        ..BatchMeta::default()
    }
}

pub(super) fn end_transaction(log: &mut Log, id: i64, how: ControlMarker) -> Offset {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(Timestamp(1_000), Some(&how.key()), Some(&[0; 6]), &[]);
    let meta = BatchMeta { is_control: true, ..producer(id, -1, true) };
    log.append_coordinated(builder.build(&meta), assign()).unwrap().first_offset
}

/// Makes everything durable and visible, the last segment's records included.
pub(super) fn seal(log: &mut Log) {
    log.roll().unwrap();
    log.sync().unwrap();
    log.reader().set_visible(log.end_offset());
}

/// Compacts as far as that goes; what became of each group.
pub(super) fn compact(log: &mut Log, now: Timestamp) -> Result<Vec<Compacted>, LogError> {
    let high_watermark = log.durable_offset();
    let Some(mut compaction) = log.begin_compaction(now, high_watermark)? else {
        return Ok(Vec::new());
    };
    let mut groups = Vec::new();
    while let Some(cleaned) = compaction.run(&|| false)? {
        groups.push(log.complete_compaction(cleaned));
    }
    Ok(groups)
}

/// A record as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
    pub timestamp: i64,
}

/// All records but markers, in order.
pub(super) fn records(log: &Log) -> Vec<Found> {
    let mut found = Vec::new();
    for batch in read_all(log).iter().filter(|batch| !batch.is_control()) {
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let Ok(open) = batch.open(1 << 20) else {
            continue;
        };
        for record in open.records().map_while(Result::ok) {
            found.push(Found {
                offset: record.offset.0,
                key: text(record.key),
                value: text(record.value),
                timestamp: record.timestamp.0,
            });
        }
    }
    found
}

/// The same as `offset key=value`.
pub(super) fn lines(log: &Log) -> Vec<String> {
    let line = |found: &Found| {
        let (key, value) = (found.key.as_deref().unwrap_or("-"), found.value.as_deref().unwrap_or("-"));
        format!("{} {key}={value}", found.offset)
    };
    records(log).iter().map(line).collect()
}

/// The headers of all batches from an offset on, one read.
pub(super) fn batches_from(log: &Log, from: i64) -> Vec<headwater_wire::batch::Batch> {
    let records = log.read(Offset(from), log.end_offset(), 1 << 20, true).unwrap();
    batches(records.to_bytes().unwrap()).map(Result::unwrap).collect()
}
