//! Lunch abroad: who pays abroad by card gets a message that says what it cost at home (reference application A2).
//!
//! Owns: the exchange rates as they were published, payments made up from a seed, the microservice `lunch-abroad` with
//! its topology.
//!
//! Does not know: any broker.

pub mod notice;
pub mod payments;
pub mod rates;
mod topology;

pub use topology::{APPLICATION, EXCHANGE_RATES, NOTICES, PAYMENTS, topology};
