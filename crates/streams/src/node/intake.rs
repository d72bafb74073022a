//! A stream's way into an aggregate of windows, which may have one stream or several.
//!
//! An aggregate is one machine for each task, however many streams lead into it, because it remembers things about its
//! store: what one of several machines put, the others would not know of.

use std::sync::{Arc, Mutex, PoisonError};

use headwater_schema::Serde;

use super::{Node, OnTime, Processed};
use crate::context::Context;
use crate::record::{Data, Record};

/// What records of whatever type are folded into.
pub(crate) trait Aggregator {
    /// What the records are grouped by.
    type Key: Data;
    /// What they are folded into.
    type Aggregate: Data;

    /// Takes a record in. `fold` makes the new aggregate of a value and the old one, of which there is none at first.
    fn take<V, F>(&mut self, record: Record<Self::Key, V>, fold: &F, context: &mut Context) -> Processed
    where
        V: Data,
        F: Fn(&Self::Key, V, Option<Self::Aggregate>) -> Self::Aggregate;
}

/// Hands the records of a stream to an aggregate, together with how they are folded, but for those without a key.
pub(crate) struct Intake<G: Aggregator, V, F> {
    pub(crate) keys: Arc<dyn Serde<G::Key>>,
    /// Where null values are dropped as null keys are: how values are written.
    pub(crate) values: Option<Arc<dyn Serde<V>>>,
    pub(crate) fold: Arc<F>,
    pub(crate) aggregator: G,
}

impl<G, V, F> Node<G::Key, V> for Intake<G, V, F>
where
    G: Aggregator + Send,
    V: Data,
    F: Fn(&G::Key, V, Option<G::Aggregate>) -> G::Aggregate + Send + Sync,
{
    fn process(&mut self, record: Record<G::Key, V>, context: &mut Context) -> Processed {
        if self.keys.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        if self.values.as_ref().is_some_and(|values| values.is_null(&record.value)) {
            context.drop_null_value();
            return Ok(());
        }
        self.aggregator.take(record, self.fold.as_ref(), context)
    }
}

impl<G, V, F> OnTime for Intake<G, V, F>
where
    G: Aggregator + OnTime,
    V: Data,
    F: Send + Sync,
{
    fn on_time(&mut self, context: &mut Context) -> Processed {
        self.aggregator.on_time(context)
    }
}

/// An aggregate of several streams. No two lead into it at once: a task is one thread's.
impl<G: Aggregator> Aggregator for Arc<Mutex<G>> {
    type Key = G::Key;
    type Aggregate = G::Aggregate;

    fn take<V, F>(&mut self, record: Record<G::Key, V>, fold: &F, context: &mut Context) -> Processed
    where
        V: Data,
        F: Fn(&G::Key, V, Option<G::Aggregate>) -> G::Aggregate,
    {
        self.lock().unwrap_or_else(PoisonError::into_inner).take(record, fold, context)
    }
}
