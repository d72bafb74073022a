//! The records of `__consumer_offsets` and `__transaction_state`, as Kafka writes them and its tools read them.
//!
//! Owns: which versions of key and value are written, and the two bytes of version in front of each.
//!
//! ```text
//! key   0, 1: an offset that a group committed     2: a classic group     others: newer kinds of group (skipped)
//! value written in version 3, which every Kafka since 2.3 reads (1 for an offset with an expiry of its own, as Kafka
//!       does); read in all
//! ```
//!
//! A null value is a tombstone: the offset expired or was deleted, the group is empty and gone.
//!
//! ```text
//! __transaction_state: key 0: a transactional id, others are skipped; value written in version 1 (Kafka 4.0 and newer),
//! read in all
//! ```
//!
//! Does not know: what commits, groups and transactions mean, nor where the records are stored.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::Message;
use crate::messages::group_metadata_record::{GroupMetadataKey, GroupMetadataValue};
use crate::messages::offset_commit_record::{OffsetCommitKey, OffsetCommitValue};
use crate::messages::transaction_log_record::{TransactionLogKey, TransactionLogValue};
use crate::protocol::{DecodeError, Reader, Writer};

const OFFSET_KEY_VERSION: i16 = 1;
const OFFSET_VALUE_VERSION: i16 = 3;
/// The one that has room for an expiry of the offset's own, and none for an epoch.
const EXPIRING_OFFSET_VALUE_VERSION: i16 = 1;
const GROUP_KEY_VERSION: i16 = 2;
const GROUP_VALUE_VERSION: i16 = 3;
const TRANSACTION_KEY_VERSION: i16 = 0;
const TRANSACTION_VALUE_VERSION: i16 = 1;

/// What a record of `__consumer_offsets` is about.
#[derive(Debug, Clone, PartialEq)]
pub enum ConsumerOffsetsKey {
    /// The offset that a group committed for a partition.
    Offset(OffsetCommitKey),
    /// The state of a classic group.
    Group(GroupMetadataKey),
    /// Something that a newer Kafka keeps there, by the version of its key.
    Other(i16),
}

impl ConsumerOffsetsKey {
    /// Reads a record's key.
    pub fn parse(key: &Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(key.clone());
        let version = r.i16()?;
        let parsed = match version {
            0 | OFFSET_KEY_VERSION => Self::Offset(OffsetCommitKey::decode(&mut r, version)?),
            GROUP_KEY_VERSION => Self::Group(GroupMetadataKey::decode(&mut r, version)?),
            other => return Ok(Self::Other(other)),
        };
        r.finish()?;
        Ok(parsed)
    }

    /// The record's key; what is not known here cannot be written and is only its version.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Offset(key) => encode(key, OFFSET_KEY_VERSION),
            Self::Group(key) => encode(key, GROUP_KEY_VERSION),
            Self::Other(version) => Bytes::copy_from_slice(&version.to_be_bytes()),
        }
    }
}

/// Reads the value of a record whose key is [`ConsumerOffsetsKey::Offset`].
pub fn parse_offset_value(value: &Bytes) -> Result<OffsetCommitValue, DecodeError> {
    parse(value, OffsetCommitValue::VERSIONS)
}

/// The value of a record whose key is [`ConsumerOffsetsKey::Offset`].
pub fn encode_offset_value(value: &OffsetCommitValue) -> Bytes {
    let expires = value.expire_timestamp >= 0;
    encode(value, if expires { EXPIRING_OFFSET_VALUE_VERSION } else { OFFSET_VALUE_VERSION })
}

/// Reads the value of a record whose key is [`ConsumerOffsetsKey::Group`].
pub fn parse_group_value(value: &Bytes) -> Result<GroupMetadataValue, DecodeError> {
    parse(value, GroupMetadataValue::VERSIONS)
}

/// The value of a record whose key is [`ConsumerOffsetsKey::Group`].
pub fn encode_group_value(value: &GroupMetadataValue) -> Bytes {
    encode(value, GROUP_VALUE_VERSION)
}

/// Reads the key of a record of `__transaction_state`; `None` if it is of a kind that is not known here.
pub fn parse_transaction_key(key: &Bytes) -> Result<Option<TransactionLogKey>, DecodeError> {
    let version = Reader::new(key.clone()).i16()?;
    if version == TRANSACTION_KEY_VERSION {
        parse(key, TransactionLogKey::VERSIONS).map(Some)
    } else {
        Ok(None)
    }
}

/// The key of a record of `__transaction_state`.
pub fn encode_transaction_key(key: &TransactionLogKey) -> Bytes {
    encode(key, TRANSACTION_KEY_VERSION)
}

/// Reads the value of a record of `__transaction_state`.
pub fn parse_transaction_value(value: &Bytes) -> Result<TransactionLogValue, DecodeError> {
    parse(value, TransactionLogValue::VERSIONS)
}

/// The value of a record of `__transaction_state`.
pub fn encode_transaction_value(value: &TransactionLogValue) -> Bytes {
    encode(value, TRANSACTION_VALUE_VERSION)
}

fn parse<T: Message>(bytes: &Bytes, supported: RangeInclusive<i16>) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes.clone());
    let version = r.i16()?;
    if !supported.contains(&version) {
        return Err(DecodeError::UnsupportedVersion { version, supported });
    }
    let value = T::decode(&mut r, version)?;
    r.finish()?;
    Ok(value)
}

