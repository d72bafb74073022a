//! Consumer groups of the newer protocol (KIP-848).

mod heartbeats;
mod large;
mod migration;
mod migrations;
mod offsets;
mod replay;
mod schedules;
mod statics;
mod timeouts;
mod topics;
