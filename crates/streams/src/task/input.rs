//! One input of a task: the batches that wait, the records of the first of them, and what is known of the end.

use std::collections::VecDeque;

use headwater_model::{Monotonic, Offset, Timestamp, TopicPartition};
use headwater_wire::batch::{Batch, OpenBatch};

use super::schedule::InputState;
use crate::context::{CameIn, Context};
use crate::error::{Location, TaskError};
use crate::node::{Processed, Source};

/// What is known of the end of an input. An end is the offset after the last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// Nothing: the input is waited for.
    #[default]
    Unknown,
    /// The end as it was when somebody last looked; more may have been written since.
    At(Offset),
    /// The input ends here for this task, whatever is written later.
    Bounded(Offset),
}

pub(super) struct Input {
    topic_partition: TopicPartition,
    source: Box<dyn Source>,
    batches: VecDeque<(Batch, Offset)>,
    buffered_bytes: usize,
    open: Option<Open>,
    /// True if it is known where it begins.
    is_located: bool,
    /// The offset of the next record to be processed.
    position: Offset,
    /// The offset of the next record to be added.
    added: Offset,
    end: End,
    at_end_since: Option<Monotonic>,
    max_batch_bytes: usize,
    /// True if there is a dead-letter topic.
    keeps_records: bool,
}

/// The batch whose records wait in the source.
struct Open {
    end: Offset,
    size: usize,
    /// Its records as they came, for the dead-letter topic; `None` where there is no such topic.
    records: Option<Records>,
}

/// Records of a batch as they came. The batch is read once, when the first of them is asked for.
enum Records {
    Batch(OpenBatch),
    /// Those behind the last one that was asked for.
    Read(VecDeque<CameIn>),
}

impl Records {
    /// The record at an offset, which is behind those that were asked for before.
    fn take(&mut self, offset: Offset) -> Option<CameIn> {
        if let Self::Batch(batch) = self {
            let records = batch.records().filter_map(Result::ok);
            let behind = records.skip_while(|record| record.offset < offset);
            *self = Self::Read(behind.map(|record| CameIn::of(&record, batch)).collect());
        }
        let Self::Read(records) = self else {
            return None;
        };
        while records.front().is_some_and(|record| record.offset < offset) {
            records.pop_front();
        }
        records.pop_front_if(|record| record.offset == offset)
    }
}

impl Input {
    pub(super) fn new(
        topic_partition: TopicPartition,
        source: Box<dyn Source>,
        max_batch_bytes: usize,
        keeps_records: bool,
    ) -> Self {
        Self {
            topic_partition,
            source,
            batches: VecDeque::new(),
            buffered_bytes: 0,
            open: None,
            is_located: false,
            position: Offset::ZERO,
            added: Offset::ZERO,
            end: End::Unknown,
            at_end_since: None,
            max_batch_bytes,
            keeps_records,
        }
    }

    pub(super) fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    pub(super) fn is_located(&self) -> bool {
        self.is_located
    }

    pub(super) fn start_at(&mut self, offset: Offset) {
        self.is_located = true;
        self.position = self.position.max(offset);
        self.added = self.added.max(offset);
    }

    pub(super) fn set_end(&mut self, end: End) {
        self.end = end;
    }

    pub(super) fn position(&self) -> Offset {
        self.position
    }

    /// Where to read on, if it is known.
    pub(super) fn wanted(&self) -> Option<Offset> {
        self.is_located.then_some(self.added)
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    pub(super) fn add(&mut self, batch: Batch, from: Offset) {
        self.is_located = true;
        if batch.next_offset() > self.added {
            let from = from.max(self.added);
            self.added = batch.next_offset();
            self.buffered_bytes += batch.size();
            self.batches.push_back((batch, from));
        }
    }

    pub(super) fn head(&self) -> Option<(Offset, Timestamp)> {
        self.source.head()
    }

    /// True if what is next is no record, but a writer's word about its time.
    pub(super) fn is_mark(&self) -> bool {
        self.source.is_mark()
    }

    /// Decodes the next batch if need be, and says where the input stands.
    pub(super) fn state(&mut self, now: Monotonic) -> Result<InputState, TaskError> {
        loop {
            if let Some((_, time)) = self.head() {
                self.at_end_since = None;
                return Ok(InputState::Ready(time));
            }
            match self.batches.pop_front() {
                Some((batch, from)) => self.decode(&batch, from)?,
                None => break,
            }
        }
        Ok(match self.end {
            End::Bounded(end) if self.position >= end => InputState::Finished,
            End::At(end) if self.position >= end => InputState::AtEnd(*self.at_end_since.get_or_insert(now)),
            End::Unknown | End::At(_) | End::Bounded(_) => InputState::Lagging,
        })
    }

    /// Sends the oldest record through the task; after it, the input's position is behind it.
    pub(super) fn process_head(&mut self, context: &mut Context) -> Processed {
        let Some((offset, _)) = self.head() else {
            return Ok(());
        };
        self.source.process_head(context)?;
        if context.has_dead_letters() {
            self.write_dead_letters(offset, context);
        }
        self.position = offset.next();
        if self.head().is_none() {
            self.close_batch();
        }
        Ok(())
    }

    /// Writes a record of the open batch to the dead-letter topic.
    fn write_dead_letters(&mut self, offset: Offset, context: &mut Context) {
        let records = self.open.as_mut().and_then(|open| open.records.as_mut());
        if let Some(record) = records.and_then(|records| records.take(offset)) {
            context.write_dead_letters(&record);
        }
    }

    fn decode(&mut self, batch: &Batch, from: Offset) -> Result<(), TaskError> {
        let records = if batch.is_control() { None } else { Some(self.decode_records(batch, from)?) };
        let records = records.filter(|_| self.keeps_records).map(Records::Batch);
        self.open = Some(Open { end: batch.next_offset(), size: batch.size(), records });
        if self.head().is_none() {
            self.close_batch();
        }
        Ok(())
    }

    fn decode_records(&mut self, batch: &Batch, from: Offset) -> Result<OpenBatch, TaskError> {
        let unreadable = |source| {
            let at = Location { topic_partition: self.topic_partition.clone(), offset: batch.base_offset() };
            TaskError::Batch { at, source }
        };
        let bound = match self.end {
            End::Bounded(end) => end,
            End::Unknown | End::At(_) => Offset(i64::MAX),
        };
        let open = batch.open(self.max_batch_bytes).map_err(unreadable)?;
        for record in open.records() {
            let record = record.map_err(unreadable)?;
            if record.offset >= from && record.offset < bound {
                self.source.decode(&record, &self.topic_partition);
            }
        }
        Ok(open)
    }

    /// The records of the open batch are all processed: offsets that compaction left empty at its end are too.
    fn close_batch(&mut self) {
        if let Some(Open { end, size, .. }) = self.open.take() {
            self.buffered_bytes = self.buffered_bytes.saturating_sub(size);
            let end = match self.end {
                End::Bounded(bound) => end.min(bound),
                End::Unknown | End::At(_) => end,
            };
            self.position = self.position.max(end);
        }
    }
}
