//! 128-bit identifiers, printed as Kafka prints them.

use std::fmt;

/// A 128-bit identifier (of a topic, a cluster, a directory).
///
/// Prints as Kafka's tools do: URL-safe base64 without padding, 22 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Kafka's "no identifier".
    pub const ZERO: Self = Self([0; 16]);

    /// From its bytes, most significant first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its most and least significant halves.
    pub fn from_u64_pair(high: u64, low: u64) -> Self {
        Self(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    /// True for [`Uuid::ZERO`].
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Reads what `Display` prints.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 22 {
            return None;
        }
        let mut value: u128 = 0;
        for (index, byte) in text.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|symbol| *symbol == byte)? as u128;
            if index < 21 {
                value = (value << 6) | digit;
            } else if digit.trailing_zeros() >= 4 {
                value = (value << 2) | (digit >> 4);
            } else {
                return None;
            }
        }
        Some(Self(value.to_be_bytes()))
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.0);
        let digit = |index: u32| {
            let six_bits = if index < 21 { value >> (122 - 6 * index) } else { value << 4 };
            char::from(*ALPHABET.get((six_bits & 63) as usize).unwrap_or(&b'A'))
        };
        f.pad(&(0..22).map(digit).collect::<String>())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_as_kafkas_tools_do() {
        assert_eq!(Uuid::from_u64_pair(0, 1).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_prints(high: u64, low: u64) {
            let uuid = Uuid::from_u64_pair(high, low);
            prop_assert_eq!(Uuid::parse(&uuid.to_string()), Some(uuid));
        }
    }
}
