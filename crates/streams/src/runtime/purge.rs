//! Repartition topics let go of what was worked off.
//!
//! Nobody but the application reads them, and it only from where it has committed on; kept for ever, they would fill the
//! disks. Records are deleted every so often, aside from the work, and when the work ends. What could not be deleted is so the
//! next time.
//!
//! Does not know: which partitions are those of repartition topics.

use std::time::Duration;

use headwater_client::{Client, Connector};
use headwater_model::{Monotonic, Offset, TopicPartition};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the end of a worker waits for deletions.
const LONGEST_END: Duration = Duration::from_secs(5);

/// See the module. Dropping it ends a deletion that is under way.
#[derive(Debug)]
pub(super) struct Purge {
    interval: Duration,
    due: Monotonic,
    running: Option<JoinHandle<()>>,
}

impl Purge {
    pub(super) fn new(interval: Duration, now: Monotonic) -> Self {
        Self { interval, due: now + interval, running: None }
    }

    /// True if it is time to delete, and the last deletion has ended.
    pub(super) fn is_due(&self, now: Monotonic) -> bool {
        now >= self.due && self.running.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Deletes the records before these offsets, which are committed.
    pub(super) fn begin<C: Connector>(
        &mut self,
        client: &Client<C>,
        now: Monotonic,
        committed: Vec<(TopicPartition, Offset)>,
    ) {
        self.due = now + self.interval;
        let client = client.clone();
        self.running = Some(tokio::spawn(async move { delete(&client, committed).await }));
    }

    /// Deletes once more, before the worker ends; what takes too long is left to the next one.
    pub(super) async fn end<C: Connector>(
        &mut self,
        client: &Client<C>,
        committed: Vec<(TopicPartition, Offset)>,
    ) {
        if timeout(LONGEST_END, delete(client, committed)).await.is_err() {
            tracing::warn!("some of what was worked off of repartition topics stays there for now");
        }
    }
}

async fn delete<C: Connector>(client: &Client<C>, committed: Vec<(TopicPartition, Offset)>) {
    for (at, offset) in committed {
        if let Err(error) = client.admin().delete_records(&at, Some(offset)).await {
            tracing::warn!("what was worked off of {at} stays there for now: {error}");
        }
    }
}

impl Drop for Purge {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}
