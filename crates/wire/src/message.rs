//! What every generated message can do.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use crate::ApiKey;
use crate::protocol::{DecodeError, Reader, Writer};

/// A struct of the protocol: a whole request or response, or a part of one.
pub trait Message: Sized + Default + Debug + Clone + PartialEq {
    /// No version's encoding takes fewer bytes.
    const MIN_SIZE: usize;

    /// Reads it as `version` lays it out. Fields that the version lacks have their defaults.
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Writes it as `version` lays it out. Fields that the version lacks are left out.
    fn encode(&self, w: &mut Writer, version: i16);
}

/// A request, with what a peer must know to send it and to read the answer.
pub trait Request: Message {
    /// Which API it belongs to.
    const KEY: ApiKey;
    /// The versions that can be read and written.
    const VERSIONS: RangeInclusive<i16>;
    /// The first flexible version (KIP-482); `i16::MAX` if there is none.
    const FIRST_FLEXIBLE: i16;
    /// The answer.
    type Response: Message;
}
