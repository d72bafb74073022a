//! Time as the simulated runtime has it: it stands still until every task waits, then jumps to the next timer.

use headwater_model::{Clock, Monotonic, Timestamp};
use tokio::time::Instant;

/// A clock over Tokio's paused time. Wall time starts at a fixed date, so that runs can be replayed.
#[derive(Debug, Clone)]
pub struct SimClock {
    origin: Instant,
    wall_origin: Timestamp,
}

impl SimClock {
    /// 2026-01-01T00:00:00Z, when simulated time begins.
    pub const WALL_ORIGIN: Timestamp = Timestamp(1_767_225_600_000);

    /// A clock that starts now, within a runtime whose time is paused.
    pub fn start() -> Self {
        Self { origin: Instant::now(), wall_origin: Self::WALL_ORIGIN }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.wall_origin.plus_ms(self.origin.elapsed().as_millis() as i64)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.origin.elapsed())
    }
}
