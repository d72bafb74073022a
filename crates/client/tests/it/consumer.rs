//! The consumer against the embedded broker, on virtual time.

mod cluster;
mod groups;
mod reading;
mod world;
