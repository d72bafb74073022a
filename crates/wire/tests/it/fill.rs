//! Arbitrary messages: every field that a version has is filled, every other one has its default.

mod modules;

use bytes::Bytes;
use headwater_model::{Entropy, Uuid};
use headwater_wire::protocol::Records;
pub(crate) use modules::for_each_message;

/// Where arbitrary values come from; the same seed gives the same values.
pub(crate) struct Source {
    entropy: Entropy,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self { entropy: Entropy::from_seed(seed) }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.entropy.below(bound as u64) as usize
    }

    pub(crate) fn option<T: Fill>(&mut self, null_ok: bool, version: i16) -> Option<T> {
        if null_ok && self.below(3) == 0 { None } else { Some(T::fill(self, version)) }
    }

    /// Numbers at the edges are as likely as all others together.
    fn number(&mut self) -> i64 {
        match self.below(6) {
            0 => 0,
            1 => -1,
            2 => i64::MIN >> self.below(64),
            _ => self.entropy.next_u64() as i64 >> self.below(64),
        }
    }

    /// Mostly short; long enough now and then for lengths of two bytes, and for sharing instead of copying.
    fn length(&mut self) -> usize {
        match self.below(40) {
            0 => 5_000,
            1 => 127 + self.below(3),
            _ => self.below(9),
        }
    }

    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        (0..self.length()).map(|_| self.below(256) as u8).collect()
    }
}

/// What can be filled with arbitrary values.
pub(crate) trait Fill {
    fn fill(source: &mut Source, version: i16) -> Self;
}

impl Fill for bool {
    fn fill(source: &mut Source, _version: i16) -> Self {
        source.below(2) == 0
    }
}

impl Fill for f64 {
    fn fill(source: &mut Source, _version: i16) -> Self {
        source.number() as f64 / 7.0
    }
}

macro_rules! fill_numbers {
    ($($number:ty)*) => {
        $(impl Fill for $number {
            fn fill(source: &mut Source, _version: i16) -> Self {
                source.number() as $number
            }
        })*
    };
}
fill_numbers!(i8 i16 u16 i32 i64);

impl Fill for Uuid {
    fn fill(source: &mut Source, _version: i16) -> Self {
        source.entropy.uuid()
    }
}

impl Fill for String {
    fn fill(source: &mut Source, _version: i16) -> Self {
        const LETTERS: [char; 6] = ['a', 'Z', '0', 'é', '漢', '🦀'];
        (0..source.length()).map(|_| LETTERS[source.below(LETTERS.len())]).collect()
    }
}

impl Fill for Bytes {
    fn fill(source: &mut Source, _version: i16) -> Self {
        source.bytes().into()
    }
}

impl Fill for Records {
    fn fill(source: &mut Source, _version: i16) -> Self {
        Bytes::from(source.bytes()).into()
    }
}

impl<T: Fill> Fill for Vec<T> {
    fn fill(source: &mut Source, version: i16) -> Self {
        (0..source.below(4)).map(|_| T::fill(source, version)).collect()
    }
}
