//! Processors that cannot change the key, so that what is behind them stays partitioned as it is.

use std::fmt;
use std::ops::{Deref, DerefMut};

use headwater_model::Timestamp;

use super::{ProcessingContext, Processor, ProcessorContext, ProcessorError, Timer};
use crate::record::{Data, Headers, Record};

/// As [`Processor`], but the key of a record stays what it is; see
/// [`Stream::process_values`](crate::Stream::process_values).
pub trait FixedKeyProcessor<K, V>: Send + 'static {
    /// The values of the records that it hands on.
    type Value: Data;

    /// As [`Processor::init`].
    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessorError> {
        let _ = context;
        Ok(())
    }

    /// As [`Processor::process`].
    fn process(
        &mut self,
        record: FixedKeyRecord<K, V>,
        context: &mut FixedKeyProcessorContext<'_, K, Self::Value>,
    ) -> Result<(), ProcessorError>;

    /// As [`Processor::punctuate`]. What can be handed on here are records that were kept.
    fn punctuate(
        &mut self,
        timer: Timer,
        time: Timestamp,
        context: &mut FixedKeyProcessorContext<'_, K, Self::Value>,
    ) -> Result<(), ProcessorError> {
        let _ = (timer, time, context);
        Ok(())
    }
}

/// A record whose key stays what it is. Such records are made of one another only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedKeyRecord<K, V> {
    key: K,
    /// The event.
    pub value: V,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What travels with it.
    pub headers: Headers,
}

/// As [`ProcessorContext`], for records whose key stays what it is.
pub struct FixedKeyProcessorContext<'a, K, V>(ProcessorContext<'a, K, V>);

/// A processor whose keys are fixed, as any other.
pub(crate) struct FixedKey<P>(pub(crate) P);

impl<K, V> FixedKeyRecord<K, V> {
    /// What the event is about.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The same event with another value.
    pub fn with_value<W>(self, value: W) -> FixedKeyRecord<K, W> {
        FixedKeyRecord { key: self.key, value, timestamp: self.timestamp, headers: self.headers }
    }

    /// The same event at another time.
    #[must_use]
    pub fn with_timestamp(self, timestamp: Timestamp) -> Self {
        Self { timestamp, ..self }
    }

    /// The same event with other headers.
    #[must_use]
    pub fn with_headers(self, headers: Headers) -> Self {
        Self { headers, ..self }
    }
}

impl<K, V> FixedKeyProcessorContext<'_, K, V> {
    /// As [`ProcessorContext::forward`].
    pub fn forward(&mut self, record: FixedKeyRecord<K, V>) {
        let FixedKeyRecord { key, value, timestamp, headers } = record;
        self.0.forward(Record { key, value, timestamp, headers });
    }
}

impl<K: Data, V: Data, P: FixedKeyProcessor<K, V>> Processor<K, V> for FixedKey<P> {
    type Key = K;
    type Value = P::Value;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessorError> {
        self.0.init(context)
    }

    fn process(
        &mut self,
        record: Record<K, V>,
        context: &mut ProcessorContext<'_, K, P::Value>,
    ) -> Result<(), ProcessorError> {
        let Record { key, value, timestamp, headers } = record;
        self.0.process(FixedKeyRecord { key, value, timestamp, headers }, &mut lend(context))
    }

    fn punctuate(
        &mut self,
        timer: Timer,
        time: Timestamp,
        context: &mut ProcessorContext<'_, K, P::Value>,
    ) -> Result<(), ProcessorError> {
        self.0.punctuate(timer, time, &mut lend(context))
    }
}

fn lend<'a, K, V>(context: &'a mut ProcessorContext<'_, K, V>) -> FixedKeyProcessorContext<'a, K, V> {
    let ProcessingContext { context: task, at, failed } = &mut context.base;
    let base = ProcessingContext { context: task, at: *at, failed };
    FixedKeyProcessorContext(ProcessorContext { base, next: context.next })
}

impl<'a, K, V> Deref for FixedKeyProcessorContext<'a, K, V> {
    type Target = ProcessingContext<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0.base
    }
}

impl<K, V> DerefMut for FixedKeyProcessorContext<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0.base
    }
}

impl<K, V> fmt::Debug for FixedKeyProcessorContext<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FixedKeyProcessorContext").field(&self.0.base).finish()
    }
}
