//! Flights: an event-driven microservice on real events (reference application A11).
//!
//! Owns: the feed that publishes departures, weather and entities, and two microservices with their topologies: `delay-board`,
//! live, and `delay-causes`, as a batch.
//!
//! Does not know: which broker it runs on, terminals, the command line.

pub mod board;
pub mod causes;
mod demo;
pub mod entities;
mod feed;
pub mod rows;
pub mod source;
pub mod topics;
mod topology;
pub mod weather;

pub use demo::{Demo, DemoError, Status};
pub use feed::{Event, Feed, FeedError};
pub use topology::{APPLICATION, HOURS, topology};
