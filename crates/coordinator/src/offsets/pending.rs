//! Offsets that are committed within producers' transactions: they count once these are committed.
//!
//! Invariants: an offset that was committed later than a pending one, in the log's order, wins over it. While a partition
//! has a pending offset, what is committed for it is not stable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headwater_model::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};

use super::{Offsets, Placed};
use crate::effects::Turn;
use crate::{Change, Effects, GroupId, Groups, Now, Outcome, ProducerIdentity, Reply, Token};

/// A transaction in which offsets are pending.
#[derive(Debug)]
struct OpenTransaction {
    epoch: ProducerEpoch,
    /// The groups. (One may be gone, and its offsets with it.)
    groups: BTreeSet<GroupId>,
}

/// The transactions in which offsets are pending, by producer.
#[derive(Debug, Default)]
pub(crate) struct OpenTransactions(BTreeMap<ProducerId, OpenTransaction>);

impl OpenTransactions {
    /// A group has offsets pending in a transaction.
    pub(crate) fn join(&mut self, producer: ProducerIdentity, group: GroupId) {
        let new = || OpenTransaction { epoch: producer.epoch, groups: BTreeSet::new() };
        let open = self.0.entry(producer.id).or_insert_with(new);
        open.epoch = producer.epoch;
        open.groups.insert(group);
    }

    /// True if an end is of an older epoch than the offsets.
    fn is_past(&self, end: ProducerIdentity) -> bool {
        self.0.get(&end.id).is_some_and(|open| open.epoch > end.epoch)
    }

    /// The groups that a transaction was joined by, which is over.
    fn end(&mut self, producer: ProducerId) -> Vec<GroupId> {
        self.0.remove(&producer).into_iter().flat_map(|open| open.groups).collect()
    }
}

/// Which ends of transactions a shard had seen at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndsSeen(u64);

/// The ends of transactions that a shard has seen of late.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    count: u64,
    recent: VecDeque<ProducerId>,
}

impl Ends {
    const REMEMBERED: usize = 1_024;

    fn see(&mut self, producer: ProducerId) {
        self.count += 1;
        if self.recent.len() == Self::REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(producer);
    }

    /// Whether a transaction of this producer may have ended since then.
    fn may_have_ended(&self, producer: ProducerId, since: EndsSeen) -> bool {
        let missed = self.count.checked_sub(since.0).and_then(|missed| usize::try_from(missed).ok());
        match missed {
            Some(missed) if missed <= self.recent.len() => {
                self.recent.iter().rev().take(missed).any(|ended| *ended == producer)
            }
            _ => true,
        }
    }

    /// What was seen before tells nothing any more.
    fn succeed(&mut self, before: &Self) {
        self.count = before.count + 1;
        self.recent.clear();
    }
}

/// That a commit belongs to a producer's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithinTransaction {
    /// Whose transaction.
    pub producer: ProducerIdentity,
    /// Taken before the transaction's coordinator was asked whether it is open and includes this shard's partition.
    pub verified: EndsSeen,
}

impl Groups {
    /// The ends of transactions that have been seen. To be taken before a transaction's coordinator is asked about one, so
    /// that an end in between is noticed.
    pub fn ends_seen(&self) -> EndsSeen {
        EndsSeen(self.ends.count)
    }

    pub(crate) fn may_have_ended(&self, within: &WithinTransaction) -> bool {
        self.ends.may_have_ended(within.producer.id, within.verified)
    }

    /// Takes the place of a state that was dropped.
    pub fn succeed(&mut self, before: &Self) {
        self.ends.succeed(&before.ends);
    }

    /// A producer's transaction is over: what it has committed here counts, or is gone. An end that is of an older epoch
    /// than the offsets is refused: it is not theirs.
    pub fn end_transaction(
        &mut self,
        now: Now,
        token: Token,
        producer: ProducerIdentity,
        outcome: Outcome,
    ) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        if self.in_transactions.is_past(producer) {
            turn.reply(token, Reply::EndTransaction(Err(ErrorCode::InvalidProducerEpoch)));
            return turn.effects;
        }
        turn.record(Change::TransactionEnded { producer, outcome });
        turn.reply(token, Reply::EndTransaction(Ok(())));
        let effects = turn.effects;
        for group in self.settle_transaction(producer.id, outcome) {
            self.settle(&group);
        }
        effects
    }

    /// Gives the groups that were touched.
    pub(crate) fn settle_transaction(&mut self, producer: ProducerId, outcome: Outcome) -> Vec<GroupId> {
        self.ends.see(producer);
        let touched = self.in_transactions.end(producer);
        for id in &touched {
            if let Some(group) = self.groups.get_mut(id) {
                group.offsets.settle_transaction(producer, outcome);
            }
        }
        touched
    }

    /// Whether a partition's committed offset may change by a transaction that is under way.
    pub fn is_unstable(&self, group: &GroupId, partition: &TopicPartition) -> bool {
        self.groups.get(group).is_some_and(|group| group.offsets.is_pending(partition))
    }

    /// The partitions for which a group has offsets pending.
    pub fn unstable_partitions(&self, group: &GroupId) -> impl Iterator<Item = &TopicPartition> {
        self.groups.get(group).into_iter().flat_map(|group| group.offsets.pending_partitions())
    }
}

impl Offsets {
    pub(crate) fn put_pending(&mut self, producer: ProducerId, partition: TopicPartition, placed: Placed) {
        self.pending.entry(producer).or_default().insert(partition, placed);
    }

    pub(super) fn is_pending(&self, partition: &TopicPartition) -> bool {
        self.pending.values().any(|offsets| offsets.contains_key(partition))
    }

    pub(super) fn pending_partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.pending.values().flat_map(|offsets| offsets.keys())
    }

    fn settle_transaction(&mut self, producer: ProducerId, outcome: Outcome) {
        let pending = self.pending.remove(&producer).unwrap_or_default();
        if outcome == Outcome::Abort {
            return;
        }
        for (partition, placed) in pending {
            let newer = self.by_partition.get(&partition).is_some_and(|known| known.number > placed.number);
            if !newer {
                self.by_partition.insert(partition, placed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_in_between_is_noticed_and_so_is_what_cannot_be_known() {
        let mut ends = Ends::default();
        let (one, two) = (ProducerId(1), ProducerId(2));
        let at_first = EndsSeen(0);
        assert!(!ends.may_have_ended(one, at_first));
        ends.see(one);
        assert!(ends.may_have_ended(one, at_first) && !ends.may_have_ended(two, at_first));
        let later = EndsSeen(ends.count);
        assert!(!ends.may_have_ended(one, later));
        for _ in 0..Ends::REMEMBERED {
            ends.see(two);
        }
        assert!(!ends.may_have_ended(one, later), "all that came since is remembered");
        ends.see(two);
        assert!(ends.may_have_ended(one, later), "it is not any more");
        let mut next = Ends::default();
        next.succeed(&ends);
        assert!(next.may_have_ended(one, EndsSeen(ends.count)));
        assert!(!next.may_have_ended(one, EndsSeen(next.count)));
    }
}
