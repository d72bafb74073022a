//! Topic names, valid by construction.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A legal topic name: 1 to 249 of `a-z A-Z 0-9 . _ -`, neither `.` nor `..` (Kafka's `Topic.validate`).
///
/// Cloning is cheap (a shared pointer).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

/// Why a text is no topic name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The empty text.
    #[error("a topic name cannot be empty")]
    Empty,
    /// Longer than [`TopicName::MAX_LENGTH`].
    #[error("a topic name has at most {max} characters, this one has {0}", max = TopicName::MAX_LENGTH)]
    TooLong(usize),
    /// A character outside of the legal ones.
    #[error(
        "the topic name \"{0}\" has the illegal character {1:?}; legal are a-z, A-Z, 0-9, '.', '_' and '-'"
    )]
    IllegalCharacter(String, char),
    /// `.` or `..`.
    #[error("a topic cannot be named \"{0}\"")]
    Dots(String),
}

impl TopicName {
    /// The greatest length in bytes.
    pub const MAX_LENGTH: usize = 249;

    /// Checks a text.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        match name {
            "" => Err(InvalidName::Empty),
            "." | ".." => Err(InvalidName::Dots(name.to_owned())),
            _ if name.len() > Self::MAX_LENGTH => Err(InvalidName::TooLong(name.len())),
            _ => match name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')) {
                Some(illegal) => Err(InvalidName::IllegalCharacter(name.to_owned(), illegal)),
                None => Ok(Self(Arc::from(name))),
            },
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TopicName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for TopicName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_rules_for_names_hold() {
        assert!(TopicName::new("delay-board_1.x").is_ok());
        assert!(TopicName::new(&"a".repeat(249)).is_ok());
        assert_eq!(TopicName::new(""), Err(InvalidName::Empty));
        assert_eq!(TopicName::new(".."), Err(InvalidName::Dots("..".into())));
        assert_eq!(TopicName::new(&"a".repeat(250)), Err(InvalidName::TooLong(250)));
        assert_eq!(TopicName::new("a/b"), Err(InvalidName::IllegalCharacter("a/b".into(), '/')));
    }
}
