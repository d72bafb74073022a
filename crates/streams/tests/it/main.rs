//! Topologies from the outside: operators under the test driver, the runtime over the embedded broker.
#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod aggregates;
mod deduplicate;
mod describe;
mod driver;
mod global_tables;
mod hopping_windows;
mod on_close;
mod operators;
mod plan;
mod repartition;
mod runtime;
mod scheduling;
mod session_windows;
mod sliding_windows;
mod support;
mod suppress;
mod tables;
mod windows;
