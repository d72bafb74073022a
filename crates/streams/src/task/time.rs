//! A task that goes by watermarks: who is told when time goes on.

use std::time::Duration;

use headwater_model::Monotonic;

use super::Task;
use super::schedule::InputState;
use crate::error::TaskError;
use crate::node::Timed;
use crate::topology::{Plan, SubTopology};
use crate::watermark::{Outgoing, TaskTime};

/// What a task has besides, where it goes by watermarks.
#[derive(Default)]
pub(super) struct Time {
    /// The nodes that wait for event time.
    timed: Timed,
    /// What the readers of the task's repartition topics were told.
    outgoing: Outgoing,
}

impl Task {
    /// Goes by watermarks instead of by stream time.
    pub(crate) fn go_by(&mut self, watermarks: TaskTime, timed: Timed) {
        self.context.go_by(watermarks);
        self.time.timed = timed;
    }

    /// Learns who writes the repartition topics that the task reads, and how many partitions those have that it writes:
    /// by these, watermarks go from task to task. Without it, the task knows of none.
    ///
    /// A topic that a task of this sub-topology or of a later one writes closes a circle: nobody waits for it.
    pub(crate) fn follow_plan(&mut self, plan: &Plan, sub_topology: &SubTopology) {
        let Some(watermarks) = self.context.watermarks_mut() else {
            return;
        };
        for (number, input) in self.inputs.iter().enumerate() {
            let writers = plan.writers(&input.topic_partition().topic);
            let earlier = writers.filter(|writer| writer.sub_topology < self.id.sub_topology);
            watermarks.set_writers(number, earlier);
        }
        let mut outgoing = Outgoing::default();
        for topic in sub_topology.repartitions() {
            let partitions = plan.partitions(topic).unwrap_or_default();
            outgoing.add(topic.clone(), partitions, self.graph.repartition_hold_ms(topic));
        }
        self.time.outgoing = outgoing;
    }

    /// Tells all readers of the task's repartition topics how far it has come, if there is news and they were not told
    /// within the interval before. What is told is among the outputs.
    ///
    /// Every so often call it behind [`step`](Self::step); where the topology does not go by watermarks, it does nothing.
    pub fn tell_watermark(&mut self, now: Monotonic, interval: Duration) {
        if let Some(standing) = self.context.standing() {
            let outputs = self.context.outputs_mut();
            self.time.outgoing.tell(self.id, standing, (now, interval), |mark| outputs.copy_known(mark));
        }
    }

    /// True if the topology goes by watermarks.
    pub fn has_watermarks(&self) -> bool {
        self.context.watermark().is_some()
    }

    /// Notes which inputs nothing more is known to come from.
    pub(super) fn follow_states(&mut self, now: Monotonic) {
        let Some(watermarks) = self.context.watermarks_mut() else {
            return;
        };
        for (input, state) in self.states.iter().enumerate() {
            match *state {
                InputState::Ready(_) | InputState::Lagging => watermarks.is_busy(input),
                InputState::AtEnd(since) => watermarks.is_at_end(input, since, now),
                InputState::Finished => watermarks.is_finished(input),
            }
        }
    }

    /// Lets the nodes that wait for event time know, if it has gone on.
    pub(super) fn let_time_pass(&mut self) -> Result<(), TaskError> {
        if self.context.time_has_passed() {
            self.time.timed.tell(&mut self.context).map_err(|error| *error)?;
            self.context.drop_dead_letters();
        }
        Ok(())
    }
}
