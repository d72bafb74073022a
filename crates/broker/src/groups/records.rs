//! Changes of groups, to the records of `__consumer_offsets` and back.
//!
//! Invariants: what was written is read back as the same change. A record that is not understood gives no change: it is
//! of a newer kind, or damaged, and is reported by the caller.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_coordinator::{Change, CommittedOffset, ProducerIdentity, StoredGroup, StoredMember};
use headwater_model::{LeaderEpoch, Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, ControlMarker};
use headwater_wire::internal::{
    ConsumerOffsetsKey, encode_group_value, encode_offset_value, parse_group_value, parse_offset_value,
};
use headwater_wire::messages::group_metadata_record::{GroupMetadataKey, GroupMetadataValue, MemberMetadata};
use headwater_wire::messages::offset_commit_record::{OffsetCommitKey, OffsetCommitValue};

use crate::coordinator::RecordError;
use crate::coordinator::records::BATCH_BYTES;
use crate::transactions::marker;

/// The changes as batches, in order. What belongs to a transaction is in batches of its own.
pub(super) fn to_batches(changes: &[Change], now: Timestamp) -> Vec<Bytes> {
    let mut batches = Vec::new();
    for run in changes.chunk_by(|one, next| transaction_of(one) == transaction_of(next)) {
        append_batches(run, now, &mut batches);
    }
    batches
}

/// Whose transaction an offset is pending in.
fn transaction_of(change: &Change) -> Option<ProducerIdentity> {
    match change {
        Change::OffsetPending { producer, .. } => Some(*producer),
        _ => None,
    }
}

/// Appends the batches of changes that all belong to the same transaction, or to none.
fn append_batches(changes: &[Change], now: Timestamp, batches: &mut Vec<Bytes>) {
    let meta = match changes.first().and_then(transaction_of) {
        None => BatchMeta::default(),
        // Kafka's coordinator numbers nothing either: each batch begins at 0.
        Some(producer) => BatchMeta {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: 0,
            is_transactional: true,
            ..BatchMeta::default()
        },
    };
    let mut builder = BatchBuilder::new(Compression::None);
    for change in changes {
        match encode(change) {
            Encoded::Record(key, value) => {
                if !builder.is_empty() && builder.size_with(Some(&key), value.as_deref(), &[]) > BATCH_BYTES {
                    batches.push(builder.build(&meta));
                }
                builder.append(now, Some(&key), value.as_deref(), &[]);
            }
            Encoded::Marker(producer, marker) => {
                if !builder.is_empty() {
                    batches.push(builder.build(&meta));
                }
                batches.push(marker.batch(producer.id, producer.epoch, now));
            }
            Encoded::Elsewhere => {}
        }
    }
    if !builder.is_empty() {
        batches.push(builder.build(&meta));
    }
}

enum Encoded {
    /// A key and a value, or a tombstone.
    Record(Bytes, Option<Bytes>),
    Marker(ProducerIdentity, ControlMarker),
    /// Not kept in this topic.
    Elsewhere,
}

fn encode(change: &Change) -> Encoded {
    match change {
        Change::OffsetCommitted { group, partition, committed }
        | Change::OffsetPending { group, partition, committed, .. } => {
            let value = encode_offset_value(&offset_value(committed));
            Encoded::Record(offset_key(group.as_str(), partition), Some(value))
        }
        Change::OffsetForgotten { group, partition } => {
            Encoded::Record(offset_key(group.as_str(), partition), None)
        }
        Change::TransactionEnded { producer, outcome } => Encoded::Marker(*producer, marker(*outcome)),
        Change::GroupStored(stored) => {
            let value = encode_group_value(&group_value(stored));
            Encoded::Record(group_key(stored.group.as_str()), Some(value))
        }
        Change::GroupForgotten { group } => Encoded::Record(group_key(group.as_str()), None),
        Change::ConsumerGroup { .. } | Change::ShareGroup { .. } | Change::StreamsGroup { .. } => {
            Encoded::Elsewhere
        }
    }
}

fn offset_key(group: &str, partition: &TopicPartition) -> Bytes {
    let key = OffsetCommitKey {
        group: group.to_owned(),
        topic: partition.topic.to_string(),
        partition: partition.partition.0,
    };
    ConsumerOffsetsKey::Offset(key).encode()
}

fn group_key(group: &str) -> Bytes {
    ConsumerOffsetsKey::Group(GroupMetadataKey { group: group.to_owned() }).encode()
}

fn offset_value(committed: &CommittedOffset) -> OffsetCommitValue {
    OffsetCommitValue {
        offset: committed.offset.0,
        leader_epoch: committed.leader_epoch.map_or(-1, |epoch| epoch.0),
        metadata: committed.metadata.to_string(),
        commit_timestamp: committed.committed_at.0,
        expire_timestamp: committed.expires_at.unwrap_or(Timestamp::NONE).0,
        ..Default::default()
    }
}

