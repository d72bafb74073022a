//! The one place where drivers wait for time to pass; under a simulation, Tokio's time is virtual.

use std::time::Duration;

/// Waits.
#[expect(clippy::disallowed_methods, reason = "the timer of this crate's drivers")]
pub(crate) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
