//! Operators that remember nothing.

use std::error::Error;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Node, Processed};
use crate::context::Context;
use crate::error::TaskError;
use crate::graph::NodeId;
use crate::record::{Data, Record};

/// Lets pass what `keep` says.
pub(crate) struct Filter<K, V, F> {
    pub(crate) keep: Arc<F>,
    pub(crate) next: Box<dyn Node<K, V>>,
}

impl<K, V, F> Node<K, V> for Filter<K, V, F>
where
    F: Fn(&Record<K, V>) -> bool + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if (self.keep)(&record) { self.next.process(record, context) } else { Ok(()) }
    }
}

/// Shows each record to `look`.
pub(crate) struct Peek<K, V, F> {
    pub(crate) look: Arc<F>,
    pub(crate) next: Box<dyn Node<K, V>>,
}

impl<K, V, F> Node<K, V> for Peek<K, V, F>
where
    F: Fn(&Record<K, V>) + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        (self.look)(&record);
        self.next.process(record, context)
    }
}

/// Gives each record another value.
pub(crate) struct MapValues<K, V, W, F> {
    pub(crate) map: Arc<F>,
    pub(crate) next: Box<dyn Node<K, W>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, W, F> Node<K, V> for MapValues<K, V, W, F>
where
    F: Fn(Record<&K, V>) -> W + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let (key, value) = lend_key(record, |record| (self.map)(record));
        self.next.process(key.with_value(value), context)
    }
}

/// Gives each record another value, or refuses it.
pub(crate) struct TryMapValues<K, V, W, F> {
    pub(crate) operator: NodeId,
    pub(crate) map: Arc<F>,
    pub(crate) next: Box<dyn Node<K, W>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, W, E, F> Node<K, V> for TryMapValues<K, V, W, F>
where
    E: Into<Box<dyn Error + Send + Sync>>,
    F: Fn(Record<&K, V>) -> Result<W, E> + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let (key, value) = lend_key(record, |record| (self.map)(record));
        match value {
            Ok(value) => self.next.process(key.with_value(value), context),
            Err(error) => context.fail(TaskError::Refused {
                operator: context.operator(self.operator),
                at: context.location(),
                source: error.into(),
            }),
        }
    }
}

/// Makes any number of records with the same key out of each.
pub(crate) struct FlatMapValues<K, V, W, F> {
    pub(crate) map: Arc<F>,
    pub(crate) next: Box<dyn Node<K, W>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, W, I, F> Node<K, V> for FlatMapValues<K, V, W, F>
where
    K: Data,
    I: IntoIterator<Item = W>,
    F: Fn(Record<&K, V>) -> I + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let (key, values) = lend_key(record, |record| (self.map)(record));
        for value in values {
            self.next.process(key.clone().with_value(value), context)?;
        }
        Ok(())
    }
}

/// Gives each record another key.
pub(crate) struct SelectKey<K, V, L, F> {
    pub(crate) select: Arc<F>,
    pub(crate) next: Box<dyn Node<L, V>>,
    pub(crate) takes: PhantomData<fn(K)>,
}

impl<K, V, L, F> Node<K, V> for SelectKey<K, V, L, F>
where
    F: Fn(&Record<K, V>) -> L + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let key = (self.select)(&record);
        self.next.process(record.with_key(key), context)
    }
}

/// Gives each record another key and another value.
pub(crate) struct Map<K, V, L, W, F> {
    pub(crate) map: Arc<F>,
    pub(crate) next: Box<dyn Node<L, W>>,
    pub(crate) takes: PhantomData<fn(K, V)>,
}

impl<K, V, L, W, F> Node<K, V> for Map<K, V, L, W, F>
where
    F: Fn(Record<K, V>) -> (L, W) + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let (timestamp, headers) = (record.timestamp, record.headers.clone());
        let (key, value) = (self.map)(record);
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}

/// Calls `map` with the record, its key only lent; gives back the record without its value, and the result.
pub(crate) fn lend_key<K, V, R>(
    record: Record<K, V>,
    map: impl FnOnce(Record<&K, V>) -> R,
) -> (Record<K, ()>, R) {
    let Record { key, value, timestamp, headers } = record;
    let result = map(Record { key: &key, value, timestamp, headers: headers.clone() });
    (Record { key, value: (), timestamp, headers }, result)
}
