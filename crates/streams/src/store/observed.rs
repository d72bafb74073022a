//! How far a store has come in event time, as the nodes of a task that share it remember it.

use headwater_model::Timestamp;

/// What is remembered of a store beside its entries, and found again from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The highest time of all records that were put.
    pub(crate) latest: Timestamp,
    /// How many records were numbered, where the store numbers them.
    pub(crate) number: u32,
}

impl Default for Observed {
    fn default() -> Self {
        Self { latest: Timestamp::NONE, number: 0 }
    }
}

impl Observed {
    /// After an entry of this time and number.
    pub(crate) fn with(self, time: Timestamp, number: u32) -> Self {
        Self { latest: self.latest.max(time), number: self.number.max(number) }
    }

    /// After one more record, which gets the next number.
    pub(crate) fn next(self, time: Timestamp) -> Self {
        Self { latest: self.latest.max(time), number: self.number.wrapping_add(1) }
    }
}
