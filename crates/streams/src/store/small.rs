//! Bytes that lie in place where they are few.
//!
//! Owns: one form for keys and values in memory. Most of them are ids, numbers and times: 22 bytes or fewer lie in the map
//! itself, so that a lookup compares keys without following a pointer for each, and a change of a value costs no allocation.
//!
//! Invariants: they are equal, ordered and hashed as their bytes are, wherever these lie.
//!
//! Does not know: what they mean.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

/// How many bytes lie in place: as many as make it as large as a vector.
const IN_PLACE: usize = 22;

/// About what an allocation takes beside its bytes.
const ALLOCATION: usize = 16;

/// See the module.
pub(super) enum SmallBytes {
    /// So many, at the front.
    InPlace(u8, [u8; IN_PLACE]),
    Elsewhere(Box<[u8]>),
}

impl SmallBytes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut in_place = [0; IN_PLACE];
        match in_place.get_mut(..bytes.len()) {
            Some(front) => {
                front.copy_from_slice(bytes);
                Self::InPlace(bytes.len() as u8, in_place)
            }
            None => Self::Elsewhere(bytes.into()),
        }
    }

    /// What a map has for these bytes.
    pub(super) fn find<'a, V>(map: &'a BTreeMap<Self, V>, bytes: &[u8]) -> Option<&'a V> {
        // Numbers are compared faster than slices; to look for them elsewhere would take an allocation.
        if bytes.len() <= IN_PLACE { map.get(&Self::new(bytes)) } else { map.get(bytes) }
    }

    /// Becomes these bytes; where they lie elsewhere and are as many as before, in the same place.
    pub(super) fn set(&mut self, bytes: &[u8]) {
        match self {
            Self::Elsewhere(stored) if stored.len() == bytes.len() => stored.copy_from_slice(bytes),
            _ => *self = Self::new(bytes),
        }
    }

    /// About how many bytes they take elsewhere.
    pub(super) fn bytes_elsewhere(&self) -> usize {
        match self {
            Self::InPlace(..) => 0,
            Self::Elsewhere(bytes) => bytes.len() + ALLOCATION,
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::InPlace(length, in_place) => in_place.get(..usize::from(*length)).unwrap_or(in_place),
            Self::Elsewhere(bytes) => bytes,
        }
    }
}

impl Hash for SmallBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl Borrow<[u8]> for SmallBytes {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for SmallBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SmallBytes {}

impl PartialOrd for SmallBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SmallBytes {
    /// Where both lie in place they are numbers, most significant byte first, and zeros behind them: if these are equal, one
    /// begins with the other.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::InPlace(length, bytes), Self::InPlace(other_length, other_bytes)) => {
                let [head, middle, tail] = numbers(bytes);
                let [other_head, other_middle, other_tail] = numbers(other_bytes);
                let heads = head.cmp(&other_head).then(middle.cmp(&other_middle));
                heads.then(tail.cmp(&other_tail)).then(length.cmp(other_length))
            }
            _ => self.as_slice().cmp(other.as_slice()),
        }
    }
}

/// The bytes as numbers; the last one begins within the second, because they do not make three.
fn numbers(bytes: &[u8; IN_PLACE]) -> [u64; 3] {
    let at = |from: usize| {
        bytes.get(from..).and_then(|rest| rest.first_chunk()).map_or(0, |part| u64::from_be_bytes(*part))
    };
    [at(0), at(8), at(IN_PLACE - 8)]
}

impl fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Around the lengths of the numbers that they are compared as, and at which they no longer lie in place.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(255)];
        prop_oneof![vec(byte.clone(), 0..3), vec(byte.clone(), 7..18), vec(byte, IN_PLACE - 2..IN_PLACE + 3)]
    }

    #[test]
    fn it_is_as_large_as_a_vector() {
        assert_eq!(size_of::<SmallBytes>(), size_of::<Vec<u8>>());
    }

    proptest! {
        #[test]
        fn they_are_what_was_put_in_and_ordered_as_slices_are(one in bytes(), other in bytes()) {
            let [small, second] = [&one, &other].map(|bytes| SmallBytes::new(bytes));
            prop_assert_eq!(small.as_slice(), one.as_slice());
            prop_assert_eq!(small.cmp(&second), one.cmp(&other));
            prop_assert_eq!(small == second, one == other);
        }

        #[test]
        fn they_are_found_where_they_are(all in vec(bytes(), 0..9), other in bytes()) {
            let map = all.iter().map(|bytes| (SmallBytes::new(bytes), bytes.clone())).collect();
            for bytes in &all {
                prop_assert_eq!(SmallBytes::find(&map, bytes), Some(bytes));
            }
            prop_assert_eq!(SmallBytes::find(&map, &other).is_some(), all.contains(&other));
        }

        #[test]
        fn they_become_what_they_are_set_to(before in bytes(), after in bytes()) {
            let mut small = SmallBytes::new(&before);
            small.set(&after);
            prop_assert_eq!(small.as_slice(), after.as_slice());
        }
    }
}
