//! Messages and batches against the oracle and against damage.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions too"
)]

mod allocations;
mod batch;
mod fill;
mod frame;
mod messages;
mod oracle;
mod protocol;
