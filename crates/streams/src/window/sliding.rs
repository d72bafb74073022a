//! Windows that follow the records.

use std::fmt;
use std::time::Duration;

use headwater_model::Timestamp;

/// Windows of one length, both ends included, that slide over the records of a key: each record is the last of one
/// window, and each has a window that begins right behind it if there are records in it. So any two records that are no
/// further apart than the length are together in some window.
///
/// A window takes records until stream time has passed its end plus the grace; a record that is further behind stream
/// time than the length plus the grace is dropped and counted. Windows do not begin before 1970: the records of its
/// first milliseconds share one window that begins there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingWindows {
    time_difference: Duration,
    grace: Duration,
}

impl SlidingWindows {
    /// Windows of records that are no further apart than that, in whole milliseconds, at least one.
    pub fn of(time_difference: Duration) -> Self {
        Self { time_difference, grace: Duration::ZERO }
    }

    /// How far stream time may be past a window's end while records of the window still count.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    pub(crate) fn size_ms(&self) -> i64 {
        super::whole_ms(self.time_difference)
    }

    pub(crate) fn grace_ms(&self) -> i64 {
        super::whole_ms(self.grace)
    }

    /// Windows that end before this are closed.
    pub(crate) fn close_time(&self, stream_time: Timestamp) -> Timestamp {
        stream_time.plus_ms(self.grace_ms().saturating_neg())
    }

    /// For how long behind the newest start windows are kept, so that late records still find their neighbours.
    pub(crate) fn retention_ms(&self) -> i64 {
        self.size_ms().saturating_mul(2).saturating_add(self.grace_ms())
    }
}

impl fmt::Display for SlidingWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sliding {:?}, grace {:?}", self.time_difference, self.grace)
    }
}
