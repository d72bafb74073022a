//! Groups through whole requests: members that join, work and leave, offsets, restarts. On a simulated disk and virtual
//! time, so that sessions end when they should and nothing has to be waited for.

mod administration;
mod consumer;
mod failures;
pub(crate) mod fixture;
mod membership;
mod offsets;
mod restarts;
mod settings;
mod streams;
mod versions;
