//! The broker as its clients see it: over TCP and over streams in memory, with requests made by `wire`.
#![cfg(test)]

mod alterations;
mod bad_input;
mod committed;
mod compaction;
mod fetch_sessions;
mod groups;
mod harness;
mod import;
mod produce_fetch;
mod restart;
mod share;
mod simulation;
mod topics;
mod transactions;
