//! Which producers may write within a transaction: those of whom its coordinator has said that the partition is in it.
//!
//! Owns: the transactions that are known to be open here, and the questions about others that are under way.
//!
//! Invariants: pure. A question is put down before the coordinator is asked, and the end of the producer's transaction
//! strikes it out; so what was true when it was asked, and is not any more when the batch is written, lets nothing in, and
//! no transaction is left open for ever. (A batch that is late before it is asked about is told from the next transaction's
//! by its epoch, where each has its own, else by its sequence number.)
//!
//! Does not know: the coordinator; what is in the log (after a start everything is asked again).

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{ProducerEpoch, ProducerId};

/// A producer's incarnation.
pub(crate) type Incarnation = (ProducerId, ProducerEpoch);

#[derive(Debug, Default)]
pub(super) struct Verifications {
    open: BTreeMap<ProducerId, ProducerEpoch>,
    /// Each with its number.
    asked: BTreeSet<(ProducerId, u64)>,
    numbers: u64,
}

impl Verifications {
    /// Puts down that the coordinator is about to be asked; gives the question's number.
    pub(super) fn ask(&mut self, producer: ProducerId) -> u64 {
        self.numbers += 1;
        self.asked.insert((producer, self.numbers));
        self.numbers
    }

    /// The question is done with.
    pub(super) fn forget(&mut self, producer: ProducerId, question: u64) {
        self.asked.remove(&(producer, question));
    }

    /// True if a producer has written here within the transaction that it has open.
    pub(super) fn is_open(&self, (producer, epoch): Incarnation) -> bool {
        self.open.get(&producer) == Some(&epoch)
    }

    /// Whether a batch may be written, if the coordinator has said yes to this question.
    pub(super) fn admits(&self, writer: Incarnation, question: Option<u64>) -> bool {
        self.is_open(writer) || question.is_some_and(|number| self.asked.contains(&(writer.0, number)))
    }

    /// A batch was written.
    pub(super) fn written(&mut self, (producer, epoch): Incarnation) {
        self.open.insert(producer, epoch);
    }

    /// The marker of a producer's transaction is written.
    pub(super) fn ended(&mut self, producer: ProducerId) {
        self.open.remove(&producer);
        let of_producer = (producer, 0)..=(producer, u64::MAX);
        let struck: Vec<_> = self.asked.range(of_producer).copied().collect();
        for question in struck {
            self.asked.remove(&question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Incarnation = (ProducerId(1), ProducerEpoch(0));

    #[test]
    fn a_batch_needs_a_question_or_an_open_transaction() {
        let mut all = Verifications::default();
        assert!(!all.admits(ONE, None) && !all.admits(ONE, Some(1)));
        let question = all.ask(ONE.0);
        assert!(all.admits(ONE, Some(question)) && !all.admits(ONE, None));
        assert!(!all.admits((ProducerId(2), ProducerEpoch(0)), Some(question)), "it was asked of another");
        all.written(ONE);
        all.forget(ONE.0, question);
        assert!(all.is_open(ONE) && all.admits(ONE, None));
        assert!(!all.admits((ONE.0, ProducerEpoch(1)), None), "another incarnation has to ask");
    }

    #[test]
    fn the_end_of_a_transaction_strikes_out_what_was_asked_before() {
        let mut all = Verifications::default();
        let (before, of_another) = (all.ask(ONE.0), all.ask(ProducerId(2)));
        all.written(ONE);
        all.ended(ONE.0);
        assert!(!all.is_open(ONE) && !all.admits(ONE, Some(before)));
        assert!(all.admits((ProducerId(2), ProducerEpoch(0)), Some(of_another)));
        let after = all.ask(ONE.0);
        assert!(all.admits(ONE, Some(after)));
    }
}
