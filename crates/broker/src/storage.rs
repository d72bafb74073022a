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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_log::Disk;
use headwater_model::Clock;

use crate::config::Execution;
use executor::Executor;
pub(crate) use syncer::Syncer;

/// What partitions need to do their work.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    executor: Executor,
    pub(crate) syncer: Arc<Syncer>,
}

impl Storage {
    /// Starts the threads, or, inline, the task that syncs (which needs a Tokio runtime).
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        execution: Execution,
    ) -> std::io::Result<Self> {
        let syncer = Arc::new(Syncer::new(disk.clone()));
        let executor = match execution {
            Execution::Threads(threads) => {
                syncer::spawn_thread(&syncer)?;
                Executor::threads(threads)?
            }
            Execution::Inline => {
                syncer::spawn_task(&syncer);
                Executor::Inline
            }
        };
        Ok(Self { disk, clock, executor, syncer })
    }

    /// Runs a piece of log work, elsewhere or (inline) at once.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.executor.run(Box::new(job));
    }

    /// Runs a piece of log work and waits for what it gives; `None` if the storage has stopped.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.run(move || {
            let _ = reply.send(job());
        });
        answer.await.ok()
    }

    /// Ends the threads once what was handed to them is done. Later work is dropped.
    pub(crate) fn stop(&self) {
        self.executor.stop();
        self.syncer.stop();
    }

    /// Lets go of the threads, which may hang in the disk. Later work is dropped.
    pub(crate) fn abandon(&self) {
        self.executor.abandon();
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
