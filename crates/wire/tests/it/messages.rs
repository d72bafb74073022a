//! Every message in every version: whole, cut short, damaged, extended by fields not known yet.

use std::ops::RangeInclusive;

use bytes::Bytes;
use headwater_wire::messages::metadata::MetadataRequest;
use headwater_wire::protocol::{DecodeError, Reader, Records, Writer};
use headwater_wire::{ApiKey, Message};

use crate::allocations::most_allocated_during;
use crate::fill::{Fill, Source, for_each_message};

/// A message without its type, so that each check is compiled once and not a hundred times.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) versions: RangeInclusive<i16>,
    min_size: usize,
    /// The bytes of an arbitrary one, by seed and version.
    pub(crate) arbitrary: fn(u64, i16) -> Bytes,
    /// The bytes of the default.
    pub(crate) default: fn(i16) -> Bytes,
    /// Reads one and tells whether it is equal to the arbitrary one of that seed.
    reads_as: fn(Bytes, u64, i16) -> Result<bool, DecodeError>,
    /// Reads one and tells whether it is equal to the default.
    reads_as_default: fn(Bytes, i16) -> Result<bool, DecodeError>,
}

impl Subject {
    fn new<M: Message + Fill>(name: &'static str, versions: RangeInclusive<i16>) -> Self {
        Self {
            name,
            versions,
            min_size: M::MIN_SIZE,
            arbitrary: |seed, version| encode(&M::fill(&mut Source::new(seed), version), version),
            default: |version| encode(&M::default(), version),
            reads_as: |bytes, seed, version| {
                Ok(decode::<M>(bytes, version)? == M::fill(&mut Source::new(seed), version))
            },
            reads_as_default: |bytes, version| Ok(decode::<M>(bytes, version)? == M::default()),
        }
    }

    /// Every message, in order of modules.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        macro_rules! each {
            ($module:ident, $message:ident, $versions:expr) => {
                all.push(Self::new::<headwater_wire::messages::$module::$message>(
                    stringify!($message),
                    $versions,
                ));
            };
        }
        for_each_message!(each);
        all
    }

    fn reads(&self, bytes: Bytes, version: i16) -> Result<(), DecodeError> {
        (self.reads_as_default)(bytes, version).map(drop)
    }
}

fn encode(message: &impl Message, version: i16) -> Bytes {
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

/// Calls `check` for every message in every version.
fn each(check: impl Fn(&Subject, i16)) {
    for subject in Subject::all() {
        for version in subject.versions.clone() {
            check(&subject, version);
        }
    }
}

#[test]
fn what_is_written_is_read_again() {
    each(|subject, version| {
        for seed in 0..40 {
            let bytes = (subject.arbitrary)(seed, version);
            let name = subject.name;
            assert_eq!((subject.reads_as)(bytes, seed, version), Ok(true), "{name} v{version}, seed {seed}");
        }
    });
}

#[test]
fn a_message_cut_short_anywhere_is_refused() {
    each(|subject, version| {
        let bytes = (subject.arbitrary)(1, version);
        // Every place in a short message, some thousand places in a long one.
        for len in (0..bytes.len()).step_by(bytes.len() / 1_000 + 1) {
            let name = subject.name;
            assert!(subject.reads(bytes.slice(..len), version).is_err(), "{name} v{version}, {len} bytes");
        }
    });
}

#[test]
fn no_encoding_is_smaller_than_the_minimum() {
    each(|subject, version| {
        let (default, min) = ((subject.default)(version).len(), subject.min_size);
        assert!(default >= min, "{} v{version}: {default} bytes, not {min}", subject.name);
    });
}

#[test]
fn damaged_and_random_bytes_neither_panic_nor_reserve_much() {
    /// In memory an element may be so many times larger than on the wire, a growing array's double room included.
    const GROWTH: usize = 150;
    /// Arrays of structs are nested this deep at most, each with a first reservation of 16 KiB.
    const RESERVATIONS: usize = 6 * 16 * 1024;

    each(|subject, version| {
        let mut source = Source::new(version as u64);
        for seed in 0..60 {
            let intact = (subject.arbitrary)(seed, version);
            let mut bytes = if seed % 3 == 0 { source.bytes() } else { intact.to_vec() };
            for _ in 0..source.below(4) {
                let place = source.below(bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = [0, 1, 0x7F, 0x80, 0xFF, source.below(256) as u8][source.below(6)];
                }
            }
            let limit = GROWTH * bytes.len() + RESERVATIONS;
            let bytes = Bytes::from(bytes);
            let allocated = most_allocated_during(|| drop(subject.reads(bytes, version)));
            assert!(
                allocated <= limit,
                "{} v{version}: {allocated} bytes allocated, {limit} justified",
                subject.name
            );
        }
    });
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_anything_is_reserved() {
    each(|subject, version| {
        // Wherever a count stands in such a message, it is huge.
        for byte in [0x7F, 0xFF] {
            let bytes = Bytes::from(vec![byte; 64]);
            let allocated = most_allocated_during(|| drop(subject.reads(bytes, version)));
            assert!(allocated <= 1024, "{} v{version}: {allocated} bytes allocated", subject.name);
        }
    });
}

#[test]
fn a_large_array_grows_with_what_is_really_read() {
    // Half a million topics of two bytes each would be legal; the first one is not.
    let mut bytes = vec![0xFE; 1_000_004];
    bytes[..4].copy_from_slice(&500_000_i32.to_be_bytes());
    let bytes = Bytes::from(bytes);
    let allocated = most_allocated_during(|| {
        assert_eq!(decode::<MetadataRequest>(bytes, 0), Err(DecodeError::InvalidLength(-258)));
    });
    assert!(allocated <= 16 * 1024, "{allocated} bytes allocated");
}

#[test]
fn tagged_fields_not_known_are_skipped() {
    each(|subject, version| {
        let api = subject.name.trim_end_matches("Request").trim_end_matches("Response");
        let key = ApiKey::ALL.iter().find(|key| key.name() == api);
        if key.is_none_or(|key| version < key.first_flexible()) {
            return;
        }
        // No tagged field is written if all are at their defaults: a message ends with a count of zero.
        let mut bytes = (subject.default)(version).to_vec();
        assert_eq!(bytes.pop(), Some(0), "{} v{version}", subject.name);
        bytes.extend([2, 0xB8, 0x17, 3, 1, 2, 3, 0xB9, 0x17, 0]);
        assert_eq!(
            (subject.reads_as_default)(bytes.into(), version),
            Ok(true),
            "{} v{version}",
            subject.name
        );
    });
}

#[test]
fn versions_not_known_are_refused() {
    for subject in Subject::all() {
        for version in [subject.versions.start() - 1, subject.versions.end() + 1] {
            let refused = subject.reads(Bytes::from_static(&[0; 64]), version);
            let supported = subject.versions.clone();
            assert_eq!(
                refused,
                Err(DecodeError::UnsupportedVersion { version, supported }),
                "{}",
                subject.name
            );
        }
    }
}
