//! Topologies from the outside: operators under the test driver, the runtime over the embedded broker.
#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod aggregates;
mod describe;
mod driver;
mod foreign_keys;
mod global_tables;
mod operators;
mod plan;
mod repartition;
mod runtime;
mod runtime_joins;
mod scheduling;
mod stream_joins;
mod support;
mod table_joins;
mod tables;
mod versioned;
mod windows;
