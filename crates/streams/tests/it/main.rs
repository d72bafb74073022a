//! Topologies from the outside: operators under the test driver, the runtime over the embedded broker.
#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod aggregates;
mod choosers;
mod cogroups;
mod dead_letters;
mod deduplicate;
mod describe;
mod driver;
mod flow;
mod foreign_keys;
mod global_tables;
mod grouped_tables;
mod hopping_windows;
mod internal_topics;
mod lock;
mod on_close;
mod operators;
mod plan;
mod processor_stores;
mod processors;
mod rebalances;
mod repartition;
mod restore;
mod routing;
mod runtime;
mod runtime_joins;
mod runtime_letters;
mod runtime_processors;
mod scheduling;
mod session_windows;
mod sliding_windows;
mod stream_joins;
mod support;
mod suppress;
mod table_joins;
mod table_values;
mod tables;
mod timestamps;
mod to_table;
mod versioned;
mod watermarks;
mod watermarks_runtime;
mod windowed_cogroups;
mod windows;
