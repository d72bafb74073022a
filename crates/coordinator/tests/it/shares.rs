//! The members of share groups (KIP-932).

mod heartbeats;
mod kinds;
mod schedules;
mod timeouts;
mod topics;
