//! The typed nodes that a task is assembled from.
//!
//! Owns: the [`Node`] trait, the [`Outlet`]s by which the builder hangs nodes behind each other, their assembly.
//!
//! Invariants: an outlet is changed by the builder only, and the same outlets give every task nodes of its own; a node
//! keeps no state but in stores, so that a task is its stores and its position.
//!
//! Does not know: topics' partitions, batches, the order of records.

mod aggregate;
mod deduplicate;
mod flow;
mod foreign_key;
mod intake;
mod join;
mod processor;
mod regroup;
mod route;
mod session_aggregate;
mod shared;
mod sink;
mod sliding_aggregate;
mod source;
mod stateless;
mod stream_join;
mod suppress;
mod table;
mod table_aggregate;
mod table_join;
mod table_values;
mod timed;
mod versioned;
mod window_aggregate;

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::context::{Context, ProcessorId};
use crate::error::TaskError;
use crate::record::{Data, Record};
use crate::store::StoreError;
use crate::store::global::GlobalStores;

pub(crate) use aggregate::Aggregate;
pub(crate) use deduplicate::Deduplicate;
pub(crate) use flow::{Branch, FlatMap, ForEach, Nullable, Pass};
pub(crate) use foreign_key::{Hasher, Publish, Receive, Resolve, Subscribe};
pub(crate) use intake::{Aggregator, Intake};
pub(crate) use join::{GlobalJoin, TableJoin};
use processor::ProcessorNode;
pub(crate) use processor::{Processors, Seat};
pub(crate) use regroup::Regroup;
pub(crate) use route::Route;
pub(crate) use session_aggregate::SessionAggregate;
pub(crate) use sink::Sink;
pub(crate) use sliding_aggregate::SlidingAggregate;
pub(crate) use source::{Source, SourceNode};
pub(crate) use stateless::{Filter, FlatMapValues, Map, MapValues, Peek, SelectKey, TryMapValues};
pub(crate) use stream_join::{JoinAlone, StreamJoin, Waiting};
pub(crate) use suppress::{Limits, Release, Suppress, SuppressedLookup};
pub(crate) use table::{OldValues, TableNode, ToStream, Updates};
pub(crate) use table_aggregate::TableAggregate;
pub(crate) use table_join::{JoinedLookup, TableTableJoin};
pub(crate) use table_values::{FilterTable, FilteredLookup, MapTable, MappedLookup};
pub(crate) use timed::{OnTime, Timed};
pub(crate) use versioned::{
    LatestOnly, VersionedChange, VersionedJoin, VersionedTableNode, VersionedToStream, WaitingForTable,
};
pub(crate) use window_aggregate::WindowAggregate;

/// A step of a task: takes a record, and hands what it makes of it to the node behind.
pub(crate) trait Node<K, V>: Send {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed;
}

/// How the processing of a record ended. What the policies say to skip is no error here.
pub(crate) type Processed = Result<(), NodeError>;

/// A [`TaskError`] on its way up, in one word.
pub(crate) type NodeError = Box<TaskError>;

/// What a topology and an instance of it give to nodes under assembly.
pub(crate) struct Assembly<'a> {
    pub(crate) globals: &'a GlobalStores,
    /// The nodes of this task that several others lead to.
    shared: shared::Known,
    processors: RefCell<Processors>,
    /// The nodes of this task that wait for event time, where somebody is to tell them.
    timed: Option<timed::Register>,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(globals: &'a GlobalStores) -> Self {
        Self { globals, shared: shared::Known::default(), processors: RefCell::default(), timed: None }
    }

    /// Gives a processor its place among those of the task.
    pub(crate) fn seat<S: processor::Timed + 'static>(
        &self,
        make: impl FnOnce(ProcessorId) -> S,
    ) -> ProcessorNode<S> {
        self.processors.borrow_mut().seat(make)
    }

    /// The processors of the task, once all of it was assembled.
    pub(crate) fn into_processors(self) -> Processors {
        self.processors.into_inner()
    }
}

type Factory<K, V> = Box<dyn Fn(&Assembly<'_>) -> Box<dyn Node<K, V>> + Send + Sync>;

/// Where a stream's records come out: makes, for each task, the nodes that take them.
pub(crate) struct Outlet<K, V> {
    followers: Arc<Mutex<Vec<Factory<K, V>>>>,
}

impl<K: Data, V: Data> Outlet<K, V> {
    pub(crate) fn new() -> Self {
        Self { followers: Arc::default() }
    }

    /// Hangs a node behind this outlet.
    pub(crate) fn attach<N: Node<K, V> + 'static>(
        &self,
        make: impl Fn(&Assembly<'_>) -> N + Send + Sync + 'static,
    ) {
        self.followers().push(Box::new(move |assembly| Box::new(make(assembly))));
    }

    /// The nodes behind this outlet, for one task.
    pub(crate) fn assemble(&self, assembly: &Assembly<'_>) -> Box<dyn Node<K, V>> {
        let mut nodes: Vec<_> = self.followers().iter().map(|make| make(assembly)).collect();
        match (nodes.pop(), nodes.is_empty()) {
            (None, _) => Box::new(End),
            (Some(only), true) => only,
            (Some(last), false) => Box::new(FanOut { first: nodes, last }),
        }
    }

    fn followers(&self) -> MutexGuard<'_, Vec<Factory<K, V>>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Clone for Outlet<K, V> {
    fn clone(&self) -> Self {
        Self { followers: Arc::clone(&self.followers) }
    }
}

/// Nothing follows.
struct End;

impl<K, V> Node<K, V> for End {
    fn process(&mut self, _record: Record<K, V>, _context: &mut Context) -> Processed {
        Ok(())
    }
}

/// Several nodes follow: the one place where records are cloned.
struct FanOut<K, V> {
    first: Vec<Box<dyn Node<K, V>>>,
    last: Box<dyn Node<K, V>>,
}

impl<K: Data, V: Data> Node<K, V> for FanOut<K, V> {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        for node in &mut self.first {
            node.process(record.clone(), context)?;
        }
        self.last.process(record, context)
    }
}

impl From<StoreError> for NodeError {
    fn from(error: StoreError) -> Self {
        Self::new(TaskError::Store(error))
    }
}
