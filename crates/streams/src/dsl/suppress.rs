//! Tables whose changes are held back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::Timestamp;
use headwater_schema::Part;

use super::grouped::Unknown;
use super::{LookupFactory, Table};
use crate::graph::{Operator, StoreKind};
use crate::node::{Limits, OldValues, Release, Suppress, SuppressedLookup};
use crate::record::Data;
use crate::store::{BufferView, Lookup};
use crate::topology::TopologyProblem;
use crate::window::{Windowed, whole_ms};

/// Until when the changes of a table are held back, and in how large a buffer.
pub struct Suppressed<K> {
    /// Gives the end of the key's window, where windows are waited for.
    end_of: Option<fn(&K) -> Timestamp>,
    wait: Duration,
    buffer: Buffer,
}

/// How much a buffer may hold, and what happens when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffer {
    /// The changes that have waited longest go out early.
    EmitEarly(EagerBuffer),
    /// The task fails.
    Fail(StrictBuffer),
}

/// A buffer that hands on early what has waited longest, where it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EagerBuffer {
    max_records: Option<u64>,
    max_bytes: Option<u64>,
}

/// A buffer that hands on nothing early; a task whose buffer is full fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StrictBuffer {
    max_records: Option<u64>,
    max_bytes: Option<u64>,
}

impl<K> Suppressed<K> {
    /// Holds each change back until stream time has passed the time of the first record that it was made of by that
    /// much. Later changes of the key take its place meanwhile, and its turn.
    pub fn until_time_limit(wait: Duration, buffer: impl Into<Buffer>) -> Self {
        Self { end_of: None, wait, buffer: buffer.into() }
    }
}

impl<K> Suppressed<Windowed<K>> {
    /// Holds the result of each window back until no record can change it any more: once stream time has reached the
    /// window's end and the grace is over (for sessions, the gap also). Nothing is handed on of a window that was
    /// removed before, as sessions are that became a longer one.
    pub fn until_window_closes(buffer: StrictBuffer) -> Self {
        Self { end_of: Some(|key| key.end), wait: Duration::ZERO, buffer: buffer.into() }
    }
}

impl<K> Clone for Suppressed<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Suppressed<K> {}

impl<K> fmt::Debug for Suppressed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Suppressed").field(&self.to_string()).finish()
    }
}

impl<K> fmt::Display for Suppressed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end_of {
            Some(_) => f.write_str("until windows close")?,
            None => write!(f, "until {:?} have passed", self.wait)?,
        }
        let Limits { max_records, max_bytes, emits_early } = self.buffer.limits();
        if let Some(max) = max_records {
            write!(f, ", at most {max} records")?;
        }
        if let Some(max) = max_bytes {
            write!(f, ", at most {max} bytes")?;
        }
        f.write_str(if emits_early { ", then early" } else { "" })
    }
}

impl Buffer {
    /// A buffer that holds whatever comes.
    pub fn unbounded() -> StrictBuffer {
        StrictBuffer::default()
    }

    /// A buffer of so many records, one a key, that emits early when it is full.
    pub fn max_records(records: u64) -> EagerBuffer {
        EagerBuffer::default().with_max_records(records)
    }

    /// A buffer of so many bytes, by Kafka's estimate, that emits early when it is full.
    pub fn max_bytes(bytes: u64) -> EagerBuffer {
        EagerBuffer::default().with_max_bytes(bytes)
    }

    fn limits(self) -> Limits {
        match self {
            Self::EmitEarly(EagerBuffer { max_records, max_bytes }) => {
                Limits { max_records, max_bytes, emits_early: true }
            }
            Self::Fail(StrictBuffer { max_records, max_bytes }) => {
                Limits { max_records, max_bytes, emits_early: false }
            }
        }
    }
}

impl EagerBuffer {
    /// Limits the records that the buffer holds.
    #[must_use]
    pub fn with_max_records(self, records: u64) -> Self {
        Self { max_records: Some(records), ..self }
    }

    /// Limits the bytes that the buffer holds, by Kafka's estimate.
    #[must_use]
    pub fn with_max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(bytes), ..self }
    }

    /// The same limits, but the task fails where they are reached.
    pub fn fail_when_full(self) -> StrictBuffer {
        StrictBuffer { max_records: self.max_records, max_bytes: self.max_bytes }
    }
}

