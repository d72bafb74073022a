//! The bodies of the fuzz targets: bytes in, and whatever they are, nothing panics and nobody else is harmed.
//!
//! Owns: what each target makes of its bytes, and the inputs that it starts from. The workspace `fuzz/` runs them under
//! libFuzzer; the tests of this crate run them over their seeds and over random damage to those.
//!
//! Invariants: an input means the same at each run; a target panics only for a fault.
//!
//! Does not know: how inputs are found.

mod batches;
mod input;
mod internal;
mod recovery;
mod requests;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its program in `fuzz/`.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// Inputs that get far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Frames to a broker: any API, any version, any body; batches whose checksum is right.
pub const REQUESTS: Target = Target { name: "requests", run: requests::run, seeds: requests::seeds };
/// A record set as readers get it: headers, codecs, records.
pub const BATCHES: Target = Target { name: "batches", run: batches::run, seeds: batches::seeds };
/// A partition's folder whose files somebody has changed.
pub const RECOVERY: Target = Target { name: "recovery", run: recovery::run, seeds: recovery::seeds };
/// Records of the broker's own topics that the broker did not write.
pub const INTERNAL: Target = Target { name: "internal", run: internal::run, seeds: internal::seeds };

/// All of them.
pub const TARGETS: [Target; 4] = [REQUESTS, BATCHES, RECOVERY, INTERNAL];
