//! Nodes that hand things on when event time has gone on, be it without a record for them.
//!
//! Where a task goes by watermarks, time goes on by what its writers tell and because inputs are idle, too. Such nodes are
//! then told after every step of time, those in front first, so that all that is due is sent before the task promises
//! its readers that nothing so old will come. Without watermarks, they look for themselves when a record comes.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Assembly, Node, Outlet, Processed};
use crate::context::Context;
use crate::record::{Data, Record};

/// A node that waits for event time.
pub(crate) trait OnTime: Send {
    /// Hands on what was waiting for the time that it is now.
    fn on_time(&mut self, context: &mut Context) -> Processed;
}

/// The nodes of a task that wait for event time, in the order in which they are to be told.
#[derive(Default)]
pub(crate) struct Timed(Vec<Shared>);

/// What is assembled so far. Nodes are assembled from the end of the topology on.
#[derive(Default)]
pub(super) struct Register(RefCell<Vec<Shared>>);

/// Its two owners never use it at once: a task is one thread's, and topologies have no circles.
type Shared = Arc<Mutex<dyn OnTime>>;

/// A node that is registered.
struct Registered<N>(Arc<Mutex<N>>);

impl Timed {
    /// Tells all of them that time has gone on.
    pub(crate) fn tell(&self, context: &mut Context) -> Processed {
        for node in &self.0 {
            node.lock().unwrap_or_else(PoisonError::into_inner).on_time(context)?;
        }
        Ok(())
    }
}

impl Assembly<'_> {
    /// Keeps the nodes that wait for event time.
    pub(crate) fn with_timed_nodes(self) -> Self {
        Self { timed: Some(Register::default()), ..self }
    }

    /// Registers a node that waits for event time, if somebody is to tell it; nodes behind it are registered already.
    fn register<N: OnTime + 'static>(&self, node: &Arc<Mutex<N>>) {
        if let Some(register) = &self.timed {
            let shared: Shared = Arc::clone(node) as Shared;
            register.0.borrow_mut().push(shared);
        }
    }

    /// The nodes that wait for event time, once all are assembled.
    pub(crate) fn take_timed(&self) -> Timed {
        let nodes = self.timed.as_ref().map(|register| register.0.take());
        Timed(nodes.unwrap_or_default().into_iter().rev().collect())
    }
}

impl<K: Data, V: Data> Outlet<K, V> {
    /// Hangs a node behind this outlet that waits for event time.
    pub(crate) fn attach_timed<N: Node<K, V> + OnTime + 'static>(
        &self,
        make: impl Fn(&Assembly<'_>) -> N + Send + Sync + 'static,
    ) {
        self.followers().push(Box::new(move |assembly| {
            let node = make(assembly);
            if assembly.timed.is_none() {
                return Box::new(node);
            }
            let node = Arc::new(Mutex::new(node));
            assembly.register(&node);
            Box::new(Registered(node))
        }));
    }

    /// What is made of the nodes behind this outlet and waits for event time, one for each task, however often it asks.
    pub(crate) fn share_timed<N: OnTime + 'static>(
        &self,
        assembly: &Assembly<'_>,
        make: impl FnOnce(Box<dyn Node<K, V>>) -> N,
    ) -> Arc<Mutex<N>> {
        let mut is_new = false;
        let node = self.share(assembly, |nodes| {
            is_new = true;
            make(nodes)
        });
        if is_new {
            assembly.register(&node);
        }
        node
    }
}

impl<K, V, N: Node<K, V>> Node<K, V> for Registered<N> {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).process(record, context)
    }
}
