//! Windows of event time, and keys within them.

mod emit;
mod fixed;
mod hopping;
mod session;
mod sliding;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

pub use emit::EmitStrategy;
pub use fixed::FixedWindows;
pub(crate) use fixed::StepWindows;
pub use hopping::HoppingWindows;
pub use session::{SessionWindowedSerde, SessionWindows, session_windowed};
pub use sliding::SlidingWindows;

/// A stretch of event time, from `start` (inclusive) to `end` (exclusive; inclusive for sessions and sliding windows).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Its first millisecond.
    pub start: Timestamp,
    /// The millisecond after its last; for sessions and sliding windows, as in Kafka, its last.
    pub end: Timestamp,
}

/// A key within a window: what windowed results are keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windowed<K> {
    /// The key that the records were grouped by.
    pub key: K,
    /// The first millisecond of the window.
    pub start: Timestamp,
    /// The millisecond after its last; for sessions and sliding windows, as in Kafka, its last.
    pub end: Timestamp,
}

/// Windows of one size, back to back, aligned to 1970-01-01T00:00:00Z.
///
/// A window takes records until stream time reaches its end plus the grace; what comes later is dropped and counted.
/// Without `grace`, that is as soon as stream time reaches the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TumblingWindows {
    size: Duration,
    grace: Duration,
}

impl TumblingWindows {
    /// Windows of that size, in whole milliseconds, at least one.
    pub fn of(size: Duration) -> Self {
        Self { size, grace: Duration::ZERO }
    }

    /// How far stream time may be past a window's end while records of the window still count.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The window that a time lies in.
    pub fn window_of(&self, time: Timestamp) -> Window {
        let size = self.size_ms().max(1);
        let start = Timestamp(time.0.saturating_sub(time.0.rem_euclid(size)));
        Window { start, end: start.plus_ms(size) }
    }

    /// True once stream time has reached the window's end and the grace is over.
    pub fn is_closed(&self, window: Window, stream_time: Timestamp) -> bool {
        window.end.plus_ms(self.grace_ms()) <= stream_time
    }

    pub(crate) fn size_ms(&self) -> i64 {
        whole_ms(self.size)
    }

    pub(crate) fn grace_ms(&self) -> i64 {
        whole_ms(self.grace)
    }
}

impl fmt::Display for TumblingWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tumbling {:?}, grace {:?}", self.size, self.grace)
    }
}

impl<K> Windowed<K> {
    /// The window alone.
    pub fn window(&self) -> Window {
        Window { start: self.start, end: self.end }
    }
}

/// How a key within a window of known length is written, as Kafka's `TimeWindowedSerde` does it:
///
/// ```text
/// 0 the key's bytes | n start of the window i64, most significant byte first
/// ```
pub struct WindowedSerde<K> {
    keys: Arc<dyn Serde<K>>,
    size_ms: i64,
}

/// How a key within a tumbling, hopping or sliding window is written, given how the key is; see [`WindowedSerde`].
pub fn windowed<K>(keys: impl Serde<K>, windows: impl Into<FixedWindows>) -> WindowedSerde<K> {
    WindowedSerde::new(Arc::new(keys), windows.into())
}

impl<K> WindowedSerde<K> {
    pub(crate) fn new(keys: Arc<dyn Serde<K>>, windows: FixedWindows) -> Self {
        Self { keys, size_ms: windows.size_ms() }
    }
}

impl<K: 'static> Serde<Windowed<K>> for WindowedSerde<K> {
    fn serialize(&self, value: &Windowed<K>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.keys.serialize(&value.key, out)?;
        out.extend_from_slice(&value.start.0.to_be_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Windowed<K>, SerdeError> {
        let (key, start) = bytes.split_last_chunk::<8>().ok_or_else(|| {
            SerdeError::malformed::<Windowed<K>>("the window behind the key is cut off", bytes, None)
        })?;
        let start = Timestamp(i64::from_be_bytes(*start));
        Ok(Windowed { key: self.keys.deserialize(key)?, start, end: start.plus_ms(self.size_ms) })
    }

    fn is_null(&self, value: &Windowed<K>) -> bool {
        self.keys.is_null(&value.key)
    }

    fn describe(&self) -> String {
        format!("windowed({})", self.keys.describe())
    }
}

pub(crate) fn whole_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    #[test]
    fn windows_are_aligned_to_the_epoch_before_it_too() {
        let windows = TumblingWindows::of(Duration::from_millis(10));
        let start_of = |time| windows.window_of(Timestamp(time)).start.0;
        assert_eq!([-11, -10, -1, 0, 9, 10].map(start_of), [-20, -10, -10, 0, 0, 10]);
    }

    #[test]
    fn a_window_closes_when_stream_time_reaches_its_end_plus_the_grace() {
        let windows = TumblingWindows::of(minutes(60)).grace(minutes(5));
        let window = windows.window_of(Timestamp(0));
        let closing = 65 * 60_000;
        assert!(!windows.is_closed(window, Timestamp(closing - 1)));
        assert!(windows.is_closed(window, Timestamp(closing)));
    }

    #[test]
    fn extreme_times_and_sizes_do_not_overflow() {
        let windows = TumblingWindows::of(Duration::MAX).grace(Duration::MAX);
        for time in [i64::MIN, -1, 0, i64::MAX] {
            let window = windows.window_of(Timestamp(time));
            assert!(window.start <= Timestamp(time) && Timestamp(time) <= window.end);
            windows.is_closed(window, Timestamp(time));
        }
    }
}
