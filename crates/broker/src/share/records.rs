//! What has become of records in share groups, to the records of `__headwater_share_state` and back.
//!
//! ```text
//! key                                                             value
//! 0:int8 group:string topic_id:uuid partition:int32               the whole state
//!            state_epoch:int32 snapshot_epoch:int32 start:int64 batches
//! 1:int8 group:string topic_id:uuid partition:int32 slot:int16    a change to it
//!            snapshot_epoch:int32 start:int64 batches
//!
//! batches := [first:int64 last:int64 state:int8 deliveries:int16]
//! state   := 0 available, 1 done, 2 to be written to the dead-letter topic because it was rejected, 3 the same because it
//!            was delivered as often as may be
//! ```
//!
//! Of values and primitives see [`crate::coordinator::records`]. A group's changes take turns in a bounded number of slots,
//! so that compaction keeps no more of them than there are slots.
//!
//! Invariants: as those of the newer kinds of group.

use bytes::Bytes;
use headwater_coordinator::{
    DeadLetterCause, DeliveryState, GroupId, SharePartitionChange, SharePartitionId, ShareSnapshot,
    ShareStateChange as Change, ShareUpdate, StateBatch,
};
use headwater_model::{Offset, PartitionId, Timestamp};
use headwater_wire::protocol::{Reader, Writer};

use crate::coordinator::RecordError;
use crate::coordinator::records::{self, Body};

const SNAPSHOT: i8 = 0;
const UPDATE: i8 = 1;
/// The bytes of a batch of states.
pub(super) const STATE_BATCH_BYTES: usize = 19;

/// The changes as batches, in order.
pub(super) fn to_batches(changes: &[SharePartitionChange], now: Timestamp) -> Vec<Bytes> {
    records::to_batches(changes.iter().map(encode), now)
}

/// A key and a value, or a tombstone.
fn encode(change: &SharePartitionChange) -> (Bytes, Option<Bytes>) {
    let (slot, body): (Option<u16>, Body<'_>) = match &change.change {
        Change::Snapshot(snapshot) => (None, Some(Box::new(|w: &mut Writer| put_snapshot(w, snapshot)))),
        Change::Update { slot, update } => {
            (Some(*slot), Some(Box::new(|w: &mut Writer| put_update(w, update))))
        }
        Change::SnapshotForgotten => (None, None),
        Change::UpdateForgotten { slot } => (Some(*slot), None),
    };
    (records::written(|w| put_key(w, &change.id, slot)), records::value(body))
}

fn put_key(w: &mut Writer, id: &SharePartitionId, slot: Option<u16>) {
    w.put_i8(if slot.is_some() { UPDATE } else { SNAPSHOT });
    w.put_string(id.group.as_str(), true);
    w.put_uuid(id.topic);
    w.put_i32(id.partition.0);
    if let Some(slot) = slot {
        w.put_i16(slot.cast_signed());
    }
}

fn put_snapshot(w: &mut Writer, snapshot: &ShareSnapshot) {
    w.put_i32(snapshot.state_epoch);
    w.put_i32(snapshot.snapshot_epoch);
    w.put_i64(snapshot.start.0);
    put_state(w, &snapshot.batches);
}

fn put_update(w: &mut Writer, update: &ShareUpdate) {
    w.put_i32(update.snapshot_epoch);
    w.put_i64(update.start.0);
    put_state(w, &update.batches);
}

fn put_state(w: &mut Writer, batches: &[StateBatch]) {
    w.put_array(batches, true, |w, batch| {
        w.put_i64(batch.first.0);
        w.put_i64(batch.last.0);
        w.put_i8(match batch.state {
            DeliveryState::Available => 0,
            DeliveryState::Done => 1,
            DeliveryState::Archiving(DeadLetterCause::Rejected) => 2,
            DeliveryState::Archiving(DeadLetterCause::Exhausted) => 3,
        });
        w.put_i16(batch.deliveries.cast_signed());
    });
}

/// The change that a record tells of.
pub(super) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<SharePartitionChange, RecordError> {
    let mut key = records::reader(key.ok_or(RecordError::NoKey)?);
    let kind = key.i8()?;
    if !(SNAPSHOT..=UPDATE).contains(&kind) {
        return Err(RecordError::UnknownKind(i16::from(kind)));
    }
    let id = SharePartitionId {
        group: GroupId::from(key.string(true)?),
        topic: key.uuid()?,
        partition: PartitionId(key.i32()?),
    };
    let slot = if kind == UPDATE { Some(key.i16()?.cast_unsigned()) } else { None };
    key.finish()?;
    let change = records::read_value(value, |value| {
        Ok(match (slot, value) {
            (None, Some(r)) => Change::Snapshot(snapshot(r)?),
            (None, None) => Change::SnapshotForgotten,
            (Some(slot), Some(r)) => Change::Update { slot, update: update(r)? },
            (Some(slot), None) => Change::UpdateForgotten { slot },
        })
    })?;
    Ok(SharePartitionChange { id, change })
}

