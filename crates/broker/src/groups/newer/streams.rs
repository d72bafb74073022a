//! The records of streams groups.
//!
//! ```text
//! kind  key     body
//!   20  group   the group's epoch   epoch:int32 fingerprint:int64 validated_topology:int32 standby_replicas:int32
//!   21  group   its topology        epoch:int32 subtopologies:[subtopology]
//!   22  member  what it has said    rack:string? client_id:string client_host:string rebalance_timeout_ms:int32
//!                                   topology_epoch:int32 process:string has_endpoint:bool [host:string port:uint16]
//!                                   tags:[name:string value:string]
//!   23  group   the target's epoch  epoch:int32
//!   24  member  its target          tasks
//!   25  member  what it works on    state:int8 epoch:int32 previous_epoch:int32 assigned:tasks revoking:tasks
//!
//! subtopology := id:string source_topics:[string] source_topic_regex:[string] repartition_sources:[topic]
//!                repartition_sinks:[string] changelogs:[topic] copartition_groups:[group]
//! topic       := name:string partitions:int32 replication_factor:int16 configs:[name:string value:string]
//! group       := source_topics:[int16] source_topic_regex:[int16] repartition_sources:[int16]
//! tasks       := active:[of] standby:[of]
//! of          := subtopology:string [partition:int32]
//! state       := 0 stable, 1 has to give tasks back, 2 waits for tasks
//! ```
//!
//! A topology that was not found to be valid is -1.

use std::ops::RangeInclusive;

use headwater_coordinator::{
    AssignedTasks, CopartitionGroup, Endpoint, GroupId, InternalTopic, MemberId, StreamsBasis,
    StreamsCurrent, StreamsGroupChange as Change, StreamsMember, StreamsTopology, Subtopology, SubtopologyId,
    Task, Tasks,
};
use headwater_model::PartitionId;
use headwater_wire::protocol::{DecodeError, Reader, Writer};

use super::super::records::{from_ms, to_ms};
use super::{Key, member, put_state, state};
use crate::coordinator::RecordError;
use crate::coordinator::records::Body;

const EPOCH: i8 = 20;
const TOPOLOGY: i8 = 21;
const MEMBER: i8 = 22;
const TARGET_EPOCH: i8 = 23;
const TARGET: i8 = 24;
const CURRENT: i8 = 25;

pub(super) const KINDS: RangeInclusive<i8> = EPOCH..=CURRENT;

const NOT_VALID: i32 = -1;

pub(super) fn encode<'a>(group: &'a GroupId, change: &'a Change) -> (Key<'a>, Body<'a>) {
    let of_group = |kind| Key { kind, group, member: None };
    let of_member = |kind, member: &'a MemberId| Key { kind, group, member: Some(member) };
    match change {
        Change::Epoch { epoch, basis } => {
            (of_group(EPOCH), Some(Box::new(|w: &mut Writer| put_epoch(w, *epoch, basis))))
        }
        Change::EpochForgotten => (of_group(EPOCH), None),
        Change::Topology { topology } => {
            (of_group(TOPOLOGY), Some(Box::new(|w: &mut Writer| put_topology(w, topology))))
        }
        Change::TopologyForgotten => (of_group(TOPOLOGY), None),
        Change::TargetEpoch { epoch } => {
            (of_group(TARGET_EPOCH), Some(Box::new(|w: &mut Writer| w.put_i32(*epoch))))
        }
        Change::TargetEpochForgotten => (of_group(TARGET_EPOCH), None),
        Change::Member { member, said } => {
            (of_member(MEMBER, member), Some(Box::new(|w: &mut Writer| put_said(w, said))))
        }
        Change::MemberForgotten { member } => (of_member(MEMBER, member), None),
        Change::Target { member, tasks } => {
            (of_member(TARGET, member), Some(Box::new(|w: &mut Writer| put_assigned(w, tasks))))
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
        (EPOCH, Some(r)) => Change::Epoch { epoch: r.i32()?, basis: basis(r)? },
        (EPOCH, None) => Change::EpochForgotten,
        (TOPOLOGY, Some(r)) => Change::Topology { topology: topology(r)? },
        (TOPOLOGY, None) => Change::TopologyForgotten,
        (TARGET_EPOCH, Some(r)) => Change::TargetEpoch { epoch: r.i32()? },
        (TARGET_EPOCH, None) => Change::TargetEpochForgotten,
        (MEMBER, Some(r)) => Change::Member { member: member(key)?, said: said(r)? },
        (MEMBER, None) => Change::MemberForgotten { member: member(key)? },
        (TARGET, Some(r)) => Change::Target { member: member(key)?, tasks: assigned(r)? },
        (TARGET, None) => Change::TargetForgotten { member: member(key)? },
        (CURRENT, Some(r)) => Change::Current { member: member(key)?, current: current(r)? },
        (CURRENT, None) => Change::CurrentForgotten { member: member(key)? },
        (other, _) => return Err(RecordError::UnknownKind(i16::from(other))),
    })
}

