//! A task under the test driver.

use headwater_model::{Monotonic, Offset, Timestamp, TopicPartition};

use super::topics::Topics;
use super::{TestError, too_large};
use crate::task::Task;

/// See the module.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) task: Task,
    /// The partitions that it reads.
    pub(super) inputs: Vec<TopicPartition>,
    /// The time of its next record, if there is one.
    next_time: Option<Timestamp>,
}

impl Driven {
    pub(super) fn new(task: Task) -> Self {
        Self { inputs: task.inputs().cloned().collect(), task, next_time: None }
    }

    /// Hands the task what is new in its partitions.
    pub(super) fn take_from(&mut self, topics: &mut Topics, now: Monotonic) -> Result<(), TestError> {
        for (number, input) in self.inputs.iter().enumerate() {
            let taken = topics.take(input).map_err(too_large(&input.topic))?;
            for batch in taken.batches {
                self.task.add(number, batch, Offset::ZERO);
            }
            self.task.set_end(number, taken.end);
        }
        self.look(now)
    }

    /// Looks which record is next.
    pub(super) fn look(&mut self, now: Monotonic) -> Result<(), TestError> {
        self.next_time = self.task.next_time(now)?;
        Ok(())
    }
}

/// The task that has the oldest record, if any has one.
pub(super) fn oldest(tasks: &mut [Driven]) -> Option<&mut Driven> {
    tasks.iter_mut().filter(|driven| driven.next_time.is_some()).min_by_key(|driven| driven.next_time)
}
