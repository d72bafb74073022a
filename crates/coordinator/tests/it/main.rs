//! The coordinator as its driver uses it: scripts of commands with their whole outcome, and random schedules.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them so")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what fails here fails a test"
)]

mod admin;
mod consumers;
mod joining;
mod leaving;
mod offsets;
mod pending_offsets;
mod replay;
mod schedules;
mod script;
mod share_partitions;
mod shares;
mod statics;
mod streams;
mod syncing;
mod times;
mod transactions;
