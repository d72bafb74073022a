//! Watermarks: how far event time has come, where records are out of order.
//!
//! Owns: the author's settings, a task's watermark over its inputs, what tasks tell the readers of their repartition
//! topics and when.
//!
//! Invariants: what a task is told of a writer never goes back; an input that nothing more is known to come from holds
//! back no other. The same records in the same order give the same watermark, but for which inputs are idle.
//!
//! Does not know: clocks, records, how marks travel.

mod mark;
mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use headwater_model::{Monotonic, Timestamp};

use crate::topology::TaskId;
use crate::window::whole_ms;

pub(crate) use mark::{Mark, is_mark};
pub(crate) use told::Outgoing;

/// How far behind the highest time of a partition records may still come, and how long a silent partition is waited
/// for.
///
/// A task's watermark is the least over its inputs of their highest time less the bound, and never goes back: whoever
/// waits for event time (windows, their grace, suppression, joins) waits until the watermark is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    out_of_orderness: Duration,
    idle_after: Option<Duration>,
}

impl Watermarks {
    /// Records may come so much behind the highest time of their partition, in whole milliseconds. What comes later may
    /// be late for its window.
    pub fn bounded_out_of_orderness(bound: Duration) -> Self {
        Self { out_of_orderness: bound, idle_after: None }
    }

    /// A partition that has been at its end for so long holds the watermark back no more, until it has a record again.
    /// Without this, a silent partition is waited for.
    #[must_use]
    pub fn idle_after(self, silence: Duration) -> Self {
        Self { idle_after: Some(silence), ..self }
    }

    fn of(self, highest: Timestamp) -> Timestamp {
        if highest < Timestamp(0) {
            return Timestamp::NONE;
        }
        highest.plus_ms(whole_ms(self.out_of_orderness).saturating_neg()).max(Timestamp::NONE)
    }

    fn is_idle(self, at_end_since: Monotonic, now: Monotonic) -> bool {
        self.idle_after.is_some_and(|silence| at_end_since + silence <= now)
    }
}

/// Prints as `up to 5s out of order, idle after 30s`.
impl fmt::Display for Watermarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {:?} out of order", self.out_of_orderness)?;
        match self.idle_after {
            Some(silence) => write!(f, ", idle after {silence:?}"),
            None => Ok(()),
        }
    }
}

/// How far somebody has come, and whether anything more is to be expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) watermark: Timestamp,
    /// True if it holds nobody back.
    pub(crate) is_idle: bool,
}

/// The least watermark of those that hold time back; where none does, the highest of all.
fn combined(standings: impl Iterator<Item = Standing>) -> Standing {
    let (mut least_busy, mut highest) = (None::<Timestamp>, Timestamp::NONE);
    for Standing { watermark, is_idle } in standings {
        highest = highest.max(watermark);
        if !is_idle {
            least_busy = Some(least_busy.map_or(watermark, |least| least.min(watermark)));
        }
    }
    Standing { watermark: least_busy.unwrap_or(highest), is_idle: least_busy.is_none() }
}

/// How far the inputs of a task have come.
#[derive(Debug)]
pub(crate) struct TaskTime {
    inputs: Vec<InputTime>,
}

#[derive(Debug)]
struct InputTime {
    by: TimeBy,
    /// True if nothing more is expected of the input.
    is_silent: bool,
}

/// Whom an input has its time from.
#[derive(Debug)]
enum TimeBy {
    /// Its own records, of which the highest time is this.
    Records(Watermarks, Timestamp),
    /// The tasks that write it.
    Writers(Writers),
}

#[derive(Debug)]
struct Writers {
    standings: BTreeMap<TaskId, Standing>,
    /// Of all together; kept, because it is asked for with every record and changes with marks only.
    combined: Standing,
}

impl TaskTime {
    /// The time of a task with these inputs, each with the watermarks of its source; `None` for a repartition topic,
    /// whose writers are not known yet.
    pub(crate) fn new(inputs: impl Iterator<Item = Option<Watermarks>>) -> Self {
        let input = |watermarks: Option<Watermarks>| {
            let none = || TimeBy::Writers(Writers::new(BTreeMap::new()));
            let by = watermarks.map_or_else(none, |own| TimeBy::Records(own, Timestamp::NONE));
            InputTime { by, is_silent: false }
        };
        Self { inputs: inputs.map(input).collect() }
    }

    /// Says which tasks write an input. None of them has told anything yet, and all are waited for.
    pub(crate) fn set_writers(&mut self, input: usize, writers: impl Iterator<Item = TaskId>) {
        if let Some(InputTime { by: TimeBy::Writers(known), .. }) = self.inputs.get_mut(input) {
            let nothing = Standing { watermark: Timestamp::NONE, is_idle: false };
            *known = Writers::new(writers.map(|writer| (writer, nothing)).collect());
        }
    }

    /// Follows a record.
    pub(crate) fn see(&mut self, input: usize, time: Timestamp) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.is_silent = false;
            if let TimeBy::Records(_, highest) = &mut input.by {
                *highest = time.max(*highest);
            }
        }
    }

    /// Follows what a writer tells. Who is not known to write the input is not listened to.
    pub(crate) fn hear(&mut self, input: usize, mark: Mark) {
        let input = self.inputs.get_mut(input).map(|input| &mut input.by);
        if let Some(TimeBy::Writers(writers)) = input {
            writers.hear(mark);
        }
    }

    /// Says that an input has, or will have, records.
    pub(crate) fn is_busy(&mut self, input: usize) {
        self.set_silent(input, false);
    }

    /// Says that an input is at its end since a moment; a repartition topic's writers know better what that means.
    pub(crate) fn is_at_end(&mut self, input: usize, since: Monotonic, now: Monotonic) {
        let is_idle = match self.inputs.get(input) {
            Some(InputTime { by: TimeBy::Records(watermarks, _), .. }) => watermarks.is_idle(since, now),
            _ => false,
        };
        self.set_silent(input, is_idle);
    }

    /// Says that an input will never have another record.
    pub(crate) fn is_finished(&mut self, input: usize) {
        self.set_silent(input, true);
    }

    /// How far the task has come.
    pub(crate) fn standing(&self) -> Standing {
        combined(self.inputs.iter().map(InputTime::standing))
    }

    fn set_silent(&mut self, input: usize, is_silent: bool) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.is_silent = is_silent;
        }
    }
}

impl Writers {
    fn new(standings: BTreeMap<TaskId, Standing>) -> Self {
        let combined = combined(standings.values().copied());
        Self { standings, combined }
    }

    fn hear(&mut self, Mark { writer, standing: Standing { watermark, is_idle } }: Mark) {
        if let Some(known) = self.standings.get_mut(&writer) {
            *known = Standing { watermark: known.watermark.max(watermark), is_idle };
            self.combined = combined(self.standings.values().copied());
        }
    }
}

impl InputTime {
    fn standing(&self) -> Standing {
        let own = match &self.by {
            TimeBy::Records(watermarks, highest) => {
                Standing { watermark: watermarks.of(*highest), is_idle: false }
            }
            TimeBy::Writers(writers) => writers.combined,
        };
        Standing { is_idle: own.is_idle || self.is_silent, ..own }
    }
}

#[cfg(test)]
mod tests;
