//! A partition as the broker runs it: a log, the queue of its appends, its high watermark, and those who wait for it.
//!
//! Owns: the order of appends (the queue), the high watermark, the answers that wait for durability, the waking of fetches.
//!
//! Invariants: appends are written in the order in which [`Partition::append`] was called. The high watermark is the
//! durable end of the log (with [`Durability::Os`], its end), never falls, and bounds every read. After a failed write or
//! sync appends are refused and reads go on. No lock is held across an await, and none by a reader.
//!
//! Does not know: topics' lives, requests, where its work runs ([`crate::storage`]).

mod append;
mod handover;
mod rules;
mod transactions;
mod upkeep;
mod verification;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use headwater_log::{AbortedTransaction, Assign, Log, LogConfig, LogError, LogReader, Poison, SyncTicket};
use headwater_model::{ErrorCode, LeaderEpoch, Offset, Timestamp, TopicPartition, Uuid};
use headwater_wire::batch::{BatchHeader, TimestampType as BatchTimestampType};
use headwater_wire::protocol::Records;
use tokio::sync::{Notify, oneshot};

use crate::config::Durability;
use crate::storage::{Lane, Storage, lock};
use crate::topics::is_internal;
use crate::topics::settings::{TimestampType, TopicSettings};
pub use append::{Acks, AppendError, Appending, Origin};
use append::{Append, Outcome};
pub(crate) use handover::{Answers, Handover};
use rules::Circumstances;
pub(crate) use transactions::Verification;
pub(crate) use verification::Incarnation;
use verification::Verifications;

/// Where batches must be opened, appends of so many bytes are written before others have their turn.
const MOST_OPENED_AT_ONCE: usize = 64 << 10;

/// A partition that is online.
#[derive(Debug)]
pub struct Partition {
    id: TopicPartition,
    storage: Arc<Storage>,
    durability: Durability,
    leader_epoch: LeaderEpoch,
    max_uncompressed: usize,
    settings: Mutex<Arc<TopicSettings>>,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    reader: LogReader,
    high_watermark: AtomicI64,
    /// Bytes that have become visible since the start.
    visible_bytes: AtomicU64,
    closed: AtomicBool,
    watchers: Mutex<Vec<Arc<Notify>>>,
    /// Locked for moments only, and last where the writer is locked too.
    verifications: Mutex<Verifications>,
    /// Held by a compaction from its beginning to its end.
    compacting: Mutex<()>,
}

#[derive(Debug, Default)]
struct Queue {
    appends: VecDeque<Append>,
    /// True while a job that drains the queue is under way.
    draining: bool,
}

impl Queue {
    /// The next in order, at least one, as long as they are no larger together than that.
    fn take(&mut self, bytes: usize) -> VecDeque<Append> {
        let mut room = bytes;
        let fits = self.appends.iter().take_while(|append| {
            let left = room.checked_sub(append.batches.len());
            room = left.unwrap_or(0);
            left.is_some()
        });
        let count = fits.count().max(1).min(self.appends.len());
        self.appends.drain(..count).collect()
    }
}

#[derive(Debug)]
struct Writer {
    /// `None` once closed.
    log: Option<Log>,
    /// Why there is no log.
    end: End,
    /// Written, and to be answered once durable.
    waiting: Vec<Waiting>,
    /// True while the syncer has been told and has not begun.
    marked: bool,
    appended_bytes: u64,
    /// What of `appended_bytes` the running sync covers.
    syncing_bytes: u64,
}

impl Writer {
    /// Whether the syncer is to be told, which it is once, if there is something that is `wanted` durable.
    fn mark(&mut self, wanted: bool) -> bool {
        let dirty = self.log.as_ref().is_some_and(Log::is_dirty);
        let mark = wanted && dirty && !self.marked;
        self.marked |= mark;
        mark
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    Deleted,
}

#[derive(Debug)]
struct Waiting {
    appended: headwater_log::Appended,
    reply: oneshot::Sender<Outcome>,
}

/// An append whose batches keep the rules, or do not.
struct Admitted {
    batches: Result<Bytes, AppendError>,
    acks: Acks,
    origin: Origin,
    reply: oneshot::Sender<Outcome>,
}

/// A drain under way. Its end, by a panic too, gives its room back and lets the next begin.
struct Turn<'a> {
    partition: &'a Arc<Partition>,
    bytes: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let partition = self.partition;
        partition.storage.give_back_room(self.bytes);
        if std::thread::panicking() {
            Partition::give_up_if_poisoned(&mut partition.writer(), &mut Answers::default());
        }
        let more = {
            let mut queue = lock(&partition.queue);
            queue.draining = !queue.appends.is_empty();
            queue.draining
        };
        if more {
            // Behind the work of others, so that one busy partition does not keep a thread to itself.
            Handover::default().add(partition.clone(), 0);
        }
    }
}

