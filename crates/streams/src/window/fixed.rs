//! What windows of one length have in common.

use std::fmt;

use headwater_model::Timestamp;

use super::{HoppingWindows, SlidingWindows, TumblingWindows, Window};

/// Windows of one length, whatever says where they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedWindows {
    /// Back to back.
    Tumbling(TumblingWindows),
    /// Overlapping, at whole multiples of a step.
    Hopping(HoppingWindows),
    /// Where the records are.
    Sliding(SlidingWindows),
}

impl FixedWindows {
    pub(crate) fn size_ms(&self) -> i64 {
        match self {
            Self::Tumbling(windows) => windows.size_ms(),
            Self::Hopping(windows) => windows.size_ms(),
            Self::Sliding(windows) => windows.size_ms(),
        }
    }

    /// How much older than the stream time that closes it a window's newest record may be.
    pub(crate) fn hold_ms(&self) -> i64 {
        self.size_ms().saturating_add(self.grace_ms())
    }

    pub(crate) fn grace_ms(&self) -> i64 {
        match self {
            Self::Tumbling(windows) => windows.grace_ms(),
            Self::Hopping(windows) => windows.grace_ms(),
            Self::Sliding(windows) => windows.grace_ms(),
        }
    }

    /// True if the windows begin, one after the other, no further apart than they are long.
    pub(crate) fn leave_no_gap(&self) -> bool {
        match self {
            Self::Hopping(windows) => (1..=windows.size_ms()).contains(&windows.step_ms()),
            Self::Tumbling(_) | Self::Sliding(_) => true,
        }
    }

    /// How many windows a record lies in at most, where they begin step by step.
    pub(crate) fn steps(&self) -> i64 {
        match self {
            Self::Hopping(windows) => {
                let (size, step) = (windows.size_ms(), windows.step_ms().max(1));
                size / step + i64::from(size % step > 0)
            }
            Self::Tumbling(_) | Self::Sliding(_) => 1,
        }
    }
}

impl From<TumblingWindows> for FixedWindows {
    fn from(windows: TumblingWindows) -> Self {
        Self::Tumbling(windows)
    }
}

impl From<HoppingWindows> for FixedWindows {
    fn from(windows: HoppingWindows) -> Self {
        Self::Hopping(windows)
    }
}

impl From<SlidingWindows> for FixedWindows {
    fn from(windows: SlidingWindows) -> Self {
        Self::Sliding(windows)
    }
}

impl fmt::Display for FixedWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tumbling(windows) => windows.fmt(f),
            Self::Hopping(windows) => windows.fmt(f),
            Self::Sliding(windows) => windows.fmt(f),
        }
    }
}

/// Windows of one size that begin at whole multiples of a step: what tumbling and hopping windows both are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepWindows {
    size_ms: i64,
    step_ms: i64,
    grace_ms: i64,
}

impl StepWindows {
    /// The windows that a time lies in: the newest, and those before it, in the order of their starts.
    pub(crate) fn windows_of(self, time: Timestamp) -> (impl Iterator<Item = Window>, Window) {
        // Windows without a step are refused when the topology is built.
        let (size, step) = (self.size_ms.max(1), self.step_ms.max(1));
        let window = move |start| Window { start: Timestamp(start), end: Timestamp(start).plus_ms(size) };
        let newest = time.0.saturating_sub(time.0.rem_euclid(step));
        let first = time.0.saturating_sub(size).saturating_add(step).max(0) / step * step;
        let starts = std::iter::successors(Some(first), move |start| start.checked_add(step));
        (starts.take_while(move |start| *start < newest).map(window), window(newest))
    }

    /// The end of the window with that start.
    pub(crate) fn end_of(self, start: Timestamp) -> Timestamp {
        start.plus_ms(self.size_ms)
    }

    /// True once stream time has reached the window's end and the grace is over.
    pub(crate) fn is_closed(self, window: Window, stream_time: Timestamp) -> bool {
        window.end.plus_ms(self.grace_ms) <= stream_time
    }

    /// The start of the latest window that may be closed at that stream time.
    pub(crate) fn latest_closed_start(self, stream_time: Timestamp) -> Timestamp {
        stream_time.plus_ms(self.grace_ms.saturating_neg()).plus_ms(self.size_ms.saturating_neg())
    }
}

impl From<TumblingWindows> for StepWindows {
    fn from(windows: TumblingWindows) -> Self {
        Self { size_ms: windows.size_ms(), step_ms: windows.size_ms(), grace_ms: windows.grace_ms() }
    }
}

impl From<HoppingWindows> for StepWindows {
    fn from(windows: HoppingWindows) -> Self {
        Self { size_ms: windows.size_ms(), step_ms: windows.step_ms(), grace_ms: windows.grace_ms() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn starts(size: u64, step: u64, time: i64) -> Vec<i64> {
        let millis = Duration::from_millis;
        let windows = StepWindows::from(HoppingWindows::of(millis(size)).advance_by(millis(step)));
        let (earlier, newest) = windows.windows_of(Timestamp(time));
        earlier.chain([newest]).map(|window| window.start.0).collect()
    }

    #[test]
    fn a_time_lies_in_every_window_that_began_less_than_its_size_ago_and_not_before_the_epoch() {
        assert_eq!(starts(10, 5, 0), [0]);
        assert_eq!(starts(10, 5, 4), [0]);
        assert_eq!(starts(10, 5, 5), [0, 5]);
        assert_eq!(starts(10, 5, 14), [5, 10]);
        assert_eq!(starts(10, 3, 9), [0, 3, 6, 9]);
        assert_eq!(starts(10, 3, 10), [3, 6, 9]);
        assert_eq!(starts(10, 10, 25), [20]);
    }

    #[test]
    fn the_latest_closed_start_is_that_of_a_closed_window() {
        let windows = StepWindows { size_ms: 10, step_ms: 5, grace_ms: 3 };
        let window = windows.windows_of(Timestamp(7)).1;
        assert!(!windows.is_closed(window, Timestamp(17)));
        assert!(windows.is_closed(window, Timestamp(18)));
        assert_eq!(windows.latest_closed_start(Timestamp(18)), window.start);
    }

    #[test]
    fn extreme_times_and_sizes_do_not_overflow() {
        for windows in
            [TumblingWindows::of(Duration::MAX).grace(Duration::MAX), TumblingWindows::of(Duration::ZERO)]
        {
            let windows = StepWindows::from(windows);
            for time in [i64::MIN, -1, 0, i64::MAX] {
                let (mut earlier, newest) = windows.windows_of(Timestamp(time));
                assert_eq!(earlier.next(), None);
                windows.is_closed(newest, Timestamp(time));
                windows.latest_closed_start(Timestamp(time));
            }
        }
    }
}
