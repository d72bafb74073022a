//! What backs a store of a task, and from where to where it is read when the store is filled again.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_model::{Offset, Timestamp, TopicPartition, Uuid};

use crate::graph::StoreId;
use crate::store::Reflected;

/// How old a store on disk may be and still be brought up to date: compaction keeps removals for a day, as changelogs are
/// [made](crate::InternalTopicConfigs), and who has missed one would keep what was removed.
const MAX_AGE: Duration = Duration::from_hours(12);

/// What backs one store.
#[derive(Debug)]
pub(super) struct Backing {
    pub(super) store: StoreId,
    pub(super) at: TopicPartition,
    pub(super) topic_id: Uuid,
    /// The input that it is, of a table that is read from a topic; `None` for a changelog.
    pub(super) input: Option<usize>,
    /// The store holds what the records before this offset say.
    pub(super) position: Offset,
    /// What is read from here on is not part of any commit.
    pub(super) until: Offset,
    /// Where reading ends.
    pub(super) end: Offset,
    /// Changes that are not part of any commit, by their keys.
    pub(super) uncommitted: BTreeMap<Vec<u8>, Uncommitted>,
}

/// What changes that were never committed say of an entry.
#[derive(Debug, Default)]
pub(super) struct Uncommitted {
    /// True if it was not there as of the last commit.
    pub(super) is_new: bool,
    /// The last value, if it is not removed, and its time.
    pub(super) value: Option<Vec<u8>>,
    pub(super) timestamp: Timestamp,
}

/// What is found of a store's backing on the cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) topic_id: Uuid,
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    /// Up to where it is part of the task's commit; `None` if no commit says so.
    pub(crate) committed: Option<Offset>,
}

/// What to read of a backing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// True if what the store has does not help.
    pub(super) clears: bool,
    pub(super) from: Offset,
    /// The end of what is part of a commit.
    pub(super) until: Offset,
    /// Where reading ends: what a changelog has behind the commit is looked at, too.
    pub(super) end: Offset,
}

impl Backing {
    pub(super) fn new(store: StoreId, at: TopicPartition, input: Option<usize>) -> Self {
        Self {
            store,
            at,
            topic_id: Uuid::ZERO,
            input,
            position: Offset::ZERO,
            until: Offset::ZERO,
            end: Offset::ZERO,
            uncommitted: BTreeMap::new(),
        }
    }

    /// When what the store holds was the newest that there was, if it is written now. While it is filled, that does not move:
    /// what was removed since then lies before it, and must be read in time.
    pub(super) fn as_of(&self, reflected: Option<Reflected>, now: Timestamp) -> Timestamp {
        let began = reflected.filter(|_| self.position < self.until);
        began.map_or(now, |reflected| reflected.at)
    }

    /// What to read, given what a store on disk reflects; the committed end if the topic is shorter than that.
    pub(super) fn span(
        &self,
        reflected: Option<Reflected>,
        found: Found,
        now: Timestamp,
    ) -> Result<Span, Offset> {
        let until = match (found.committed, self.input) {
            (Some(committed), None) if committed > found.end => return Err(committed),
            (Some(committed), _) => committed.min(found.end),
            (None, Some(_)) => found.start,
            (None, None) => found.end,
        };
        let fits = |reflected: &Reflected| {
            let is_young = now.0.saturating_sub(reflected.at.0) <= MAX_AGE.as_millis() as i64;
            let is_gapless = self.input.is_some() || reflected.offset >= found.start;
            reflected.topic_id == found.topic_id
                && reflected.offset <= until
                && is_gapless
                && (is_young || reflected.offset == until)
        };
        let end = if self.input.is_some() { until } else { found.end };
        Ok(match reflected.filter(fits) {
            Some(reflected) => Span { clears: false, from: reflected.offset, until, end },
            None => Span { clears: reflected.is_some(), from: found.start.min(until), until, end },
        })
    }

    /// Begins to be read.
    pub(super) fn begin(&mut self, topic_id: Uuid, span: Span) {
        self.topic_id = topic_id;
        (self.position, self.until, self.end) = (span.from, span.until, span.end);
    }

    /// Has been read up to an offset.
    pub(super) fn advance(&mut self, to: Offset) {
        self.position = self.position.max(to.min(self.until));
    }