/// How a partition is run.
#[derive(Debug, Clone)]
pub(crate) struct PartitionConfig {
    pub(crate) durability: Durability,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) settings: TopicSettings,
    pub(crate) max_uncompressed: usize,
}

impl PartitionConfig {
    /// The settings of the partition's log.
    pub(crate) fn log_config(&self) -> LogConfig {
        log_config(&self.settings, self.max_uncompressed)
    }
}

pub(crate) fn log_config(settings: &TopicSettings, max_uncompressed: usize) -> LogConfig {
    let narrow = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    LogConfig {
        segment_bytes: narrow(settings.segment_bytes),
        segment_ms: settings.segment_ms,
        segment_index_bytes: narrow(settings.segment_index_bytes),
        index_interval_bytes: narrow(settings.index_interval_bytes),
        max_message_bytes: u32::try_from(settings.max_message_bytes).unwrap_or(u32::MAX),
        retention_ms: settings.retention_ms.filter(|_| settings.deleted),
        retention_bytes: settings.retention_bytes.filter(|_| settings.deleted),
        compacted: settings.compacted,
        min_cleanable_dirty_ratio: settings.min_cleanable_dirty_ratio,
        min_compaction_lag_ms: settings.min_compaction_lag_ms,
        max_compaction_lag_ms: settings.max_compaction_lag_ms,
        delete_retention_ms: settings.delete_retention_ms,
        max_uncompressed_bytes: max_uncompressed,
        ..LogConfig::default()
    }
}

/// Which records a consumer reads (Kafka's `isolation.level`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All that are visible.
    Uncommitted,
    /// Those of decided transactions, and such as belong to none.
    Committed,
}

impl Isolation {
    /// Kafka's codes are 0 and 1; anything else reads all.
    pub(crate) fn from_code(code: i8) -> Self {
        if code == 1 { Self::Committed } else { Self::Uncommitted }
    }
}

/// Which offset is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetSpec {
    Earliest,
    Latest,
    AtOrAfter(Timestamp),
    MaxTimestamp,
}

/// An offset that was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundOffset {
    pub(crate) offset: Offset,
    pub(crate) timestamp: Timestamp,
    pub(crate) leader_epoch: Option<LeaderEpoch>,
}

impl Partition {
    /// Takes a log into service.
    pub(crate) fn new(id: TopicPartition, log: Log, storage: Arc<Storage>, config: PartitionConfig) -> Self {
        let reader = log.reader().clone();
        // What is in the log at the start was found whole; it becomes visible at once, as it may have been before.
        let high_watermark = AtomicI64::new(log.end_offset().0);
        Self {
            id,
            storage,
            durability: config.durability,
            leader_epoch: config.leader_epoch,
            max_uncompressed: config.max_uncompressed,
            settings: Mutex::new(Arc::new(config.settings)),
            queue: Mutex::default(),
            writer: Mutex::new(Writer {
                log: Some(log),
                end: End::Stopped,
                waiting: Vec::new(),
                marked: false,
                appended_bytes: 0,
                syncing_bytes: 0,
            }),
            reader,
            high_watermark,
            visible_bytes: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            watchers: Mutex::default(),
            verifications: Mutex::default(),
            compacting: Mutex::default(),
        }
    }

    /// Which partition it is.
    pub fn id(&self) -> &TopicPartition {
        &self.id
    }

    /// Consumers see what is below.
    pub fn high_watermark(&self) -> Offset {
        Offset(self.high_watermark.load(Ordering::Acquire))
    }

    /// Every transaction below is decided.
    pub(crate) fn last_stable_offset(&self) -> Offset {
        self.reader.last_stable_offset(self.high_watermark())
    }

    /// Where a consumer reads no further.
    pub(crate) fn limit(&self, isolation: Isolation) -> Offset {
        match isolation {
            Isolation::Uncommitted => self.high_watermark(),
            Isolation::Committed => self.last_stable_offset(),
        }
    }

    /// The first offset.
    pub fn start_offset(&self) -> Offset {
        self.reader.start_offset()
    }

