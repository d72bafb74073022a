//! The numbers of a partition's batches (`sequence`), by which a broker tells repetitions and gaps. See
//! [`super::partition`] for how they are given.

use headwater_model::{ProducerEpoch, ProducerId};

/// How an idempotent producer numbers the batches of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbering {
    pub(super) producer_id: ProducerId,
    pub(super) epoch: ProducerEpoch,
    pub(super) next: i32,
    /// How many batches were numbered.
    pub(super) numbered: u64,
    /// The broker has acknowledged a batch of this epoch.
    pub(super) established: bool,
    /// A number was used up by a batch that was given up.
    pub(super) gap: bool,
    /// The epoch cannot be raised: a new producer id is needed.
    pub(super) fenced: bool,
}

impl Numbering {
    pub(super) fn new((producer_id, epoch): (ProducerId, ProducerEpoch)) -> Self {
        Self { producer_id, epoch, next: 0, numbered: 0, established: false, gap: false, fenced: false }
    }
}

/// Kafka's numbers wrap around to 0.
pub(super) fn add_wrapping(sequence: i32, records: i32) -> i32 {
    ((i64::from(sequence) + i64::from(records)) % (i64::from(i32::MAX) + 1)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_around_to_zero() {
        for (sequence, records, expected) in
            [(0, 5, 5), (i32::MAX - 1, 1, i32::MAX), (i32::MAX, 1, 0), (i32::MAX - 2, 5, 2)]
        {
            assert_eq!(add_wrapping(sequence, records), expected);
        }
    }
}
