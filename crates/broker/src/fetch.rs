//! Reading many partitions within one request, and waiting until there is enough.
//!
//! Owns: the order and limits of the reads, the long poll; [`sessions`], what consumers need not say again.
//!
//! Invariants: nothing beyond a high watermark is given out, and nothing undecided to whoever reads committed records. The
//! first partition that has data gives at least one batch, whatever the limits say, so that a consumer always gets on. A
//! waiting fetch costs nothing until one of its partitions has news: no timer but its deadline, no polling.
//!
//! Does not know: the protocol.

pub(crate) mod sessions;

use std::sync::Arc;
use std::time::Duration;

use headwater_log::AbortedTransaction;
use headwater_model::{ErrorCode, Offset};
use headwater_wire::protocol::Records;
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::partition::{Isolation, Partition};
use crate::storage::lock;
use sessions::{Begun, Kind, SessionRequest, each_once};

/// What is wanted of one partition.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The partition, or why there is none.
    pub(crate) target: Result<Arc<Partition>, ErrorCode>,
    pub(crate) from: Offset,
    pub(crate) max_bytes: usize,
}

/// How much, and how long to wait for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_bytes: usize,
    pub(crate) min_bytes: usize,
    pub(crate) max_wait: Duration,
    pub(crate) isolation: Isolation,
}

/// What one partition gave.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: Offset,
    pub(crate) last_stable: Offset,
    pub(crate) log_start: Offset,
    pub(crate) records: Records,
    /// For whoever reads committed records: the transactions among them that do not count.
    pub(crate) aborted: Option<Vec<AbortedTransaction>>,
}

impl Got {
    fn failed(error: ErrorCode) -> Self {
        Self {
            error,
            high_watermark: Offset::NONE,
            last_stable: Offset::NONE,
            log_start: Offset::NONE,
            records: Records::default(),
            aborted: None,
        }
    }

    fn nothing_new(partition: &Partition) -> Self {
        Self {
            error: ErrorCode::None,
            high_watermark: partition.high_watermark(),
            last_stable: partition.last_stable_offset(),
            log_start: partition.start_offset(),
            records: Records::default(),
            aborted: None,
        }
    }
}

impl Broker {
    /// What is to be read for a request, in or outside of a session.
    pub(crate) fn begin_fetch(&self, request: SessionRequest) -> Result<Begun, ErrorCode> {
        let request = SessionRequest { asks: each_once(request.asks), ..request };
        if request.id == 0 && request.epoch < 0 {
            return Ok(Begun { asks: request.asks, kind: Kind::Sessionless });
        }
        let draw = || self.fork_entropy().next_u64();
        lock(self.fetch_sessions()).begin(request, self.clock().monotonic(), draw)
    }

    /// Reads, and waits for more while there is less than wanted and time is left; no longer than until `hurry` completes.
    pub(crate) async fn fetch(
        &self,
        wanted: Vec<Wanted>,
        bounds: Bounds,
        hurry: impl Future<Output = ()>,
    ) -> Vec<Got> {
        let mut hurry = std::pin::pin!(hurry);
        let deadline = tokio::time::Instant::now() + bounds.max_wait;
        // As in Kafka: who asks for more than may come does not wait for it.
        let min_bytes = bounds.min_bytes.min(bounds.max_bytes);
        let mut watch: Option<Watch> = None;
        let mut last_chance = bounds.max_wait.is_zero();
        loop {
            let seen = visible_bytes(&wanted);
            let got = read(&wanted, bounds);
            let total: usize = got.iter().map(|got| got.records.len()).sum();
            let failed = got.iter().any(|got| got.error.is_error());
            if last_chance || failed || total >= min_bytes {
                return got;
            }
            if watch.is_none() {
                // What came between the read and this is noticed, for `seen` is older.
                let targets = wanted.iter().filter_map(|wanted| wanted.target.as_ref().ok().cloned());
                watch = Some(Watch::new(targets.collect()));
            }
            let Some(watch) = &watch else { return got };
            let missing = match bounds.isolation {
                Isolation::Uncommitted => (min_bytes - total) as u64,
                // A marker of few bytes may decide on many.
                Isolation::Committed => 1,
            };
            loop {
                let grown = visible_bytes(&wanted).wrapping_sub(seen);
                if grown >= missing || wanted.iter().any(Wanted::is_gone) {
                    break;
                }
                tokio::select! {
                    biased;
                    () = watch.news() => {}
                    () = self.shutting_down() => last_chance = true,
                    () = &mut hurry => last_chance = true,
                    () = tokio::time::sleep_until(deadline) => last_chance = true,
                }
                if last_chance {
                    if visible_bytes(&wanted) == seen {
                        return got;
                    }
                    break;
                }
            }
        }
    }
}

impl Wanted {
    fn read(&self, left: usize, at_least_one: bool, isolation: Isolation) -> Got {
        let partition = match &self.target {
            Ok(partition) if partition.is_closed() => return Got::failed(ErrorCode::UnknownTopicOrPartition),
            Ok(partition) => partition,
            Err(error) => return Got::failed(*error),
        };
        if partition.high_watermark() == self.from {
            return Got::nothing_new(partition);
        }
        let max_bytes = self.max_bytes.min(left);
        let read = match isolation {
            Isolation::Uncommitted => {
                partition.read(self.from, max_bytes, at_least_one).map(|records| (records, None))
            }
            Isolation::Committed => partition
                .read_committed(self.from, max_bytes, at_least_one)
                .map(|(records, aborted)| (records, Some(aborted))),
        };
        match read {
            Ok((records, aborted)) => Got { records, aborted, ..Got::nothing_new(partition) },
            Err(error) => {
                if error.error_code() != ErrorCode::OffsetOutOfRange {
                    tracing::error!(partition = %partition.id(), %error, "cannot read");
                }
                Got { error: error.error_code(), ..Got::nothing_new(partition) }
            }
        }
    }

    /// How far the partition reaches, and no records.
    fn look(&self) -> Got {
        match &self.target {
            Ok(partition) => Got::nothing_new(partition),
            Err(error) => Got::failed(*error),
        }
    }

    fn is_gone(&self) -> bool {
        self.target.as_ref().is_ok_and(|partition| partition.is_closed())
    }
}

/// Reads what there is now. Readers wait for no lock and copy no records: what comes out are ranges of files.
fn read(wanted: &[Wanted], bounds: Bounds) -> Vec<Got> {
    let mut left = bounds.max_bytes;
    let mut empty_handed = true;
    wanted
        .iter()
        .map(|wanted| {
            // Nothing more fits: what there is is not even looked for.
            let got = if left == 0 && !empty_handed {
                wanted.look()
            } else {
                wanted.read(left, empty_handed, bounds.isolation)
            };
            left = left.saturating_sub(got.records.len());
            empty_handed &= got.records.is_empty();
            got
        })
        .collect()
}

fn visible_bytes(wanted: &[Wanted]) -> u64 {
    let partitions = wanted.iter().filter_map(|wanted| wanted.target.as_ref().ok());
    partitions.fold(0, |sum, partition| sum.wrapping_add(partition.visible_bytes()))
}

/// Learns of news in some partitions, until dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    news: Arc<Notify>,
    partitions: Vec<Arc<Partition>>,
}

impl Watch {
    pub(crate) fn new(partitions: Vec<Arc<Partition>>) -> Self {
        let news = Arc::new(Notify::new());
        for partition in &partitions {
            partition.watch(news.clone());
        }
        Self { news, partitions }
    }

    /// Waits for news.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.unwatch(&self.news);
        }
    }
}
