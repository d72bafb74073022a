//! Share groups through whole requests: what the driver adds to the machines.

mod administration;
mod dead_letters;
mod delivery;
mod failures;
mod fixture;
mod sessions;
