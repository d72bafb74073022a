//! Changes of the newer kinds of group, to the records of `__headwater_groups` and back.
//!
//! ```text
//! key := kind:int8 group:string [member:string]
//! ```
//!
//! The kinds are those of consumer groups ([`consumer`]), share groups ([`share`]) and streams groups ([`streams`]). Of
//! values and primitives see [`crate::coordinator::records`].
//!
//! Invariants: what was written is read back as the same change. A record that is not understood gives no change: it is
//! of a newer kind, or damaged, and is reported by the caller.

mod consumer;
mod share;
mod streams;

use std::collections::BTreeSet;

use bytes::Bytes;
use headwater_coordinator::{Change, GroupId, MemberId, MemberState, Partitions};
use headwater_model::{PartitionId, Timestamp, Uuid};
use headwater_wire::protocol::{DecodeError, Reader, Writer};

use crate::coordinator::RecordError;
use crate::coordinator::records;

/// What a record is about.
struct Key<'a> {
    kind: i8,
    group: &'a GroupId,
    member: Option<&'a MemberId>,
}

/// The changes that belong here as batches, in order.
pub(super) fn to_batches(changes: &[Change], now: Timestamp) -> Vec<Bytes> {
    records::to_batches(changes.iter().filter_map(encode), now)
}

/// A key and a value, or a tombstone. None for what is kept elsewhere.
fn encode(change: &Change) -> Option<(Bytes, Option<Bytes>)> {
    let (key, body) = match change {
        Change::ConsumerGroup { group, change } => consumer::encode(group, change),
        Change::ShareGroup { group, change } => share::encode(group, change),
        Change::StreamsGroup { group, change } => streams::encode(group, change),
        // These are kept elsewhere.
        Change::OffsetCommitted { .. }
        | Change::OffsetForgotten { .. }
        | Change::OffsetPending { .. }
        | Change::TransactionEnded { .. }
        | Change::GroupStored(_)
        | Change::GroupForgotten { .. } => return None,
    };
    Some((records::written(|w| key.put(w)), records::value(body)))
}

impl Key<'_> {
    fn put(&self, w: &mut Writer) {
        w.put_i8(self.kind);
        w.put_string(self.group.as_str(), true);
        if let Some(member) = self.member {
            w.put_string(member.as_str(), true);
        }
    }
}

/// The change that a record tells of.
pub(super) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Change, RecordError> {
    let mut key = records::reader(key.ok_or(RecordError::NoKey)?);
    let kind = key.i8()?;
    if ![consumer::KINDS, share::KINDS, streams::KINDS].iter().any(|kinds| kinds.contains(&kind)) {
        return Err(RecordError::UnknownKind(i16::from(kind)));
    }
    let group = GroupId::from(key.string(true)?);
    let change = records::read_value(value, |value| {
        Ok(if consumer::KINDS.contains(&kind) {
            Change::ConsumerGroup { group, change: consumer::decode(kind, &mut key, value)? }
        } else if share::KINDS.contains(&kind) {
            Change::ShareGroup { group, change: share::decode(kind, &mut key, value)? }
        } else {
            Change::StreamsGroup { group, change: streams::decode(kind, &mut key, value)? }
        })
    })?;
    key.finish()?;
    Ok(change)
}

fn member(key: &mut Reader) -> Result<MemberId, DecodeError> {
    key.string(true).map(MemberId::from)
}

/// `partitions := [topic_id:uuid [partition:int32]]`
fn put_partitions(w: &mut Writer, partitions: &Partitions) {
    let topics: Vec<(Uuid, &BTreeSet<PartitionId>)> = partitions.by_topic().collect();
    w.put_array(&topics, true, |w, (topic, partitions)| {
        w.put_uuid(topic);
        let numbers: Vec<i32> = partitions.iter().map(|partition| partition.0).collect();
        w.put_array(&numbers, true, Writer::put_i32);
    });
}

