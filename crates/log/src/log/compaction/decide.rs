//! What is to be compacted, and when: pure decisions from what is known of the segments.

use std::ops::Range;

use headwater_model::{Offset, Timestamp};

use crate::LogConfig;
use crate::segment::Segment;

/// What decisions look at in a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub base: Offset,
    pub next_offset: Offset,
    pub size: u64,
    /// The first batch's timestamp.
    pub oldest: Option<Timestamp>,
    /// The greatest timestamp.
    pub newest: Option<Timestamp>,
    /// The sizes of offset index and time index.
    pub index_bytes: (u64, u64),
}

impl Facts {
    pub(super) fn of(segment: &Segment) -> Self {
        let contents = segment.contents();
        Self {
            base: segment.base(),
            next_offset: contents.next_offset,
            size: contents.size,
            oldest: contents.first_timestamp.filter(|timestamp| timestamp.0 >= 0),
            newest: contents.newest.map(|newest| newest.timestamp),
            index_bytes: segment.index_bytes(),
        }
    }
}

/// How much of a log is compacted, and how much could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactionState {
    /// Every record below was compacted once.
    pub first_dirty: Offset,
    /// Below it records can be compacted now.
    pub first_uncleanable: Offset,
    /// The bytes of segments that lie below the first dirty offset.
    pub clean_bytes: u64,
    /// The bytes of those after them that can be compacted now.
    pub dirty_bytes: u64,
    /// The timestamp of the oldest dirty segment's first batch, if one can be compacted and has a timestamp.
    pub oldest_dirty: Option<Timestamp>,
}

impl CompactionState {
    /// Which part of what could be compacted is dirty, from 0 to 1.
    pub fn dirty_ratio(&self) -> f64 {
        match self.clean_bytes + self.dirty_bytes {
            0 => 0.0,
            all => self.dirty_bytes as f64 / all as f64,
        }
    }

    /// True if a compaction is worth it.
    pub(super) fn is_worth_it(&self, config: &LogConfig, now: Timestamp) -> bool {
        let overdue = self.oldest_dirty.is_some_and(|oldest| is_overdue(oldest, config, now));
        self.dirty_bytes > 0 && (overdue || self.dirty_ratio() >= config.min_cleanable_dirty_ratio)
    }
}

/// How much is compacted of segments that are not appended to any more. `first_dirty` is where the last compaction ended,
/// and below `stable` everything is visible, decided and durable.
pub(super) fn state(
    sealed: &[Facts],
    first_dirty: Offset,
    stable: Offset,
    config: &LogConfig,
    now: Timestamp,
) -> CompactionState {
    let end = sealed.last().map_or(first_dirty, |last| last.next_offset);
    let is_dirty = |segment: &&Facts| segment.next_offset > first_dirty;
    let too_young = |segment: &&Facts| {
        config.min_compaction_lag_ms > 0
            && segment.newest.is_some_and(|newest| now.ms_since(newest) < config.min_compaction_lag_ms)
    };
    let young = sealed.iter().filter(is_dirty).find(too_young).map_or(end, |segment| segment.base);
    let first_uncleanable = stable.min(end).min(young).max(first_dirty);
    let cleanable = || sealed.iter().filter(is_dirty).take_while(|segment| segment.base < first_uncleanable);
    CompactionState {
        first_dirty,
        first_uncleanable,
        clean_bytes: sealed.iter().filter(|segment| !is_dirty(segment)).map(|segment| segment.size).sum(),
        dirty_bytes: if first_uncleanable > first_dirty {
            cleanable().map(|segment| segment.size).sum()
        } else {
            0
        },
        oldest_dirty: cleanable().filter_map(|segment| segment.oldest).min(),
    }
}

/// True if the last segment is to be closed because it holds records that must not wait any longer.
pub(super) fn must_roll(active: &Facts, config: &LogConfig, now: Timestamp) -> bool {
    active.size > 0 && active.oldest.is_some_and(|oldest| is_overdue(oldest, config, now))
}

fn is_overdue(oldest: Timestamp, config: &LogConfig, now: Timestamp) -> bool {
    now.ms_since(oldest) > config.max_compaction_lag_ms
}

/// Which neighbours become one segment: as many as fit into one by size, indexes and offsets, as they are now.
pub(super) fn groups(segments: &[Facts], config: &LogConfig) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if fits(segments.get(group.clone()).unwrap_or_default(), segment, config) => {
                group.end = index + 1;
            }
            _ => groups.push(index..index + 1),
        }
    }
    groups
}

