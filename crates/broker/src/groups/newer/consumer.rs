//! The records of consumer groups.
//!
//! ```text
//! kind  key     body
//!    0  group   the group's epoch   epoch:int32 fingerprint:int64
//!    1  member  what it has said    instance:string? rack:string? client_id:string client_host:string
//!                                   rebalance_timeout_ms:int32 topics:[string] pattern:string? assignor:string?
//!                                   is_classic:bool [session_timeout_ms:int32 protocols:[name:string metadata:bytes]]
//!    2  group   the target's epoch  epoch:int32
//!    3  member  its target          partitions
//!    4  member  what it works on    state:int8 epoch:int32 previous_epoch:int32 assigned:partitions revoking:partitions
//!
//! state := 0 stable, 1 has to give partitions back, 2 waits for partitions
//! ```

use std::ops::RangeInclusive;

use headwater_coordinator::{
    ClassicSide, ConsumerGroupChange as Change, Current, GroupId, InstanceId, MemberId, Protocol,
    Subscription,
};
use headwater_wire::protocol::{DecodeError, Reader, Writer};

use super::super::records::{from_ms, to_ms};
use super::{Key, member, partitions, put_partitions, put_state, state};
use crate::coordinator::RecordError;
use crate::coordinator::records::Body;

const EPOCH: i8 = 0;
const MEMBER: i8 = 1;
const TARGET_EPOCH: i8 = 2;
const TARGET: i8 = 3;
const CURRENT: i8 = 4;

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

fn put_subscription(w: &mut Writer, said: &Subscription) {
    w.put_opt_string(said.instance.as_ref().map(InstanceId::as_str), true, true);
    w.put_opt_string(said.rack.as_deref(), true, true);
    w.put_string(&said.client_id, true);
    w.put_string(&said.client_host, true);
    w.put_i32(to_ms(said.rebalance_timeout));
    let topics: Vec<&str> = said.topics.iter().map(String::as_str).collect();
    w.put_array(&topics, true, |w, topic| w.put_string(topic, true));
    w.put_opt_string(said.pattern.as_deref(), true, true);
    w.put_opt_string(said.assignor.as_deref(), true, true);
    w.put_bool(said.classic.is_some());
    if let Some(classic) = &said.classic {
        w.put_i32(to_ms(classic.session_timeout));
        let protocols: Vec<&Protocol> = classic.protocols.iter().collect();
        w.put_array(&protocols, true, |w, protocol| {
            w.put_string(&protocol.name, true);
            w.put_bytes(&protocol.metadata, true);
        });
    }
}

fn subscription(r: &mut Reader) -> Result<Subscription, DecodeError> {
    Ok(Subscription {
        instance: r.opt_string(true, true)?.map(Into::into),
        rack: r.opt_string(true, true)?,
        client_id: r.string(true)?,
        client_host: r.string(true)?,
        rebalance_timeout: from_ms(r.i32()?),
        topics: r.strings(true)?.into_iter().collect(),
        pattern: r.opt_string(true, true)?,
        assignor: r.opt_string(true, true)?,
        classic: if r.bool()? { Some(classic(r)?) } else { None },
    })
}

fn classic(r: &mut Reader) -> Result<ClassicSide, DecodeError> {
    let session_timeout = from_ms(r.i32()?);
    let protocols =
        r.array(true, 2, |r| Ok(Protocol { name: r.string(true)?.into(), metadata: r.bytes(true)? }))?;
    Ok(ClassicSide { session_timeout, protocols })
}

fn put_current(w: &mut Writer, current: &Current) {
    put_state(w, current.state);
    w.put_i32(current.epoch);
    w.put_i32(current.previous_epoch);
    put_partitions(w, &current.assigned);
    put_partitions(w, &current.revoking);
}

fn current(r: &mut Reader) -> Result<Current, RecordError> {
    let state = state(r)?;
    let (epoch, previous_epoch) = (r.i32()?, r.i32()?);
    Ok(Current { state, epoch, previous_epoch, assigned: partitions(r)?, revoking: partitions(r)? })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::some_partitions;
    use super::*;
    use bytes::Bytes;
    use headwater_coordinator::MemberState;
    use proptest::prelude::*;
    use std::time::Duration;

    fn subscription() -> impl Strategy<Value = Subscription> {
        let text = || ".{0,9}".prop_map(String::from);
        let maybe = || prop::option::of(text());
        let protocol = (text(), prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(name, metadata)| Protocol { name: name.into(), metadata: Bytes::from(metadata) });
        let classic = (0..i32::MAX, prop::collection::vec(protocol, 0..3))
            .prop_map(|(session, protocols)| ClassicSide { session_timeout: from_ms(session), protocols });
        let named = (maybe(), maybe(), text(), text());
        let wants = (0..i32::MAX, prop::collection::btree_set(text(), 0..4), maybe(), maybe());
        (named, wants, prop::option::of(classic)).prop_map(|(named, wants, classic)| {
            let (instance, rack, client_id, client_host) = named;
            let (timeout, topics, pattern, assignor) = wants;
            let instance = instance.map(Into::into);
            let rebalance_timeout: Duration = from_ms(timeout);
            Subscription {
                instance,
                rack,
                client_id,
                client_host,
                rebalance_timeout,
                topics,
                pattern,
                assignor,
                classic,
            }
        })
    }

    fn current() -> impl Strategy<Value = Current> {
        let state = prop_oneof![
            Just(MemberState::Stable),
            Just(MemberState::UnrevokedPartitions),
            Just(MemberState::UnreleasedPartitions),
        ];
        (state, any::<i32>(), any::<i32>(), some_partitions(), some_partitions()).prop_map(
            |(state, epoch, previous_epoch, assigned, revoking)| Current {
                state,
                epoch,
                previous_epoch,
                assigned,
                revoking,
            },
        )
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
