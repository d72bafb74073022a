//! A share group among groups of other kinds: none becomes another while it lives.

use expect_test::expect;
use headwater_coordinator::{
    Change, ConsumerGroupChange, Groups, GroupsConfig, ListFilter, Now, ShareGroupChange, StoredGroup,
};
use headwater_model::{Monotonic, Timestamp};

use crate::script::check;

#[test]
fn a_share_group_is_joined_by_no_other_members() {
    check(
        "topics t=1
         share hello a
         join b
         hello b
         join b old
         share bye a
         join b
         hello b
         list
         share members",
        expect![[r#"
            > topics t=1
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > join b
            : join InconsistentGroupProtocol
            > hello b
            b: GroupIdNotFound: Group g is not a consumer group.
            > join b old
            b: join InconsistentGroupProtocol
            > share bye a
            a: epoch=-1 leaves
            + share epoch 2
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > join b
            b: join InconsistentGroupProtocol
            > hello b
            b: GroupIdNotFound: Group g is not a consumer group.
            > list
            g Empty share type=Some("share")
            > share members
            Empty epoch=2 target=1 simple
        "#]],
    );
}

#[test]
fn a_consumer_group_is_no_share_group_until_it_is_deleted() {
    check(
        "topics t=1
         hello a
         share hello b
         share hb b epoch=1
         bye a
         share hello b
         delete
         share hello b
         list",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > share hello b
            b: GroupIdNotFound: Group g is not a share group.
            > share hb b epoch=1
            b: GroupIdNotFound: Group g is not a share group.
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > share hello b
            b: GroupIdNotFound: Group g is not a share group.
            > delete
            delete: ok
            + target epoch forgotten
            + epoch forgotten
            > share hello b
            b: epoch=1 [t-0]
            + share epoch 1
            + share member b
            + share target b [t-0]
            + share target epoch 1
            + share current b epoch=1 [t-0]
            > list
            g Stable share type=Some("share")
        "#]],
    );
}

#[test]
fn a_group_of_offsets_alone_is_no_share_group_until_they_are_forgotten() {
    check(
        "topics t=1
         commit - t-0=1
         share hello b
         forget t-0
         share hello b",
        expect![[r#"
            > topics t=1
            > commit - t-0=1
            -: commit [None]
            + t-0=1/
            > share hello b
            b: GroupIdNotFound: Group g is not a share group.
            > forget t-0
            forget: Ok([None])
            + t-0 forgotten
            > share hello b
            b: epoch=1 [t-0]
            + share epoch 1
            + share member b
            + share target b [t-0]
            + share target epoch 1
            + share current b epoch=1 [t-0]
        "#]],
    );
}

#[test]
fn a_classic_group_is_no_share_group() {
    check(
        "topics t=1
         announce a
         share hello b
         join a
         share hello b",
        expect![[r#"
            > topics t=1
            > announce a
            a: announced
            > share hello b
            b: GroupIdNotFound: Group g is not a share group.
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > share hello b
            b: GroupIdNotFound: Group g is not a share group.
        "#]],
    );
}

#[test]
fn offsets_are_not_committed_to_a_share_group() {
    check(
        "topics t=1
         share hello a
         commit - t-0=1
         commit a t-0=1
         may-fetch -
         forget t-0
         share bye a
         commit - t-0=1",
        expect![[r#"
            > topics t=1
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > commit - t-0=1
            -: commit [GroupIdNotFound]
            > commit a t-0=1
            a: commit [GroupIdNotFound]
            > may-fetch -
            -: may fetch GroupIdNotFound
            > forget t-0
            forget: Err(GroupIdNotFound)
            > share bye a
            a: epoch=-1 leaves
            + share epoch 2
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > commit - t-0=1
            -: commit [GroupIdNotFound]
        "#]],
    );
}

#[test]
fn other_requests_find_no_member_in_a_share_group() {
    check(
        "topics t=1
         join b
         sync b
         leave b
         delete
         share hello a
         beat b
         sync b
         leave b",
        expect![[r#"
            > topics t=1
            > join b
            b: joined as b gen=1 range leader=b b:b""
            > sync b
            b: synced range b""
            + gen=1 Some("range") b:b""
            > leave b
            leave: Ok([None])
            + gen=2 None
            > delete
            delete: ok
            + g forgotten
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > beat b
            b: beat UnknownMemberId
            > sync b
            b: sync UnknownMemberId
            > leave b
            leave: Ok([UnknownMemberId])
        "#]],
    );
}

#[test]
fn a_share_group_is_listed_altered_and_deleted_as_one() {
    check(
        "topics t=1
         share may-alter
         share hello a
         list
         list type=SHARE
         list type=consumer
         show
         members
         delete
         share may-alter
         share bye a
         share may-alter
         list
         delete
         list
         restart
         list
         share hello a",
        expect![[r#"
            > topics t=1
            > share may-alter
            may alter GroupIdNotFound
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > list
            g Stable share type=Some("share")
            > list type=SHARE
            g Stable share type=Some("share")
            > list type=consumer
            > show
            no such group
            > members
            no consumer group
            > delete
            delete: NonEmptyGroup
            > share may-alter
            may alter NonEmptyGroup
            > share bye a
            a: epoch=-1 leaves
            + share epoch 2
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > share may-alter
            may alter ok
            > list
            g Empty share type=Some("share")
            > delete
            delete: ok
            + share target epoch forgotten
            + share epoch forgotten
            > list
            > restart
            > list
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
        "#]],
    );
}

#[test]
fn an_empty_share_group_does_not_expire() {
    check(
        "topics t=1
         share hello a
         share bye a
         wait 2000000
         list
         restart
         list",
        expect![[r#"
            > topics t=1
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > share bye a
            a: epoch=-1 leaves
            + share epoch 2
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > wait 2000000
            > list
            g Empty share type=Some("share")
            > restart
            > list
            g Empty share type=Some("share")
        "#]],
    );
}

fn share(change: ShareGroupChange) -> Change {
    Change::ShareGroup { group: "g".into(), change }
}

fn consumer(change: ConsumerGroupChange) -> Change {
    Change::ConsumerGroup { group: "g".into(), change }
}

/// The kind that a group is of by these records, and what else is recorded.
fn decide(records: Vec<Change>) -> (&'static str, Vec<Change>) {
    let mut groups = Groups::new(GroupsConfig::default());
    for record in records {
        groups.replay(record);
    }
    let effects = groups.loaded(Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) });
    let listed = groups.list(&ListFilter::default());
    (listed.first().map_or("nothing", |listed| listed.group_type), effects.records)
}

#[test]
fn of_two_kinds_that_a_crash_has_left_the_greater_epoch_counts_and_the_other_goes() {
    let epoch = |epoch| share(ShareGroupChange::Epoch { epoch, fingerprint: 0 });
    let target_epoch = |epoch| share(ShareGroupChange::TargetEpoch { epoch });
    let share_forgotten =
        || vec![share(ShareGroupChange::TargetEpochForgotten), share(ShareGroupChange::EpochForgotten)];
    let classic = |generation| {
        Change::GroupStored(StoredGroup {
            group: "g".into(),
            protocol_type: "consumer".into(),
            generation,
            protocol: None,
            leader: None,
            state_since: None,
            members: Vec::new(),
        })
    };
    let classic_forgotten = vec![Change::GroupForgotten { group: "g".into() }];
    assert_eq!(decide(vec![epoch(3), classic(2)]), ("share", classic_forgotten));
    assert_eq!(decide(vec![epoch(3), classic(3)]), ("classic", share_forgotten()));
    let other = |epoch| consumer(ConsumerGroupChange::Epoch { epoch, fingerprint: 0 });
    let other_forgotten = vec![
        consumer(ConsumerGroupChange::TargetEpochForgotten),
        consumer(ConsumerGroupChange::EpochForgotten),
    ];
    assert_eq!(decide(vec![other(2), epoch(3)]), ("share", other_forgotten));
    assert_eq!(decide(vec![other(4), epoch(3)]), ("consumer", share_forgotten()));
    assert_eq!(decide(vec![target_epoch(3)]), ("nothing", share_forgotten()));
}
