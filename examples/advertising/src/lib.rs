//! Advertising: who clicks on what they have seen in the same visit is a conversion (reference application A3).
//!
//! Owns: what a visit is and which conversions are in it, the microservice `advertising` with its topology.
//!
//! Does not know: any broker.

pub mod conversion;
mod topology;
pub mod visit;

pub use topology::{ADVERTISEMENTS, APPLICATION, CLICKS, CONVERSIONS, GAP, GRACE, VIEWS, VISITS, topology};