fn group_value(stored: &StoredGroup) -> GroupMetadataValue {
    GroupMetadataValue {
        protocol_type: stored.protocol_type.to_string(),
        generation: stored.generation,
        protocol: stored.protocol.as_deref().map(str::to_owned),
        leader: stored.leader.as_ref().map(ToString::to_string),
        current_state_timestamp: stored.state_since.unwrap_or(Timestamp::NONE).0,
        members: stored.members.iter().map(member_value).collect(),
    }
}

fn member_value(member: &StoredMember) -> MemberMetadata {
    MemberMetadata {
        member_id: member.member.to_string(),
        group_instance_id: member.instance.as_ref().map(ToString::to_string),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout: to_ms(member.rebalance_timeout),
        session_timeout: to_ms(member.session_timeout),
        subscription: member.metadata.clone(),
        assignment: member.assignment.clone(),
    }
}

/// The change that a record tells of, which may be part of a producer's transaction.
pub(super) fn decode(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    within: Option<ProducerIdentity>,
) -> Result<Change, RecordError> {
    // Copies, so that what is kept of a record does not keep the block that it was read in.
    let key = ConsumerOffsetsKey::parse(&Bytes::copy_from_slice(key.ok_or(RecordError::NoKey)?))?;
    let value = value.map(Bytes::copy_from_slice);
    match (key, value) {
        (ConsumerOffsetsKey::Offset(key), value) => {
            let partition = TopicPartition::new(TopicName::new(&key.topic)?, PartitionId(key.partition));
            let group = key.group.into();
            Ok(match value {
                None => Change::OffsetForgotten { group, partition },
                Some(value) => {
                    let committed = committed_offset(parse_offset_value(&value)?);
                    match within {
                        None => Change::OffsetCommitted { group, partition, committed },
                        Some(producer) => Change::OffsetPending { producer, group, partition, committed },
                    }
                }
            })
        }
        (ConsumerOffsetsKey::Group(key), None) => Ok(Change::GroupForgotten { group: key.group.into() }),
        (ConsumerOffsetsKey::Group(key), Some(value)) => {
            Ok(Change::GroupStored(stored_group(key.group, parse_group_value(&value)?)))
        }
        (ConsumerOffsetsKey::Other(kind), _) => Err(RecordError::UnknownKind(kind)),
    }
}

fn committed_offset(value: OffsetCommitValue) -> CommittedOffset {
    CommittedOffset {
        offset: Offset(value.offset),
        leader_epoch: (value.leader_epoch >= 0).then_some(LeaderEpoch(value.leader_epoch)),
        metadata: Arc::from(value.metadata),
        committed_at: Timestamp(value.commit_timestamp),
        expires_at: known(value.expire_timestamp),
    }
}

fn stored_group(group: String, value: GroupMetadataValue) -> StoredGroup {
    StoredGroup {
        group: group.into(),
        protocol_type: Arc::from(value.protocol_type),
        generation: value.generation,
        protocol: value.protocol.map(Arc::from),
        leader: value.leader.map(Into::into),
        state_since: known(value.current_state_timestamp),
        members: value.members.into_iter().map(stored_member).collect(),
    }
}

fn stored_member(member: MemberMetadata) -> StoredMember {
    StoredMember {
        member: member.member_id.into(),
        instance: member.group_instance_id.map(Into::into),
        client_id: member.client_id,
        client_host: member.client_host,
        rebalance_timeout: from_ms(member.rebalance_timeout),
        session_timeout: from_ms(member.session_timeout),
        metadata: member.subscription,
        assignment: member.assignment,
    }
}

fn known(timestamp: i64) -> Option<Timestamp> {
    (timestamp >= 0).then_some(Timestamp(timestamp))
}

