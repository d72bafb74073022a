//! The coordinator as its driver uses it: scripts of commands with their whole outcome, and random schedules.

mod admin;
mod joining;
mod leaving;
mod offsets;
mod replay;
mod schedules;
mod script;
mod statics;
mod syncing;
