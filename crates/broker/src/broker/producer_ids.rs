//! Identities for idempotent producers, never given away twice.
//!
//! Owns: the ids reserved and not yet given away. Ids are reserved in blocks, by an event that is durable before the first
//! of a block is given away; what is left of a block at a restart is lost.

use std::collections::VecDeque;
use std::ops::Range;

use headwater_model::ProducerId;

use super::Broker;
use crate::metadata::Event;
use crate::storage::lock;
use crate::topics::TopicError;

/// Ids reserved at a time, as in Kafka.
const BLOCK: i64 = 1_000;

/// With so many free no more are reserved ahead: more than can be asked for while a block is.
const ENOUGH: i64 = 200;

/// Reserved ids.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    /// Durably reserved and free.
    free: VecDeque<Range<i64>>,
    /// Where the next block begins.
    next_block: i64,
}

impl ProducerIds {
    /// None free, none reserved from `next` on.
    pub(crate) fn starting_at(next: i64) -> Self {
        Self { free: VecDeque::new(), next_block: next }
    }

    fn take(&mut self) -> Option<ProducerId> {
        loop {
            match self.free.front_mut()?.next() {
                Some(id) => return Some(ProducerId(id)),
                None => self.free.pop_front(),
            };
        }
    }

    /// True if so many are free.
    fn has(&self, count: i64) -> bool {
        self.free.iter().map(|range| range.end - range.start).sum::<i64>() >= count
    }

    fn next_block(&mut self) -> Range<i64> {
        let block = self.next_block..self.next_block + BLOCK;
        self.next_block = block.end;
        block
    }
}

impl Broker {
    /// An id that no producer ever had, if one is at hand.
    pub(crate) fn take_producer_id(&self) -> Option<ProducerId> {
        lock(self.producer_ids()).take()
    }

    /// Sees to it that some are at hand.
    pub(crate) async fn reserve_producer_ids(&self) -> Result<(), TopicError> {
        if lock(self.producer_ids()).has(ENOUGH) { Ok(()) } else { self.reserve_block().await }
    }

    /// An id that no producer ever had.
    pub(crate) async fn new_producer_id(&self) -> Result<ProducerId, TopicError> {
        loop {
            if let Some(id) = self.take_producer_id() {
                return Ok(id);
            }
            self.reserve_block().await?;
        }
    }

    async fn reserve_block(&self) -> Result<(), TopicError> {
        let block = lock(self.producer_ids()).next_block();
        self.metadata().append(&[Event::ProducerIdsReserved { next: block.end }]).await?;
        lock(self.producer_ids()).free.push_back(block);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_neither_overlap_nor_leave_gaps() {
        let mut ids = ProducerIds::starting_at(5_000);
        assert_eq!(ids.take(), None);
        let (first, second) = (ids.next_block(), ids.next_block());
        assert_eq!((first.clone(), second.clone()), (5_000..6_000, 6_000..7_000));
        ids.free.extend([second, first]);
        let given: Vec<i64> = std::iter::from_fn(|| ids.take()).map(|id| id.0).collect();
        assert_eq!(given, (6_000..7_000).chain(5_000..6_000).collect::<Vec<_>>());
    }
}
