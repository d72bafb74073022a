//! Opening: from a folder to a running broker, and back.
//!
//! Owns: the order of the steps; what is done about folders that the metadata log does not know.
//!
//! Invariants: a folder of a topic that was deleted is removed. A folder that no event ever named is moved aside, never
//! removed: it may be all that is left of something.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};

use headwater_coordinator::{Groups, SharePartitions, Transactions};
use headwater_log::{DataDir, Disk, delete_partition, remove_deleted};
use headwater_model::{Clock, Entropy, TopicPartition, Uuid};
use tokio::sync::watch;

use super::producer_ids::ProducerIds;
use super::{Broker, Inner, housekeeping};
use crate::config::{BrokerConfig, Durability, Execution};
use crate::coordinator::Shards;
use crate::error::BrokerError;
use crate::fetch::sessions::Sessions;
use crate::groups::OwnSettings;
use crate::metadata::store::{self, OpenedMetadata, metadata_partition};
use crate::metadata::{ClusterState, MetadataStore};
use crate::partition::{Partition, PartitionConfig};
use crate::share::Share;
use crate::storage::Storage;
use crate::topics::settings::{self, Layers, TopicSettings};
use crate::topics::{Registry, Told};

/// The end of the name of a folder that was moved aside; no partition's name ends so.
const ASIDE: &str = "-stray";

impl Broker {
    /// Opens the broker on its data folder: recovers every log, and serves what it finds.
    ///
    /// Blocks while logs are recovered. Must be called within a Tokio runtime, which background tasks run on.
    pub fn open(
        config: BrokerConfig,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        mut entropy: Entropy,
    ) -> Result<Self, BrokerError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(BrokerError::NoRuntime);
        }
        for (name, value) in &config.topic_defaults {
            settings::check(name, value)?;
        }
        config.check_group_times()?;
        let OpenedFolder { data_dir, metadata: opened, metadata_id } =
            open_folder(&config, &disk, clock.as_ref(), &mut entropy)?;
        let mut state = opened.state;

        let storage = Storage::start(disk, clock.clone(), config.execution)
            .map(Arc::new)
            .map_err(BrokerError::Threads)?;
        let metadata_config = PartitionConfig {
            durability: Durability::Fsync,
            leader_epoch: state.leader_epoch,
            settings: TopicSettings::new(Layers { own: &BTreeMap::new(), broker: &BTreeMap::new() }),
            max_uncompressed: config.limits.max_uncompressed_batch_bytes,
        };
        let metadata = Partition::new(metadata_id, opened.log, storage.clone(), metadata_config);
        let broker = Self {
            inner: Arc::new(Inner {
                cluster_id: state.cluster_id.unwrap_or_default(),
                leader_epoch: state.leader_epoch,
                registry: RwLock::new(Registry::default()),
                told: Told::default(),
                metadata: MetadataStore::new(Arc::new(metadata), clock.clone()),
                producer_ids: Mutex::new(ProducerIds::starting_at(state.next_producer_id)),
                groups: Shards::default(),
                own_settings: OwnSettings::new(std::mem::take(&mut state.group_settings), &config),
                transactions: Shards::default(),
                share: Share::new(&config),
                connections: AtomicU64::new(0),
                fetch_sessions: Mutex::new(Sessions::new(config.limits.fetch_sessions())),
                replicas_warned: AtomicBool::new(false),
                topic_turn: tokio::sync::Mutex::new(()),
                shutdown: watch::Sender::new(false),
                closed: AtomicBool::new(false),
                entropy: Mutex::new(entropy),
                clock,
                storage,
                data_dir,
                config,
            }),
        };
        broker.open_topics(state);
        housekeeping::spawn(&broker);
        broker.resume_coordination::<Groups>();
        broker.resume_coordination::<Transactions>();
        broker.resume_coordination::<SharePartitions>();
        Ok(broker)
    }

    fn open_topics(&self, state: ClusterState) {
        let mut registry = Registry::default();
        for topic in self.open_logs(state.topics.into_values().collect()) {
            registry.insert(Arc::new(topic));
        }
        let (topics, partitions) = (registry.all().count(), registry.partition_count());
        *self.registry().write().unwrap_or_else(std::sync::PoisonError::into_inner) = registry;
        tracing::info!(
            cluster_id = %self.cluster_id(),
            leader_epoch = self.leader_epoch().0,
            topics,
            partitions,
            "opened the broker"
        );
    }
}

