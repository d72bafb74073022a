//! Movements made up from a seed: wages that come in, and what is spent of them.
//!
//! Invariants: the same seed gives the same movements, and they come in the order of their times, one at most in a
//! minute.

use headwater::model::Timestamp;

use crate::account::{Deposit, Withdrawal};

/// One movement on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Money comes in.
    Deposit(Deposit),
    /// Money goes out.
    Withdrawal(Withdrawal),
}

/// A movement, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The account.
    pub account: String,
    /// The movement.
    pub movement: Movement,
    /// When it was made.
    pub at: Timestamp,
}

const ACCOUNTS: u64 = 12;
const MINUTE_MS: i64 = 60_000;

/// So many movements, from a time on. What comes in is as much as what goes out, but for the fees: accounts stay near
/// zero, where the order matters.
pub fn movements(from: Timestamp, count: usize, seed: u64) -> Vec<Made> {
    let mut chance = Chance(seed);
    let mut at = from;
    let mut made = Vec::with_capacity(count);
    for _ in 0..count {
        at = at.plus_ms(MINUTE_MS * (1 + chance.below(9) as i64));
        let account = format!("account-{}", chance.below(ACCOUNTS));
        let movement = match chance.below(3) {
            0 => Movement::Deposit(Deposit { pence: 20_000 + chance.below(10_000) as i64 }),
            _ => Movement::Withdrawal(Withdrawal { pence: 5_000 + chance.below(15_000) as i64 }),
        };
        made.push(Made { account, movement, at });
    }
    made
}

/// Numbers that look random: SplitMix64.
struct Chance(u64);

impl Chance {
    /// One of the numbers below a bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
