//! Randomness as a value: seeded, so that whatever draws from it can be replayed.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::Uuid;

/// A seeded generator (SplitMix64). Good for jitter, identifiers and simulation; not for secrets.
#[derive(Debug, Clone)]
pub struct Entropy {
    state: u64,
}

impl Entropy {
    /// The generator that yields the same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator seeded by the operating system.
    pub fn from_system() -> Self {
        Self::from_seed(RandomState::new().build_hasher().finish())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True with a probability of `numerator` in `denominator`.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// A random (version 4) identifier.
    pub fn uuid(&mut self) -> Uuid {
        let high = (self.next_u64() & !0xF000) | 0x4000;
        let low = (self.next_u64() & !(0b11 << 62)) | (0b10 << 62);
        Uuid::from_u64_pair(high, low)
    }

    /// A generator of its own, seeded from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_yields_the_same_numbers() {
        let mut left = Entropy::from_seed(7);
        let mut right = Entropy::from_seed(7);
        assert!((0..100).all(|_| left.next_u64() == right.next_u64()));
    }

    #[test]
    fn below_stays_below_its_bound_and_reaches_every_value() {
        let mut entropy = Entropy::from_seed(1);
        let mut seen = [false; 5];
        for _ in 0..1_000 {
            seen[entropy.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(entropy.below(0), 0);
    }
}
