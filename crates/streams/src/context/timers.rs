//! The timers of a task: which are due, and when they are due again.
//!
//! Invariants: they go by the rules of Kafka Streams' punctuations. A timer is due once its clock has reached its time;
//! where it was missed several times, it is due once. Its next time is the first of its steps behind the clock.
//!
//! Does not know: processors but by their numbers, who reads the clocks. Nothing here outlives the task: processors set
//! their timers anew when they start.

use std::collections::BTreeMap;

use headwater_model::Timestamp;

use super::Context;

/// By which clock a timer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PunctuationType {
    /// By the times of the records that the task takes up: it stands still as long as none comes.
    StreamTime,
    /// By the machine's clock, or in a test by the test's.
    WallClockTime,
}

/// A timer that a processor has set. Timers of one task are told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u64);

/// A processor of a task, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessorId(pub(crate) usize);

/// What a timer is for, and how often it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) processor: ProcessorId,
    interval_ms: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Timers {
    by_stream_time: Queue,
    by_wall_clock: Queue,
    /// How many were set.
    count: u64,
    wall_clock: Timestamp,
    /// False while a timer is dealt with, which no record stands for.
    has_record: bool,
}

/// By the time of the next turn; those of one time in the order in which they were set.
type Queue = BTreeMap<(Timestamp, Timer), Schedule>;

impl Default for Timers {
    fn default() -> Self {
        Self {
            by_stream_time: Queue::new(),
            by_wall_clock: Queue::new(),
            count: 0,
            wall_clock: Timestamp(0),
            has_record: true,
        }
    }
}

impl Schedule {
    /// Intervals are a millisecond at least.
    pub(crate) fn new(processor: ProcessorId, interval_ms: i64) -> Self {
        Self { processor, interval_ms: interval_ms.max(1) }
    }

    /// The first of the steps from `at` on that is behind `now`; `None` where time ends before.
    fn step_after(self, at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let steps = now.ms_since(at).max(0) / self.interval_ms + 1;
        let next = at.plus_ms(steps.saturating_mul(self.interval_ms));
        (next > now).then_some(next)
    }
}

impl Timers {
    /// Sets a timer that is due at `first`, and then again and again.
    pub(crate) fn set(&mut self, kind: PunctuationType, first: Timestamp, schedule: Schedule) -> Timer {
        self.count += 1;
        let timer = Timer(self.count);
        self.queue(kind).insert((first, timer), schedule);
        timer
    }

    /// Sets a timer whose turns are `start` and every interval from there on, of those that are not over at `now`.
    pub(crate) fn set_from(
        &mut self,
        kind: PunctuationType,
        start: Timestamp,
        now: Timestamp,
        schedule: Schedule,
    ) -> Timer {
        let first = if start < now { schedule.step_after(start, now) } else { Some(start) };
        self.set(kind, first.unwrap_or(Timestamp(i64::MAX)), schedule)
    }

    /// Ends a timer; one that has ended already stays so.
    pub(crate) fn cancel(&mut self, timer: Timer) {
        for queue in [&mut self.by_stream_time, &mut self.by_wall_clock] {
            queue.retain(|(_, known), _| *known != timer);
        }
    }

    /// The first timer that is due, whose next turn is set already.
    pub(crate) fn take_due(&mut self, kind: PunctuationType, now: Timestamp) -> Option<(Timer, ProcessorId)> {
        let queue = self.queue(kind);
        let first = queue.first_entry()?;
        let (at, timer) = *first.key();
        if at > now {
            return None;
        }
        let schedule = first.remove();
        if let Some(next) = schedule.step_after(at, now) {
            queue.insert((next, timer), schedule);
        }
        Some((timer, schedule.processor))
    }

    fn queue(&mut self, kind: PunctuationType) -> &mut Queue {
        match kind {
            PunctuationType::StreamTime => &mut self.by_stream_time,
            PunctuationType::WallClockTime => &mut self.by_wall_clock,
        }
    }
}

impl Context {
    pub(crate) fn timers(&mut self) -> &mut Timers {
        &mut self.timers
    }

    /// The wall clock, as the task was last told it.
    pub(crate) fn wall_clock(&self) -> Timestamp {
        self.timers.wall_clock
    }

    pub(crate) fn set_wall_clock(&mut self, now: Timestamp) {
        self.timers.wall_clock = now;
    }

    /// What a clock shows.
    pub(crate) fn now(&self, kind: PunctuationType) -> Timestamp {
        match kind {
            PunctuationType::StreamTime => self.stream_time,
            PunctuationType::WallClockTime => self.timers.wall_clock,
        }
    }

