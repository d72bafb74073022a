//! Reading partitions: where each one is, what to ask of which broker, what the answers hold. Pure.
//!
//! Owns: [`Fetcher`]: positions, the batches read ahead of the application, which requests are due.
//!
//! Invariants: at most one fetch is under way per broker. The batches of a partition are handed out in the order of
//! their offsets, without gap or repetition. What was asked for a position that has since been left (by a seek, a
//! reassignment, a trimmed buffer) is dropped when it comes. No more is asked for once `prefetch_bytes` wait to be
//! handed out; what paused partitions hold does not count, but is trimmed to `partition_max_bytes` each.
//!
//! Does not know: connections, groups, clocks. It reads from leaders, without fetch sessions.

mod answer;
mod isolation;
mod partition;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, Monotonic, Offset, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::fetch::FetchRequest;
use headwater_wire::messages::list_offsets::ListOffsetsRequest;

use crate::consumer::{ConsumeError, Fetched, Isolation, OffsetReset, StartAt, Watermarks};
use crate::metrics::ConsumerMetrics;
use crate::retry::Backoff;
use partition::{Cursor, Partition};

/// How partitions are read.
#[derive(Debug, Clone)]
pub(crate) struct FetcherConfig {
    pub(crate) max_wait: Duration,
    pub(crate) min_bytes: usize,
    pub(crate) max_bytes: usize,
    pub(crate) partition_max_bytes: usize,
    pub(crate) prefetch_bytes: usize,
    pub(crate) isolation: Isolation,
    pub(crate) reset: OffsetReset,
    pub(crate) check_crcs: bool,
    pub(crate) backoff: Backoff,
}

/// Links an answer to the request that it belongs to.
pub(crate) type Ticket = u64;

/// A request that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FetchWork {
    /// Report with [`Fetcher::fetched`]. Topics are named by id from `max_version` 13 on.
    Fetch { ticket: Ticket, node: i32, request: FetchRequest, max_version: i16 },
    /// Report with [`Fetcher::listed`].
    ListOffsets { ticket: Ticket, node: i32, request: ListOffsetsRequest },
    /// Ask the group's coordinator; report with [`Fetcher::committed`].
    Committed { ticket: Ticket, partitions: Vec<TopicPartition> },
    /// Ask the broker anything, on the connection of the fetch that is under way: one that knows what that means ends the
    /// fetch, so that further partitions can be fetched; any other is no slower for it. There is nothing to report.
    Nudge { node: i32 },
}

/// What a request that is under way was asked for.
#[derive(Debug)]
struct Asked {
    /// The broker asked, or the coordinator.
    whom: Whom,
    /// The ids by which the topics were named.
    topics: Vec<(Uuid, TopicName)>,
    partitions: Vec<AskedPartition>,
    /// True once further partitions wait for its answer, to be fetched after it.
    is_urgent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Leader(i32),
    ListingLeader(i32),
    Coordinator,
}

#[derive(Debug)]
struct AskedPartition {
    at: TopicPartition,
    /// The partition's, when it was asked for.
    epoch: u64,
    cursor: Cursor,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Fetcher {
    config: FetcherConfig,
    entropy: Entropy,
    partitions: BTreeMap<TopicPartition, Partition>,
    /// Partitions with something to hand out, in turn. May name partitions that have nothing any more.
    ready: VecDeque<TopicPartition>,
    under_way: BTreeMap<Ticket, Asked>,
    nodes: BTreeMap<i32, Node>,
    /// Topics whose leaders have to be looked up again.
    stale: BTreeSet<TopicName>,
    last_ticket: Ticket,
    last_epoch: u64,
    /// Counts answers with data, for taking turns.
    last_served: u64,
    pub(crate) counts: ConsumerMetrics,
}

#[derive(Debug, Default)]
struct Node {
    failures: u32,
    not_before: Monotonic,
}

/// What [`Fetcher::take`] gives.
#[derive(Debug, Clone)]
pub(crate) enum Taken {
    Batches(Vec<Fetched>),
    Fault(ConsumeError),
}

impl Fetcher {
    pub(crate) fn new(config: FetcherConfig, entropy: Entropy) -> Self {
        Self {
            config,
            entropy,
            partitions: BTreeMap::new(),
            ready: VecDeque::new(),
            under_way: BTreeMap::new(),
            nodes: BTreeMap::new(),
            stale: BTreeSet::new(),
            last_ticket: 0,
            last_epoch: 0,
            last_served: 0,
            counts: ConsumerMetrics::default(),
        }
    }

    /// Reads these partitions, and no others, from there.
    pub(crate) fn assign(&mut self, partitions: impl IntoIterator<Item = (TopicPartition, StartAt)>) {
        self.clear();
        self.add(partitions);
    }

    /// Reads these partitions as well, from there.
    pub(crate) fn add(&mut self, partitions: impl IntoIterator<Item = (TopicPartition, StartAt)>) {
        for (at, start) in partitions {
            let epoch = self.next_epoch();
            self.partitions.insert(at, Partition::new(start, epoch));
        }
    }

    /// Reads these no more.
    pub(crate) fn remove(&mut self, partitions: &BTreeSet<TopicPartition>) {
        self.partitions.retain(|at, _| !partitions.contains(at));
        self.ready.retain(|at| !partitions.contains(at));
    }

    /// Reads nothing any more.
    pub(crate) fn clear(&mut self) {
        self.partitions.clear();
        self.ready.clear();
        self.stale.clear();
    }

