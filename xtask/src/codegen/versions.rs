//! Ranges of versions, and the conditions that tell one from another.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};

/// Versions `first` to `last`, both included; `last` is [`i16::MAX`] where a table says `3+`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

impl Versions {
    pub(crate) const ALL: Self = Self { first: 0, last: i16::MAX };

    /// The versions in both; `None` if there are none.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        let both = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (both.first <= both.last).then_some(both)
    }

    /// The smallest range that covers both.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    pub(crate) fn contains(self, version: i16) -> bool {
        (self.first..=self.last).contains(&version)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = i16> {
        self.first..=self.last
    }

    /// The Rust condition for `version` being one of these, given that it is one of `scope`; `None` if it always is.
    pub(crate) fn condition(self, scope: Self) -> Option<String> {
        let Self { first, last } = self;
        match (first <= scope.first, last >= scope.last) {
            (true, true) => None,
            (false, true) => Some(format!("version >= {first}")),
            (true, false) if last == scope.first => Some(format!("version == {last}")),
            (true, false) => Some(format!("version <= {last}")),
            (false, false) if first == last => Some(format!("version == {first}")),
            (false, false) => Some(format!("({first}..={last}).contains(&version)")),
        }
    }

    /// In words, for the docs of something whose newest version is `newest`.
    pub(crate) fn describe(self, newest: i16) -> String {
        let Self { first, last } = self;
        if last >= newest {
            format!("versions {first}+")
        } else if first == last {
            format!("version {first}")
        } else {
            format!("versions {first}-{last}")
        }
    }
}

impl FromStr for Versions {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let number = |text: &str| text.parse().with_context(|| format!("'{text}' is no version"));
        let (first, last) = if let Some(first) = text.strip_suffix('+') {
            (number(first)?, i16::MAX)
        } else if let Some((first, last)) = text.split_once('-') {
            (number(first)?, number(last)?)
        } else {
            (number(text)?, number(text)?)
        };
        if first > last {
            bail!("versions {text} end before they begin");
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.last)
    }
}