    /// The next record's offset.
    pub fn end_offset(&self) -> Offset {
        self.reader.end_offset()
    }

    /// True if a loss of power would take nothing of it.
    pub(crate) fn is_durable(&self) -> bool {
        self.reader.durable_offset() >= self.end_offset()
    }

    /// The bytes of all its batches.
    pub fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }

    /// Grows by the size of what becomes visible.
    pub(crate) fn visible_bytes(&self) -> u64 {
        self.visible_bytes.load(Ordering::Acquire)
    }

    /// How large a batch may be.
    pub(crate) fn max_message_bytes(&self) -> usize {
        lock(&self.settings).max_message_bytes
    }

    /// How large a compressed batch may become where it is opened.
    pub(crate) fn max_uncompressed(&self) -> usize {
        self.max_uncompressed
    }

    /// True once the partition is deleted or the broker has closed its log.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Compares a client's idea of the leader epoch (-1 for none) with the real one.
    pub(crate) fn check_epoch(&self, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        match epoch.0 {
            ..0 => Ok(()),
            older if older < self.leader_epoch.0 => Err(ErrorCode::FencedLeaderEpoch),
            newer if newer > self.leader_epoch.0 => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Appends batches. Their place in the partition's order is taken when this returns; the future waits for what comes of
    /// them.
    pub fn append(self: &Arc<Self>, batches: Bytes, acks: Acks, origin: Origin) -> Appending {
        self.append_with(&mut Handover::default(), batches, acks, origin)
    }

    /// Appends batches, which are written once the hand-over is dropped or has enough.
    pub(crate) fn append_with(
        self: &Arc<Self>,
        handover: &mut Handover,
        batches: Bytes,
        acks: Acks,
        origin: Origin,
    ) -> Appending {
        let (reply, answer) = oneshot::channel();
        let bytes = batches.len();
        if origin.is_client() && !self.storage.take_room(bytes) {
            let _ = reply.send(Err(AppendError::Behind));
            return Appending(answer);
        }
        let start_draining = {
            let mut queue = lock(&self.queue);
            queue.appends.push_back(Append { batches, acks, origin, reply });
            !std::mem::replace(&mut queue.draining, true)
        };
        if start_draining {
            handover.add(self.clone(), bytes);
        }
        Appending(answer)
    }

    /// Writes what is in the queue. On the log's threads, at most once at a time per partition.
    fn drain(self: Arc<Self>, answers: &mut Answers) {
        let settings = self.settings();
        let at_once = if self.opens_batches(&settings) { MOST_OPENED_AT_ONCE } else { usize::MAX };
        let appends = lock(&self.queue).take(at_once);
        let from_clients = appends.iter().filter(|append| append.origin.is_client());
        let _turn = Turn { partition: &self, bytes: from_clients.map(|append| append.batches.len()).sum() };
        if !appends.is_empty() {
            self.write(appends, &settings, answers);
        }
    }

    fn write(self: &Arc<Self>, appends: VecDeque<Append>, settings: &TopicSettings, answers: &mut Answers) {
        let now = self.storage.clock.now();
        // Before the lock is taken: others wait for it, and a batch that must be opened may take long.
        let admitted: Vec<_> = appends.into_iter().map(|append| self.admit(append, settings, now)).collect();
        let mark;
        {
            let mut writer = self.writer();
            for Admitted { batches, acks, origin, reply } in admitted {
                match batches.and_then(|batches| self.write_one(&mut writer, batches, origin, settings, now))
                {
                    Ok(appended) if acks == Acks::All && appended.last_offset >= self.reach(&writer) => {
                        writer.waiting.push(Waiting { appended, reply });
                    }
                    outcome => answers.add(reply, outcome),
                }
            }
            mark = writer.mark(self.durability == Durability::Fsync);
            Self::give_up_if_poisoned(&mut writer, answers);
            if self.durability == Durability::Os {
                self.advance(self.reader.end_offset(), writer.appended_bytes);
            }
        }
        if mark {
            self.storage.syncer.mark(self.clone());
        }
    }

    fn admit(&self, append: Append, settings: &TopicSettings, now: Timestamp) -> Admitted {
        let Append { batches, acks, origin, reply } = append;
        let batches = match origin {
            Origin::Broker | Origin::Marker { .. } => Ok(batches),
            Origin::Client { may_send_zstd, .. } => rules::admit(
                batches,
                Circumstances { settings, now, may_send_zstd, max_uncompressed: self.max_uncompressed },
            ),
        };
        Admitted { batches, acks, origin, reply }
    }

    fn write_one(
        &self,
        writer: &mut Writer,
        batches: Bytes,
        origin: Origin,
        settings: &TopicSettings,
        now: Timestamp,
    ) -> Outcome {
        let Writer { log, end, appended_bytes, .. } = writer;
        let log = log.as_mut().ok_or(match end {
            End::Stopped => AppendError::Stopped,
            End::Deleted => AppendError::Deleted,
        })?;
        let size = batches.len() as u64;
        let assign = Assign {
            leader_epoch: self.leader_epoch,
            now,
            timestamp_type: match settings.timestamp_type {
                TimestampType::Create => BatchTimestampType::CreateTime,
                TimestampType::LogAppend => BatchTimestampType::LogAppendTime,
            },
        };
        let appended = match origin {
            Origin::Client { verified, .. } => self.write_clients(log, batches, verified, assign)?,
            Origin::Broker => log.append_coordinated(batches, assign)?,
            Origin::Marker { producer, by_hand } => {
                if by_hand {
                    // People can be late: what is of an older epoch is not the end of a later transaction.
                    log.producers().admit(&BatchHeader::parse(&batches)?).map_err(LogError::from)?;
                }
                let appended = log.append_coordinated(batches, assign)?;
                lock(&self.verifications).ended(producer);
                appended
            }
        };
        if !appended.duplicate {
            *appended_bytes += size;
        }
        Ok(appended)
    }

    /// Whether appends may have to be opened. (What the broker itself appends is not.)
    fn opens_batches(&self, settings: &TopicSettings) -> bool {
        rules::open_batches(settings) && !is_internal(self.id.topic.as_str())
    }

    fn settings(&self) -> Arc<TopicSettings> {
        lock(&self.settings).clone()
    }

    /// Locks. What a panic under the lock has left behind is not to be appended to.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(|panicked| {
            let mut writer = panicked.into_inner();
            self.writer.clear_poison();
            if let Some(log) = &mut writer.log {
                let message = "the broker panicked while it held the log, which is a fault of its own";
                log.poison(Poison { kind: std::io::ErrorKind::Other, message: message.to_owned() });
            }
            writer
        })
    }

    /// Up to where acks=all may be answered.
    fn reach(&self, writer: &Writer) -> Offset {
        match (self.durability, &writer.log) {
            (Durability::Fsync, Some(log)) => log.durable_offset(),
            _ => self.reader.end_offset(),
        }
    }

    fn give_up_if_poisoned(writer: &mut Writer, answers: &mut Answers) {
        let Some(poison) = writer.log.as_ref().and_then(Log::poisoned) else {
            return;
        };
        for waiting in writer.waiting.drain(..) {
            answers.add(waiting.reply, Err(AppendError::NotDurable(poison.clone())));
        }
    }

    /// Moves the high watermark and wakes who waits for it. Called with the writer locked, so that it never falls.
    fn advance(&self, to: Offset, visible_bytes: u64) {
        if to <= self.high_watermark() {
            return;
        }
        self.high_watermark.store(to.0, Ordering::Release);
        self.reader.set_visible(to);
        self.visible_bytes.store(visible_bytes, Ordering::Release);
        self.wake();
    }

    /// For the syncer: what to sync. Appends from now on belong to the next sync.
    pub(crate) fn begin_sync(&self) -> Option<SyncTicket> {
        let mut writer = self.writer();
        writer.marked = false;
        writer.syncing_bytes = writer.appended_bytes;
        writer.log.as_mut()?.begin_sync()
    }

    /// For the syncer: what came of it.
    pub(crate) fn end_sync(&self, ticket: SyncTicket, outcome: Result<(), Poison>, answers: &mut Answers) {
        let mut writer = self.writer();
        let syncing_bytes = writer.syncing_bytes;
        let Some(log) = &mut writer.log else {
            return;
        };
        match outcome {
            Ok(()) => log.complete_sync(ticket),
            Err(poison) => log.poison(poison),
        }
        let durable = log.durable_offset();
        if self.durability == Durability::Fsync {
            self.advance(durable, syncing_bytes);
        }
        for waiting in writer.waiting.extract_if(.., |waiting| waiting.appended.last_offset < durable) {
            answers.add(waiting.reply, Ok(waiting.appended));
        }
        Self::give_up_if_poisoned(&mut writer, answers);
    }

    /// Whole batches from the one that holds `from` on, below the high watermark; see [`LogReader::read`].
    pub fn read(&self, from: Offset, max_bytes: usize, at_least_one: bool) -> Result<Records, LogError> {
        self.reader.read(from, self.high_watermark(), max_bytes, at_least_one)
    }

    /// The same below the last stable offset, with the aborted transactions that have records among them.
    pub(crate) fn read_committed(
        &self,
        from: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<(Records, Vec<AbortedTransaction>), LogError> {
        self.reader.read_committed(from, self.last_stable_offset(), max_bytes, at_least_one)
    }

    /// Looks for an offset among what consumers see.
    pub(crate) async fn look_up(
        self: &Arc<Self>,
        spec: OffsetSpec,
        isolation: Isolation,
    ) -> Result<Option<FoundOffset>, ErrorCode> {
        let limit = self.limit(isolation);
        let at = |offset| FoundOffset {
            offset,
            timestamp: Timestamp::NONE,
            leader_epoch: self.reader.epoch_at(offset).or_else(|| self.reader.latest_epoch()),
        };
        match spec {
            OffsetSpec::Earliest => return Ok(Some(at(self.start_offset()))),
            OffsetSpec::Latest => return Ok(Some(at(limit))),
            OffsetSpec::AtOrAfter(_) | OffsetSpec::MaxTimestamp => {}
        }
        let reader = self.reader.clone();
        let found = self.storage.call_in(Lane::Opening, move || match spec {
            OffsetSpec::AtOrAfter(timestamp) => reader.offset_for_timestamp(timestamp, limit),
            _ => reader.max_timestamp(limit),
        });
        match found.await {
            Some(Ok(found)) => {
                Ok(found.map(|found| FoundOffset { timestamp: found.timestamp, ..at(found.offset) }))
            }
            Some(Err(error)) => {
                tracing::warn!(partition = %self.id, %error, "cannot look up an offset");
                Err(error.error_code())
            }
            None => Err(ErrorCode::KafkaStorageError),
        }
    }

    /// Where the records of a leader epoch end, as far as consumers see.
    pub(crate) fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let end = self.reader.end_offset_for_epoch(epoch)?;
        Some((end.epoch, end.end.min(self.high_watermark())))
    }

    /// The headers of all batches, for those who rebuild their state from them.
    pub fn batch_headers(&self) -> impl Iterator<Item = Result<BatchHeader, LogError>> {
        self.reader.batch_headers(self.reader.start_offset())
    }

    /// Has `news` notified whenever something becomes visible or the partition closes.
    pub(crate) fn watch(&self, news: Arc<Notify>) {
        lock(&self.watchers).push(news);
    }

    pub(crate) fn unwatch(&self, news: &Arc<Notify>) {
        let mut watchers = lock(&self.watchers);
        if let Some(at) = watchers.iter().position(|watcher| Arc::ptr_eq(watcher, news)) {
            watchers.swap_remove(at);
        }
    }

    fn wake(&self) {
        for watcher in lock(&self.watchers).iter() {
            watcher.notify_one();
        }
    }

    /// Makes everything durable and closes the log in order; blocks on the disk.
    pub(crate) fn close(&self) {
        if let Some(log) = self.end(End::Stopped)
            && log.poisoned().is_none()
            && let Err(error) = log.close()
        {
            tracing::error!(partition = %self.id, %error, "cannot close the log in order; the next start will check it");
        }
    }

    /// Ends the partition and deletes its log; blocks on the disk.
    pub(crate) fn delete(&self, tag: Uuid) {
        if let Some(log) = self.end(End::Deleted)
            && let Err(error) = log.delete(tag)
        {
            tracing::error!(partition = %self.id, %error, "cannot delete the log; the next start will try again");
        }
    }

    fn end(&self, end: End) -> Option<Log> {
        let (log, waiting) = {
            let mut writer = self.writer();
            writer.end = end;
            (writer.log.take(), std::mem::take(&mut writer.waiting))
        };
        self.closed.store(true, Ordering::Release);
        self.wake();
        for waiting in waiting {
            let error = if end == End::Deleted { AppendError::Deleted } else { AppendError::Stopped };
            let _ = waiting.reply.send(Err(error));
        }
        // A compaction under way stops now, and touches nothing in the folder any more, which may soon be another's.
        drop(lock(&self.compacting));
        log
    }
}
