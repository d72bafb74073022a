//! Records as authors see them: typed, with the time and headers of the event.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;

/// What can be the key or value of a stream: plain data of one's own.
///
/// Records are cloned only where a stream goes two ways; elsewhere they move.
pub trait Data: Clone + Send + 'static {}

impl<T: Clone + Send + 'static> Data for T {}

/// One event on its way through a topology.
///
/// Where an operator cannot change the key, closures get it lent, as `Record<&K, V>`; the fields are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<K, V> {
    /// What the event is about.
    pub key: K,
    /// The event.
    pub value: V,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What travels with it.
    pub headers: Headers,
}

impl<K, V> Record<K, V> {
    /// A record without headers.
    pub fn new(key: K, value: V, timestamp: Timestamp) -> Self {
        Self { key, value, timestamp, headers: Headers::default() }
    }

    /// The same event with another value.
    pub fn with_value<W>(self, value: W) -> Record<K, W> {
        Record { key: self.key, value, timestamp: self.timestamp, headers: self.headers }
    }

    /// The same event with another key.
    pub fn with_key<L>(self, key: L) -> Record<L, V> {
        Record { key, value: self.value, timestamp: self.timestamp, headers: self.headers }
    }
}

/// A change of a table, as its key, time and headers tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change<V> {
    /// The value from now on; `None` if the key was removed.
    pub(crate) new: Option<V>,
    /// The value before, where somebody behind the table [wants](crate::node::OldValues) it; `None` also if there was none.
    pub(crate) old: Option<V>,
}

/// The headers of a record: ordered, perhaps with duplicate keys and null values. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Option<Arc<[Header]>>);

/// One header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its key.
    pub key: String,
    /// Its value, perhaps null.
    pub value: Option<Bytes>,
}

impl Headers {
    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.as_deref().unwrap_or_default().iter()
    }

    /// The last value under a key, as Kafka's `lastHeader`; `Some(None)` if that is null.
    pub fn last(&self, key: &str) -> Option<Option<&Bytes>> {
        self.iter().rev().find(|header| header.key == key).map(|header| header.value.as_ref())
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// These headers and one more.
    #[must_use]
    pub fn with(&self, key: &str, value: Option<Bytes>) -> Self {
        self.iter().cloned().chain([Header { key: key.to_owned(), value }]).collect()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        let headers: Arc<[Header]> = headers.into_iter().collect();
        Self((!headers.is_empty()).then_some(headers))
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
