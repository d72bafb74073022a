//! Whether what one version wrote is what the other reads.

use crate::lock::{Format, KeyValueFormat};

/// How two formats compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// The same bytes mean the same.
    Same,
    /// Nobody but the author can tell.
    Unknown,
    /// The same value has other bytes.
    Different,
}

/// How the formats of keys and values compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) key: Likeness,
    pub(super) value: Likeness,
    /// What differs, for people: empty if nothing does.
    pub(super) change: String,
}

/// The serdes of the library, whose formats are known to differ from each other.
const KNOWN: [&str; 9] =
    ["json", "utf8", "bytes", "long", "ignored", "windowed", "session-windowed", "change", "optional"];
const KNOWN_OF_JOINS: [&str; 2] = ["subscription", "response"];

impl Compared {
    pub(super) fn of(old: Option<&KeyValueFormat>, new: Option<&KeyValueFormat>) -> Self {
        let (old, new) = match (old, new) {
            (None, None) => {
                return Self { key: Likeness::Same, value: Likeness::Same, change: String::new() };
            }
            (Some(old), Some(new)) => (old, new),
            (Some(_), None) | (None, Some(_)) => {
                let change = "its types are known in one version alone".to_owned();
                return Self { key: Likeness::Unknown, value: Likeness::Unknown, change };
            }
        };
        let (key, value) = (likeness(&old.key, &new.key), likeness(&old.value, &new.value));
        let parts = [("key", key, &old.key, &new.key), ("value", value, &old.value, &new.value)];
        let changed = parts.into_iter().filter(|(_, likeness, ..)| *likeness != Likeness::Same);
        let changed: Vec<_> = changed.map(|(part, _, old, new)| format!("{part} {old} -> {new}")).collect();
        Self { key, value, change: changed.join(", ") }
    }

    pub(super) fn is_same(&self) -> bool {
        self.worst() == Likeness::Same
    }

    pub(super) fn worst(&self) -> Likeness {
        self.key.max(self.value)
    }
}

fn likeness(old: &Format, new: &Format) -> Likeness {
    let serdes = (present(&old.serde, "optional(", ')'), present(&new.serde, "optional(", ')'));
    let types = (present(&old.type_name, "Option<", '>'), present(&new.type_name, "Option<", '>'));
    if serdes.0 != serdes.1 {
        let all_known = is_known(serdes.0) && is_known(serdes.1);
        return if all_known { Likeness::Different } else { Likeness::Unknown };
    }
    if types.0 == types.1 { Likeness::Same } else { Likeness::Unknown }
}

/// What is written where there is a value: null is no bytes at all, whatever the serde.
fn present<'a>(text: &'a str, opening: &str, closing: char) -> &'a str {
    text.strip_prefix(opening).and_then(|rest| rest.strip_suffix(closing)).unwrap_or(text)
}

fn is_known(serde: &str) -> bool {
    let mut words = serde.split(['(', ')']).filter(|word| !word.is_empty());
    words.all(|word| KNOWN.contains(&word) || KNOWN_OF_JOINS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check((old_type, old): (&str, &str), (new_type, new): (&str, &str), expected: Likeness) {
        let format = |type_name: &str, serde: &str| Format {
            type_name: type_name.to_owned(),
            serde: serde.to_owned(),
        };
        assert_eq!(likeness(&format(old_type, old), &format(new_type, new)), expected, "{old} {new}");
    }

    #[test]
    fn formats_are_the_same_other_or_known_to_the_author_alone() {
        check(("Rate", "json"), ("Rate", "json"), Likeness::Same);
        check(("Rate", "json"), ("Option<Rate>", "optional(json)"), Likeness::Same);
        check(("Rate", "json"), ("Price", "json"), Likeness::Unknown);
        check(("String", "utf8"), ("String", "json"), Likeness::Different);
        check(("Windowed<String>", "windowed(utf8)"), ("String", "utf8"), Likeness::Different);
        check(("String", "utf8"), ("String", "Latin1"), Likeness::Unknown);
        check(("String", "windowed(Latin1)"), ("String", "windowed(utf8)"), Likeness::Unknown);
    }
}
