//! Who waits for which answer on one connection, in order. Pure.

use std::collections::VecDeque;

/// Requests in the order in which they were written, until they are answered. `D` is a moment, `T` whom to tell.
#[derive(Debug)]
pub(super) struct Pipeline<D, T> {
    waiting: VecDeque<Waiting<D, T>>,
}

/// One request that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting<D, T> {
    pub(super) correlation_id: i32,
    pub(super) deadline: D,
    /// True once any byte of it was written.
    pub(super) sent: bool,
    pub(super) reply: T,
}

impl<D: Ord + Copy, T> Pipeline<D, T> {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new() }
    }

    /// True if the deadline is the earliest now.
    pub(super) fn push(&mut self, correlation_id: i32, deadline: D, reply: T) -> bool {
        let is_earliest = self.earliest().is_none_or(|first| deadline < first.deadline);
        self.waiting.push_back(Waiting { correlation_id, deadline, sent: false, reply });
        is_earliest
    }

    /// The request pushed last is being written. Nothing happens if its answer is here already.
    pub(super) fn mark_sent(&mut self, correlation_id: i32) {
        if let Some(last) = self.waiting.back_mut()
            && last.correlation_id == correlation_id
        {
            last.sent = true;
        }
    }

    /// Whom a response is for: the first in line, whose number it must carry. `None` breaks the connection.
    pub(super) fn answered(&mut self, correlation_id: i32) -> Option<T> {
        let first = self.waiting.front()?;
        if first.correlation_id != correlation_id {
            return None;
        }
        self.waiting.pop_front().map(|waiting| waiting.reply)
    }

    /// The request pushed last was written, and is of a kind that is not answered.
    pub(super) fn needs_no_answer(&mut self, correlation_id: i32) -> Option<T> {
        let last = self.waiting.pop_back_if(|last| last.correlation_id == correlation_id)?;
        Some(last.reply)
    }

    /// The request that will be the first to have waited too long.
    pub(super) fn earliest(&self) -> Option<&Waiting<D, T>> {
        self.waiting.iter().min_by_key(|waiting| waiting.deadline)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Everybody who waits, in order: the connection has ended.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiting<D, T>> + '_ {
        self.waiting.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_must_come_in_the_order_of_the_requests() {
        let mut pipeline = Pipeline::new();
        assert!(pipeline.push(7, 30, "first"));
        assert!(pipeline.push(8, 10, "second"));
        assert!(!pipeline.push(9, 20, "never answered"));
        assert_eq!(pipeline.needs_no_answer(9), Some("never answered"));
        assert_eq!(pipeline.earliest().map(|first| first.deadline), Some(10));
        assert_eq!(pipeline.answered(8), None, "the second cannot overtake the first");
        assert_eq!(pipeline.answered(7), Some("first"));
        assert_eq!(pipeline.answered(7), None, "nobody is answered twice");
        assert_eq!(pipeline.answered(8), Some("second"));
        assert!(pipeline.is_empty());
    }

    #[test]
    fn only_what_was_written_counts_as_sent_when_the_connection_ends() {
        let mut pipeline = Pipeline::new();
        pipeline.push(1, 0, ());
        pipeline.mark_sent(1);
        pipeline.push(2, 0, ());
        let sent: Vec<bool> = pipeline.drain().map(|waiting| waiting.sent).collect();
        assert_eq!(sent, [true, false]);
    }
}
