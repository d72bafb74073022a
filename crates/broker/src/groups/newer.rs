//! Changes of the newer kinds of group, to the records of `__headwater_groups` and back.
//!
//! ```text
//! key   := kind:int8 group:string [member:string]
//! value := format:int8 (1) body          none: a tombstone
//! ```
//!
//! The kinds are those of consumer groups ([`consumer`]) and of streams groups ([`streams`]). The primitives are those of Kafka's flexible messages (compact
//! strings and arrays). Each body ends with a section of tagged fields, so that fields can be added which an older version
//! skips; the key has none, for it has to stay what it is.
//!
//! Invariants: what was written is read back as the same change. A record that is not understood gives no change: it is
//! of a newer kind, or damaged, and is reported by the caller.

mod consumer;
mod streams;

use bytes::Bytes;
use headwater_coordinator::{Change, GroupId, MemberId, MemberState};
use headwater_model::Timestamp;
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression};
use headwater_wire::protocol::{DecodeError, Reader, Writer};

use super::records::BATCH_BYTES;
use crate::coordinator::RecordError;

const FORMAT: i8 = 1;

/// Writes a value's body, without its tagged fields; none is a tombstone.
type Body<'a> = Option<Box<dyn FnOnce(&mut Writer) + 'a>>;

/// What a record is about.
struct Key<'a> {
    kind: i8,
    group: &'a GroupId,
    member: Option<&'a MemberId>,
}

/// The changes that belong here as batches, in order.
pub(super) fn to_batches(changes: &[Change], now: Timestamp) -> Vec<Bytes> {
    let meta = BatchMeta::default();
    let mut batches = Vec::new();
    let mut builder = BatchBuilder::new(Compression::None);
    for (key, value) in changes.iter().filter_map(encode) {
        if !builder.is_empty() && builder.size_with(Some(&key), value.as_deref(), &[]) > BATCH_BYTES {
            batches.push(builder.build(&meta));
        }
        builder.append(now, Some(&key), value.as_deref(), &[]);
    }
    if !builder.is_empty() {
        batches.push(builder.build(&meta));
    }
    batches
}

/// A key and a value, or a tombstone. None for what is kept elsewhere.
fn encode(change: &Change) -> Option<(Bytes, Option<Bytes>)> {
    let (key, body) = match change {
        Change::ConsumerGroup { group, change } => consumer::encode(group, change),
        Change::StreamsGroup { group, change } => streams::encode(group, change),
        // The first kind is not served yet, and so nothing of it comes to be; the others are kept elsewhere.
        Change::ShareGroup { .. }
        | Change::OffsetCommitted { .. }
        | Change::OffsetForgotten { .. }
        | Change::OffsetPending { .. }
        | Change::TransactionEnded { .. }
        | Change::GroupStored(_)
        | Change::GroupForgotten { .. } => return None,
    };
    let value = body.map(|write| {
        written(|w| {
            w.put_i8(FORMAT);
            write(w);
            w.put_no_tagged();
        })
    });
    Some((written(|w| key.put(w)), value))
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

fn written(write: impl FnOnce(&mut Writer)) -> Bytes {
    let mut w = Writer::new();
    write(&mut w);
    w.into_bytes()
}

/// The change that a record tells of.
pub(super) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Change, RecordError> {
    // Copies, so that what is kept of a record does not keep the block that it was read in.
    let mut key = Reader::new(Bytes::copy_from_slice(key.ok_or(RecordError::NoKey)?));
    let kind = key.i8()?;
    let of_consumer = consumer::KINDS.contains(&kind);
    if !of_consumer && !streams::KINDS.contains(&kind) {
        return Err(RecordError::UnknownKind(i16::from(kind)));
    }
    let group = GroupId::from(key.string(true)?);
    let mut value = value.map(|value| Reader::new(Bytes::copy_from_slice(value)));
    if let Some(value) = &mut value {
        let format = value.i8()?;
        if format != FORMAT {
            return Err(RecordError::UnknownFormat(format));
        }
    }
    let change = if of_consumer {
        let change = consumer::decode(kind, &mut key, value.as_mut())?;
        Change::ConsumerGroup { group, change }
    } else {
        let change = streams::decode(kind, &mut key, value.as_mut())?;
        Change::StreamsGroup { group, change }
    };
    key.finish()?;
    if let Some(value) = &mut value {
        value.skip_tagged()?;
        value.finish()?;
    }
    Ok(change)
}

fn member(key: &mut Reader) -> Result<MemberId, DecodeError> {
    key.string(true).map(MemberId::from)
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
    use headwater_wire::batch::batches;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let group = || "[a-z]{0,9}".prop_map(GroupId::from);
        prop_oneof![
            (group(), consumer::tests::change())
                .prop_map(|(group, change)| Change::ConsumerGroup { group, change }),
            (group(), streams::tests::change())
                .prop_map(|(group, change)| Change::StreamsGroup { group, change }),
        ]
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
        fn noise_gives_a_change_or_an_error(kind in 0..29_i8, key: Vec<u8>, value: Option<Vec<u8>>) {
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
