//! How far apart in event time two streams' records may be to be joined.

use std::fmt;
use std::time::Duration;

use headwater_model::Timestamp;

use crate::window::whole_ms;

/// A record of the left stream is joined with those of the right one that are at most `before` older and at most `after`
/// newer than it.
///
/// What a join may still need is kept for `before + after + grace`, by the time of its own stream; a record that is older
/// when it comes is joined with what is there, but not kept, and counted as late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinWindows {
    before: Duration,
    after: Duration,
    grace: Duration,
}

/// One of the two streams of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl JoinWindows {
    /// Joins records that are at most this far apart, in whole milliseconds.
    pub fn of(difference: Duration) -> Self {
        Self { before: difference, after: difference, grace: Duration::ZERO }
    }

    /// How much older the right record may be.
    #[must_use]
    pub fn before(self, before: Duration) -> Self {
        Self { before, ..self }
    }

    /// How much newer the right record may be.
    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    /// How long after the end of its window a record is still waited for, by stream time.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The times of the other side's records that a record of this side is joined with.
    pub(crate) fn span(&self, side: Side, time: Timestamp) -> (Timestamp, Timestamp) {
        let from = time.plus_ms(self.look_ahead_ms(side.other()).saturating_neg());
        let to = time.plus_ms(self.look_ahead_ms(side));
        (from.max(Timestamp(0)), to.max(Timestamp(0)))
    }

    /// How much newer than a record of this side its partners may be.
    pub(crate) fn look_ahead_ms(&self, side: Side) -> i64 {
        whole_ms(match side {
            Side::Left => self.after,
            Side::Right => self.before,
        })
    }

    /// True while a record of this side may still find a partner that is no more than the grace late.
    pub(crate) fn is_open(&self, side: Side, time: Timestamp, stream_time: Timestamp) -> bool {
        time.plus_ms(self.look_ahead_ms(side)).plus_ms(whole_ms(self.grace)) >= stream_time
    }

    /// How much older than the stream time that lets it out a record may be that has found no partner.
    pub(crate) fn hold_ms(&self) -> i64 {
        let ahead = self.look_ahead_ms(Side::Left).max(self.look_ahead_ms(Side::Right));
        ahead.saturating_add(whole_ms(self.grace))
    }

    /// How much older, how much newer, and how late, in milliseconds.
    pub(crate) fn parts_ms(&self) -> (i64, i64, i64) {
        (whole_ms(self.before), whole_ms(self.after), whole_ms(self.grace))
    }

    /// How long a record is kept. At least a millisecond, so that records of one time meet whatever the windows.
    pub(crate) fn retention_ms(&self) -> i64 {
        let size = whole_ms(self.before).saturating_add(whole_ms(self.after));
        size.saturating_add(whole_ms(self.grace)).max(1)
    }
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl fmt::Display for JoinWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, grace } = self;
        write!(f, "before {before:?}, after {after:?}, grace {grace:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: JoinWindows = JoinWindows {
        before: Duration::from_millis(3),
        after: Duration::from_millis(5),
        grace: Duration::from_millis(2),
    };

    #[test]
    fn what_is_before_for_one_side_is_after_for_the_other() {
        let time = Timestamp(10);
        assert_eq!(WINDOWS.span(Side::Left, time), (Timestamp(7), Timestamp(15)));
        assert_eq!(WINDOWS.span(Side::Right, time), (Timestamp(5), Timestamp(13)));
        assert_eq!(WINDOWS.span(Side::Left, Timestamp(1)), (Timestamp(0), Timestamp(6)));
    }

    #[test]
    fn a_window_is_open_until_stream_time_is_past_its_end_and_the_grace() {
        assert!(WINDOWS.is_open(Side::Left, Timestamp(10), Timestamp(17)));
        assert!(!WINDOWS.is_open(Side::Left, Timestamp(10), Timestamp(18)));
        assert!(WINDOWS.is_open(Side::Right, Timestamp(10), Timestamp(15)));
        assert!(!WINDOWS.is_open(Side::Right, Timestamp(10), Timestamp(16)));
    }

    #[test]
    fn extreme_windows_do_not_overflow() {
        let windows = JoinWindows::of(Duration::MAX).grace(Duration::MAX);
        assert_eq!(windows.span(Side::Left, Timestamp(i64::MAX)).1, Timestamp(i64::MAX));
        assert!(windows.is_open(Side::Right, Timestamp(0), Timestamp(i64::MAX)));
        assert_eq!(windows.retention_ms(), i64::MAX);
        assert_eq!(JoinWindows::of(Duration::ZERO).retention_ms(), 1);
    }
}
