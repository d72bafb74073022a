//! What a task commits beside its positions: its stream time, and up to where its changelogs are part of the commit.
//!
//! It is kept as text with the offset of each input, where tools show it: `headwater 1 1357034400000 1f2a…=42 …`. A store
//! is named by a hash of its name, because groups keep 4096 bytes of it.

use std::collections::BTreeMap;
use std::fmt;

use headwater_model::{Offset, Timestamp};

use crate::store::hash;

/// The first words of what is written.
const MARK: &str = "headwater 1 ";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) stream_time: Timestamp,
    /// The offset after the last change that is part of the commit, by the store.
    changelogs: BTreeMap<u64, Offset>,
}

impl Default for Commit {
    fn default() -> Self {
        Self { stream_time: Timestamp::NONE, changelogs: BTreeMap::new() }
    }
}

impl Commit {
    pub(crate) fn new(stream_time: Timestamp) -> Self {
        Self { stream_time, changelogs: BTreeMap::new() }
    }

    /// Reads what was committed; `None` if it is not ours, as after a tool has set the offset.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(MARK)?.split(' ');
        let mut commit = Self::new(Timestamp(words.next()?.parse().ok()?));
        for word in words {
            let (store, offset) = word.split_once('=')?;
            commit.changelogs.insert(u64::from_str_radix(store, 16).ok()?, Offset(offset.parse().ok()?));
        }
        Some(commit)
    }

    pub(crate) fn set_changelog(&mut self, store: &str, end: Offset) {
        self.changelogs.insert(name(store), end);
    }

    /// The end of a store's changelog as of this commit, if it had one then.
    pub(crate) fn changelog(&self, store: &str) -> Option<Offset> {
        self.changelogs.get(&name(store)).copied()
    }

    /// The newer of two commits of a task, in all their parts: neither time nor changelogs ever go back.
    pub(crate) fn newest(mut self, other: Self) -> Self {
        self.stream_time = self.stream_time.max(other.stream_time);
        for (store, end) in other.changelogs {
            let known = self.changelogs.entry(store).or_insert(end);
            *known = (*known).max(end);
        }
        self
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}", self.stream_time.0)?;
        self.changelogs.iter().try_for_each(|(store, end)| write!(f, " {store:x}={}", end.0))
    }
}

fn name(store: &str) -> u64 {
    hash(store.as_bytes()) as u64
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_others_wrote_is_not_read() {
        for text in [
            "",
            "consumer-1",
            "headwater 1 ",
            "headwater 2 5",
            "headwater 1 5 a",
            "headwater 1 5 x=1",
            "headwater 1 5 a=",
        ] {
            assert_eq!(Commit::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_hundred_stores_fit_into_what_groups_keep() {
        let mut commit = Commit::new(Timestamp(i64::MAX));
        (0..100).for_each(|number| commit.set_changelog(&format!("store-{number}"), Offset(i64::MAX)));
        assert!(commit.to_string().len() <= 4096);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(time: i64, stores in btree_map("[a-z-]{1,9}", 0..i64::MAX, 0..5)) {
            let mut commit = Commit::new(Timestamp(time));
            for (store, end) in &stores {
                commit.set_changelog(store, Offset(*end));
            }
            let read = Commit::parse(&commit.to_string()).expect("ours");
            prop_assert_eq!(&read, &commit);
            for (store, end) in &stores {
                prop_assert_eq!(read.changelog(store), Some(Offset(*end)));
            }
            prop_assert_eq!(read.changelog("another"), None);
        }
    }
}
