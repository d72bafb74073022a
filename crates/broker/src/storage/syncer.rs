//! The group commit: one sync makes durable what all dirty partitions have written.
//!
//! Owns: the list of dirty partitions, the thread (or, inline, the task) that syncs them, and those that help it with
//! several files.
//!
//! Invariants: at most one sync runs at a time; what is written while it runs is covered by the next. If a sync of files
//! fails, every partition in it is poisoned, because nothing is known of any of them.
//!
//! Does not know: who waits for what.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;

use headwater_log::{Disk, DiskFile, Poison, SyncTicket};
use tokio::sync::Notify;

use super::executor::Executor;
use super::lock;
use crate::partition::{Answers, Partition};

/// Collects dirty partitions and syncs them together.
#[derive(Debug)]
pub(crate) struct Syncer {
    disk: Arc<dyn Disk>,
    helpers: Executor,
    state: Mutex<State>,
    /// Held while a sync runs: a partition that had two under way could take the later one's end for its own.
    running: Mutex<()>,
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
    pub(super) fn new(disk: Arc<dyn Disk>, helpers: Executor) -> Self {
        Self {
            disk,
            helpers,
            state: Mutex::default(),
            running: Mutex::default(),
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
        if let Some(thread) = self.end_thread()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
        self.helpers.stop();
    }

    /// Lets go of all threads.
    pub(super) fn abandon(&self) {
        self.end_thread();
        self.helpers.abandon();
    }

    /// Tells the thread or task to end, and does not wait for it.
    fn end_thread(&self) -> Option<JoinHandle<()>> {
        lock(&self.state).stopped = true;
        self.wake.notify_one();
        self.notify.notify_one();
        lock(&self.thread).take()
    }

    /// Syncs these partitions, once no other sync is running, and tells them.
    pub(crate) fn sync(&self, partitions: &[Arc<Partition>]) {
        let _running = lock(&self.running);
        self.sync_alone(partitions);
    }

    /// Syncs these partitions together, and then ends each while no sync is running.
    pub(crate) fn sync_and_end(&self, partitions: &[Arc<Partition>], end: impl Fn(&Partition)) {
        let _running = lock(&self.running);
        self.sync_alone(partitions);
        for partition in partitions {
            end(partition);
        }
    }

    fn sync_alone(&self, partitions: &[Arc<Partition>]) {
        let mut files = Vec::with_capacity(partitions.len());
        let mut under_way = Vec::with_capacity(partitions.len());
        for partition in partitions {
            if let Some(ticket) = partition.begin_sync() {
                files.extend(ticket.files().iter().cloned());
                under_way.push((partition, ticket));
            }
        }
        if under_way.is_empty() {
            return;
        }
        let written = self.sync_files(&files).map_err(|error| Poison::from(&error));
        let mut synced = BTreeSet::new();
        let mut answers = Answers::default();
        for (partition, ticket) in under_way {
            // Each for itself: the folder of a partition that is being deleted may be gone.
            let outcome = written.clone().and_then(|()| self.sync_directories(&ticket, &mut synced));
            partition.end_sync(ticket, outcome, &mut answers);
        }
    }

    /// Syncs files in as many calls at once as the disk likes best.
    fn sync_files(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        let each = files.len().div_ceil(self.disk.sync_calls(files.len())).max(1);
        let mut parts = files.chunks(each);
        let own = parts.next().unwrap_or_default();
        let (tell, told) = mpsc::channel();
        let mut under_way = 0_usize;
        for part in parts {
            let (disk, part, tell) = (self.disk.clone(), part.to_vec(), tell.clone());
            under_way += 1;
            self.helpers.run(Box::new(move || {
                let _ = tell.send(disk.sync(&part));
            }));
        }
        drop(tell);
        // All have come to their end before anything is said of any.
        let mut outcome = self.disk.sync(own);
        for of_part in told {
            under_way -= 1;
            outcome = outcome.and(of_part);
        }
        if under_way > 0 {
            outcome = outcome.and(Err(io::Error::other("a thread that synced files has ended")));
        }
        outcome
    }

    fn sync_directories(&self, ticket: &SyncTicket, synced: &mut BTreeSet<PathBuf>) -> Result<(), Poison> {
        for directory in ticket.directories() {
            if !synced.contains(directory) {
                self.disk.sync_dir(directory).map_err(|error| Poison::from(&error))?;
                synced.insert(directory.clone());
            }
        }
        Ok(())
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
            working.sync(&dirty);
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
                Some(dirty) => syncer.sync(&dirty),
                None => return,
            }
        }
    });
}