    /// True if a record is at hand, and not a timer.
    pub(crate) fn has_record(&self) -> bool {
        self.timers.has_record
    }

    /// Says whether a record is at hand from now on.
    pub(crate) fn set_has_record(&mut self, has_record: bool) {
        self.timers.has_record = has_record;
    }
}

#[cfg(test)]
mod tests {
    use PunctuationType::{StreamTime, WallClockTime};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const FIRST: ProcessorId = ProcessorId(0);
    const SECOND: ProcessorId = ProcessorId(1);

    fn every(interval_ms: i64) -> Schedule {
        Schedule::new(FIRST, interval_ms)
    }

    /// The turns that there are when a clock shows these times, one after the other: the time that the clock shows.
    fn turns(timers: &mut Timers, clock: &[i64]) -> Vec<i64> {
        let mut turns = Vec::new();
        for now in clock {
            while timers.take_due(StreamTime, Timestamp(*now)).is_some() {
                turns.push(*now);
            }
        }
        turns
    }

    #[test]
    fn a_timer_is_due_at_each_step_once_and_once_for_all_that_were_missed() {
        let mut timers = Timers::default();
        timers.set(StreamTime, Timestamp(0), every(10));
        assert_eq!(turns(&mut timers, &[3, 9, 10, 11, 19, 20, 55, 59, 60]), [3, 10, 20, 55, 60]);
    }

    #[test]
    fn a_timer_from_a_start_has_turns_at_its_steps_alone() {
        let mut timers = Timers::default();
        timers.set_from(StreamTime, Timestamp(3), Timestamp(25), every(10));
        assert_eq!(turns(&mut timers, &[25, 32, 33, 42, 43]), [33, 43]);
        let mut timers = Timers::default();
        timers.set_from(StreamTime, Timestamp(30), Timestamp(25), every(10));
        assert_eq!(turns(&mut timers, &[25, 30, 39, 41]), [30, 41]);
        let mut timers = Timers::default();
        timers.set_from(StreamTime, Timestamp(25), Timestamp(25), every(10));
        assert_eq!(turns(&mut timers, &[25, 34, 35]), [25, 35]);
    }

    #[test]
    fn timers_of_one_time_take_turns_in_the_order_in_which_they_were_set() {
        let mut timers = Timers::default();
        let second = timers.set(StreamTime, Timestamp(5), Schedule::new(SECOND, 10));
        let first = timers.set(StreamTime, Timestamp(5), Schedule::new(FIRST, 10));
        let earlier = timers.set(StreamTime, Timestamp(4), Schedule::new(FIRST, 10));
        let due: Vec<_> =
            std::iter::from_fn(|| timers.take_due(StreamTime, Timestamp(5)).map(|due| due.0)).collect();
        assert_eq!(due, [earlier, second, first]);
    }

    #[test]
    fn a_cancelled_timer_has_no_turn_and_the_clocks_are_apart() {
        let mut timers = Timers::default();
        let timer = timers.set(StreamTime, Timestamp(0), every(10));
        let other = timers.set(WallClockTime, Timestamp(0), every(10));
        assert!(timers.take_due(StreamTime, Timestamp(0)).is_some());
        timers.cancel(timer);
        timers.cancel(timer);
        assert_eq!(timers.take_due(StreamTime, Timestamp(100)), None);
        assert_eq!(timers.take_due(WallClockTime, Timestamp(7)), Some((other, FIRST)));
    }

    #[test]
    fn a_timer_ends_where_time_ends() {
        let mut timers = Timers::default();
        timers.set(StreamTime, Timestamp(0), every(i64::MAX));
        assert_eq!(turns(&mut timers, &[0, i64::MAX, i64::MAX]), [0, i64::MAX]);
    }

    proptest! {
        #[test]
        fn turns_are_those_of_a_look_at_every_millisecond(
            interval in 1i64..20,
            start in 0i64..50,
            steps in vec(0i64..30, 1..30),
        ) {
            let mut timers = Timers::default();
            timers.set(StreamTime, Timestamp(start), every(interval));
            let clock: Vec<_> =
                steps.iter().scan(0, |now, step| { *now += step; Some(*now) }).collect();
            let is_step = |at: &i64| *at >= start && (at - start) % interval == 0;
            let mut seen = -1;
            let expected: Vec<_> = clock.iter().copied().filter(|now| {
                let has_turn = (seen + 1..=*now).any(|at| is_step(&at));
                seen = seen.max(*now);
                has_turn
            }).collect();
            prop_assert_eq!(turns(&mut timers, &clock), expected);
        }
    }
}
