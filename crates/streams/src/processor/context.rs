//! What a processor is lent while it works.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use headwater_model::{Offset, PartitionId, Timestamp, TopicName};

use super::ProcessorError;
use super::error::of_task;
use crate::context::{Context, ProcessorId, PunctuationType, Schedule, Timer};
use crate::error::TaskError;
use crate::graph::NodeId;
use crate::node::{Node, NodeError};
use crate::record::Record;
use crate::window::whole_ms;

/// What a processor is lent while it works: clocks, timers, what is known of the record at hand, and the way to its
/// stores, whose methods take it.
pub struct ProcessingContext<'a> {
    pub(crate) context: &'a mut Context,
    pub(crate) at: At,
    /// What stops the task, whatever the processor makes of it.
    pub(crate) failed: &'a mut Option<NodeError>,
}

/// Which processor it is, and when it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) operator: NodeId,
    pub(crate) processor: ProcessorId,
    /// The time of what is at hand.
    pub(crate) timestamp: Timestamp,
}

/// As [`ProcessingContext`], with the way to what is behind the processor.
pub struct ProcessorContext<'a, K, V> {
    pub(crate) base: ProcessingContext<'a>,
    pub(crate) next: &'a mut dyn Node<K, V>,
}

/// Where a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordMetadata<'a> {
    /// The topic; behind a repartition, the repartition topic.
    pub topic: &'a TopicName,
    /// The partition.
    pub partition: PartitionId,
    /// The offset.
    pub offset: Offset,
}

impl ProcessingContext<'_> {
    /// The highest timestamp of all records that the task has taken up, the one at hand included; -1 before the first.
    pub fn stream_time(&self) -> Timestamp {
        self.context.stream_time()
    }

    /// The wall clock, as it was when the task was last given its turn. Results that depend on it are other ones when the
    /// records are processed again.
    pub fn wall_clock_time(&self) -> Timestamp {
        self.context.wall_clock()
    }

    /// The time of the record at hand; within a timer, and at the start, stream time. It is the time of what is stored.
    pub fn timestamp(&self) -> Timestamp {
        self.at.timestamp
    }

    /// The partition of the task.
    pub fn partition(&self) -> PartitionId {
        self.context.partition()
    }

    /// Where the record came from that is at hand, or that it was made of; `None` within a timer, for what a timer has handed
    /// on, and at the start.
    pub fn record_metadata(&self) -> Option<RecordMetadata<'_>> {
        let (topic, partition, offset) = self.context.at().filter(|_| self.context.has_record())?;
        Some(RecordMetadata { topic, partition, offset })
    }

    /// Sets a timer: from now on `punctuate` is called once in every interval, which is a millisecond at least, until the
    /// timer is cancelled or the task ends.
    ///
    /// By stream time, the turns are at whole multiples of the interval, counted from 1970-01-01T00:00:00Z; the first comes
    /// with the first record, whatever its time. A turn is taken behind the record that moves stream time so far. By the
    /// wall clock, the first turn comes one interval from now. Turns that were missed are made up for by one.
    pub fn schedule(&mut self, interval: Duration, kind: PunctuationType) -> Timer {
        let interval_ms = whole_ms(interval);
        let first = match kind {
            PunctuationType::StreamTime => Timestamp(0),
            PunctuationType::WallClockTime => self.context.wall_clock().plus_ms(interval_ms.max(1)),
        };
        let schedule = Schedule::new(self.at.processor, interval_ms);
        self.context.timers().set(kind, first, schedule)
    }

    /// As [`schedule`](Self::schedule), with turns at `start` and every interval from there on; those that are over
    /// already are left out.
    pub fn schedule_from(&mut self, start: Timestamp, interval: Duration, kind: PunctuationType) -> Timer {
        let now = self.context.now(kind);
        let schedule = Schedule::new(self.at.processor, whole_ms(interval));
        self.context.timers().set_from(kind, start, now, schedule)
    }

    /// Ends a timer.
    pub fn cancel(&mut self, timer: Timer) {
        self.context.timers().cancel(timer);
    }

    /// Counts what came too late for a store.
    pub(super) fn drop_late(&mut self) {
        self.context.drop_late(self.at.operator);
    }

    /// What a write to a store came to. A store that failed stops the task.
    pub(super) fn written(&mut self, written: Result<(), NodeError>) -> Result<(), ProcessorError> {
        match written {
            Err(error) if matches!(*error, TaskError::Store(_)) => {
                self.failed.get_or_insert(error);
                Err(ProcessorError::stopped())
            }
            written => written.map_err(of_task),
        }
    }
}

impl<K, V> ProcessorContext<'_, K, V> {
    /// Hands a record to what is behind the processor, which has dealt with it when the call returns.
    ///
    /// The record has the time and the headers that it is given here. If what is behind fails so that the task must stop,
    /// the rest of what is handed on goes nowhere.
    pub fn forward(&mut self, record: Record<K, V>) {
        if self.base.failed.is_none() {
            let processed = self.next.process(record, self.base.context);
            *self.base.failed = processed.err();
        }
    }
}

impl<'a, K, V> Deref for ProcessorContext<'a, K, V> {
    type Target = ProcessingContext<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl<K, V> DerefMut for ProcessorContext<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl fmt::Debug for ProcessingContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessingContext").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for ProcessorContext<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessorContext").field("base", &self.base).finish_non_exhaustive()
    }
}
