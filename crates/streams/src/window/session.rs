//! Sessions: windows that last as long as records keep coming.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::{Window, Windowed};

/// Windows of the records of a key that are no further apart than a gap of inactivity. A session begins with its first
/// record and ends with its last, both included; a record between two sessions, close enough to both, makes them one.
///
/// A session takes records until stream time has passed its end by more than the gap and the grace; what would make a
/// session that is over already is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionWindows {
    gap: Duration,
    grace: Duration,
}

impl SessionWindows {
    /// Sessions that end where no record follows for longer than that, in whole milliseconds.
    pub fn with_gap(gap: Duration) -> Self {
        Self { gap, grace: Duration::ZERO }
    }

    /// How much further stream time may be past a session's end and the gap while records of the session still count.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    pub(crate) fn gap_ms(&self) -> i64 {
        super::whole_ms(self.gap)
    }

    /// How far stream time is past a session's end when it is over.
    pub(crate) fn retention_ms(&self) -> i64 {
        self.gap_ms().saturating_add(super::whole_ms(self.grace))
    }

    /// Sessions that end before this are closed.
    pub(crate) fn close_time(&self, stream_time: Timestamp) -> Timestamp {
        stream_time.plus_ms(self.retention_ms().saturating_neg())
    }
}

impl fmt::Display for SessionWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions with gap {:?}, grace {:?}", self.gap, self.grace)
    }
}

impl Window {
    /// The session of both.
    pub(crate) fn merged(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// How a key within a session is written, as Kafka's `SessionWindowedSerde` does it:
///
/// ```text
/// 0 the key's bytes | n end of the session i64, most significant byte first | n+8 start, likewise
/// ```
pub struct SessionWindowedSerde<K> {
    keys: Arc<dyn Serde<K>>,
}

/// How a key within a session is written, given how the key is; see [`SessionWindowedSerde`].
pub fn session_windowed<K>(keys: impl Serde<K>) -> SessionWindowedSerde<K> {
    SessionWindowedSerde::new(Arc::new(keys))
}

impl<K> SessionWindowedSerde<K> {
    pub(crate) fn new(keys: Arc<dyn Serde<K>>) -> Self {
        Self { keys }
    }
}

impl<K: 'static> Serde<Windowed<K>> for SessionWindowedSerde<K> {
    fn serialize(&self, value: &Windowed<K>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.keys.serialize(&value.key, out)?;
        out.extend_from_slice(&value.end.0.to_be_bytes());
        out.extend_from_slice(&value.start.0.to_be_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Windowed<K>, SerdeError> {
        let split = || {
            let (key, start) = bytes.split_last_chunk::<8>()?;
            let (key, end) = key.split_last_chunk::<8>()?;
            Some((key, *start, *end))
        };
        let (key, start, end) = split().ok_or_else(|| {
            SerdeError::malformed::<Windowed<K>>("the session behind the key is cut off", bytes, None)
        })?;
        let time = |bytes| Timestamp(i64::from_be_bytes(bytes));
        Ok(Windowed { key: self.keys.deserialize(key)?, start: time(start), end: time(end) })
    }

    fn is_null(&self, value: &Windowed<K>) -> bool {
        self.keys.is_null(&value.key)
    }

    fn describe(&self) -> String {
        format!("session-windowed({})", self.keys.describe())
    }
}
