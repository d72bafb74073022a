//! What a log adds up to that does not hold together, as records that are lost in its midst would leave it.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    AssignedTasks, Change, DescribedStreamsGroup, Effects, GroupId, GroupState, Groups, GroupsConfig,
    MemberId, MemberState, Now, StreamsBasis, StreamsCurrent, StreamsGroupChange, StreamsMember,
    StreamsTopology, SubtopologyId, Task, Topic,
};
use headwater_model::{Monotonic, PartitionId, Timestamp, TopicName, Uuid};

use crate::script::streams::subtopology;

const NOW: Now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };

fn group() -> GroupId {
    GroupId::new("g")
}

fn active(numbers: &[i32]) -> AssignedTasks {
    let task = |number: &i32| Task { subtopology: SubtopologyId::new("0"), partition: PartitionId(*number) };
    AssignedTasks { active: numbers.iter().map(task).collect(), ..AssignedTasks::new() }
}

fn epoch(epoch: i32) -> StreamsGroupChange {
    let basis = StreamsBasis { validated_topology: Some(0), ..StreamsBasis::default() };
    StreamsGroupChange::Epoch { epoch, basis }
}

fn topology() -> StreamsGroupChange {
    let topology = StreamsTopology { epoch: 0, subtopologies: vec![subtopology("0:t")] };
    StreamsGroupChange::Topology { topology }
}

fn member(id: &str) -> StreamsGroupChange {
    let said = StreamsMember {
        process: format!("p-{id}"),
        rebalance_timeout: Duration::from_mins(1),
        ..StreamsMember::default()
    };
    StreamsGroupChange::Member { member: MemberId::new(id), said }
}

fn target(id: &str, numbers: &[i32]) -> StreamsGroupChange {
    StreamsGroupChange::Target { member: MemberId::new(id), tasks: active(numbers) }
}

fn current(id: &str, epoch: i32, numbers: &[i32]) -> StreamsGroupChange {
    let current = StreamsCurrent {
        state: MemberState::Stable,
        epoch,
        previous_epoch: epoch,
        assigned: active(numbers),
        revoking: AssignedTasks::new(),
    };
    StreamsGroupChange::Current { member: MemberId::new(id), current }
}

/// The group that records add up to, and what its mending leads to. Mended once, it needs no mending.
fn load(records: Vec<StreamsGroupChange>) -> (Option<DescribedStreamsGroup>, Vec<StreamsGroupChange>) {
    let mut log: Vec<Change> =
        records.into_iter().map(|change| Change::StreamsGroup { group: group(), change }).collect();
    let build = |log: &[Change]| -> (Groups, Effects) {
        let mut groups = Groups::new(GroupsConfig::default());
        log.iter().cloned().for_each(|change| groups.replay(change));
        let effects = groups.loaded(NOW);
        (groups, effects)
    };
    let (_, mended) = build(&log);
    log.extend(mended.records.iter().cloned());
    let (mut groups, again) = build(&log);
    assert_eq!(again, Effects::default());
    let t = Topic { id: Uuid::from_u64_pair(0, 1), partitions: 2 };
    groups.topics_changed(NOW, Arc::new([(TopicName::new("t").unwrap(), t)].into_iter().collect()));
    let changes = mended.records.into_iter().map(|change| match change {
        Change::StreamsGroup { change, .. } => change,
        other => panic!("{other:?}"),
    });
    (groups.describe_streams_group(&group()), changes.collect())
}

#[test]
fn what_two_claim_to_hold_is_the_ones_with_the_greater_epoch() {
    let (described, mended) = load(vec![
        epoch(5),
        topology(),
        member("a"),
        member("b"),
        target("a", &[0]),
        target("b", &[1]),
        StreamsGroupChange::TargetEpoch { epoch: 5 },
        current("a", 4, &[0, 1]),
        current("b", 5, &[1]),
    ]);
    let held: Vec<AssignedTasks> =
        described.unwrap().members.into_iter().map(|member| member.current.assigned).collect();
    assert_eq!(held, [active(&[0]), active(&[1])]);
    assert_eq!(mended, []);
}

#[test]
fn a_member_without_a_target_begins_a_new_epoch() {
    let (described, mended) = load(vec![
        epoch(5),
        topology(),
        member("a"),
        member("b"),
        target("a", &[0, 1]),
        StreamsGroupChange::TargetEpoch { epoch: 5 },
        current("a", 5, &[0, 1]),
    ]);
    assert_eq!(described.unwrap().state, GroupState::Assigning);
    assert_eq!(mended, [epoch(6)]);
}

#[test]
fn a_target_without_a_member_begins_a_new_epoch_and_goes() {
    let id = MemberId::new("b");
    let (described, mended) = load(vec![
        epoch(5),
        topology(),
        member("a"),
        target("a", &[0]),
        target("b", &[1]),
        StreamsGroupChange::TargetEpoch { epoch: 5 },
        current("a", 5, &[0]),
    ]);
    assert_eq!(described.unwrap().members.len(), 1);
    let forgotten = [
        StreamsGroupChange::CurrentForgotten { member: id.clone() },
        StreamsGroupChange::TargetForgotten { member: id.clone() },
        StreamsGroupChange::MemberForgotten { member: id },
    ];
    assert_eq!(mended, [&[epoch(6)][..], &forgotten].concat());
}

#[test]
fn a_group_is_never_behind_its_members() {
    let (described, mended) = load(vec![
        epoch(5),
        topology(),
        member("a"),
        target("a", &[0, 1]),
        StreamsGroupChange::TargetEpoch { epoch: 7 },
        current("a", 8, &[0, 1]),
    ]);
    assert_eq!(described.unwrap().epoch, 10, "one for what was found, one for the topics");
    assert_eq!(mended, [epoch(9)]);
}

#[test]
fn without_a_topology_there_are_no_members_and_without_an_epoch_no_group() {
    let (described, mended) = load(vec![epoch(5), member("a"), target("a", &[0])]);
    assert_eq!(described.unwrap().state, GroupState::Empty);
    assert_eq!(mended.len(), 3);
    let (described, mended) = load(vec![topology(), member("a"), target("a", &[0])]);
    assert_eq!(described, None);
    assert_eq!(mended.len(), 6, "nothing is left of it");
}
