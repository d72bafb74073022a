//! The records of share groups' members.
//!
//! ```text
//! kind  key     body
//!   10  group   the group's epoch   epoch:int32 fingerprint:int64
//!   11  member  what it has said    rack:string? client_id:string client_host:string topics:[string]
//!   12  group   the target's epoch  epoch:int32
//!   13  member  its target          partitions
//!   14  member  what it works on    epoch:int32 previous_epoch:int32 assigned:partitions
//! ```

use std::ops::RangeInclusive;

use headwater_coordinator::{GroupId, MemberId, ShareCurrent, ShareGroupChange as Change, ShareSubscription};
use headwater_wire::protocol::{DecodeError, Reader, Writer};

use super::{Key, member, partitions, put_partitions};
use crate::coordinator::RecordError;
use crate::coordinator::records::Body;

const EPOCH: i8 = 10;
const MEMBER: i8 = 11;
const TARGET_EPOCH: i8 = 12;
const TARGET: i8 = 13;
const CURRENT: i8 = 14;

pub(super) const KINDS: RangeInclusive<i8> = EPOCH..=CURRENT;

pub(super) fn encode<'a>(group: &'a GroupId, change: &'a Change) -> (Key<'a>, Body<'a>) {
    let of_group = |kind| Key { kind, group, member: None };
    let of_member = |kind, member: &'a MemberId| Key { kind, group, member: Some(member) };
    match change {
        Change::Epoch { epoch, fingerprint } => {
            let body = |w: &mut Writer| {
                w.put_i32(*epoch);
                w.put_i64(fingerprint.cast_signed());
            };
            (of_group(EPOCH), Some(Box::new(body)))
        }
        Change::EpochForgotten => (of_group(EPOCH), None),
        Change::TargetEpoch { epoch } => {
            (of_group(TARGET_EPOCH), Some(Box::new(|w: &mut Writer| w.put_i32(*epoch))))
        }
        Change::TargetEpochForgotten => (of_group(TARGET_EPOCH), None),
        Change::Member { member, subscription } => {
            (of_member(MEMBER, member), Some(Box::new(|w: &mut Writer| put_subscription(w, subscription))))
        }
        Change::MemberForgotten { member } => (of_member(MEMBER, member), None),
        Change::Target { member, partitions } => {
            (of_member(TARGET, member), Some(Box::new(|w: &mut Writer| put_partitions(w, partitions))))
        }
        Change::TargetForgotten { member } => (of_member(TARGET, member), None),
        Change::Current { member, current } => {
            (of_member(CURRENT, member), Some(Box::new(|w: &mut Writer| put_current(w, current))))
        }
        Change::CurrentForgotten { member } => (of_member(CURRENT, member), None),
    }
}

pub(super) fn decode(kind: i8, key: &mut Reader, value: Option<&mut Reader>) -> Result<Change, RecordError> {
    Ok(match (kind, value) {
        (EPOCH, Some(r)) => Change::Epoch { epoch: r.i32()?, fingerprint: r.i64()?.cast_unsigned() },
        (EPOCH, None) => Change::EpochForgotten,
        (TARGET_EPOCH, Some(r)) => Change::TargetEpoch { epoch: r.i32()? },
        (TARGET_EPOCH, None) => Change::TargetEpochForgotten,
        (MEMBER, Some(r)) => Change::Member { member: member(key)?, subscription: subscription(r)? },
        (MEMBER, None) => Change::MemberForgotten { member: member(key)? },
        (TARGET, Some(r)) => Change::Target { member: member(key)?, partitions: partitions(r)? },
        (TARGET, None) => Change::TargetForgotten { member: member(key)? },
        (CURRENT, Some(r)) => Change::Current { member: member(key)?, current: current(r)? },
        (CURRENT, None) => Change::CurrentForgotten { member: member(key)? },
        (other, _) => return Err(RecordError::UnknownKind(i16::from(other))),
    })
}

fn put_subscription(w: &mut Writer, said: &ShareSubscription) {
    w.put_opt_string(said.rack.as_deref(), true, true);
    w.put_string(&said.client_id, true);
    w.put_string(&said.client_host, true);
    let topics: Vec<&str> = said.topics.iter().map(String::as_str).collect();
    w.put_array(&topics, true, |w, topic| w.put_string(topic, true));
}

fn subscription(r: &mut Reader) -> Result<ShareSubscription, DecodeError> {
    Ok(ShareSubscription {
        rack: r.opt_string(true, true)?,
        client_id: r.string(true)?,
        client_host: r.string(true)?,
        topics: r.strings(true)?.into_iter().collect(),
    })
}

fn put_current(w: &mut Writer, current: &ShareCurrent) {
    w.put_i32(current.epoch);
    w.put_i32(current.previous_epoch);
    put_partitions(w, &current.assigned);
}

fn current(r: &mut Reader) -> Result<ShareCurrent, DecodeError> {
    Ok(ShareCurrent { epoch: r.i32()?, previous_epoch: r.i32()?, assigned: partitions(r)? })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::some_partitions;
    use super::*;
    use proptest::prelude::*;

    fn subscription() -> impl Strategy<Value = ShareSubscription> {
        let text = || ".{0,9}".prop_map(String::from);
        (prop::option::of(text()), text(), text(), prop::collection::btree_set(text(), 0..4)).prop_map(
            |(rack, client_id, client_host, topics)| ShareSubscription {
                rack,
                client_id,
                client_host,
                topics,
            },
        )
    }

    fn current() -> impl Strategy<Value = ShareCurrent> {
        (any::<i32>(), any::<i32>(), some_partitions())
            .prop_map(|(epoch, previous_epoch, assigned)| ShareCurrent { epoch, previous_epoch, assigned })
    }

    pub(in super::super) fn change() -> impl Strategy<Value = Change> {
        let member = || "[a-z]{0,9}".prop_map(MemberId::from);
        prop_oneof![
            (any::<i32>(), any::<u64>())
                .prop_map(|(epoch, fingerprint)| Change::Epoch { epoch, fingerprint }),
            Just(Change::EpochForgotten),
            any::<i32>().prop_map(|epoch| Change::TargetEpoch { epoch }),
            Just(Change::TargetEpochForgotten),
            (member(), subscription())
                .prop_map(|(member, subscription)| Change::Member { member, subscription }),
            member().prop_map(|member| Change::MemberForgotten { member }),
            (member(), some_partitions())
                .prop_map(|(member, partitions)| Change::Target { member, partitions }),
            member().prop_map(|member| Change::TargetForgotten { member }),
            (member(), current()).prop_map(|(member, current)| Change::Current { member, current }),
            member().prop_map(|member| Change::CurrentForgotten { member }),
        ]
    }
}
