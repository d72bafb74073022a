//! Which version of each API a broker and we have in common. Pure.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use headwater_wire::messages::api_versions::ApiVersionsResponse;

/// What a broker says it speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions(BTreeMap<i16, RangeInclusive<i16>>);

impl Versions {
    pub(crate) fn new(response: &ApiVersionsResponse) -> Self {
        let ranges = response.api_keys.iter();
        Self(ranges.map(|api| (api.api_key, api.min_version..=api.max_version)).collect())
    }

    /// The versions of an API that the broker offers.
    pub(crate) fn offered(&self, api_key: i16) -> Option<RangeInclusive<i16>> {
        self.0.get(&api_key).cloned()
    }

    /// The highest version in `ours` that the broker offers too.
    pub(crate) fn choose(&self, api_key: i16, ours: &RangeInclusive<i16>) -> Option<i16> {
        let theirs = self.0.get(&api_key)?;
        let version = *ours.end().min(theirs.end());
        (ours.contains(&version) && theirs.contains(&version)).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_chosen() {
        for (ours, theirs, expected) in [
            (0..=5, Some(0..=3), Some(3)),
            (0..=3, Some(0..=9), Some(3)),
            (3..=5, Some(5..=9), Some(5)),
            (3..=5, Some(0..=2), None),
            (3..=5, Some(6..=9), None),
            (3..=5, None, None),
        ] {
            let versions = Versions(theirs.into_iter().map(|range| (7, range)).collect());
            assert_eq!(versions.choose(7, &ours), expected, "{ours:?} and {versions:?}");
        }
    }
}
