//! The regular expressions by which members subscribe, and the topics that they match at present.
//!
//! An expression has to match the whole name. It is of the kind that takes time in proportion to the text, as the one
//! that Kafka uses; names are ASCII, and so are its classes.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{ErrorCode, TopicName};
use regex_lite::{Error, Regex, RegexBuilder};

use crate::Topics;
use crate::consumer::Refused;

/// The longest expression.
const MAX_BYTES: usize = 4_096;
/// The greatest size of a compiled expression.
const MAX_COMPILED_BYTES: usize = 256 * 1024;
/// How deep an expression may be nested.
const MAX_NESTING: u32 = 64;

/// That it is an expression.
pub(super) fn check(pattern: &str) -> Result<(), Refused> {
    let refused = |reason: String| {
        let message =
            format!("SubscribedTopicRegex `{pattern}` is not a valid regular expression: {reason}.");
        Refused::new(ErrorCode::InvalidRegularExpression, message)
    };
    if pattern.len() > MAX_BYTES {
        return Err(Refused::new(
            ErrorCode::InvalidRegularExpression,
            format!("SubscribedTopicRegex has more than {MAX_BYTES} bytes."),
        ));
    }
    compile(pattern).map(drop).map_err(|error| refused(error.to_string()))
}

/// The expression for whole names. It must be one by itself, so that it cannot close the group around it.
fn compile(pattern: &str) -> Result<Regex, Error> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).nest_limit(MAX_NESTING).build()
    };
    build(pattern)?;
    // The line break ends a comment, where the expression allows comments.
    build(&format!(r"\A(?:{pattern})\z")).or_else(|_| build(&format!("\\A(?:{pattern}\n)\\z")))
}

/// The expressions of a group's members, with the topics that each matches.
#[derive(Debug, Default)]
pub(super) struct Patterns(BTreeMap<String, BTreeSet<TopicName>>);

impl Patterns {
    /// The topics have changed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Knows the topics of exactly these expressions.
    pub(super) fn resolve(&mut self, patterns: &BTreeSet<&str>, topics: &Topics) {
        self.0.retain(|known, _| patterns.contains(known.as_str()));
        for pattern in patterns {
            if !self.0.contains_key(*pattern) {
                self.0.insert((*pattern).to_owned(), matching(pattern, topics));
            }
        }
    }

    /// The topics that an expression matched when they last changed, and that exist.
    pub(super) fn matched(&self, pattern: &str, topics: &Topics) -> impl Iterator<Item = TopicName> {
        let matched = self.0.get(pattern).into_iter().flatten();
        matched.filter(|topic| topics.get(topic.as_str()).is_some()).cloned()
    }
}

/// An expression that is none, as an older version may have stored one, matches nothing.
fn matching(pattern: &str, topics: &Topics) -> BTreeSet<TopicName> {
    match compile(pattern) {
        Ok(regex) => topics.names().filter(|name| regex.is_match(name.as_str())).cloned().collect(),
        Err(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        check(pattern).unwrap();
        compile(pattern).unwrap().is_match(name)
    }

    #[test]
    fn the_whole_name_counts() {
        assert!(matches("orders.*", "orders-eu") && !matches("orders", "orders-eu"));
        assert!(matches("a|ab", "ab") && !matches("a|b", "ab"));
        assert!(matches("(?i)ORDERS", "orders"));
        assert!(matches("(?x) a b # and no more", "ab"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for pattern in ["(", "a)|(b", "[", "a{1,100000}", &"(".repeat(100), &"a".repeat(5_000)] {
            assert_eq!(
                check(pattern).map_err(|refused| refused.error),
                Err(ErrorCode::InvalidRegularExpression)
            );
        }
    }
}
