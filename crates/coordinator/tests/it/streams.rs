//! Streams groups (KIP-1071).

mod heartbeats;
mod kinds;
mod offsets;
mod schedules;
mod standbys;
mod timeouts;
mod topologies;
