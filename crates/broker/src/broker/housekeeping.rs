//! What the broker does from time to time: retention, and in [`Durability::Os`] a sync, so that what was written long ago
//! does survive a crash.

use std::sync::Arc;

use super::Broker;
use crate::config::Durability;
use crate::topics::Topic;

/// Keeps house until the broker shuts down or is gone.
pub(super) fn spawn(broker: &Broker) {
    let weak = Arc::downgrade(&broker.inner);
    let interval = broker.config().retention_check_interval;
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
            storage.call(move || broker.keep_house()).await;
        }
    });
}

impl Broker {
    fn keep_house(&self) {
        let topics: Vec<Arc<Topic>> = self.topics(|topics| topics.all().cloned().collect());
        let partitions: Vec<_> = topics.iter().flat_map(|topic| topic.online().cloned()).collect();
        for partition in &partitions {
            partition.retain();
        }
        if self.config().durability == Durability::Os {
            self.storage().syncer.sync(partitions);
        }
    }
}
