//! A bank: deposits and withdrawals come in two topics and are booked in the order of their times (reference
//! application A4).
//!
//! Owns: what a movement does to an account, movements made up from a seed, the microservice `bank` with its topology.
//!
//! Does not know: any broker.

pub mod account;
pub mod movements;
mod topology;

pub use topology::{APPLICATION, BALANCES, DEPOSITS, NOTICES, WITHDRAWALS, topology};