    /// Hands out nothing of these any more; positions stay known.
    pub(crate) fn freeze(&mut self, partitions: &BTreeSet<TopicPartition>) {
        for at in partitions {
            if let Some(partition) = self.partitions.get_mut(at) {
                partition.frozen = true;
                partition.queued = false;
                partition.drop_buffer();
            }
        }
        self.ready.retain(|at| !partitions.contains(at));
    }

    /// Goes on elsewhere; what was read ahead is dropped.
    pub(crate) fn seek(&mut self, at: &TopicPartition, to: StartAt) -> Result<(), ConsumeError> {
        let epoch = self.next_epoch();
        let partition = self.assigned_mut(at)?;
        let kept = Partition {
            paused: partition.paused,
            frozen: partition.frozen,
            watermarks: partition.watermarks,
            ..Partition::new(to, epoch)
        };
        *partition = kept;
        Ok(())
    }

    /// Hands out nothing of a partition, and asks for none, until it is resumed.
    pub(crate) fn pause(&mut self, at: &TopicPartition) -> Result<(), ConsumeError> {
        let keep = self.config.partition_max_bytes;
        let partition = self.assigned_mut(at)?;
        partition.paused = true;
        partition.trim(keep);
        Ok(())
    }

    /// See [`Fetcher::pause`].
    pub(crate) fn resume(&mut self, at: &TopicPartition) -> Result<(), ConsumeError> {
        self.assigned_mut(at)?.paused = false;
        self.queue(at);
        Ok(())
    }

    /// The partitions that are read, in order, with whether they are paused.
    pub(crate) fn assignment(&self) -> impl Iterator<Item = (&TopicPartition, bool)> {
        self.partitions.iter().map(|(at, partition)| (at, partition.paused))
    }

    /// The offset that follows what was handed out; `None` until it is known.
    pub(crate) fn position(&self, at: &TopicPartition) -> Result<Option<Offset>, ConsumeError> {
        Ok(self.assigned(at)?.position)
    }

    /// What the last answer said about the partition's log.
    pub(crate) fn watermarks(&self, at: &TopicPartition) -> Result<Option<Watermarks>, ConsumeError> {
        Ok(self.assigned(at)?.watermarks)
    }

    /// How many offsets the application is behind the last that it can see; `None` until both are known.
    pub(crate) fn lag(&self, at: &TopicPartition) -> Result<Option<i64>, ConsumeError> {
        let partition = self.assigned(at)?;
        let end = partition.watermarks.map(|watermarks| match self.config.isolation {
            Isolation::ReadUncommitted => watermarks.high,
            Isolation::ReadCommitted => watermarks.last_stable,
        });
        Ok(end.zip(partition.position).map(|(end, position)| (end - position).max(0)))
    }

    /// Hands out what waits: batches up to the limit (one at least), or a fault if it is a faulty partition's turn and
    /// nothing came before it. `None` if nothing waits.
    pub(crate) fn take(&mut self, max_bytes: usize) -> Option<Taken> {
        let mut batches = Vec::new();
        let mut room = max_bytes;
        // Once around: a partition that still has something goes to the end.
        for _ in 0..self.ready.len() {
            if room == 0 {
                break;
            }
            let Some(at) = self.ready.pop_front() else {
                break;
            };
            let Some(partition) = self.partitions.get_mut(&at).filter(|partition| partition.queued) else {
                continue;
            };
            partition.queued = false;
            if partition.is_silent() {
                continue;
            }
            if let (true, Cursor::Broken(fault)) = (partition.buffer.is_empty(), &partition.cursor) {
                let fault = fault.clone();
                if batches.is_empty() {
                    self.queue(&at);
                    return Some(Taken::Fault(fault));
                }
            } else {
                partition.take(&at, &mut room, &mut batches);
            }
            self.queue(&at);
        }
        self.count(&batches);
        (!batches.is_empty()).then_some(Taken::Batches(batches))
    }

    fn count(&mut self, batches: &[Fetched]) {
        self.counts.batches += batches.len() as u64;
        for Fetched { batch, .. } in batches {
            self.counts.records += u64::from(batch.record_count().unsigned_abs());
            self.counts.bytes += batch.size() as u64;
        }
    }

    /// What was read so far, and how things stand.
    pub(crate) fn metrics(&self) -> ConsumerMetrics {
        let buffered: usize = self.partitions.values().map(|partition| partition.buffered_bytes).sum();
        let lags = self.partitions.keys().filter_map(|at| self.lag(at).ok().flatten());
        let lag = lags.map(|lag| u64::try_from(lag).unwrap_or(0)).sum();
        ConsumerMetrics { buffered_bytes: buffered as u64, lag, ..self.counts }
    }

    /// True if [`Fetcher::take`] may have something.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The topics to look up again, once; for partitions whose leader is not known or has changed.
    pub(crate) fn take_stale(&mut self) -> BTreeSet<TopicName> {
        std::mem::take(&mut self.stale)
    }

    /// Lets the partition take its turn if it has something to hand out.
    fn queue(&mut self, at: &TopicPartition) {
        let Some(partition) = self.partitions.get_mut(at) else {
            return;
        };
        let has_something = !partition.buffer.is_empty() || matches!(partition.cursor, Cursor::Broken(_));
        if has_something && !partition.queued && !partition.is_silent() {
            partition.queued = true;
            self.ready.push_back(at.clone());
        }
    }

    fn assigned(&self, at: &TopicPartition) -> Result<&Partition, ConsumeError> {
        self.partitions.get(at).ok_or_else(|| ConsumeError::NotAssigned(at.clone()))
    }

    fn assigned_mut(&mut self, at: &TopicPartition) -> Result<&mut Partition, ConsumeError> {
        self.partitions.get_mut(at).ok_or_else(|| ConsumeError::NotAssigned(at.clone()))
    }

    fn next_epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }
}
