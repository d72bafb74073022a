//! Windows that overlap.

use std::fmt;
use std::time::Duration;

/// Windows of one size that begin at every whole multiple of a step, counted from 1970-01-01T00:00:00Z; where the step
/// is shorter than the size, a record lies in several.
///
/// Each window by itself takes records until stream time reaches its end plus the grace; what comes later is dropped
/// and counted, once for each window that it is too late for. Without `grace`, that is as soon as stream time reaches
/// the end. No window begins before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoppingWindows {
    size: Duration,
    step: Duration,
    grace: Duration,
}

impl HoppingWindows {
    /// Windows of that size, in whole milliseconds, at least one. Until a step is named, they are back to back.
    pub fn of(size: Duration) -> Self {
        Self { size, step: size, grace: Duration::ZERO }
    }

    /// How far it is from the beginning of a window to that of the next: at least a millisecond, and no more than the
    /// size.
    #[must_use]
    pub fn advance_by(self, step: Duration) -> Self {
        Self { step, ..self }
    }

    /// How far stream time may be past a window's end while records of the window still count.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    pub(crate) fn size_ms(&self) -> i64 {
        super::whole_ms(self.size)
    }

    pub(crate) fn step_ms(&self) -> i64 {
        super::whole_ms(self.step)
    }

    pub(crate) fn grace_ms(&self) -> i64 {
        super::whole_ms(self.grace)
    }
}

impl fmt::Display for HoppingWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hopping {:?} by {:?}, grace {:?}", self.size, self.step, self.grace)
    }
}
