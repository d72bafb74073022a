//! Changes of a table, held back until they have waited long enough, or the buffer is full.

use headwater_model::Timestamp;

use super::{Node, NodeError, OnTime, Processed};
use crate::context::Context;
use crate::error::TaskError;
use crate::graph::NodeId;
use crate::record::{Change, Data, Record};
use crate::store::{BufferView, Held, Lookup, Prior};

/// Holds back the newest change of each key. A change goes out with the time and the headers of the newest record that
/// it was made of, in the order of the times by which changes wait.
pub(crate) struct Suppress<K, V> {
    pub(crate) operator: NodeId,
    pub(crate) buffer: BufferView<K, V>,
    pub(crate) release: Release<K>,
    pub(crate) limits: Limits,
    pub(crate) next: Box<dyn Node<K, Change<V>>>,
}

/// When a change has waited long enough.
pub(crate) struct Release<K> {
    /// The time by which it waits, as its key says; without it, that is the time of the first record that it was made
    /// of.
    pub(crate) time_of: Option<fn(&K) -> Timestamp>,
    /// How far stream time must be past that time, in milliseconds.
    pub(crate) wait_ms: i64,
    /// True if a removal need not be handed on, because nothing of its key was.
    pub(crate) leaves_out_removals: bool,
}

/// How much a buffer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_records: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    /// What happens then: the oldest changes go out early, or the task fails.
    pub(crate) emits_early: bool,
}

impl<K: Data, V: Data> Node<K, Change<V>> for Suppress<K, V> {
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let time = self.release.time_of.map_or(record.timestamp, |time_of| time_of(&record.key));
        if let Err(error) = self.buffer.put(time, &record, context) {
            return context.fail(*error);
        }
        self.release_due(context)?;
        self.keep_to_limits(context)
    }
}

impl<K: Data, V: Data> OnTime for Suppress<K, V> {
    fn on_time(&mut self, context: &mut Context) -> Processed {
        self.release_due(context)
    }
}

impl<K: Data, V: Data> Suppress<K, V> {
    fn release_due(&mut self, context: &mut Context) -> Processed {
        let latest = context.stream_time().plus_ms(self.release.wait_ms.saturating_neg());
        while let Some(waiting) = self.buffer.take_before(latest.plus_ms(1), context)? {
            let record = self.buffer.read(&waiting, context);
            self.send(record, context)?;
        }
        Ok(())
    }

    fn keep_to_limits(&mut self, context: &mut Context) -> Processed {
        if self.limits.are_none() {
            return Ok(());
        }
        loop {
            let held = self.buffer.held(context)?;
            if self.limits.allow(held) {
                return Ok(());
            }
            if !self.limits.emits_early {
                return Err(self.full(held, context));
            }
            let Some(waiting) = self.buffer.take_first(context)? else {
                return Ok(());
            };
            let record = self.buffer.read(&waiting, context);
            self.send(record, context)?;
        }
    }

    fn send(&mut self, record: Result<Record<K, Change<V>>, NodeError>, context: &mut Context) -> Processed {
        match record {
            Ok(record) if record.value.new.is_none() && self.release.leaves_out_removals => Ok(()),
            Ok(record) => self.next.process(record, context),
            Err(error) => context.fail(*error),
        }
    }

    fn full(&self, held: Held, context: &Context) -> NodeError {
        Box::new(TaskError::BufferFull {
            operator: context.operator(self.operator),
            at: context.location(),
            records: held.records,
            bytes: held.bytes,
        })
    }
}

impl Limits {
    pub(crate) fn are_none(self) -> bool {
        self.max_records.is_none() && self.max_bytes.is_none()
    }

    fn allow(self, held: Held) -> bool {
        self.max_records.is_none_or(|max| held.records <= max)
            && self.max_bytes.is_none_or(|max| held.bytes <= max)
    }
}

/// Looks up what was handed on of a key: the value before the change that waits, if one does; else the table's.
pub(crate) struct SuppressedLookup<K, V> {
    pub(crate) buffer: BufferView<K, V>,
    pub(crate) table: Box<dyn Lookup<K, V>>,
}

impl<K: Data, V: Data> Lookup<K, V> for SuppressedLookup<K, V> {
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError> {
        match self.buffer.prior(key, context)? {
            // When that value came about is not known any more.
            Prior::Was(prior) => Ok(prior.map(|value| (Timestamp::NONE, value))),
            Prior::NothingWaits => self.table.look_up(key, context),
        }
    }
}
