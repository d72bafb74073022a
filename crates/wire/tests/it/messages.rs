//! Every message in every version: whole, cut short, damaged, extended by fields not known yet.

use std::ops::RangeInclusive;

use bytes::Bytes;
use headwater_wire::protocol::{DecodeError, Reader, Records, Writer};
use headwater_wire::{ApiKey, Message};

use crate::allocations::most_allocated_during;
use crate::fill::{Fill, Source, for_each_message};

/// The bytes of a message.
pub(crate) fn encode(message: &impl Message, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version);
    Records::from(writer.finish()).to_bytes().unwrap()
}

/// Reads a message, and that nothing is left over.
fn decode<M: Message>(bytes: Bytes, version: i16) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes);
    let message = M::decode(&mut reader, version)?;
    reader.finish()?;
    Ok(message)
}

/// Calls `$check::<Message>(name, versions)` for every message.
macro_rules! check_each {
    ($check:ident) => {
        macro_rules! each {
            ($module:ident, $message:ident, $versions:expr) => {
                $check::<headwater_wire::messages::$module::$message>(stringify!($message), $versions);
            };
        }
        for_each_message!(each);
    };
}

#[test]
fn what_is_written_is_read_again() {
    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        for version in versions {
            for seed in 0..40 {
                let message = M::fill(&mut Source::new(seed), version);
                assert_eq!(
                    decode::<M>(encode(&message, version), version).as_ref(),
                    Ok(&message),
                    "{name} v{version}"
                );
            }
        }
    }
    check_each!(check);
}

#[test]
fn a_message_cut_short_anywhere_is_refused() {
    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        for version in versions {
            let bytes = encode(&M::fill(&mut Source::new(1), version), version);
            // Every place in a short message, some thousand places in a long one.
            for len in (0..bytes.len()).step_by(bytes.len() / 1_000 + 1) {
                assert!(decode::<M>(bytes.slice(..len), version).is_err(), "{name} v{version}, {len} bytes");
            }
        }
    }
    check_each!(check);
}

#[test]
fn no_encoding_is_smaller_than_the_minimum() {
    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        let smallest = versions.map(|version| encode(&M::default(), version).len()).min();
        assert!(smallest >= Some(M::MIN_SIZE), "{name}: {smallest:?} bytes");
    }
    check_each!(check);
}

#[test]
fn damaged_and_random_bytes_neither_panic_nor_reserve_much() {
    /// In memory an element may be so many times larger than on the wire, a growing array's double room included.
    const GROWTH: usize = 150;
    /// Arrays of structs are nested this deep at most, each with a first reservation of 16 KiB.
    const RESERVATIONS: usize = 6 * 16 * 1024;

    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        for version in versions {
            let mut source = Source::new(version as u64);
            for seed in 0..60 {
                let mut bytes = if seed % 3 == 0 {
                    source.bytes()
                } else {
                    encode(&M::fill(&mut Source::new(seed), version), version).to_vec()
                };
                for _ in 0..source.below(4) {
                    let place = source.below(bytes.len().max(1));
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = [0, 1, 0x7F, 0x80, 0xFF, source.below(256) as u8][source.below(6)];
                    }
                }
                let bytes = Bytes::from(bytes);
                let limit = GROWTH * bytes.len() + RESERVATIONS;
                let allocated = most_allocated_during(|| drop(decode::<M>(bytes, version)));
                assert!(
                    allocated <= limit,
                    "{name} v{version}: {allocated} bytes allocated, {limit} justified"
                );
            }
        }
    }
    check_each!(check);
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_anything_is_reserved() {
    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        for version in versions {
            // Wherever a count stands in a message that begins with 0xFF or 0x7F bytes, it is huge.
            for byte in [0x7F, 0xFF] {
                let bytes = Bytes::from(vec![byte; 64]);
                let allocated = most_allocated_during(|| drop(decode::<M>(bytes, version)));
                assert!(allocated <= 64 * 1024, "{name} v{version}: {allocated} bytes allocated");
            }
        }
    }
    check_each!(check);
}

#[test]
fn tagged_fields_not_known_are_skipped() {
    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        let api = name.trim_end_matches("Request").trim_end_matches("Response");
        let Some(key) = ApiKey::ALL.iter().find(|key| key.name() == api) else {
            return;
        };
        for version in versions.filter(|version| *version >= key.first_flexible()) {
            // No tagged field is written if all are at their defaults: a message ends with a count of zero.
            let mut bytes = encode(&M::default(), version).to_vec();
            assert_eq!(bytes.pop(), Some(0), "{name} v{version}");
            bytes.extend([2, 0xB8, 0x17, 3, 1, 2, 3, 0xB9, 0x17, 0]);
            assert_eq!(decode::<M>(bytes.into(), version), Ok(M::default()), "{name} v{version}");
        }
    }
    check_each!(check);
}

#[test]
fn versions_not_known_are_refused() {
    fn check<M: Message + Fill>(name: &str, versions: RangeInclusive<i16>) {
        for version in [versions.start() - 1, versions.end() + 1] {
            let refused = decode::<M>(Bytes::from_static(&[0; 64]), version);
            assert!(
                matches!(refused, Err(DecodeError::UnsupportedVersion { .. })),
                "{name} v{version}: {refused:?}"
            );
        }
    }
    check_each!(check);
}
