//! Which of a task's inputs is next, where an author wants another order than that of time.
//!
//! Owns: what a chooser is told and may answer, and the ready-made ones.
//!
//! Invariants: a chooser is asked only once all inputs that must be waited for have records; its answer is one of the
//! heads that it was shown.
//!
//! Does not know: batches, clocks, other tasks.

use headwater_model::{Offset, Timestamp, TopicPartition};

/// The oldest waiting record of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// The input's number: its place among the partitions that the chooser was made for.
    pub input: usize,
    /// The record's time.
    pub timestamp: Timestamp,
    /// The record's offset.
    pub offset: Offset,
    /// How many bytes of the input wait.
    pub buffered_bytes: usize,
}

/// Decides which record of a task is next. A function `fn(&[Head]) -> &Head` is a chooser.
///
/// Each task has one of its own, which may remember what it chose. For the same outputs from the same records, it must go
/// by nothing else than it is told; by `buffered_bytes` and by which inputs are ready it can tell how records arrive,
/// which is not the same each time unless [`max_idle`](crate::TaskConfig::max_idle) is long, or the run is bounded.
pub trait Chooser: Send {
    /// One of `heads`: the first records of those inputs that have any, in the order in which inputs are declared. There
    /// is at least one.
    fn choose<'a>(&mut self, heads: &'a [Head]) -> &'a Head;
}

impl<F> Chooser for F
where
    F: FnMut(&[Head]) -> &Head + Send,
{
    fn choose<'a>(&mut self, heads: &'a [Head]) -> &'a Head {
        self(heads)
    }
}

/// Makes the chooser of a task, whose inputs are these.
pub(crate) type MakeChooser = dyn Fn(&[TopicPartition]) -> Box<dyn Chooser> + Send + Sync;

/// Takes a record of each input in turn, whatever their times.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobin {
    last: Option<usize>,
}

impl Chooser for RoundRobin {
    #[expect(clippy::indexing_slicing, reason = "there is at least one head")]
    fn choose<'a>(&mut self, heads: &'a [Head]) -> &'a Head {
        let behind = |head: &&Head| self.last.is_none_or(|last| head.input > last);
        let next = heads.iter().find(behind).unwrap_or(&heads[0]);
        self.last = Some(next.input);
        next
    }
}

/// Takes records of the topics named first before those of later ones, and of one rank the oldest.
#[derive(Debug, Clone)]
pub struct Priority {
    /// The rank of each input; the lowest goes first.
    ranks: Vec<usize>,
}

impl Priority {
    /// Ranks the inputs of a task by these topics; topics that are not named come last.
    pub fn of(topics: &[&str], inputs: &[TopicPartition]) -> Self {
        let rank = |input: &TopicPartition| {
            topics.iter().position(|topic| input.topic.as_str() == *topic).unwrap_or(topics.len())
        };
        Self { ranks: inputs.iter().map(rank).collect() }
    }
}

impl Chooser for Priority {
    #[expect(clippy::indexing_slicing, reason = "there is at least one head")]
    fn choose<'a>(&mut self, heads: &'a [Head]) -> &'a Head {
        let rank = |head: &&Head| (self.ranks.get(head.input).copied(), head.timestamp);
        heads.iter().min_by_key(rank).unwrap_or(&heads[0])
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::{PartitionId, TopicName};

    use super::*;

    fn heads(times: &[(usize, i64)]) -> Vec<Head> {
        let head = |(input, time): &(usize, i64)| Head {
            input: *input,
            timestamp: Timestamp(*time),
            offset: Offset::ZERO,
            buffered_bytes: 1,
        };
        times.iter().map(head).collect()
    }

    #[test]
    fn in_turn_means_the_next_input_that_has_a_record() {
        let mut chooser = RoundRobin::default();
        let all = heads(&[(0, 9), (1, 1), (2, 5)]);
        let chosen: Vec<_> = (0..4).map(|_| chooser.choose(&all).input).collect();
        assert_eq!(chosen, [0, 1, 2, 0]);
        assert_eq!(chooser.choose(&heads(&[(0, 1), (2, 1)])).input, 2);
        assert_eq!(chooser.choose(&heads(&[(1, 1)])).input, 1);
        assert_eq!(chooser.choose(&heads(&[(0, 1), (1, 1)])).input, 0);
    }

    #[test]
    fn the_topic_named_first_goes_first_and_of_one_rank_the_oldest() {
        let inputs = ["other", "normal", "urgent", "another"]
            .map(|topic| TopicPartition::new(TopicName::new(topic).unwrap(), PartitionId(0)));
        let mut chooser = Priority::of(&["urgent", "normal"], &inputs);
        let mut chosen = |times: &[(usize, i64)]| chooser.choose(&heads(times)).input;
        assert_eq!(chosen(&[(0, 1), (1, 2), (2, 3), (3, 0)]), 2);
        assert_eq!(chosen(&[(0, 1), (1, 2), (3, 0)]), 1);
        assert_eq!(chosen(&[(0, 1), (3, 0)]), 3);
        assert_eq!(chosen(&[(0, 1), (3, 1)]), 0);
    }
}