    /// Notes a change that is not part of a commit. A table's topic has none: what it has behind is still to be processed.
    pub(super) fn note_uncommitted(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: Timestamp,
        is_new: bool,
    ) {
        if self.input.is_none() {
            let noted = self.uncommitted.entry(key.to_vec()).or_default();
            noted.is_new |= is_new;
            noted.value = value.map(<[u8]>::to_vec);
            noted.timestamp = timestamp;
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::{PartitionId, TopicName};

    use super::*;

    const HOUR: i64 = 3_600_000;
    const NOW: Timestamp = Timestamp(100 * HOUR);

    fn id(number: u8) -> Uuid {
        Uuid::from_bytes([number; 16])
    }

    fn backing(input: Option<usize>) -> Backing {
        let at = TopicPartition::new(TopicName::new("t").expect("a name"), PartitionId(0));
        Backing::new(StoreId(0), at, input)
    }

    fn found(start: i64, end: i64, committed: Option<i64>) -> Found {
        Found { topic_id: id(1), start: Offset(start), end: Offset(end), committed: committed.map(Offset) }
    }

    fn reflected(offset: i64, hours_ago: i64) -> Reflected {
        Reflected { topic_id: id(1), offset: Offset(offset), at: Timestamp(NOW.0 - hours_ago * HOUR) }
    }

    #[test]
    fn a_store_is_as_new_as_its_filling_until_that_is_over() {
        let filling = Backing { position: Offset(5), until: Offset(9), ..backing(None) };
        assert_eq!(filling.as_of(Some(reflected(3, 11)), NOW), Timestamp(NOW.0 - 11 * HOUR));
        assert_eq!(filling.as_of(None, NOW), NOW);
        let filled = Backing { position: Offset(9), until: Offset(9), ..backing(None) };
        assert_eq!(filled.as_of(Some(reflected(3, 11)), NOW), NOW);
    }

    #[track_caller]
    fn check(
        rule: &str,
        input: Option<usize>,
        on_disk: impl Into<Option<Reflected>>,
        found: Found,
        expected: (bool, i64, i64),
    ) {
        let span = backing(input).span(on_disk.into(), found, NOW).expect("long enough");
        assert_eq!((span.clears, span.from.0, span.until.0), expected, "{rule}");
        assert_eq!(span.end, if input.is_some() { span.until } else { found.end }, "{rule}");
    }

    #[test]
    fn a_changelog_is_read_up_to_the_commit_from_where_the_disk_is() {
        check("in memory, all of it", None, None, found(0, 9, Some(7)), (false, 0, 7));
        check("without a commit, all of it", None, None, found(0, 9, None), (false, 0, 9));
        check("from where the disk is", None, reflected(5, 1), found(0, 9, Some(7)), (false, 5, 7));
        check("a disk of another life is cleared", None, reflected(8, 1), found(0, 9, Some(7)), (true, 0, 7));
        check(
            "removals may be missed after long",
            None,
            reflected(5, 13),
            found(0, 9, Some(7)),
            (true, 0, 7),
        );
        check("not if there is nothing to miss", None, reflected(7, 13), found(0, 9, Some(7)), (false, 7, 7));
        check("records were deleted", None, reflected(5, 1), found(6, 9, Some(7)), (true, 6, 7));
        let other = Reflected { topic_id: id(2), ..reflected(5, 1) };
        check("a topic made anew", None, other, found(0, 9, Some(7)), (true, 0, 7));
    }

    #[test]
    fn a_tables_topic_is_read_up_to_the_tasks_position() {
        check("up to what was committed", Some(0), None, found(2, 9, Some(7)), (false, 2, 7));
        check("nothing if nothing was", Some(0), None, found(2, 9, None), (false, 2, 2));
        check(
            "it may have been cut meanwhile",
            Some(0),
            reflected(5, 1),
            found(6, 9, Some(7)),
            (false, 5, 7),
        );
        check("or made anew", Some(0), None, found(0, 3, Some(7)), (false, 0, 3));
    }

    #[test]
    fn a_changelog_that_lost_what_was_committed_is_refused() {
        assert_eq!(backing(None).span(None, found(0, 6, Some(7)), NOW), Err(Offset(7)));
    }
}
