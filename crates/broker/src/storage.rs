//! Where the work of the logs runs, and when it is made durable.
//!
//! Owns: [`executor`], the threads that write and read logs; [`syncer`], the group commit.
//!
//! Invariants: at most one sync runs at a time, and one starts whenever a partition is dirty and none is running.
//! Inline (under simulation) everything runs on the runtime, in an order that depends on nothing else.
//!
//! Does not know: topics, requests.

mod executor;
mod syncer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_log::Disk;
use headwater_model::Clock;

use crate::config::Execution;
use executor::Executor;
pub(crate) use syncer::Syncer;

/// What waits to be written is at most so much: a disk that hangs, and producers that do not wait for it, fill no memory.
const MOST_QUEUED_BYTES: usize = 256 << 20;

/// Threads that sync files beside the one that syncs.
const SYNC_HELPERS: usize = 3;

/// Which threads a piece of work is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Work whose length its bytes tell.
    Plain,
    /// Work that may open batches: a few bytes can become a hundred megabytes. It waits for its like alone.
    Opening,
    /// Work that takes as long as it takes, and that nobody waits for. One at a time.
    Background,
}

/// What partitions need to do their work.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    plain: Executor,
    opening: Executor,
    background: Executor,
    /// Bytes that clients have produced and that are not written yet.
    queued: AtomicUsize,
    pub(crate) syncer: Arc<Syncer>,
}

impl Storage {
    /// Starts the threads, or, inline, the task that syncs (which needs a Tokio runtime).
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        execution: Execution,
    ) -> std::io::Result<Self> {
        let helpers = match execution {
            Execution::Threads(_) => Executor::threads("sync", SYNC_HELPERS)?,
            Execution::Inline => Executor::Inline,
        };
        let syncer = Arc::new(Syncer::new(disk.clone(), helpers));
        let (plain, opening, background) = match execution {
            Execution::Threads(threads) => {
                syncer::spawn_thread(&syncer)?;
                (
                    Executor::threads("log", threads)?,
                    Executor::threads("open", threads.div_ceil(2))?,
                    Executor::threads("background", 1)?,
                )
            }
            Execution::Inline => {
                syncer::spawn_task(&syncer);
                (Executor::Inline, Executor::Inline, Executor::Inline)
            }
        };
        Ok(Self { disk, clock, plain, opening, background, queued: AtomicUsize::new(0), syncer })
    }

    /// Takes up room for what is to be written; false if there is none. One thing is always let in.
    pub(crate) fn take_room(&self, bytes: usize) -> bool {
        let queued = self.queued.fetch_add(bytes, Ordering::Relaxed);
        let fits = queued == 0 || queued.saturating_add(bytes) <= MOST_QUEUED_BYTES;
        if !fits {
            self.give_back_room(bytes);
        }
        fits
    }

    /// Gives back room that was taken.
    pub(crate) fn give_back_room(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Runs a piece of log work, elsewhere or (inline) at once.
    pub(crate) fn run(&self, lane: Lane, job: impl FnOnce() + Send + 'static) {
        match lane {
            Lane::Plain => &self.plain,
            Lane::Opening => &self.opening,
            Lane::Background => &self.background,
        }
        .run(Box::new(job));
    }

    /// Runs a piece of plain work and waits for what it gives; `None` if the storage has stopped.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.call_in(Lane::Plain, job).await
    }

    /// Runs a piece of log work and waits for what it gives; `None` if the storage has stopped.
    pub(crate) async fn call_in<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.run(lane, move || {
            let _ = reply.send(job());
        });
        answer.await.ok()
    }

    /// Ends the threads once what was handed to them is done. Later work is dropped.
    pub(crate) fn stop(&self) {
        self.plain.stop();
        self.opening.stop();
        self.background.stop();
        self.syncer.stop();
    }

    /// Lets go of the threads, which may hang in the disk. Later work is dropped.
    pub(crate) fn abandon(&self) {
        self.plain.abandon();
        self.opening.abandon();
        self.background.abandon();
        self.syncer.abandon();
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Locks. A thread that panicked while it held the lock has left plain data behind, which stays usable.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plain_work_does_not_wait_for_work_that_opens_batches() {
        let disk = Arc::new(headwater_log::sim::SimDisk::new(1));
        let clock = Arc::new(headwater_model::SystemClock::new());
        let storage = Storage::start(disk, clock, Execution::Threads(2)).unwrap();
        let (opened, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..8 {
            let wait = wait.clone();
            storage.run(Lane::Opening, move || {
                let _ = lock(&wait).recv();
            });
        }
        assert_eq!(storage.call(|| 7).await, Some(7));
        drop(opened);
        assert_eq!(storage.call_in(Lane::Opening, || 8).await, Some(8));
    }

    #[tokio::test]
    async fn what_is_queued_is_bounded_and_one_thing_is_always_let_in() {
        let disk = Arc::new(headwater_log::sim::SimDisk::new(1));
        let clock = Arc::new(headwater_model::SystemClock::new());
        let storage = Storage::start(disk, clock, Execution::Inline).unwrap();
        assert!(storage.take_room(2 * MOST_QUEUED_BYTES));
        assert!(!storage.take_room(1));
        storage.give_back_room(2 * MOST_QUEUED_BYTES);
        assert!(storage.take_room(MOST_QUEUED_BYTES - 1) && storage.take_room(1) && !storage.take_room(1));
    }
}
