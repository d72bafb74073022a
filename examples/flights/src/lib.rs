//! Flights: an event-driven microservice on real events (reference application A11).
//!
//! Owns: the feed that publishes departures and entities, and the microservice `delay-board` with its topology.
//!
//! Does not know: which broker it runs on, terminals, the command line.

pub mod board;
mod demo;
pub mod entities;
mod feed;
pub mod rows;
pub mod source;
pub mod topics;
mod topology;

pub use demo::{Demo, DemoError, Status};
pub use feed::{Event, Feed, FeedError};
pub use topology::{APPLICATION, HOURS, topology};
