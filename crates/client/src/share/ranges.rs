//! Ranges of offsets, each with a value: however many records, what they have in common is kept once. Pure.
//!
//! Invariants: ranges do not overlap; neighbours with the same value are one range.

use std::collections::BTreeMap;

/// See the module. Ranges include their last offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranges<V> {
    /// By first offset: the last, and the value.
    ranges: BTreeMap<i64, (i64, V)>,
}

impl<V> Default for Ranges<V> {
    fn default() -> Self {
        Self { ranges: BTreeMap::new() }
    }
}

impl<V: Clone + PartialEq> Ranges<V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// All ranges in order: first, last, value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, i64, &V)> {
        self.ranges.iter().map(|(first, (last, value))| (*first, *last, value))
    }

    /// Gives these offsets that value, whatever they had.
    pub(crate) fn insert(&mut self, first: i64, last: i64, value: V) {
        if first > last {
            return;
        }
        self.remove(first, last);
        let (mut first, mut last) = (first, last);
        if let Some((before, (end, same))) = self.ranges.range(..first).next_back()
            && end.checked_add(1) == Some(first)
            && *same == value
        {
            first = *before;
        }
        if let Some(next) = last.checked_add(1)
            && let Some((end, same)) = self.ranges.get(&next)
            && *same == value
        {
            last = *end;
            self.ranges.remove(&next);
        }
        self.ranges.insert(first, (last, value));
    }

    /// Takes these offsets out; gives the parts that had a value, in order.
    pub(crate) fn remove(&mut self, first: i64, last: i64) -> Vec<(i64, i64, V)> {
        let touched = self.touched(first, last);
        let mut removed = Vec::with_capacity(touched.len());
        for (start, end, value) in touched {
            self.ranges.remove(&start);
            if start < first {
                self.ranges.insert(start, (first - 1, value.clone()));
            }
            if end > last {
                self.ranges.insert(last + 1, (end, value.clone()));
            }
            removed.push((start.max(first), end.min(last), value));
        }
        removed
    }

    /// The parts of these offsets that have a value, in order.
    pub(crate) fn within(&self, first: i64, last: i64) -> Vec<(i64, i64, V)> {
        let touched = self.touched(first, last).into_iter();
        touched.map(|(start, end, value)| (start.max(first), end.min(last), value)).collect()
    }

    /// Keeps the ranges whose values pass.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.ranges.retain(|_, (_, value)| keep(value));
    }

    fn touched(&self, first: i64, last: i64) -> Vec<(i64, i64, V)> {
        if first > last {
            return Vec::new();
        }
        let before = self.ranges.range(..first).next_back().filter(|(_, (end, _))| *end >= first);
        let touched = before.into_iter().chain(self.ranges.range(first..=last));
        touched.map(|(start, (end, value))| (*start, *end, value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_what_a_map_of_single_offsets_would_be(
            steps in prop::collection::vec((0..3_u8, 0..30_i64, -2..12_i64, 0..3_u8), 1..60),
        ) {
            let mut ranges = Ranges::default();
            let mut naive: BTreeMap<i64, u8> = BTreeMap::new();
            for (step, first, length, value) in steps {
                let last = first + length;
                match step {
                    0 => {
                        ranges.insert(first, last, value);
                        naive.extend((first..=last).map(|offset| (offset, value)));
                    }
                    1 => {
                        let removed = singles(&ranges.remove(first, last));
                        let expected = (first..=last).filter_map(|at| Some((at, naive.remove(&at)?)));
                        prop_assert_eq!(removed, expected.collect::<Vec<_>>());
                    }
                    _ => {
                        let within = singles(&ranges.within(first, last));
                        let expected = (first..=last).filter_map(|at| Some((at, *naive.get(&at)?)));
                        prop_assert_eq!(within, expected.collect::<Vec<_>>());
                    }
                }
                let all: Vec<_> = ranges.iter().map(|(first, last, value)| (first, last, *value)).collect();
                prop_assert_eq!(singles(&all), naive.clone().into_iter().collect::<Vec<_>>());
                let merged = all.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0 || pair[0].2 != pair[1].2);
                prop_assert!(merged || step != 0, "{:?}", all);
            }
        }
    }

    fn singles(ranges: &[(i64, i64, u8)]) -> Vec<(i64, u8)> {
        ranges.iter().flat_map(|(first, last, value)| (*first..=*last).map(|at| (at, *value))).collect()
    }

    #[test]
    fn the_greatest_offset_is_an_offset_like_any_other() {
        let mut ranges = Ranges::default();
        ranges.insert(i64::MAX - 1, i64::MAX, 1);
        ranges.insert(i64::MAX, i64::MAX, 1);
        assert_eq!(ranges.remove(0, i64::MAX), [(i64::MAX - 1, i64::MAX, 1)]);
        assert!(ranges.is_empty());
    }
}
