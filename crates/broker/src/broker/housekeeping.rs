//! What the broker does from time to time: retention, compaction, and in [`Durability::Os`] a sync, so that what was written long ago
//! does survive a crash, and the next start need not check it.

use std::sync::Arc;
use std::time::Duration;

use super::Broker;
use crate::config::Durability;
use crate::partition::Partition;
use crate::storage::Lane;

/// How old unsynced records become in [`Durability::Os`], about.
const SYNC_INTERVAL: Duration = Duration::from_mins(1);

/// Keeps house until the broker shuts down or is gone.
pub(super) fn spawn(broker: &Broker) {
    repeat(broker, Lane::Plain, broker.config().retention_check_interval, Broker::apply_retention);
    repeat(broker, Lane::Background, broker.config().compaction_check_interval, Broker::compact);
    if broker.config().durability == Durability::Os {
        repeat(broker, Lane::Plain, SYNC_INTERVAL, Broker::sync_all);
    }
}

fn repeat(broker: &Broker, lane: Lane, interval: Duration, chore: fn(&Broker)) {
    let weak = Arc::downgrade(&broker.inner);
    let mut shutdown = broker.inner.shutdown.subscribe();
    tokio::spawn(async move {
        loop {
            let next = tokio::time::Instant::now() + interval;
            tokio::select! {
                biased;
                // An error says that the broker is gone.
                _ = shutdown.wait_for(|begun| *begun) => return,
                () = tokio::time::sleep_until(next) => {}
            }
            let Some(inner) = weak.upgrade() else {
                return;
            };
            let broker = Broker { inner };
            let storage = broker.storage().clone();
            storage.call_in(lane, move || chore(&broker)).await;
        }
    });
}

impl Broker {
    fn all_partitions(&self) -> Vec<Arc<Partition>> {
        self.topics(|topics| topics.all().flat_map(|topic| topic.online().cloned()).collect())
    }

    fn apply_retention(&self) {
        for partition in self.all_partitions() {
            partition.retain();
        }
    }

    fn compact(&self) {
        let shutdown = self.subscribe_to_shutdown();
        for partition in self.all_partitions() {
            partition.compact(&|| *shutdown.borrow());
        }
    }

    fn sync_all(&self) {
        self.storage().syncer.sync(&self.all_partitions());
    }

    /// Makes everything durable and closes all logs; blocks on the disk.
    pub(super) fn close_logs(&self) {
        let mut partitions = self.all_partitions();
        partitions.push(self.metadata().partition().clone());
        // One sync for all, so that closing each finds nothing left to sync.
        self.storage().syncer.sync_and_end(&partitions, Partition::close);
        tracing::info!("closed the broker");
    }
}