/// A data folder whose metadata log is open, and whose rubbish is gone.
pub(super) struct OpenedFolder {
    pub(super) data_dir: DataDir,
    pub(super) metadata: OpenedMetadata,
    pub(super) metadata_id: TopicPartition,
}

/// Locks the data folder, and opens the metadata log in it.
pub(super) fn open_folder(
    config: &BrokerConfig,
    disk: &Arc<dyn Disk>,
    clock: &dyn Clock,
    entropy: &mut Entropy,
) -> Result<OpenedFolder, BrokerError> {
    let data_dir = match config.execution {
        Execution::Threads(_) => DataDir::open(&config.data_dir)?,
        // A simulated disk is nobody else's.
        Execution::Inline => DataDir::unlocked(&config.data_dir),
    };
    let broker_dir = data_dir.broker_dir();
    let unusable = |source| BrokerError::Folder { path: broker_dir.clone(), source };
    disk.create_dir(&broker_dir).map_err(unusable)?;
    sync_names(disk.as_ref(), &broker_dir).map_err(unusable)?;
    remove_deleted(disk.as_ref(), &broker_dir).map_err(unusable)?;
    let metadata_id = metadata_partition()?;
    let dir = data_dir.partition_dir(&metadata_id);
    let metadata = store::open(Arc::clone(disk), &dir, clock, entropy, config.cluster_id)?;
    tidy(disk.as_ref(), &data_dir, &metadata.state, &metadata_id).map_err(unusable)?;
    Ok(OpenedFolder { data_dir, metadata, metadata_id })
}

/// Makes the way to a folder durable, for what is durable in it is lost with its name.
fn sync_names(disk: &dyn Disk, dir: &Path) -> std::io::Result<()> {
    let mut above = dir.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    if let Some(parent) = above.next() {
        disk.sync_dir(parent)?;
    }
    for above in above {
        // Folders far above may be nobody's business here; those that were made with ours are ours to sync.
        let _ = disk.sync_dir(above);
    }
    Ok(())
}

/// Removes what is left of deleted topics, and moves aside what nobody knows.
fn tidy(
    disk: &dyn Disk,
    data_dir: &DataDir,
    state: &ClusterState,
    metadata: &TopicPartition,
) -> std::io::Result<()> {
    for found in data_dir.partitions(disk)? {
        let known = state.topics.get(&found.topic).is_some_and(|topic| found.partition.0 < topic.partitions);
        if known || found == *metadata {
            continue;
        }
        let dir = data_dir.partition_dir(&found);
        if state.deleted.contains(&found.topic) {
            if let Err(error) = delete_partition(disk, &dir, Uuid::ZERO) {
                tracing::warn!(partition = %found, %error, "cannot remove what is left of a deleted topic");
            }
            continue;
        }
        let aside = free_name(disk, data_dir, &found)?;
        tracing::warn!(partition = %found, to = %aside, "moved aside a folder that belongs to no known topic");
        disk.rename(&dir, &data_dir.broker_dir().join(aside))?;
        disk.sync_dir(&data_dir.broker_dir())?;
    }
    Ok(())
}

fn free_name(disk: &dyn Disk, data_dir: &DataDir, found: &TopicPartition) -> std::io::Result<String> {
    let names: Vec<String> = disk.list(&data_dir.broker_dir())?.into_iter().map(|entry| entry.name).collect();
    let candidates = (0..).map(|number: u64| format!("{found}.{number}{ASIDE}"));
    let free = candidates.into_iter().find(|name| !names.contains(name));
    Ok(free.unwrap_or_default())
}
