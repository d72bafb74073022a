//! The consumer against the embedded broker, on virtual time, and against clusters that are not ours.

mod cluster;
mod cooperative;
mod coordinated;
mod groups;
mod reading;
mod world;
