//! The threads that do the logs' work.
//!
//! Owns: one queue of jobs, drained by all threads. What must stay in order (the appends of one partition) is put in order
//! by who hands the jobs in.
//!
//! Invariants: inline, a job has run when `run` returns. A job that panics ends neither its thread nor the others.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::lock;

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Runs jobs.
#[derive(Debug)]
pub(crate) enum Executor {
    Threads(Pool),
    Inline,
}

/// A fixed number of threads over one queue.
#[derive(Debug)]
pub(crate) struct Pool {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    idle_threads: usize,
    /// Idle threads that have been woken and have not come yet.
    woken_threads: usize,
    stopped: bool,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Executor {
    /// Threads with a name and a number each.
    pub(crate) fn threads(name: &str, count: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let threads = (0..count.max(1))
            .map(|number| {
                let queue = queue.clone();
                std::thread::Builder::new().name(format!("{name}-{number}")).spawn(move || queue.work())
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self::Threads(Pool { queue, threads: Mutex::new(threads) }))
    }

    pub(crate) fn run(&self, job: Job) {
        match self {
            Self::Threads(pool) => pool.queue.push(job),
            Self::Inline => job(),
        }
    }

    /// Ends the threads once what was handed to them is done.
    pub(crate) fn stop(&self) {
        for thread in self.abandon() {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }

    /// Takes no more work, and waits for none.
    pub(crate) fn abandon(&self) -> Vec<JoinHandle<()>> {
        let Self::Threads(pool) = self else {
            return Vec::new();
        };
        lock(&pool.queue.jobs).stopped = true;
        pool.queue.wake.notify_all();
        std::mem::take(&mut *lock(&pool.threads))
    }
}

impl Queue {
    fn push(&self, job: Job) {
        let mut jobs = lock(&self.jobs);
        if jobs.stopped {
            return;
        }
        jobs.waiting.push_back(job);
        let wake = jobs.idle_threads > jobs.woken_threads;
        jobs.woken_threads += usize::from(wake);
        drop(jobs);
        if wake {
            self.wake.notify_one();
        }
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a job on the log's threads panicked; its request fails");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = lock(&self.jobs);
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            if jobs.stopped {
                return None;
            }
            jobs.idle_threads += 1;
            jobs = self.wake.wait(jobs).unwrap_or_else(std::sync::PoisonError::into_inner);
            jobs.idle_threads -= 1;
            // One that woke by itself may be counted for one that was woken: then a third is woken too many.
            jobs.woken_threads = jobs.woken_threads.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_job_handed_in_before_the_stop_is_done_even_after_a_panic() {
        let executor = Executor::threads("log", 3).unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        for number in 0..1_000 {
            let done = done.clone();
            executor.run(Box::new(move || {
                assert!(number % 100 != 99, "a job that panics");
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }
        executor.stop();
        assert_eq!(done.load(Ordering::Relaxed), 990);
    }
}
