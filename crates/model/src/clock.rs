//! Where time comes from: a trait, so that simulation can replace it, and the machine's own clocks.

use std::fmt::Debug;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::{Monotonic, Timestamp};

/// A source of time, shared by everything that runs in one process or one simulation.
pub trait Clock: Send + Sync + Debug {
    /// Wall-clock time: for records and people. May jump.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment of this process: for timeouts. Never goes back.
    fn monotonic(&self) -> Monotonic;
}

/// The machine's clocks.
#[derive(Debug, Clone)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.origin.elapsed())
    }
}
