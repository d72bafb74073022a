//! How often the application polls.

use std::time::Duration;

use headwater_model::Monotonic;

/// When the application last polled, and when it has to again.
#[derive(Debug)]
pub(super) struct Attendance {
    longest: Duration,
    /// Polls that are under way.
    polls: u32,
    last_poll: Monotonic,
}

impl Attendance {
    /// At most `longest` may pass between polls.
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, polls: 0, last_poll: Monotonic::ORIGIN }
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// The time counts from now.
    pub(super) fn begin(&mut self, now: Monotonic) {
        self.last_poll = now;
    }

    pub(super) fn poll_begins(&mut self) {
        self.polls += 1;
    }

    pub(super) fn poll_ends(&mut self, now: Monotonic) {
        self.polls = self.polls.saturating_sub(1);
        self.last_poll = now;
    }

    /// When the next poll has to begin at the latest; `None` during one.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        (self.polls == 0).then(|| self.last_poll + self.longest)
    }
}
