//! Subscription to all topics whose names match a pattern.
//!
//! Owns: [`TopicPattern`]; [`Matching`], when the cluster is asked which topics there are, and which of them match.
//!
//! Invariants: pure. The cluster's internal topics never match.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use headwater_model::{Monotonic, TopicName};
use regex_lite::Regex;

/// A regular expression that the whole name of a topic must match, as in Kafka's own client: `orders` matches `orders` alone,
/// `orders-.*` what begins so.
///
/// The syntax is that of the crate `regex-lite`: no look-around, no back-references; matching takes time in proportion to
/// the name.
#[derive(Debug, Clone)]
pub struct TopicPattern {
    text: String,
    regex: Regex,
}

/// A pattern that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{pattern}\" is not a pattern of topic names: {reason}")]
pub struct InvalidPattern {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl TopicPattern {
    /// A pattern from its text.
    pub fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        let invalid = |error: regex_lite::Error| InvalidPattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        };
        // By itself first: a lone parenthesis must not find its other half in what is put around it.
        Regex::new(pattern).map_err(invalid)?;
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(invalid)?;
        Ok(Self { text: pattern.to_owned(), regex })
    }

    /// True if the whole name matches.
    pub fn matches(&self, topic: &TopicName) -> bool {
        self.regex.is_match(topic.as_str())
    }
}

impl FromStr for TopicPattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, InvalidPattern> {
        Self::new(pattern)
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// A pattern that is subscribed to.
#[derive(Debug)]
pub(super) struct Matching {
    pattern: TopicPattern,
    under_way: bool,
    next: Monotonic,
}

impl Matching {
    pub(super) fn new(pattern: TopicPattern, now: Monotonic) -> Self {
        Self { pattern, under_way: false, next: now }
    }

    /// When the cluster is to be asked again, if it is not being asked.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        (!self.under_way).then_some(self.next)
    }

    /// The cluster is to be asked then.
    pub(super) fn look_again_at(&mut self, at: Monotonic) {
        self.next = at;
    }

    /// True if the cluster is to be asked now; then it counts as asked.
    pub(super) fn begin(&mut self, now: Monotonic) -> bool {
        let due = self.deadline().is_some_and(|at| at <= now);
        self.under_way |= due;
        due
    }

    /// Takes in the topics that there are (`None`: nobody said), each with whether it is internal; gives those that match.
    pub(super) fn listed(
        &mut self,
        topics: Option<Vec<(TopicName, bool)>>,
        now: Monotonic,
        ask_again: Duration,
    ) -> Option<BTreeSet<TopicName>> {
        self.under_way = false;
        self.next = now + ask_again;
        let matching = topics?.into_iter().filter(|(name, internal)| !internal && self.pattern.matches(name));
        Some(matching.map(|(name, _)| name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> TopicName {
        TopicName::new(text).unwrap()
    }

    #[test]
    fn the_whole_name_must_match() {
        for (pattern, topic, expected) in [
            ("orders", "orders", true),
            ("orders", "orders-eu", false),
            ("orders-.*", "orders-eu", true),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            ("[a-c]\\d+", "b42", true),
            (".*", "anything", true),
        ] {
            assert_eq!(
                TopicPattern::new(pattern).unwrap().matches(&name(topic)),
                expected,
                "{pattern} {topic}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for pattern in ["(", ")(", "a)", "*", "[z-a]"] {
            let error = pattern.parse::<TopicPattern>().unwrap_err();
            assert!(error.to_string().contains(pattern), "{error}");
        }
    }

    #[test]
    fn the_cluster_is_asked_once_at_a_time_and_again_later() {
        let at = |seconds| Monotonic::from_origin(Duration::from_secs(seconds));
        let mut matching = Matching::new(TopicPattern::new("t.*").unwrap(), at(0));
        assert!(matching.begin(at(0)));
        assert!(!matching.begin(at(9)) && matching.deadline().is_none(), "it is being asked");
        assert_eq!(matching.listed(None, at(9), Duration::from_secs(1)), None);
        assert!(!matching.begin(at(9)) && matching.begin(at(10)));
        let topics = vec![(name("t1"), false), (name("u"), false), (name("t2"), true)];
        let found = matching.listed(Some(topics), at(10), Duration::from_mins(1));
        assert_eq!(found, Some(BTreeSet::from([name("t1")])));
        assert_eq!(matching.deadline(), Some(at(70)));
    }
}