pub(super) fn to_ms(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

pub(super) fn from_ms(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_coordinator::Outcome;
    use headwater_model::{ProducerEpoch, ProducerId};
    use headwater_wire::batch::batches;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let partition = ("[a-z]{1,9}", 0..9).prop_map(|(topic, partition)| {
            TopicPartition::new(TopicName::new(&topic).unwrap(), PartitionId(partition))
        });
        let time = prop::option::of((0..i64::MAX).prop_map(Timestamp));
        // An offset that expires by itself is written in the version that has room for that and not for an epoch.
        let kept = (prop::option::of((0..9).prop_map(LeaderEpoch)), Just(None));
        let expiring = (Just(None), time.clone());
        let committed = (any::<i64>(), ".{0,9}", any::<i64>(), prop_oneof![kept, expiring]).prop_map(
            |(offset, metadata, at, (leader_epoch, expires_at))| CommittedOffset {
                offset: Offset(offset),
                leader_epoch,
                metadata: metadata.into(),
                committed_at: Timestamp(at),
                expires_at,
            },
        );
        let pending = committed.clone();
        let producer = || {
            (0..3_i64, 0..3_i16)
                .prop_map(|(id, epoch)| ProducerIdentity { id: ProducerId(id), epoch: ProducerEpoch(epoch) })
        };
        let bytes = || prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
        let text = || ".{0,9}";
        let member = (text(), prop::option::of(text()), text(), 0..i32::MAX, 0..i32::MAX, bytes(), bytes())
            .prop_map(|(id, instance, client, rebalance, session, metadata, assignment)| StoredMember {
                member: id.into(),
                instance: instance.map(Into::into),
                client_id: client.clone(),
                client_host: client,
                rebalance_timeout: from_ms(rebalance),
                session_timeout: from_ms(session),
                metadata,
                assignment,
            });
        let stored = (
            text(),
            text(),
            any::<i32>(),
            prop::option::of(text()),
            prop::option::of(text()),
            time,
            prop::collection::vec(member, 0..3),
        );
        let stored =
            stored.prop_map(|(group, protocol_type, generation, protocol, leader, state_since, members)| {
                StoredGroup {
                    group: group.into(),
                    protocol_type: protocol_type.into(),
                    generation,
                    protocol: protocol.map(Into::into),
                    leader: leader.map(Into::into),
                    state_since,
                    members,
                }
            });
        prop_oneof![
            (text(), partition.clone(), committed).prop_map(|(group, partition, committed)| {
                Change::OffsetCommitted { group: group.into(), partition, committed }
            }),
            (text(), partition.clone())
                .prop_map(|(group, partition)| Change::OffsetForgotten { group: group.into(), partition }),
            stored.prop_map(Change::GroupStored),
            text().prop_map(|group| Change::GroupForgotten { group: group.into() }),
            (producer(), text(), partition, pending).prop_map(|(producer, group, partition, committed)| {
                Change::OffsetPending { producer, group: group.into(), partition, committed }
            }),
            (producer(), any::<bool>()).prop_map(|(producer, committed)| {
                let outcome = if committed { Outcome::Commit } else { Outcome::Abort };
                Change::TransactionEnded { producer, outcome }
            }),
        ]
    }

    fn read(bytes: Bytes) -> Vec<Change> {
        let mut changes = Vec::new();
        for batch in batches(bytes) {
            let batch = batch.unwrap();
            let producer = ProducerIdentity { id: batch.producer_id(), epoch: batch.producer_epoch() };
            if batch.is_control() {
                let commit = ControlMarker::of(&batch).unwrap() == Some(ControlMarker::Commit);
                let outcome = if commit { Outcome::Commit } else { Outcome::Abort };
                changes.push(Change::TransactionEnded { producer, outcome });
                continue;
            }
            let within = batch.is_transactional().then_some(producer);
            for record in batch.open(usize::MAX).unwrap().records() {
                let record = record.unwrap();
                changes.push(decode(record.key, record.value, within).unwrap());
            }
        }
        changes
    }

    proptest! {
        #[test]
        fn changes_are_read_as_they_were_written(changes in prop::collection::vec(change(), 1..20)) {
            let written = to_batches(&changes, Timestamp(5));
            prop_assert_eq!(written.into_iter().flat_map(read).collect::<Vec<_>>(), changes);
        }

        #[test]
        fn noise_gives_a_change_or_an_error(key: Option<Vec<u8>>, value: Option<Vec<u8>>) {
            let _ = decode(key.as_deref(), value.as_deref(), None);
        }
    }

    #[test]
    fn many_changes_go_into_several_batches_of_bounded_size() {
        let forgotten = |number: i32| Change::OffsetForgotten {
            group: "g".repeat(1_000).as_str().into(),
            partition: TopicPartition::new(TopicName::new("t").unwrap(), PartitionId(number)),
        };
        let changes: Vec<Change> = (0..2_000).map(forgotten).collect();
        let written = to_batches(&changes, Timestamp(5));
        assert!(written.len() > 1 && written.iter().all(|batch| batch.len() <= BATCH_BYTES));
        assert_eq!(written.into_iter().flat_map(read).collect::<Vec<_>>(), changes);
    }

    #[test]
    fn records_of_newer_kinds_are_told_apart() {
        assert_eq!(decode(Some(b"\0\x09"), None, None), Err(RecordError::UnknownKind(9)));
        assert_eq!(decode(None, None, None), Err(RecordError::NoKey));
    }
}
