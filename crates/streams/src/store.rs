//! Stores: what a task remembers.
//!
//! Owns: the byte-store trait that every kind of store implements, the ordered map in memory, the stores on disk, the
//! typed views that operators use, and global tables.
//!
//! Invariants: the order of a byte store is the order of its keys' bytes; what a typed view writes, a task also offers
//! to the store's changelog.
//!
//! Does not know: topics, the network, when a write is committed.

mod buffer;
pub(crate) mod disk;
mod expiring;
pub(crate) mod global;
mod join_buffer;
mod key_value;
mod memory;
mod murmur3;
mod observed;
mod parts;
pub(crate) mod session;
pub(crate) mod sliding;
mod small;
mod stream_join;
mod subscription;
pub(crate) mod time_indexed;
pub(crate) mod timed;
mod versioned;
pub(crate) mod window;

use std::fmt::Debug;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;

pub(crate) use buffer::{BufferView, Held, Prior};
pub(crate) use disk::Reflected;
pub use disk::{DiskStore, StateError, StatePlace};
pub(crate) use expiring::{ENTRY, Expiring, is_over};
pub(crate) use join_buffer::{JoinBuffer, Ripe};
pub(crate) use key_value::{KeyValueView, Lookup, entry_reader};
pub use memory::MemoryStore;
pub(crate) use murmur3::hash;
pub(crate) use observed::Observed;
pub(crate) use session::SessionView;
pub(crate) use sliding::{Found as FoundWindow, SlidingView};
pub(crate) use stream_join::{Due, JoinStores, JoinTimes, Kept, SideView, WaitingView};
pub(crate) use subscription::{
    Instruction, Response, ResponseSerde, Subscription, SubscriptionSerde, SubscriptionView,
};
pub(crate) use versioned::{LATEST, Placed, VersionedView};
pub(crate) use window::{Entry as WindowEntry, WindowView};

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
#[error("the store \"{store}\" failed")]
pub struct StoreError {
    /// The store's name.
    pub store: String,
    /// What happened.
    #[source]
    pub source: std::io::Error,
}

/// A range of keys; see [`ByteStore::range`].
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The entries of a range, in the order of their keys.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), StoreError>> + 'a>;

/// Reads a record of the topic that a store is read from: the entry as it is stored, without a value if it is a removal;
/// `None` if the record makes none.
pub(crate) type EntryReader =
    Arc<dyn Fn(&[u8], Option<&[u8]>, Timestamp) -> Option<(Vec<u8>, Option<Vec<u8>>)> + Send + Sync>;

/// An ordered map of bytes that belongs to one task.
pub trait ByteStore: Send + Debug {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// True if a key has a value.
    fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.get(key)?.is_some())
    }

    /// Sets the value of a key.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Removes a key, which need not exist.
    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError>;

    /// The entries whose keys lie in the range.
    fn range(&self, range: KeyRange<'_>) -> Entries<'_>;

    /// The entries whose keys begin with the prefix.
    fn prefix(&self, prefix: &[u8]) -> Entries<'_> {
        match end_of_prefix(prefix) {
            Some(end) => self.range((Bound::Included(prefix), Bound::Excluded(&end))),
            None => self.range((Bound::Included(prefix), Bound::Unbounded)),
        }
    }

    /// How many bytes wait to be written; none where nothing outlives the process.
    fn unwritten_bytes(&self) -> usize {
        0
    }

    /// The store on disk that it is, if it is one.
    fn on_disk(&mut self) -> Option<&mut DiskStore> {
        None
    }
}

/// True for ranges that cannot hold a key, on which ordered maps panic.
fn is_empty(range: KeyRange<'_>) -> bool {
    use std::ops::Bound::{Excluded, Included};
    match range {
        (Included(from), Included(to)) => from > to,
        (Included(from) | Excluded(from), Excluded(to)) | (Excluded(from), Included(to)) => from >= to,
        _ => false,
    }
}

/// The first key after all that begin with the prefix; `None` if there is no such key.
fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}
