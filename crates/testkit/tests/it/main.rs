//! Client and broker together in one process, on virtual time, over a network and a disk that fail.
//!
//! A failure prints its seed; `HEADWATER_SEED=n` runs that seed alone, `HEADWATER_SEEDS=n` runs so many.

#![cfg(test)]

mod fuzz;
mod groups;
mod produce;
mod world;
