//! Operators that lead records on: to one of several branches, into many, into a closure.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::Serde;

use super::{Node, Processed};
use crate::context::Context;
use crate::record::Record;

/// Leads every record on as it is.
pub(crate) struct Pass<K, V> {
    pub(crate) next: Box<dyn Node<K, V>>,
}

impl<K, V> Node<K, V> for Pass<K, V> {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        self.next.process(record, context)
    }
}

/// Leads each record one way or the other.
pub(crate) struct Branch<K, V, F> {
    pub(crate) takes: Arc<F>,
    pub(crate) taken: Box<dyn Node<K, V>>,
    pub(crate) left: Box<dyn Node<K, V>>,
}

impl<K, V, F> Node<K, V> for Branch<K, V, F>
where
    F: Fn(&Record<K, V>) -> bool + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let next = if (self.takes)(&record) { &mut self.taken } else { &mut self.left };
        next.process(record, context)
    }
}

/// Makes any number of records out of each.
pub(crate) struct FlatMap<K, V, L, W, F> {
    pub(crate) map: Arc<F>,
    pub(crate) next: Box<dyn Node<L, W>>,
    pub(crate) takes: PhantomData<fn(K, V)>,
}

impl<K, V, L, W, I, F> Node<K, V> for FlatMap<K, V, L, W, F>
where
    I: IntoIterator<Item = (L, W)>,
    F: Fn(Record<K, V>) -> I + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let (timestamp, headers) = (record.timestamp, record.headers.clone());
        for (key, value) in (self.map)(record) {
            self.next.process(Record { key, value, timestamp, headers: headers.clone() }, context)?;
        }
        Ok(())
    }
}

/// Hands each record to `act`, and nothing on.
pub(crate) struct ForEach<F> {
    pub(crate) act: Arc<F>,
}

impl<K, V, F> Node<K, V> for ForEach<F>
where
    F: Fn(Record<K, V>) + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, _context: &mut Context) -> Processed {
        (self.act)(record);
        Ok(())
    }
}

/// Tells nulls from values, as a table needs it.
pub(crate) struct Nullable<K, T> {
    pub(crate) values: Arc<dyn Serde<T>>,
    pub(crate) next: Box<dyn Node<K, Option<T>>>,
}

impl<K, V, T> Node<K, V> for Nullable<K, T>
where
    V: Into<Option<T>>,
    T: 'static,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let Record { key, value, timestamp, headers } = record;
        let value = value.into().filter(|value| !self.values.is_null(value));
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}
