//! After a restart the log speaks.

use std::collections::BTreeSet;

use expect_test::expect;
use headwater_coordinator::{
    Change, CommittedOffset, Effects, GroupId, Groups, GroupsConfig, Now, StoredGroup, StoredMember,
};
use headwater_model::{Monotonic, Offset, PartitionId, Timestamp, TopicName, TopicPartition};

use crate::script::check;

#[test]
fn a_stable_group_goes_on_after_a_restart_without_a_rebalance() {
    check(
        "join a
         sync a
         join b
         join a
         sync a a=left b=right
         commit a t-0=3
         restart
         show
         fetch
         beat a
         beat b
         sync b
         commit b t-1=4",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync a a=left b=right
            a: synced range b"left"
            + gen=2 Some("range") a:b"left" b:b"right"
            > commit a t-0=3
            a: commit [None]
            + t-0=3/
            > restart
            > show
            Stable gen=2 protocol=range
              a b"" b"left"
              b b"" b"right"
            > fetch
            t-0=3/
            > beat a
            a: beat ok
            > beat b
            b: beat ok
            > sync b
            b: synced range b"right"
            > commit b t-1=4
            b: commit [None]
            + t-1=4/
        "#]],
    );
}

#[test]
fn members_have_a_whole_session_after_a_restart() {
    check(
        "join a session=10
         sync a
         wait 8
         restart
         wait 8
         beat a
         restart
         wait 10
         show",
        expect![[r#"
            > join a session=10
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > wait 8
            > restart
            > wait 8
            > beat a
            a: beat ok
            > restart
            > wait 10
            at 26s:
            + gen=2 None
            > show
            Empty gen=2
        "#]],
    );
}

#[test]
fn a_rebalance_under_way_is_lost_and_its_members_find_back() {
    check(
        "join a
         sync a a=all
         join b
         join a
         sync b
         restart
         show
         beat a
         beat b
         join b
         join b anew
         join a
         sync a a=1 b=2",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > join b
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync b
            > restart
            b: sync NotCoordinator
            > show
            Stable gen=1 protocol=range
              a b"" b"all"
            > beat a
            a: beat IllegalGeneration
            > beat b
            b: beat UnknownMemberId
            > join b
            b: join UnknownMemberId
            > join b anew
            > join a
            a: joined as a gen=2 range leader=a a:b"" b':b""
            b: joined as b' gen=2 range leader=a
            > sync a a=1 b=2
            a: synced range b"1"
            + gen=2 Some("range") a:b"1" b':b"2"
        "#]],
    );
}

#[test]
fn an_empty_group_keeps_its_generation() {
    check(
        "join a
         sync a
         leave a
         restart
         show
         join a anew",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > leave a
            leave: Ok([None])
            + gen=2 None
            > restart
            > show
            Empty gen=2
            > join a anew
            a: joined as a' gen=3 range leader=a' a':b""
        "#]],
    );
}

#[test]
fn a_static_member_finds_its_place_after_a_restart() {
    check(
        "join a as=i
         sync a a=all
         restart
         join a anew
         sync a
         restart
         beat a",
        expect![[r#"
            > join a as=i
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > restart
            > join a anew
            a: joined as a' gen=1 range leader=a' skip a':b""
            + gen=1 Some("range") a':b"all"
            > sync a
            a: synced range b"all"
            > restart
            > beat a
            a: beat ok
        "#]],
    );
}

fn committed() -> CommittedOffset {
    CommittedOffset {
        offset: Offset(1),
        leader_epoch: None,
        metadata: "".into(),
        committed_at: Timestamp(0),
        expires_at: None,
    }
}

fn partition(topic: &str) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).unwrap(), PartitionId(0))
}

#[test]
fn tombstones_of_what_is_not_known_are_no_news() {
    let mut groups = Groups::new(GroupsConfig::default());
    let group = GroupId::new("g");
    groups.replay(Change::GroupForgotten { group: group.clone() });
    groups.replay(Change::OffsetForgotten { group: group.clone(), partition: partition("t") });
    assert_eq!(groups.describe(&group), None);
}

#[test]
fn a_record_whose_leader_is_no_member_still_gives_a_group_with_a_leader() {
    let mut groups = Groups::new(GroupsConfig::default());
    let member = StoredMember {
        member: "m".into(),
        instance: None,
        client_id: String::new(),
        client_host: String::new(),
        rebalance_timeout: std::time::Duration::ZERO,
        session_timeout: std::time::Duration::ZERO,
        metadata: "".into(),
        assignment: "".into(),
    };
    groups.replay(Change::GroupStored(StoredGroup {
        group: "g".into(),
        protocol_type: "consumer".into(),
        generation: 3,
        protocol: None,
        leader: Some("gone".into()),
        state_since: None,
        members: vec![member],
    }));
    let now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };
    groups.loaded(now);
    let effects = groups.tick(now);
    assert!(effects.replies.is_empty());
    let described = groups.describe(&"g".into()).unwrap();
    assert_eq!((described.generation, described.members.len()), (4, 0));
}

#[test]
fn offsets_of_deleted_topics_are_forgotten_in_every_group() {
    let mut groups = Groups::new(GroupsConfig::default());
    for group in ["g", "h"] {
        for topic in ["gone", "kept"] {
            groups.replay(Change::OffsetCommitted {
                group: group.into(),
                partition: partition(topic),
                committed: committed(),
            });
        }
    }
    let now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };
    let effects = groups.forget_topics(now, &BTreeSet::from([TopicName::new("gone").unwrap()]));
    let forgotten =
        |group: &str| Change::OffsetForgotten { group: group.into(), partition: partition("gone") };
    assert_eq!(effects, Effects { records: vec![forgotten("g"), forgotten("h")], replies: Vec::new() });
    assert_eq!(groups.committed_offsets(&"g".into()).count(), 1);
}
