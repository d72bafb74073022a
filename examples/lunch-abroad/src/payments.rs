//! Payments by card, made up from a seed: lunches at home and abroad.
//!
//! Invariants: the same seed gives the same payments, and they come in the order of their times. There is one at most
//! in a minute.

use headwater::model::Timestamp;
use serde::{Deserialize, Serialize};

/// The value of the topic `payments`, whose keys are the payments' ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// The card.
    pub card: String,
    /// Where.
    pub place: String,
    /// How much, in the currency.
    pub amount: f64,
    /// The currency's code.
    pub currency: String,
}

/// A payment, ready to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The payment's id.
    pub id: String,
    /// The payment.
    pub payment: Payment,
    /// When it was made.
    pub at: Timestamp,
}

/// Where people have lunch, in which currency, and what it costs there: from, to.
const PLACES: [(&str, &str, u64, u64); 10] = [
    ("Leeds", "GBP", 6, 18),
    ("Lisbon", "EUR", 8, 22),
    ("Vienna", "EUR", 10, 28),
    ("Zagreb", "HRK", 60, 150),
    ("Brno", "CZK", 150, 400),
    ("Basel", "CHF", 18, 45),
    ("Malmö", "SEK", 110, 260),
    ("Boston", "USD", 14, 38),
    ("Osaka", "JPY", 900, 2_600),
    ("Reykjavik", "ISK", 2_200, 5_000),
];
const CARDS: u64 = 40;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Lunch is from 11:00 to 14:00 in UTC, wherever it is.
const FIRST_MINUTE: i64 = 11 * 60;
const MINUTES: i64 = 3 * 60;

impl Payment {
    /// A payment.
    pub fn new(card: &str, place: &str, amount: f64, currency: &str) -> Self {
        Self { card: card.to_owned(), place: place.to_owned(), amount, currency: currency.to_owned() }
    }
}

/// Payments of some days from midnight on, one every few minutes of lunch time.
pub fn payments(midnight: Timestamp, days: u32, seed: u64) -> Vec<Made> {
    let mut chance = Chance(seed);
    let mut made = Vec::new();
    for day in 0..i64::from(days) {
        let mut minute = FIRST_MINUTE + chance.below(12) as i64;
        while minute < FIRST_MINUTE + MINUTES {
            let at = midnight.plus_ms(day * DAY_MS + minute * MINUTE_MS);
            made.push(Made { id: format!("payment-{}", made.len()), payment: lunch(&mut chance), at });
            minute += 1 + chance.below(12) as i64;
        }
    }
    made
}

fn lunch(chance: &mut Chance) -> Payment {
    let card = format!("card-{}", chance.below(CARDS));
    let place = PLACES.get(chance.below(PLACES.len() as u64) as usize).unwrap_or(&("Leeds", "GBP", 6, 18));
    let (place, currency, from, to) = *place;
    // In halves of the currency, which are exact.
    let amount = (2 * from + chance.below(2 * (to - from))) as f64 / 2.0;
    Payment::new(&card, place, amount, currency)
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