fn snapshot(r: &mut Reader) -> Result<ShareSnapshot, RecordError> {
    let (state_epoch, snapshot_epoch) = (r.i32()?, r.i32()?);
    let start = offset(r)?;
    Ok(ShareSnapshot { state_epoch, snapshot_epoch, start, batches: state(r, start)? })
}

fn update(r: &mut Reader) -> Result<ShareUpdate, RecordError> {
    let snapshot_epoch = r.i32()?;
    let start = offset(r)?;
    Ok(ShareUpdate { snapshot_epoch, start, batches: state(r, start)? })
}

fn offset(r: &mut Reader) -> Result<Offset, RecordError> {
    let offset = Offset(r.i64()?);
    if offset < Offset::ZERO || offset == Offset(i64::MAX) {
        return Err(RecordError::Offsets);
    }
    Ok(offset)
}

fn state(r: &mut Reader, start: Offset) -> Result<Vec<StateBatch>, RecordError> {
    let batches =
        r.array(true, STATE_BATCH_BYTES, |r| Ok((r.i64()?, r.i64()?, r.i8()?, r.i16()?.cast_unsigned())))?;
    batches.into_iter().map(|batch| state_batch(batch, start)).collect()
}

fn state_batch(
    (first, last, state, deliveries): (i64, i64, i8, u16),
    start: Offset,
) -> Result<StateBatch, RecordError> {
    if first < start.0 || last < first || last == i64::MAX {
        return Err(RecordError::Offsets);
    }
    let state = match state {
        0 => DeliveryState::Available,
        1 => DeliveryState::Done,
        2 => DeliveryState::Archiving(DeadLetterCause::Rejected),
        3 => DeliveryState::Archiving(DeadLetterCause::Exhausted),
        other => return Err(RecordError::UnknownState(other)),
    };
    Ok(StateBatch { first: Offset(first), last: Offset(last), state, deliveries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_model::Uuid;
    use headwater_wire::batch::batches;
    use proptest::prelude::*;

    fn state(start: i64) -> impl Strategy<Value = Vec<StateBatch>> {
        let state = prop_oneof![
            Just(DeliveryState::Available),
            Just(DeliveryState::Done),
            Just(DeliveryState::Archiving(DeadLetterCause::Rejected)),
            Just(DeliveryState::Archiving(DeadLetterCause::Exhausted)),
        ];
        let batch =
            (0..99_i64, 0..99_i64, state, any::<u16>()).prop_map(move |(at, more, state, deliveries)| {
                let first = Offset(start + at);
                StateBatch { first, last: Offset(first.0 + more), state, deliveries }
            });
        prop::collection::vec(batch, 0..9)
    }

    fn change() -> impl Strategy<Value = SharePartitionChange> {
        let id = ("[a-z]{0,9}", any::<u64>(), 0..9).prop_map(|(group, topic, partition)| SharePartitionId {
            group: GroupId::from(group),
            topic: Uuid::from_u64_pair(7, topic),
            partition: PartitionId(partition),
        });
        let start = || (0..1_000_000_i64).prop_flat_map(|start| (Just(Offset(start)), state(start)));
        let change = prop_oneof![
            (any::<i32>(), any::<i32>(), start()).prop_map(
                |(state_epoch, snapshot_epoch, (start, batches))| Change::Snapshot(ShareSnapshot {
                    state_epoch,
                    snapshot_epoch,
                    start,
                    batches
                })
            ),
            (any::<u16>(), any::<i32>(), start()).prop_map(|(slot, snapshot_epoch, (start, batches))| {
                Change::Update { slot, update: ShareUpdate { snapshot_epoch, start, batches } }
            }),
            Just(Change::SnapshotForgotten),
            any::<u16>().prop_map(|slot| Change::UpdateForgotten { slot }),
        ];
        (id, change).prop_map(|(id, change)| SharePartitionChange { id, change })
    }

    fn read(bytes: Bytes) -> Vec<SharePartitionChange> {
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
        fn noise_gives_a_change_or_an_error(kind in 0..3_i8, key: Vec<u8>, value: Option<Vec<u8>>) {
            let key: Vec<u8> = [kind.to_be_bytes().to_vec(), key].concat();
            let _ = decode(Some(&key), value.as_deref());
        }

        #[test]
        fn what_is_cut_off_is_an_error(change in change()) {
            let (key, value) = encode(&change);
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
    fn offsets_that_cannot_be_are_an_error() {
        let id = SharePartitionId { group: "g".into(), topic: Uuid::ZERO, partition: PartitionId(0) };
        for (start, first, last) in [(-1, 0, 0), (5, 4, 6), (5, 7, 6), (5, 6, i64::MAX)] {
            let state = DeliveryState::Done;
            let batches = vec![StateBatch { first: Offset(first), last: Offset(last), state, deliveries: 0 }];
            let update = ShareUpdate { snapshot_epoch: 1, start: Offset(start), batches };
            let change = Change::Update { slot: 0, update };
            let (key, value) = encode(&SharePartitionChange { id: id.clone(), change });
            assert_eq!(
                decode(Some(&key), value.as_deref()),
                Err(RecordError::Offsets),
                "{start} {first} {last}"
            );
        }
    }
}
