//! A broker in a process, with faults and virtual time.
//!
//! Owns: the simulated network and clock that `client` and `broker` run over in tests, the test broker, and the bodies
//! of the fuzz targets ([`fuzz`]).
//!
//! Invariants: under simulation everything runs on one current-thread runtime with paused time; the same seed gives
//! the same trace.
//!
//! Does not know: what is being tested. A dev-dependency only.

mod clock;
mod cluster;
pub mod fuzz;
mod meddler;
mod net;

pub use clock::SimClock;
pub use cluster::{SimCluster, SimConnector, simulate};
pub use net::{Faults, SimNet, Trace};