fn put_epoch(w: &mut Writer, epoch: i32, basis: &StreamsBasis) {
    w.put_i32(epoch);
    w.put_i64(basis.fingerprint.cast_signed());
    w.put_i32(basis.validated_topology.unwrap_or(NOT_VALID));
    w.put_i32(i32::try_from(basis.standby_replicas).unwrap_or(i32::MAX));
}

fn basis(r: &mut Reader) -> Result<StreamsBasis, DecodeError> {
    Ok(StreamsBasis {
        fingerprint: r.i64()?.cast_unsigned(),
        validated_topology: Some(r.i32()?).filter(|epoch| *epoch != NOT_VALID),
        standby_replicas: usize::try_from(r.i32()?).unwrap_or(0),
    })
}

fn put_topology(w: &mut Writer, topology: &StreamsTopology) {
    w.put_i32(topology.epoch);
    put_each(w, &topology.subtopologies, |w, part| {
        w.put_string(part.id.as_str(), true);
        put_texts(w, &part.source_topics);
        put_texts(w, &part.source_topic_regex);
        put_each(w, &part.repartition_sources, put_topic);
        put_texts(w, &part.repartition_sinks);
        put_each(w, &part.changelogs, put_topic);
        put_each(w, &part.copartition_groups, |w, group| {
            w.put_array(&group.source_topics, true, Writer::put_i16);
            w.put_array(&group.source_topic_regex, true, Writer::put_i16);
            w.put_array(&group.repartition_sources, true, Writer::put_i16);
        });
    });
}

fn topology(r: &mut Reader) -> Result<StreamsTopology, DecodeError> {
    let numbers = |r: &mut Reader| r.array(true, 2, Reader::i16);
    let group = |r: &mut Reader| {
        Ok(CopartitionGroup {
            source_topics: numbers(r)?,
            source_topic_regex: numbers(r)?,
            repartition_sources: numbers(r)?,
        })
    };
    let subtopology = |r: &mut Reader| {
        Ok(Subtopology {
            id: SubtopologyId::from(r.string(true)?),
            source_topics: r.strings(true)?,
            source_topic_regex: r.strings(true)?,
            repartition_sources: r.array(true, 8, topic)?,
            repartition_sinks: r.strings(true)?,
            changelogs: r.array(true, 8, topic)?,
            copartition_groups: r.array(true, 3, group)?,
        })
    };
    Ok(StreamsTopology { epoch: r.i32()?, subtopologies: r.array(true, 7, subtopology)? })
}

fn put_topic(w: &mut Writer, topic: &InternalTopic) {
    w.put_string(&topic.name, true);
    w.put_i32(topic.partitions);
    w.put_i16(topic.replication_factor);
    put_each(w, &topic.configs, |w, (name, value)| put_pair(w, name, value));
}

fn topic(r: &mut Reader) -> Result<InternalTopic, DecodeError> {
    Ok(InternalTopic {
        name: r.string(true)?,
        partitions: r.i32()?,
        replication_factor: r.i16()?,
        configs: r.array(true, 2, pair)?,
    })
}

fn put_said(w: &mut Writer, said: &StreamsMember) {
    w.put_opt_string(said.rack.as_deref(), true, true);
    w.put_string(&said.client_id, true);
    w.put_string(&said.client_host, true);
    w.put_i32(to_ms(said.rebalance_timeout));
    w.put_i32(said.topology_epoch);
    w.put_string(&said.process, true);
    w.put_bool(said.endpoint.is_some());
    if let Some(endpoint) = &said.endpoint {
        w.put_string(&endpoint.host, true);
        w.put_u16(endpoint.port);
    }
    let tags: Vec<(&String, &String)> = said.tags.iter().collect();
    w.put_array(&tags, true, |w, (name, value)| put_pair(w, name, value));
}

fn said(r: &mut Reader) -> Result<StreamsMember, DecodeError> {
    Ok(StreamsMember {
        rack: r.opt_string(true, true)?,
        client_id: r.string(true)?,
        client_host: r.string(true)?,
        rebalance_timeout: from_ms(r.i32()?),
        topology_epoch: r.i32()?,
        process: r.string(true)?,
        endpoint: if r.bool()? { Some(endpoint(r)?) } else { None },
        tags: r.array(true, 2, pair)?.into_iter().collect(),
    })
}

