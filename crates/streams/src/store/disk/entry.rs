//! Entries as bytes, one behind the other: how both the cache and what waits keep them.
//!
//! ```text
//! 0 length of the key, times two, and one if it is marked | length of the value and one, or 0 if the key has none
//! then: key | value
//! ```
//! Lengths are in seven bits a byte, the lowest first, in all but the last with the eighth set.

use std::ops::Range;

/// The value of a key, or that it has none.
pub(super) type Value<'a> = Option<&'a [u8]>;

/// Where the parts of an entry are among the bytes.
pub(super) struct Entry {
    pub(super) key: Range<usize>,
    pub(super) value: Option<Range<usize>>,
    pub(super) end: usize,
}

impl Entry {
    /// `None` behind the last one.
    pub(super) fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let (key, at) = read_length(bytes, at)?;
        let (value, at) = read_length(bytes, at)?;
        let key = at..at + (key >> 1);
        let end = key.end + value.saturating_sub(1);
        let value = (value > 0).then_some(key.end..end);
        Some(Self { key, value, end })
    }

    /// How many bytes it takes.
    pub(super) fn size(key: &[u8], value: Value<'_>) -> usize {
        let lengths = lengths(key, value).map(length_size).iter().sum::<usize>();
        lengths + key.len() + value.map_or(0, <[u8]>::len)
    }

    pub(super) fn write(bytes: &mut Vec<u8>, key: &[u8], value: Value<'_>) {
        for length in lengths(key, value) {
            write_length(bytes, length);
        }
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// Puts a value in the place of one of its length, or says that there is none.
    pub(super) fn overwrite(bytes: &mut [u8], at: usize, value: Value<'_>) -> bool {
        match (Self::read(bytes, at).map(|entry| entry.value), value) {
            (Some(Some(stored)), Some(value)) if stored.len() == value.len() => {
                let place = bytes.get_mut(stored);
                place.is_some_and(|place| {
                    place.copy_from_slice(value);
                    true
                })
            }
            (Some(None), None) => true,
            _ => false,
        }
    }

    pub(super) fn mark(bytes: &mut [u8], at: usize) {
        if let Some(first) = bytes.get_mut(at) {
            *first |= 1;
        }
    }

    /// Takes the mark away; true if there was one.
    pub(super) fn unmark(bytes: &mut [u8], at: usize) -> bool {
        let first = bytes.get_mut(at);
        first.is_some_and(|first| {
            let was_marked = *first & 1 == 1;
            *first &= !1;
            was_marked
        })
    }
}

fn lengths(key: &[u8], value: Value<'_>) -> [usize; 2] {
    [key.len() << 1, value.map_or(0, |value| value.len() + 1)]
}

fn length_size(length: usize) -> usize {
    (length | 1).ilog2() as usize / 7 + 1
}

fn write_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// A length, and where it ends.
fn read_length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (mut length, mut bits) = (0, 0);
    for (read, byte) in bytes.get(at..)?.iter().enumerate() {
        length |= usize::from(byte & 0x7f) << bits;
        if byte & 0x80 == 0 {
            return Some((length, at + read + 1));
        }
        bits += 7;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_written(
            entries in vec((vec(any::<u8>(), 0..300), proptest::option::of(vec(any::<u8>(), 0..300)), any::<bool>()), 0..9),
        ) {
            let mut bytes = Vec::new();
            for (key, value, is_marked) in &entries {
                let at = bytes.len();
                Entry::write(&mut bytes, key, value.as_deref());
                prop_assert_eq!(bytes.len() - at, Entry::size(key, value.as_deref()));
                if *is_marked {
                    Entry::mark(&mut bytes, at);
                }
            }
            let mut at = 0;
            for (key, value, is_marked) in &entries {
                let entry = Entry::read(&bytes, at).unwrap();
                prop_assert_eq!(&bytes[entry.key], &key[..]);
                prop_assert_eq!(entry.value.map(|value| bytes[value].to_vec()), value.clone());
                prop_assert_eq!(Entry::unmark(&mut bytes, at), *is_marked);
                prop_assert!(!Entry::unmark(&mut bytes, at));
                at = entry.end;
            }
            prop_assert!(Entry::read(&bytes, at).is_none());
        }

        #[test]
        fn a_value_takes_the_place_of_one_of_its_length(
            before in proptest::option::of(vec(any::<u8>(), 0..3)),
            after in proptest::option::of(vec(any::<u8>(), 0..3)),
        ) {
            let mut bytes = Vec::new();
            Entry::write(&mut bytes, b"key", before.as_deref());
            Entry::write(&mut bytes, b"next", None);
            let fits = before.as_ref().map(Vec::len) == after.as_ref().map(Vec::len);
            prop_assert_eq!(Entry::overwrite(&mut bytes, 0, after.as_deref()), fits);
            let entry = Entry::read(&bytes, 0).unwrap();
            let stored = entry.value.map(|value| bytes[value].to_vec());
            prop_assert_eq!(stored, if fits { after } else { before });
            prop_assert_eq!(&bytes[Entry::read(&bytes, entry.end).unwrap().key], b"next");
        }

        #[test]
        fn lengths_are_read_as_they_were_written(length in prop_oneof![0..300_usize, 0..(1_usize << 40)]) {
            let mut bytes = vec![7];
            write_length(&mut bytes, length);
            prop_assert_eq!(read_length(&bytes, 1), Some((length, bytes.len())));
            prop_assert_eq!(bytes.len(), 1 + length_size(length));
        }
    }
}