fn partitions(r: &mut Reader) -> Result<Partitions, DecodeError> {
    let of_topic = |r: &mut Reader| Ok((r.uuid()?, r.array(true, 4, |r| r.i32().map(PartitionId))?));
    let topics = r.array(true, 17, of_topic)?;
    let each = |(topic, numbers): (Uuid, Vec<PartitionId>)| {
        numbers.into_iter().map(move |partition| (topic, partition))
    };
    Ok(topics.into_iter().flat_map(each).collect())
}

fn put_state(w: &mut Writer, state: MemberState) {
    w.put_i8(match state {
        MemberState::Stable => 0,
        MemberState::UnrevokedPartitions => 1,
        MemberState::UnreleasedPartitions => 2,
    });
}

fn state(r: &mut Reader) -> Result<MemberState, RecordError> {
    match r.i8()? {
        0 => Ok(MemberState::Stable),
        1 => Ok(MemberState::UnrevokedPartitions),
        2 => Ok(MemberState::UnreleasedPartitions),
        other => Err(RecordError::UnknownState(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::records::BATCH_BYTES;
    use headwater_wire::batch::batches;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let group = || "[a-z]{0,9}".prop_map(GroupId::from);
        prop_oneof![
            (group(), consumer::tests::change())
                .prop_map(|(group, change)| Change::ConsumerGroup { group, change }),
            (group(), share::tests::change())
                .prop_map(|(group, change)| Change::ShareGroup { group, change }),
            (group(), streams::tests::change())
                .prop_map(|(group, change)| Change::StreamsGroup { group, change }),
        ]
    }

    pub(super) fn some_partitions() -> impl Strategy<Value = Partitions> {
        prop::collection::vec((0..3_u64, 0..9), 0..9).prop_map(|pairs| {
            let pair = |(topic, number)| (Uuid::from_u64_pair(7, topic), PartitionId(number));
            pairs.into_iter().map(pair).collect()
        })
    }

    fn read(bytes: Bytes) -> Vec<Change> {
        let mut changes = Vec::new();
        for batch in batches(bytes) {
            for record in batch.unwrap().open(usize::MAX).unwrap().records() {
                let record = record.unwrap();
                changes.push(decode(record.key, record.value).unwrap());
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
        fn noise_gives_a_change_or_an_error(kind in 0..30_i8, key: Vec<u8>, value: Option<Vec<u8>>) {
            let key: Vec<u8> = [kind.to_be_bytes().to_vec(), key].concat();
            let _ = decode(Some(&key), value.as_deref());
        }

        #[test]
        fn what_is_cut_off_is_an_error(change in change()) {
            let (key, value) = encode(&change).unwrap();
            for cut in 0..key.len() {
                prop_assert!(decode(Some(&key[..cut]), value.as_deref()).is_err(), "key cut at {}", cut);
            }
            for cut in 0..value.as_ref().map_or(0, Bytes::len) {
                let part = value.as_ref().map(|value| &value[..cut]);
                prop_assert!(decode(Some(&key), part).is_err(), "value cut at {}", cut);
            }
        }
    }

    #[test]
    fn many_changes_go_into_several_batches_of_bounded_size() {
        let gone = |number: i32| {
            let member = MemberId::from(format!("{number:01000}"));
            let change = headwater_coordinator::ConsumerGroupChange::MemberForgotten { member };
            Change::ConsumerGroup { group: "g".into(), change }
        };
        let changes: Vec<Change> = (0..2_000).map(gone).collect();
        let written = to_batches(&changes, Timestamp(5));
        assert!(written.len() > 1 && written.iter().all(|batch| batch.len() <= BATCH_BYTES));
        assert_eq!(written.into_iter().flat_map(read).collect::<Vec<_>>(), changes);
    }

    #[test]
    fn what_a_newer_version_wrote_is_told_by_its_kind_or_format() {
        assert_eq!(decode(None, None), Err(RecordError::NoKey));
        assert_eq!(decode(Some(&[99]), None), Err(RecordError::UnknownKind(99)));
        assert_eq!(decode(Some(&[0, 2, b'g']), Some(&[2])), Err(RecordError::UnknownFormat(2)));
    }
}
