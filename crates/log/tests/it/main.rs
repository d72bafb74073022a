//! The log against naive models, on simulated and real disks.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what fails here fails a test"
)]

mod appending;
mod compaction;
mod crash;
mod data_dir;
mod faults;
mod indexes;
mod model;
mod producers;
mod reading;
mod retention;
mod support;
mod tails;
mod transactions;
