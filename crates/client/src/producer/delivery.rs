//! The result of each record, shared per batch: a record costs no allocation.
//!
//! Invariants: a batch's outcome is set once; whoever asks before waits, whoever asks later has it at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use headwater_model::{Offset, Timestamp, TopicPartition};

use super::error::SendError;
use super::machine::Written;
use super::record::RecordMetadata;

/// The outcome of one batch, once there is one.
#[derive(Debug)]
pub(crate) struct Completion {
    at: TopicPartition,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Whom to wake, each in the slot that it was given.
    Waiting(Vec<Option<Waker>>),
    Done(Result<Written, SendError>),
}

impl Completion {
    pub(crate) fn new(at: TopicPartition) -> Arc<Self> {
        Arc::new(Self { at, state: Mutex::new(State::Waiting(Vec::new())) })
    }

    pub(crate) fn complete(&self, outcome: Result<Written, SendError>) {
        let before = std::mem::replace(&mut *self.state(), State::Done(outcome));
        if let State::Waiting(wakers) = before {
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What will become of one record. Awaiting it tells; dropping it does not take the record back.
#[derive(Debug)]
pub struct Delivery {
    batch: Arc<Completion>,
    index: i32,
    timestamp: Timestamp,
    /// The place of our waker, once we have waited.
    slot: Option<usize>,
}

impl Delivery {
    pub(crate) fn new(batch: Arc<Completion>, index: i32, timestamp: Timestamp) -> Self {
        Self { batch, index, timestamp, slot: None }
    }

    /// The partition that the record goes to.
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.batch.at
    }

    /// True if another record goes in the same batch: then both are written, or neither.
    pub fn shares_batch(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.batch, &other.batch)
    }

    fn metadata(&self, written: Written) -> RecordMetadata {
        RecordMetadata {
            topic_partition: self.batch.at.clone(),
            offset: written.base_offset.map_or(Offset::NONE, |base| base + i64::from(self.index)),
            timestamp: written.log_append_time.unwrap_or(self.timestamp),
        }
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut state = this.batch.state();
        match &mut *state {
            State::Done(Ok(written)) => Poll::Ready(Ok(this.metadata(*written))),
            State::Done(Err(error)) => Poll::Ready(Err(error.clone())),
            State::Waiting(wakers) => {
                let slot = *this.slot.get_or_insert_with(|| {
                    wakers.push(None);
                    wakers.len() - 1
                });
                if let Some(place) = wakers.get_mut(slot)
                    && !place.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
                {
                    *place = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(slot) = self.slot
            && let State::Waiting(wakers) = &mut *self.batch.state()
            && let Some(place) = wakers.get_mut(slot)
        {
            *place = None;
        }
    }
}
