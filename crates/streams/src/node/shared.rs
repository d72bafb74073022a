//! Nodes that several others lead to, as behind a merge: each task has them once.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Assembly, Node, Outlet, Processed};
use crate::context::Context;
use crate::record::{Data, Record};

/// What was assembled for one task so far, by the outlet that it hangs behind.
#[derive(Default)]
pub(super) struct Known(RefCell<BTreeMap<usize, Box<dyn Any>>>);

/// One of several ways to a node. No two are gone at once: a topology has no circles, and a task is one thread's.
pub(crate) struct Shared<K, V>(Arc<Mutex<Box<dyn Node<K, V>>>>);

impl<K: Data, V: Data> Outlet<K, V> {
    /// The nodes behind this outlet, the same ones however often a task asks.
    pub(crate) fn assemble_shared(&self, assembly: &Assembly<'_>) -> Shared<K, V> {
        Shared(self.share(assembly, |nodes| nodes))
    }

    /// What is made of the nodes behind this outlet, the same thing however often a task asks.
    pub(crate) fn share<T: 'static>(
        &self,
        assembly: &Assembly<'_>,
        make: impl FnOnce(Box<dyn Node<K, V>>) -> T,
    ) -> Arc<Mutex<T>> {
        let outlet = Arc::as_ptr(&self.followers).addr();
        if let Some(known) = assembly.shared.get(outlet) {
            return known;
        }
        let shared = Arc::new(Mutex::new(make(self.assemble(assembly))));
        assembly.shared.keep(outlet, Arc::clone(&shared));
        shared
    }
}

impl Known {
    fn get<T: 'static>(&self, outlet: usize) -> Option<Arc<Mutex<T>>> {
        self.0.borrow().get(&outlet)?.downcast_ref::<Arc<Mutex<T>>>().cloned()
    }

    fn keep<T: 'static>(&self, outlet: usize, shared: Arc<Mutex<T>>) {
        self.0.borrow_mut().insert(outlet, Box::new(shared));
    }
}

impl<K: Data, V: Data> Node<K, V> for Shared<K, V> {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).process(record, context)
    }
}
