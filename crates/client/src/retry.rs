//! When to try again: exponential backoff with jitter, bounded in time. Pure.
//!
//! Owns: [`Backoff`] (how long to wait), [`Retry`] (whether to go on at all).

use std::time::Duration;

use headwater_model::{Entropy, Monotonic};

/// How long a topic that the cluster does not know is asked for again: it may have been made a moment ago.
pub(crate) const MISSING_TOPIC_GRACE: Duration = Duration::from_secs(3);

/// Where the transaction before is still being ended: its markers are written within moments, and whoever commits in a loop
/// waits for them each time.
pub(crate) const MARKERS_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(5), max: Duration::from_millis(50) };

/// Waits that double with each failure up to a maximum, each varied by a fifth either way so that clients spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max: max.max(first) }
    }

    /// How long to wait after so many failures in a row; nothing after none.
    pub(crate) fn delay(&self, failures: u32, entropy: &mut Entropy) -> Duration {
        if failures == 0 {
            return Duration::ZERO;
        }
        let doubled =
            self.first.saturating_mul(1_u32.checked_shl((failures - 1).min(31)).unwrap_or(u32::MAX));
        let per_mille = 800 + entropy.below(401) as u32;
        doubled.min(self.max).saturating_mul(per_mille) / 1000
    }
}

/// One operation that is tried until a deadline.
#[derive(Debug, Clone)]
pub(crate) struct Retry {
    backoff: Backoff,
    deadline: Monotonic,
    failures: u32,
}

impl Retry {
    pub(crate) fn new(backoff: Backoff, deadline: Monotonic) -> Self {
        Self { backoff, deadline, failures: 0 }
    }

    /// After a failure: how long to wait before the next try, or `None` if it would come after the deadline.
    pub(crate) fn next(&mut self, now: Monotonic, entropy: &mut Entropy) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        let delay = self.backoff.delay(self.failures, entropy);
        (now + delay < self.deadline).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_jitter_stays_within_a_fifth() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let mut entropy = Entropy::from_seed(1);
        assert_eq!(backoff.delay(0, &mut entropy), Duration::ZERO);
        for (failures, expected_ms) in [(1, 100), (2, 200), (4, 800), (5, 1000), (40, 1000), (u32::MAX, 1000)]
        {
            for _ in 0..50 {
                let delay = backoff.delay(failures, &mut entropy).as_millis();
                assert!((expected_ms * 8 / 10..=expected_ms * 12 / 10).contains(&delay));
            }
        }
    }

    #[test]
    fn no_try_begins_after_the_deadline() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let mut retry = Retry::new(backoff, Monotonic::from_origin(Duration::from_millis(500)));
        let mut entropy = Entropy::from_seed(1);
        let mut now = Monotonic::ORIGIN;
        while let Some(delay) = retry.next(now, &mut entropy) {
            now = now + delay;
        }
        assert!(now < Monotonic::from_origin(Duration::from_millis(500)));
        assert!(now > Monotonic::ORIGIN);
    }
}
