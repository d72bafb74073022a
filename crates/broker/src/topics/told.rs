//! What group coordination is told of the topics: one snapshot for all its shards, made when one of them asks for it after a
//! change.

use std::sync::{Arc, Mutex};

use headwater_coordinator::{Topic, Topics};
use tokio::sync::watch;

use super::is_hidden;
use crate::broker::Broker;
use crate::storage::lock;

/// The newest snapshot, and the word that there is a newer one.
#[derive(Debug)]
pub(crate) struct Told {
    version: watch::Sender<u64>,
    snapshot: Mutex<(u64, Arc<Topics>)>,
}

impl Default for Told {
    fn default() -> Self {
        Self { version: watch::Sender::new(0), snapshot: Mutex::default() }
    }
}

impl Told {
    /// Hears of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The topics are those of that version.
    pub(super) fn announce(&self, version: u64) {
        self.version.send_if_modified(|told| std::mem::replace(told, version) != version);
    }
}

impl Broker {
    /// The topics that clients may know of, as they are now.
    pub(crate) fn topics_now(&self) -> Arc<Topics> {
        let mut snapshot = lock(&self.told().snapshot);
        self.topics(|topics| {
            if snapshot.0 != topics.version() {
                let visible = topics.all().filter(|topic| !is_hidden(topic.name().as_str()));
                let told = visible.map(|topic| {
                    let partitions = topic.state.partitions;
                    (topic.name().clone(), Topic { id: topic.id(), partitions })
                });
                *snapshot = (topics.version(), Arc::new(told.collect()));
            }
        });
        snapshot.1.clone()
    }
}
