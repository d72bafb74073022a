//! Taking in a topic whose partitions were written elsewhere, while no broker runs.
//!
//! Owns: the order of the steps. Every partition is copied under a name that the next start removes, and checked; then all
//! get their names; then the event is made durable.
//!
//! Invariants: the topic is there with all its records, or not at all; a crash leaves copies, which the next start removes
//! or moves aside. The folder that is copied is not changed. Leader epochs and producer ids that are in the records are
//! never given away again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_log::{DataDir, Disk, LogError, StagedPartition, remove_deleted, stage_partition};
use headwater_model::{Clock, Entropy, PartitionId, Timestamp, TopicPartition, Uuid};

use super::start::{OpenedFolder, open_folder};
use crate::config::BrokerConfig;
use crate::error::BrokerError;
use crate::metadata::store::OpenedMetadata;
use crate::metadata::{ClusterState, Event, TopicCreated};
use crate::partition::log_config;
use crate::topics::creation::{NameIndex, PlannedTopic, Rules, plan};
use crate::topics::settings::{Layers, TopicSettings};
use crate::topics::{NewTopic, TopicError};

/// A topic to be taken in.
#[derive(Debug, Clone)]
pub struct TopicImport {
    /// Its name, which its folders have.
    pub topic: String,
    /// Where its folders `<topic>-<n>` lie, such as a directory of `log.dirs` of Apache Kafka.
    pub from: PathBuf,
    /// Its settings, as Kafka names them.
    pub settings: BTreeMap<String, String>,
}

/// A partition that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportedPartition {
    /// Its number.
    pub partition: i32,
    /// Its first offset.
    pub start: i64,
    /// The offset after its last.
    pub end: i64,
    /// All its batches.
    pub size_bytes: u64,
}

