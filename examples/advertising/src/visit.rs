//! What one user did in one session. Pure.
//!
//! Invariants: a visit is in the order of times, whatever order its actions came in; of the same millisecond, views
//! come before clicks, then by advertisement. Two visits that turn out to be one are merged to what they had been as one.

use std::collections::{BTreeMap, BTreeSet};

use headwater::model::Timestamp;
use serde::{Deserialize, Serialize};

/// The value of the topics `views` and `clicks`, whose keys are users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The advertisement's id.
    pub advertisement: String,
}

/// What was done with an advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It was seen.
    View,
    /// It was clicked on.
    Click,
}

/// One thing that a user did. Ordered by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Action {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub kind: Kind,
    /// The advertisement's id.
    pub advertisement: String,
}

/// The value of the topic `visits`: all that a user did in a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The user.
    pub user: String,
    /// In the order of their times.
    pub actions: Vec<Action>,
}

/// A click on what was seen before in the same visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// The user.
    pub user: String,
    /// The advertisement's id.
    pub advertisement: String,
    /// How long after the first view of it.
    pub after_ms: i64,
}

impl Action {
    /// An action.
    pub fn new(kind: Kind, seen: Seen, at: Timestamp) -> Self {
        Self { at_ms: at.0, kind, advertisement: seen.advertisement }
    }
}

impl Visit {
    /// The visit with one action more.
    #[must_use]
    pub fn with(mut self, user: &str, action: Action) -> Self {
        user.clone_into(&mut self.user);
        let place = self.actions.partition_point(|other| *other <= action);
        self.actions.insert(place, action);
        self
    }

    /// Both visits, which were one.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        other.actions.into_iter().fold(self, |visit, action| visit.with(&other.user, action))
    }

    /// The conversions: of each advertisement, the first click that follows a view.
    pub fn conversions(&self) -> Vec<Click> {
        let (mut seen, mut converted) = (BTreeMap::new(), BTreeSet::new());
        let mut conversions = Vec::new();
        for Action { at_ms, kind, advertisement } in &self.actions {
            match kind {
                Kind::View => {
                    seen.entry(advertisement).or_insert(at_ms);
                }
                Kind::Click => {
                    if let Some(seen_ms) = seen.get(advertisement)
                        && converted.insert(advertisement)
                    {
                        let (user, advertisement) = (self.user.clone(), advertisement.clone());
                        conversions.push(Click { user, advertisement, after_ms: at_ms - *seen_ms });
                    }
                }
            }
        }
        conversions
    }
}
