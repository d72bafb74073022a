//! The group commit: one sync makes durable what all dirty partitions have written.
//!
//! Owns: the list of dirty partitions, and the thread (or, inline, the task) that syncs them.
//!
//! Invariants: at most one sync runs at a time; what is written while it runs is covered by the next. If a sync fails,
//! every partition in it is poisoned, because nothing is known of any of them.
//!
//! Does not know: who waits for what.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use headwater_log::Disk;
use tokio::sync::Notify;

use super::lock;
use crate::partition::Partition;

/// Collects dirty partitions and syncs them together.
#[derive(Debug)]
pub(crate) struct Syncer {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
    /// Wakes the thread.
    wake: Condvar,
    /// Wakes the task.
    notify: Arc<Notify>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct State {
    dirty: Vec<Arc<Partition>>,
    stopped: bool,
}

impl Syncer {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            state: Mutex::default(),
            wake: Condvar::new(),
            notify: Arc::default(),
            thread: Mutex::default(),
        }
    }

    /// Has a partition synced soon. Called once per partition between two syncs of it.
    pub(crate) fn mark(&self, partition: Arc<Partition>) {
        let mut state = lock(&self.state);
        if state.stopped {
            return;
        }
        state.dirty.push(partition);
        let first = state.dirty.len() == 1;
        drop(state);
        if first {
            self.wake.notify_one();
            self.notify.notify_one();
        }
    }

    /// Ends the thread or task after a last sync of what is dirty.
    pub(super) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.wake.notify_one();
        self.notify.notify_one();
        if let Some(thread) = lock(&self.thread).take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }

    /// Syncs these partitions, now, and tells them.
    pub(crate) fn sync(&self, partitions: Vec<Arc<Partition>>) {
        let mut files = Vec::with_capacity(partitions.len());
        let mut directories = BTreeSet::new();
        let mut under_way = Vec::with_capacity(partitions.len());
        for partition in partitions {
            if let Some(ticket) = partition.begin_sync() {
                files.extend(ticket.files().iter().cloned());
                directories.extend(ticket.directories().iter().cloned());
                under_way.push((partition, ticket));
            }
        }
        if under_way.is_empty() {
            return;
        }
        let outcome = self
            .disk
            .sync(&files)
            .and_then(|()| directories.iter().try_for_each(|directory| self.disk.sync_dir(directory)));
        for (partition, ticket) in under_way {
            partition.end_sync(ticket, &outcome);
        }
    }

    fn take(&self) -> Option<Vec<Arc<Partition>>> {
        let mut state = lock(&self.state);
        let dirty = std::mem::take(&mut state.dirty);
        if dirty.is_empty() && state.stopped { None } else { Some(dirty) }
    }

    fn wait(&self) -> Option<Vec<Arc<Partition>>> {
        let mut state = lock(&self.state);
        while state.dirty.is_empty() && !state.stopped {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.take()
    }
}

/// Syncs on a thread of its own until the syncer is stopped.
pub(super) fn spawn_thread(syncer: &Arc<Syncer>) -> io::Result<()> {
    let working = syncer.clone();
    let thread = std::thread::Builder::new().name("log-sync".to_owned()).spawn(move || {
        while let Some(dirty) = working.wait() {
            working.sync(dirty);
        }
    })?;
    *lock(&syncer.thread) = Some(thread);
    Ok(())
}

/// Syncs on a task of the current runtime until the syncer is stopped or gone.
pub(super) fn spawn_task(syncer: &Arc<Syncer>) {
    let notify = syncer.notify.clone();
    let syncer: Weak<Syncer> = Arc::downgrade(syncer);
    tokio::spawn(async move {
        loop {
            notify.notified().await;
            let Some(syncer) = syncer.upgrade() else {
                return;
            };
            match syncer.take() {
                Some(dirty) => syncer.sync(dirty),
                None => return,
            }
        }
    });
}
