//! The event log `__headwater_metadata`: one partition, replayed when the broker opens.
//!
//! Invariants: an event is durable before anything is done because of it, whatever the durability of other records.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Assign, Disk, Log, LogConfig};
use headwater_model::{
    Clock, Entropy, LeaderEpoch, Offset, PartitionId, Timestamp, TopicName, TopicPartition, Uuid,
};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, TimestampType, batches};

use super::records::EventError;
use super::{ClusterState, Event};
use crate::error::BrokerError;
use crate::partition::{Acks, Origin, Partition};
use crate::topics::TopicError;

/// The topic's name, which no client sees.
pub(crate) const METADATA_TOPIC: &str = "__headwater_metadata";

const READ_BYTES: usize = 1024 * 1024;

/// The partition of the event log.
pub(crate) fn metadata_partition() -> Result<TopicPartition, EventError> {
    Ok(TopicPartition::new(TopicName::new(METADATA_TOPIC)?, PartitionId(0)))
}

/// The event log, open, before the broker runs.
#[derive(Debug)]
pub(crate) struct OpenedMetadata {
    pub(crate) log: Log,
    pub(crate) state: ClusterState,
}

/// Opens and replays the event log, and notes this start in it: the first one gives the cluster its identity, each one
/// raises the leader epoch.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    clock: &dyn Clock,
    entropy: &mut Entropy,
    cluster_id: Option<Uuid>,
) -> Result<OpenedMetadata, BrokerError> {
    let now = clock.now();
    let config = LogConfig { retention_ms: None, retention_bytes: None, ..LogConfig::default() };
    let (mut log, report) = Log::open(disk, dir, config, now).map_err(BrokerError::Metadata)?;
    if let Some(truncation) = &report.truncation {
        tracing::warn!(bytes = truncation.bytes, cause = %truncation.cause, "cut a torn tail off the metadata log");
    }
    let mut state = replay(&log)?;
    let mut events = Vec::new();
    match (state.cluster_id, cluster_id) {
        (Some(found), Some(configured)) if found != configured => {
            return Err(BrokerError::OtherCluster { found, configured });
        }
        (Some(_), _) => {}
        (None, given) => {
            events.push(Event::ClusterCreated { cluster_id: given.unwrap_or_else(|| entropy.uuid()) });
        }
    }
    let first_start = events.len() == 1;
    let leader_epoch = if first_start { LeaderEpoch(0) } else { LeaderEpoch(state.leader_epoch.0 + 1) };
    events.push(Event::BrokerStarted { leader_epoch });
    let assign = Assign { leader_epoch, now, timestamp_type: TimestampType::CreateTime };
    log.append(encode(&events, now), assign).map_err(BrokerError::Metadata)?;
    log.sync().map_err(BrokerError::Metadata)?;
    for event in events {
        state.apply(event);
    }
    Ok(OpenedMetadata { log, state })
}

fn replay(log: &Log) -> Result<ClusterState, BrokerError> {
    let mut state = ClusterState::default();
    let (mut at, end) = (log.start_offset(), log.end_offset());
    while at < end {
        let records = log.read(at, end, READ_BYTES, true).map_err(BrokerError::Metadata)?;
        let bytes = records.to_bytes().map_err(BrokerError::MetadataRead)?;
        let before = at;
        for batch in batches(bytes) {
            let batch = batch.map_err(BrokerError::MetadataBatch)?;
            let open = batch.open(READ_BYTES).map_err(BrokerError::MetadataBatch)?;
            for record in open.records() {
                let record = record.map_err(BrokerError::MetadataBatch)?;
                let value = record.value.ok_or(EventError::NoValue)?;
                state.apply(Event::decode(Bytes::copy_from_slice(value))?);
            }
            at = batch.next_offset();
        }
        if at == before {
            return Err(BrokerError::MetadataGap(at));
        }
    }
    Ok(state)
}

impl OpenedMetadata {
    /// Writes events, all or none, and closes; for what is done to a folder that no broker runs on.
    pub(crate) fn end_with(mut self, events: &[Event], now: Timestamp) -> Result<(), BrokerError> {
        let assign =
            Assign { leader_epoch: self.state.leader_epoch, now, timestamp_type: TimestampType::CreateTime };
        if !events.is_empty() {
            self.log.append(encode(events, now), assign).map_err(BrokerError::Metadata)?;
        }
        self.log.close().map_err(BrokerError::Metadata)
    }
}

fn encode(events: &[Event], now: Timestamp) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for event in events {
        builder.append(now, None, Some(&event.encode()), &[]);
    }
    builder.build(&BatchMeta::default())
}

/// The event log of a running broker.
#[derive(Debug)]
pub(crate) struct MetadataStore {
    partition: Arc<Partition>,
    clock: Arc<dyn Clock>,
}

impl MetadataStore {
    pub(crate) fn new(partition: Arc<Partition>, clock: Arc<dyn Clock>) -> Self {
        Self { partition, clock }
    }

    pub(crate) fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Writes events, all or none; they are durable once this returns.
    pub(crate) async fn append(&self, events: &[Event]) -> Result<Offset, TopicError> {
        let batch = encode(events, self.clock.now());
        let appended = self.partition.append(batch, Acks::All, Origin::Broker).await.map_err(|error| {
            tracing::error!(%error, "cannot write the metadata log");
            TopicError::Storage
        })?;
        Ok(appended.last_offset)
    }
}
