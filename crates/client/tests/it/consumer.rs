//! The consumer against the embedded broker, on virtual time.

mod groups;
mod reading;
mod world;
