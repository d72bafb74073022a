//! Streams groups (KIP-1071).

mod heartbeats;
mod kinds;
mod large;
mod offsets;
mod replay;
mod schedules;
mod standbys;
mod timeouts;
mod topologies;