impl StrictBuffer {
    /// Limits the records that the buffer holds.
    #[must_use]
    pub fn with_max_records(self, records: u64) -> Self {
        Self { max_records: Some(records), ..self }
    }

    /// Limits the bytes that the buffer holds, by Kafka's estimate.
    #[must_use]
    pub fn with_max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(bytes), ..self }
    }

    /// The same limits, but what has waited longest goes out early where they are reached.
    pub fn emit_early_when_full(self) -> EagerBuffer {
        EagerBuffer { max_records: self.max_records, max_bytes: self.max_bytes }
    }
}

impl From<EagerBuffer> for Buffer {
    fn from(buffer: EagerBuffer) -> Self {
        Self::EmitEarly(buffer)
    }
}

impl From<StrictBuffer> for Buffer {
    fn from(buffer: StrictBuffer) -> Self {
        Self::Fail(buffer)
    }
}

impl<K: Data, V: Data> Table<K, V> {
    /// Holds the table's changes back, so that only the last of those that come close together is handed on. What is
    /// held back is kept in a store of that name.
    ///
    /// A change goes out when a record comes that moves stream time far enough, in the order of the times by which the
    /// changes wait and then of the keys' bytes; it has the time and headers of the last record that it was made of.
    #[must_use]
    pub fn suppress(&self, name: &str, suppressed: Suppressed<K>) -> Self {
        let draft = self.draft();
        draft.claim(name, "a suppression");
        let (time_of, wait_ms) = (suppressed.end_of, self.wait_ms(name, suppressed));
        let limits = suppressed.buffer.limits();
        let store = draft.store(name, StoreKind::Buffer);
        let values = draft.known(self.values.as_ref(), Part::Value, name);
        let values = values.unwrap_or_else(|| Arc::new(Unknown));
        draft.store_holds(store, &self.keys, &values);
        let view = BufferView::factory(store, !limits.are_none(), &self.keys, &values);
        let lookup = self.lookup().map(|table| {
            let view = view.clone();
            let make = move || -> Box<dyn Lookup<K, V>> {
                Box::new(SuppressedLookup { buffer: view(), table: table() })
            };
            Arc::new(make) as LookupFactory<K, V>
        });
        let old_values = OldValues::computed_from([self.old_values.clone()]);
        // What was handed on before is known by old values alone; they also count in the bytes of a buffer.
        if lookup.is_some() || limits.max_bytes.is_some() {
            old_values.want();
        }
        let hold_ms = Some(self.hold_ms(suppressed, wait_ms));
        let operator = operator(name, suppressed);
        let changes =
            self.changes.follow_timed(operator, &[store], hold_ms, move |operator, next| Suppress {
                operator,
                buffer: view(),
                release: Release { time_of, wait_ms, leaves_out_removals: time_of.is_some() },
                limits,
                next,
            });
        let stores = [store].iter().chain(self.stores()).copied().collect();
        Self::new(changes, old_values, (stores, name), Arc::clone(&self.keys), values, lookup)
    }

    /// How far stream time must be past the time by which a change waits.
    fn wait_ms(&self, name: &str, suppressed: Suppressed<K>) -> i64 {
        if suppressed.end_of.is_none() {
            return whole_ms(suppressed.wait);
        }
        let grace_ms = self.draft().window_grace_ms(self.changes.node);
        if grace_ms.is_none() {
            self.draft().problem(TopologyProblem::NoWindows(name.to_owned()));
        }
        grace_ms.unwrap_or_default()
    }

    /// How much older than the stream time that lets it out a change may be.
    fn hold_ms(&self, suppressed: Suppressed<K>, wait_ms: i64) -> i64 {
        if suppressed.end_of.is_none() {
            return wait_ms;
        }
        self.draft().window_hold_ms(self.changes.node).unwrap_or(wait_ms)
    }
}

fn operator<K>(name: &str, suppressed: Suppressed<K>) -> Operator {
    let detail = Some(suppressed.to_string());
    Operator { verb: "suppress", name: Some(name.to_owned()), detail, copartitions: false }
}
