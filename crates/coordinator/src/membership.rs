//! What the newer kinds of group have in common: members with epochs that are brought, one by one, to a target
//! assignment that the coordinator has computed.
//!
//! Owns: the current assignment of one member and its way to the target ([`Current`]); who holds which partition
//! ([`Holders`]); times by which to hear of members ([`Timers`]).
//!
//! Invariants: a partition is held by one member at a time: from when it is assigned until the member said that it is
//! given back, or is gone. A member's epoch only grows while it is a member, unless it joins anew.
//!
//! Does not know: how a target comes about, protocols, records.

mod holders;
mod reconciliation;
mod timers;

pub(crate) use holders::Holders;
pub(crate) use reconciliation::{AWAY, Owned, Target};
pub use reconciliation::{Current, MemberState};
pub(crate) use timers::Timers;
