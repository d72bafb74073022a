//! The logs of topics: how they are opened, at the start side by side, and removed.
//!
//! Invariants: a partition whose log cannot be opened is offline, and the others are served. With [`Durability::Fsync`], what
//! a partition is opened with is durable.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_log::{Log, RecoveryReport, delete_partition};
use headwater_model::{PartitionId, TopicPartition};

use super::Broker;
use crate::config::{Durability, Execution};
use crate::metadata::TopicState;
use crate::partition::{Partition, PartitionConfig};
use crate::topics::Topic;
use crate::topics::settings::TopicSettings;

/// A partition, or `None` if it is offline.
type Opened = Option<Arc<Partition>>;

impl Broker {
    /// Opens the logs of topics side by side; blocks on the disk.
    pub(super) fn open_logs(&self, topics: Vec<TopicState>) -> Vec<Topic> {
        let wanted: Vec<_> =
            topics.iter().flat_map(|topic| self.wanted(topic, 0..topic.partitions)).collect();
        let mut opened = self.open_wanted(&wanted).into_iter();
        let take = |state: TopicState| {
            let count = usize::try_from(state.partitions).unwrap_or(0);
            Topic { partitions: opened.by_ref().take(count).collect(), state }
        };
        topics.into_iter().map(take).collect()
    }

    /// Opens the logs of a topic, which are made where they are not there; blocks on the disk.
    pub(crate) fn open_topic(&self, state: TopicState) -> Topic {
        let partitions = self.open_partitions(&state, 0..state.partitions);
        Topic { state, partitions }
    }

    /// Opens the logs of some partitions; blocks on the disk.
    pub(crate) fn open_partitions(&self, state: &TopicState, numbers: Range<i32>) -> Vec<Opened> {
        self.open_wanted(&self.wanted(state, numbers))
    }

    fn wanted(&self, state: &TopicState, numbers: Range<i32>) -> Vec<(TopicPartition, PartitionConfig)> {
        let config = self.config();
        let partition_config = PartitionConfig {
            durability: config.durability,
            leader_epoch: self.leader_epoch(),
            settings: TopicSettings::new(self.layers(&state.settings)),
            max_uncompressed: config.limits.max_uncompressed_batch_bytes,
        };
        let name = |number| TopicPartition::new(state.name.clone(), PartitionId(number));
        numbers.map(|number| (name(number), partition_config.clone())).collect()
    }

    fn open_wanted(&self, wanted: &[(TopicPartition, PartitionConfig)]) -> Vec<Opened> {
        let threads = match self.config().execution {
            Execution::Threads(threads) => threads,
            Execution::Inline => 1,
        };
        let mut opened = side_by_side(threads, wanted, |(id, config)| self.open_partition(id, config));
        if self.config().durability == Durability::Fsync {
            self.sync_found(&mut opened);
        }
        opened
    }

    fn open_partition(&self, id: &TopicPartition, config: &PartitionConfig) -> Opened {
        let storage = self.storage();
        let dir = self.inner.data_dir.partition_dir(id);
        match Log::open_unsynced(storage.disk.clone(), &dir, config.log_config(), storage.clock.now()) {
            Ok((log, report)) => {
                tell(id, &report);
                Some(Arc::new(Partition::new(id.clone(), log, storage.clone(), config.clone())))
            }
            Err(error) => {
                tracing::error!(partition = %id, %error, "cannot open the log: the partition is offline");
                None
            }
        }
    }

    /// Makes durable, in one sync, what was found and may not be; where that fails, the partitions are offline.
    fn sync_found(&self, opened: &mut [Opened]) {
        let unsure: Vec<_> =
            opened.iter().flatten().filter(|partition| !partition.is_durable()).cloned().collect();
        if unsure.is_empty() {
            return;
        }
        self.storage().syncer.sync(&unsure);
        for slot in opened {
            if let Some(partition) = slot.take_if(|partition| !partition.is_durable()) {
                tracing::error!(partition = %partition.id(), "cannot sync what the log held: the partition is offline");
            }
        }
    }

    /// Ends the partitions of a topic and deletes their logs; blocks on the disk.
    pub(crate) fn remove_logs(&self, topic: &Topic) {
        for (number, partition) in (0..).zip(&topic.partitions) {
            if let Some(partition) = partition {
                partition.delete(topic.id());
                continue;
            }
            let id = TopicPartition::new(topic.name().clone(), PartitionId(number));
            let dir = self.inner.data_dir.partition_dir(&id);
            if let Err(error) = delete_partition(self.storage().disk.as_ref(), &dir, topic.id()) {
                tracing::warn!(partition = %id, %error, "cannot delete the log of an offline partition");
            }
        }
    }
}

/// Does the same with each of the items, on so many threads. What comes of them is in their order.
fn side_by_side<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return done;
            };
            done.push((at, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let outcomes = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        outcomes
            .flat_map(|outcome| outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn tell(id: &TopicPartition, report: &RecoveryReport) {
    if report.clean {
        return;
    }
    tracing::info!(
        partition = %id,
        checked_bytes = report.checked_bytes,
        rebuilt_indexes = report.rebuilt_indexes.len(),
        "recovered a log that was not closed in order"
    );
    if let Some(truncation) = &report.truncation {
        tracing::warn!(
            partition = %id,
            file = %truncation.file.display(),
            position = truncation.position,
            bytes = truncation.bytes,
            end = truncation.end.0,
            cause = %truncation.cause,
            "cut a torn tail off"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_side_by_side_is_done_once_and_given_back_in_order() {
        let items: Vec<usize> = (0..1_000).collect();
        for threads in [0, 1, 2, 7] {
            let done = AtomicUsize::new(0);
            let outcomes = side_by_side(threads, &items, |item| {
                done.fetch_add(1, Ordering::Relaxed);
                item * 2
            });
            assert!(outcomes.iter().enumerate().all(|(at, outcome)| *outcome == at * 2));
            assert_eq!((outcomes.len(), done.into_inner()), (1_000, 1_000));
        }
        assert_eq!(side_by_side(3, &[], |item: &usize| *item), Vec::<usize>::new());
    }
}