/// Why a topic was not taken in. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// There cannot be such a topic.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The partitions that are there are not those from 0 on.
    #[error(
        "{} has no folder {topic}-{missing}: a topic is taken in whole, with every partition from 0 on", from.display()
    )]
    Missing {
        /// Where they were looked for.
        from: PathBuf,
        /// The topic.
        topic: String,
        /// The first that is not there.
        missing: i32,
    },
    /// A partition is damaged, or cannot be read or written.
    #[error("partition {partition} is not taken in: {source}")]
    Partition {
        /// Its number.
        partition: i32,
        /// Why.
        source: LogError,
    },
    /// The folders cannot be listed or renamed.
    #[error("cannot {action} {}: {source}", path.display())]
    Folder {
        /// What was to be done.
        action: &'static str,
        /// With which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Takes a topic into a data folder that no broker uses; blocks while its records are copied and checked.
pub fn import_topic(
    config: &BrokerConfig,
    import: &TopicImport,
    disk: &Arc<dyn Disk>,
    clock: &dyn Clock,
    mut entropy: Entropy,
) -> Result<Vec<ImportedPartition>, ImportError> {
    let count = count_partitions(disk.as_ref(), import)?;
    let OpenedFolder { data_dir, metadata, .. } = open_folder(config, disk, clock, &mut entropy)?;
    let planned = plan_import(config, import, count, &metadata.state)?;
    let place = Place { config, disk, data_dir: &data_dir, now: clock.now() };
    let done = place.take_in(import, planned, metadata, entropy.uuid());
    if done.is_err() {
        // What is left here is removed at the next start.
        let _ = remove_deleted(disk.as_ref(), &data_dir.broker_dir());
    }
    done
}

/// How many partitions there are, from 0 on and without gaps.
fn count_partitions(disk: &dyn Disk, import: &TopicImport) -> Result<i32, ImportError> {
    let TopicImport { topic, from, .. } = import;
    let entries = disk.list(from).map_err(|source| ImportError::Folder {
        action: "list",
        path: from.clone(),
        source,
    })?;
    let number = |name: &str| name.strip_prefix(topic.as_str())?.strip_prefix('-')?.parse::<i32>().ok();
    let found: BTreeSet<i32> = entries
        .iter()
        .filter(|entry| entry.is_dir)
        .filter_map(|entry| number(&entry.name).filter(|number| entry.name == format!("{topic}-{number}")))
        .collect();
    let count = (0..).zip(&found).take_while(|(due, number)| due == *number).count();
    if found.is_empty() || count < found.len() {
        let missing = i32::try_from(count).unwrap_or(i32::MAX);
        return Err(ImportError::Missing { from: from.clone(), topic: topic.clone(), missing });
    }
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

fn plan_import(
    config: &BrokerConfig,
    import: &TopicImport,
    partitions: i32,
    state: &ClusterState,
) -> Result<PlannedTopic, TopicError> {
    let wish = NewTopic {
        name: import.topic.clone(),
        partitions,
        replication_factor: -1,
        settings: import.settings.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        ..NewTopic::default()
    };
    let taken = state.topics.values().map(|topic| usize::try_from(topic.partitions).unwrap_or(0));
    let names: NameIndex = state.topics.keys().collect();
    let rules = Rules {
        names: &names,
        partitions_taken: taken.sum(),
        max_partitions: config.limits.max_partitions,
        max_partitions_per_topic: config.limits.partitions_per_topic(),
        default_partitions: config.default_partitions,
        node_id: config.node_id,
        accept_replication_factors: config.accept_replication_factors,
    };
    plan(&wish, &rules)
}

/// Where a topic is taken in.
struct Place<'a> {
    config: &'a BrokerConfig,
    disk: &'a Arc<dyn Disk>,
    data_dir: &'a DataDir,
    now: Timestamp,
}

impl Place<'_> {
    fn take_in(
        &self,
        import: &TopicImport,
        planned: PlannedTopic,
        metadata: OpenedMetadata,
        topic_id: Uuid,
    ) -> Result<Vec<ImportedPartition>, ImportError> {
        let layers = Layers { own: &planned.settings, broker: &self.config.topic_defaults };
        let log_config =
            log_config(&TopicSettings::new(layers), self.config.limits.max_uncompressed_batch_bytes);
        let mut staged = Vec::new();
        for partition in 0..planned.partitions {
            let id = TopicPartition::new(planned.name.clone(), PartitionId(partition));
            let to = self.data_dir.partition_dir(&id);
            let from = import.from.join(id.to_string());
            let copy = stage_partition(self.disk, &from, &to, topic_id, log_config.clone(), self.now)
                .map_err(|source| ImportError::Partition { partition, source })?;
            staged.push((to, copy));
        }
        for (to, copy) in &staged {
            self.rename(&copy.staged, to)?;
        }
        let broker_dir = self.data_dir.broker_dir();
        self.disk.sync_dir(&broker_dir).map_err(|source| ImportError::Folder {
            action: "sync",
            path: broker_dir,
            source,
        })?;
        let mut events = reservations(&metadata.state, staged.iter().map(|(_, copy)| copy));
        events.push(Event::TopicCreated(TopicCreated {
            topic_id,
            name: planned.name,
            partitions: planned.partitions,
            internal: false,
            settings: planned.settings,
        }));
        metadata.end_with(&events, self.now)?;
        let imported = |(partition, (_, copy)): (i32, &(PathBuf, StagedPartition))| ImportedPartition {
            partition,
            start: copy.start.0,
            end: copy.end.0,
            size_bytes: copy.size_bytes,
        };
        Ok((0..).zip(&staged).map(imported).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), ImportError> {
        let failed = |source| ImportError::Folder { action: "rename", path: from.to_path_buf(), source };
        self.disk.rename(from, to).map_err(failed)
    }
}

/// Epochs and producer ids that are in the records must not be given away again: the broker's epoch would go backwards,
/// and a new producer would be taken for the one that wrote them.
fn reservations<'a>(
    state: &ClusterState,
    partitions: impl Iterator<Item = &'a StagedPartition> + Clone,
) -> Vec<Event> {
    let mut events = Vec::new();
    let epoch = partitions.clone().filter_map(|partition| partition.greatest_epoch).max();
    if let Some(leader_epoch) = epoch.filter(|epoch| *epoch > state.leader_epoch) {
        events.push(Event::BrokerStarted { leader_epoch });
    }
    let producer = partitions.filter_map(|partition| partition.greatest_producer).max();
    if let Some(next) =
        producer.map(|id| id.0.saturating_add(1)).filter(|next| *next > state.next_producer_id)
    {
        events.push(Event::ProducerIdsReserved { next });
    }
    events
}