fn endpoint(r: &mut Reader) -> Result<Endpoint, DecodeError> {
    Ok(Endpoint { host: r.string(true)?, port: r.u16()? })
}

fn put_current(w: &mut Writer, current: &StreamsCurrent) {
    put_state(w, current.state);
    w.put_i32(current.epoch);
    w.put_i32(current.previous_epoch);
    put_assigned(w, &current.assigned);
    put_assigned(w, &current.revoking);
}

fn current(r: &mut Reader) -> Result<StreamsCurrent, RecordError> {
    let state = state(r)?;
    let (epoch, previous_epoch) = (r.i32()?, r.i32()?);
    Ok(StreamsCurrent { state, epoch, previous_epoch, assigned: assigned(r)?, revoking: assigned(r)? })
}

fn put_assigned(w: &mut Writer, assigned: &AssignedTasks) {
    for tasks in [&assigned.active, &assigned.standby] {
        let parts: Vec<_> = tasks.by_subtopology().collect();
        w.put_array(&parts, true, |w, (subtopology, partitions)| {
            w.put_string(subtopology.as_str(), true);
            let numbers: Vec<i32> = partitions.iter().map(|partition| partition.0).collect();
            w.put_array(&numbers, true, Writer::put_i32);
        });
    }
}

fn assigned(r: &mut Reader) -> Result<AssignedTasks, DecodeError> {
    Ok(AssignedTasks { active: tasks(r)?, standby: tasks(r)? })
}

fn tasks(r: &mut Reader) -> Result<Tasks, DecodeError> {
    let part = |r: &mut Reader| {
        Ok((SubtopologyId::from(r.string(true)?), r.array(true, 4, |r| r.i32().map(PartitionId))?))
    };
    let parts = r.array(true, 2, part)?;
    let each = |(subtopology, numbers): (SubtopologyId, Vec<PartitionId>)| {
        numbers.into_iter().map(move |partition| Task { subtopology: subtopology.clone(), partition })
    };
    Ok(parts.into_iter().flat_map(each).collect())
}

fn put_each<T>(w: &mut Writer, items: &[T], put: impl Fn(&mut Writer, &T)) {
    let items: Vec<&T> = items.iter().collect();
    w.put_array(&items, true, put);
}

fn put_texts(w: &mut Writer, texts: &[String]) {
    put_each(w, texts, |w, text| w.put_string(text, true));
}

fn put_pair(w: &mut Writer, name: &str, value: &str) {
    w.put_string(name, true);
    w.put_string(value, true);
}

