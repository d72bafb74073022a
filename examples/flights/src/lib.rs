//! Flights: an event-driven microservice on real events (reference application A11).
//!
//! Owns: the feed that publishes departures and entities, and the microservice `delay-board` with its topology.
//!
//! Does not know: which broker it runs on, terminals, the command line.

pub mod board;
pub mod entities;
pub mod rows;
pub mod source;