fn encode<T: Message>(message: &T, version: i16) -> Bytes {
    let mut w = Writer::new();
    w.put_i16(version);
    message.encode(&mut w, version);
    w.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::group_metadata_record::MemberMetadata;
    use crate::messages::transaction_log_record::PartitionsSchema;
    use proptest::prelude::*;

    fn offset_key() -> OffsetCommitKey {
        OffsetCommitKey { group: "g".into(), topic: "t".into(), partition: 3 }
    }

    #[test]
    fn an_offset_commit_has_the_bytes_that_kafka_writes() {
        let key = ConsumerOffsetsKey::Offset(offset_key());
        assert_eq!(&key.encode()[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x03");
        assert_eq!(ConsumerOffsetsKey::parse(&key.encode()), Ok(key));
        let value = OffsetCommitValue {
            offset: 258,
            leader_epoch: 5,
            metadata: "m".into(),
            commit_timestamp: 7,
            ..Default::default()
        };
        let bytes = encode_offset_value(&value);
        assert_eq!(&bytes[..], b"\0\x03\0\0\0\0\0\0\x01\x02\0\0\0\x05\0\x01m\0\0\0\0\0\0\0\x07");
        assert_eq!(parse_offset_value(&bytes), Ok(value));
    }

    #[test]
    fn an_offset_commit_of_an_older_kafka_is_read() {
        let version_1 =
            Bytes::from_static(b"\0\x01\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02");
        let value = parse_offset_value(&version_1).unwrap();
        assert_eq!((value.offset, value.leader_epoch), (9, -1));
        assert_eq!((value.commit_timestamp, value.expire_timestamp), (1, 2));
        let key = ConsumerOffsetsKey::parse(&Bytes::from_static(b"\0\0\0\x01g\0\x01t\0\0\0\x03"));
        assert_eq!(key, Ok(ConsumerOffsetsKey::Offset(offset_key())));
    }

    #[test]
    fn an_expiry_of_the_offsets_own_is_kept() {
        let value = OffsetCommitValue {
            offset: 9,
            metadata: "m".into(),
            commit_timestamp: 1,
            expire_timestamp: 2,
            ..Default::default()
        };
        let bytes = encode_offset_value(&value);
        assert_eq!(&bytes[..2], b"\0\x01");
        assert_eq!(parse_offset_value(&bytes), Ok(value));
    }

    #[test]
    fn a_group_is_whole_however_much_a_member_says() {
        let large = |byte: u8| Bytes::from(vec![byte; 10_000]);
        let member = |id: &str| MemberMetadata {
            member_id: id.into(),
            subscription: large(1),
            assignment: large(2),
            ..Default::default()
        };
        let value = GroupMetadataValue {
            protocol_type: "consumer".into(),
            members: vec![member("m-1"), member("m-2")],
            ..Default::default()
        };
        assert_eq!(parse_group_value(&encode_group_value(&value)), Ok(value));
    }

    #[test]
    fn a_group_is_read_as_it_is_written() {
        let key = ConsumerOffsetsKey::Group(GroupMetadataKey { group: "g".into() });
        assert_eq!(&key.encode()[..], b"\0\x02\0\x01g");
        assert_eq!(ConsumerOffsetsKey::parse(&key.encode()), Ok(key));
        let member = MemberMetadata {
            member_id: "m-1".into(),
            group_instance_id: Some("i".into()),
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            rebalance_timeout: 300_000,
            session_timeout: 45_000,
            subscription: Bytes::from_static(b"sub"),
            assignment: Bytes::from_static(b"assigned"),
        };
        let value = GroupMetadataValue {
            protocol_type: "consumer".into(),
            generation: 4,
            protocol: Some("range".into()),
            leader: Some("m-1".into()),
            current_state_timestamp: 11,
            members: vec![member],
        };
        assert_eq!(parse_group_value(&encode_group_value(&value)), Ok(value));
    }

    #[test]
    fn a_transaction_has_the_bytes_that_kafka_writes() {
        let key = TransactionLogKey { transactional_id: "a".into() };
        assert_eq!(&encode_transaction_key(&key)[..], b"\0\0\0\x01a");
        assert_eq!(parse_transaction_key(&encode_transaction_key(&key)), Ok(Some(key)));
        assert_eq!(parse_transaction_key(&Bytes::from_static(b"\0\x01?")), Ok(None));
        let value = TransactionLogValue {
            producer_id: 7,
            producer_epoch: 3,
            transaction_timeout_ms: 258,
            transaction_status: 1,
            transaction_partitions: Some(vec![PartitionsSchema {
                topic: "t".into(),
                partition_ids: vec![2],
            }]),
            transaction_last_update_timestamp_ms: 5,
            transaction_start_timestamp_ms: 4,
            client_transaction_version: 2,
            ..Default::default()
        };
        let bytes = encode_transaction_value(&value);
        let expected: &[u8] = b"\0\x01\0\0\0\0\0\0\0\x07\0\x03\0\0\x01\x02\x01\x02\x02t\x02\0\0\0\x02\0\
            \0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x04\x01\x02\x02\0\x02";
        assert_eq!(&bytes[..], expected);
        assert_eq!(parse_transaction_value(&bytes), Ok(value));
    }

    #[test]
    fn newer_kinds_are_told_by_their_version_and_newer_values_refused() {
        let newer = Bytes::from_static(b"\0\x07whatever");
        assert_eq!(ConsumerOffsetsKey::parse(&newer), Ok(ConsumerOffsetsKey::Other(7)));
        assert!(matches!(
            parse_offset_value(&newer),
            Err(DecodeError::UnsupportedVersion { version: 7, .. })
        ));
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..120), version in 0u8..5) {
            let mut bytes = vec![0, version];
            bytes.extend(noise);
            let bytes = Bytes::from(bytes);
            let _ = (ConsumerOffsetsKey::parse(&bytes), parse_offset_value(&bytes), parse_group_value(&bytes));
            let _ = (parse_transaction_key(&bytes), parse_transaction_value(&bytes));
        }
    }
}
