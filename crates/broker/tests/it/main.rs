//! The broker as its clients see it: over TCP and over streams in memory, with requests made by `wire`.

mod harness;
mod produce_fetch;
