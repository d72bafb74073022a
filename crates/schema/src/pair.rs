//! A serde for keys together with one for values, as every topic needs.

/// How a topic's keys and values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyValueSerde<SK, SV> {
    /// The serde of keys.
    pub key: SK,
    /// The serde of values.
    pub value: SV,
}

/// Pairs a serde for keys with one for values.
///
/// ```
/// # use headwater_schema::{serdes, utf8, Json};
/// let flights = serdes(utf8(), Json::<Vec<u32>>::new());
/// ```
pub fn serdes<SK, SV>(key: SK, value: SV) -> KeyValueSerde<SK, SV> {
    KeyValueSerde { key, value }
}