fn pair(r: &mut Reader) -> Result<(String, String), DecodeError> {
    Ok((r.string(true)?, r.string(true)?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use headwater_coordinator::MemberState;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        ".{0,9}".prop_map(String::from)
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(text(), 0..3)
    }

    fn tasks() -> impl Strategy<Value = AssignedTasks> {
        let set = || {
            prop::collection::vec(("[0-2]", 0..9), 0..9).prop_map(|pairs| {
                let task = |(subtopology, number): (String, i32)| Task {
                    subtopology: SubtopologyId::from(subtopology),
                    partition: PartitionId(number),
                };
                pairs.into_iter().map(task).collect::<Tasks>()
            })
        };
        (set(), set()).prop_map(|(active, standby)| AssignedTasks { active, standby })
    }

    fn topic() -> impl Strategy<Value = InternalTopic> {
        let configs = prop::collection::vec((text(), text()), 0..3);
        (text(), any::<i32>(), any::<i16>(), configs).prop_map(
            |(name, partitions, replication_factor, configs)| InternalTopic {
                name,
                partitions,
                replication_factor,
                configs,
            },
        )
    }

    fn subtopology() -> impl Strategy<Value = Subtopology> {
        let topics = || prop::collection::vec(topic(), 0..3);
        let numbers = || prop::collection::vec(any::<i16>(), 0..3);
        let group = (numbers(), numbers(), numbers()).prop_map(
            |(source_topics, source_topic_regex, repartition_sources)| CopartitionGroup {
                source_topics,
                source_topic_regex,
                repartition_sources,
            },
        );
        let groups = prop::collection::vec(group, 0..3);
        (text(), texts(), texts(), topics(), texts(), topics(), groups).prop_map(
            |(id, source_topics, source_topic_regex, repartition_sources, sinks, changelogs, groups)| {
                Subtopology {
                    id: SubtopologyId::from(id),
                    source_topics,
                    source_topic_regex,
                    repartition_sources,
                    repartition_sinks: sinks,
                    changelogs,
                    copartition_groups: groups,
                }
            },
        )
    }

    fn said() -> impl Strategy<Value = StreamsMember> {
        let endpoint = (text(), any::<u16>()).prop_map(|(host, port)| Endpoint { host, port });
        let tags = prop::collection::btree_map(text(), text(), 0..3);
        let named = (prop::option::of(text()), text(), text(), text());
        (named, 0..i32::MAX, any::<i32>(), prop::option::of(endpoint), tags).prop_map(
            |((rack, client_id, client_host, process), timeout, topology_epoch, endpoint, tags)| {
                StreamsMember {
                    rack,
                    client_id,
                    client_host,
                    rebalance_timeout: from_ms(timeout),
                    topology_epoch,
                    process,
                    endpoint,
                    tags,
                }
            },
        )
    }

    fn current() -> impl Strategy<Value = StreamsCurrent> {
        let state = prop_oneof![
            Just(MemberState::Stable),
            Just(MemberState::UnrevokedPartitions),
            Just(MemberState::UnreleasedPartitions),
        ];
        (state, any::<i32>(), any::<i32>(), tasks(), tasks()).prop_map(
            |(state, epoch, previous_epoch, assigned, revoking)| StreamsCurrent {
                state,
                epoch,
                previous_epoch,
                assigned,
                revoking,
            },
        )
    }

    #[test]
    fn the_layout_is_stable() {
        let (group, m) = (GroupId::new("g"), || MemberId::new("m"));
        let tasks = |numbers: &[i32]| {
            let task = |number: &i32| Task { subtopology: "0".into(), partition: PartitionId(*number) };
            numbers.iter().map(task).collect::<Tasks>()
        };
        let basis = StreamsBasis { fingerprint: 7, validated_topology: None, standby_replicas: 1 };
        let current = StreamsCurrent {
            state: MemberState::UnreleasedPartitions,
            epoch: 3,
            previous_epoch: 2,
            assigned: AssignedTasks { active: tasks(&[4]), standby: tasks(&[]) },
            revoking: AssignedTasks::new(),
        };
        let cases: [(Change, &[u8], &[u8]); 2] = [
            (
                Change::Epoch { epoch: 3, basis },
                b"\x14\x02g",
                b"\x01\0\0\0\x03\0\0\0\0\0\0\0\x07\xff\xff\xff\xff\0\0\0\x01\0",
            ),
            (
                Change::Current { member: m(), current },
                b"\x19\x02g\x02m",
                b"\x01\x02\0\0\0\x03\0\0\0\x02\x02\x020\x02\0\0\0\x04\x01\x01\x01\0",
            ),
        ];
        for (change, key, value) in cases {
            let change = headwater_coordinator::Change::StreamsGroup { group: group.clone(), change };
            let (written_key, written_value) = super::super::encode(&change).unwrap();
            assert_eq!((&written_key[..], written_value.as_deref()), (key, Some(value)));
        }
    }

    pub(in super::super) fn change() -> impl Strategy<Value = Change> {
        let member = || "[a-z]{0,9}".prop_map(MemberId::from);
        let basis = (any::<u64>(), prop::option::of(0..i32::MAX), 0..9_usize).prop_map(
            |(fingerprint, validated_topology, standby_replicas)| StreamsBasis {
                fingerprint,
                validated_topology,
                standby_replicas,
            },
        );
        let topology = (any::<i32>(), prop::collection::vec(subtopology(), 0..3))
            .prop_map(|(epoch, subtopologies)| StreamsTopology { epoch, subtopologies });
        prop_oneof![
            (any::<i32>(), basis).prop_map(|(epoch, basis)| Change::Epoch { epoch, basis }),
            Just(Change::EpochForgotten),
            topology.prop_map(|topology| Change::Topology { topology }),
            Just(Change::TopologyForgotten),
            any::<i32>().prop_map(|epoch| Change::TargetEpoch { epoch }),
            Just(Change::TargetEpochForgotten),
            (member(), said()).prop_map(|(member, said)| Change::Member { member, said }),
            member().prop_map(|member| Change::MemberForgotten { member }),
            (member(), tasks()).prop_map(|(member, tasks)| Change::Target { member, tasks }),
            member().prop_map(|member| Change::TargetForgotten { member }),
            (member(), current()).prop_map(|(member, current)| Change::Current { member, current }),
            member().prop_map(|member| Change::CurrentForgotten { member }),
        ]
    }
}