fn fits(group: &[Facts], next: &Facts, config: &LogConfig) -> bool {
    let base = group.first().map_or(next.base, |first| first.base);
    let total = |bytes: fn(&Facts) -> u64| group.iter().chain([next]).map(bytes).sum::<u64>();
    let index_limit = u64::from(config.segment_index_bytes);
    next.next_offset - base <= i64::from(i32::MAX)
        && total(|segment| segment.size) <= u64::from(config.segment_bytes.min(i32::MAX as u32))
        && total(|segment| segment.index_bytes.0) <= index_limit
        && total(|segment| segment.index_bytes.1) <= index_limit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of 100 bytes and 10 offsets each, whose records have these times.
    fn segments(times: &[(i64, i64)]) -> Vec<Facts> {
        let facts = |(index, (oldest, newest)): (i64, &(i64, i64))| Facts {
            base: Offset(index * 10),
            next_offset: Offset(index * 10 + 10),
            size: 100,
            oldest: Some(Timestamp(*oldest)),
            newest: Some(Timestamp(*newest)),
            index_bytes: (8, 12),
        };
        (0..).zip(times).map(facts).collect()
    }

    fn config() -> LogConfig {
        LogConfig { compacted: true, ..LogConfig::default() }
    }

    #[test]
    fn what_can_be_compacted_ends_at_what_is_stable_and_old_enough() {
        let sealed = segments(&[(1, 10), (11, 20), (21, 30), (31, 40)]);
        let lag = |ms| LogConfig { min_compaction_lag_ms: ms, ..config() };
        // First dirty, stable, lag, now: first uncleanable, clean bytes, dirty bytes.
        let cases = [
            ((0, 40, 0, 40), (40, 0, 400)),
            ((20, 40, 0, 40), (40, 200, 200)),
            ((25, 40, 0, 40), (40, 200, 200)),
            ((20, 33, 0, 40), (33, 200, 200)),
            ((20, 30, 0, 40), (30, 200, 100)),
            ((20, 90, 0, 40), (40, 200, 200)),
            ((20, 5, 0, 40), (20, 200, 0)),
            ((40, 40, 0, 40), (40, 400, 0)),
            ((0, 40, 10, 40), (30, 0, 300)),
            ((0, 40, 11, 40), (20, 0, 200)),
            ((0, 40, 100, 40), (0, 0, 0)),
            ((25, 40, 15, 40), (25, 200, 0)),
        ];
        for ((first_dirty, stable, lag_ms, now), expected) in cases {
            let state = state(&sealed, Offset(first_dirty), Offset(stable), &lag(lag_ms), Timestamp(now));
            let found = (state.first_uncleanable.0, state.clean_bytes, state.dirty_bytes);
            assert_eq!(found, expected, "{first_dirty} {stable} {lag_ms} {now}");
        }
        assert_eq!(state(&[], Offset(7), Offset(9), &config(), Timestamp(1)).dirty_bytes, 0);
    }

    #[test]
    fn a_compaction_is_worth_it_by_the_dirty_part_or_by_age() {
        let sealed = segments(&[(1, 10), (11, 20), (21, 30), (31, 40)]);
        // First dirty, least ratio, greatest lag, now.
        let cases = [
            ((20, 0.5, i64::MAX, 40), true),
            ((20, 0.51, i64::MAX, 40), false),
            ((30, 0.25, i64::MAX, 40), true),
            ((40, 0.0, i64::MAX, 40), false),
            ((40, 0.0, 0, 1_000), false),
            ((30, 0.9, 9, 40), false),
            ((30, 0.9, 8, 40), true),
        ];
        for ((first_dirty, ratio, lag, now), expected) in cases {
            let config =
                LogConfig { min_cleanable_dirty_ratio: ratio, max_compaction_lag_ms: lag, ..config() };
            let now = Timestamp(now);
            let state = state(&sealed, Offset(first_dirty), Offset(40), &config, now);
            assert_eq!(state.is_worth_it(&config, now), expected, "{first_dirty} {ratio} {lag} {now}");
        }
    }

    #[test]
    fn the_last_segment_is_closed_when_its_records_have_waited_too_long() {
        let active = segments(&[(100, 900)])[0];
        let lag = LogConfig { max_compaction_lag_ms: 50, ..config() };
        assert!(!must_roll(&active, &lag, Timestamp(150)));
        assert!(must_roll(&active, &lag, Timestamp(151)));
        assert!(!must_roll(&active, &config(), Timestamp(i64::MAX)));
        assert!(!must_roll(&Facts { size: 0, ..active }, &lag, Timestamp(151)));
        assert!(!must_roll(&Facts { oldest: None, ..active }, &lag, Timestamp(151)));
    }

    #[test]
    fn neighbours_are_merged_as_far_as_they_fit() {
        let sealed = segments(&[(1, 1); 5]);
        let merged = |config: LogConfig, segments: &[Facts]| -> Vec<_> {
            groups(segments, &config).into_iter().map(|group| (group.start, group.end)).collect()
        };
        let of_bytes = |bytes| LogConfig { segment_bytes: bytes, ..config() };
        assert_eq!(merged(of_bytes(200), &sealed), [(0, 2), (2, 4), (4, 5)]);
        assert_eq!(merged(of_bytes(10), &sealed), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
        assert_eq!(merged(of_bytes(1_000), &sealed), [(0, 5)]);
        let by_index = LogConfig { segment_index_bytes: 36, ..config() };
        assert_eq!(merged(by_index, &sealed), [(0, 3), (3, 5)]);
        let mut far = sealed.clone();
        far[2].next_offset = Offset(i64::from(i32::MAX));
        far[3].base = far[2].next_offset;
        far[3].next_offset = Offset(i64::from(i32::MAX) + 1);
        assert_eq!(merged(config(), &far[..4]), [(0, 3), (3, 4)]);
        assert_eq!(merged(config(), &[]), []);
    }
}
