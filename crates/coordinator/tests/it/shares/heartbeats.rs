//! What members say, what they are told, and what is recorded.

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn the_first_member_gets_everything_at_once() {
    check(
        "topics t=2
         share hello a
         share members
         share hb a
         share hb a topics=t",
        expect![[r#"
            > topics t=2
            > share hello a
            a: epoch=1 [t-0 t-1]
            + share epoch 1
            + share member a
            + share target a [t-0 t-1]
            + share target epoch 1
            + share current a epoch=1 [t-0 t-1]
            > share members
            Stable epoch=1 target=1 simple
              a epoch=1 [t-0 t-1] -> [t-0 t-1]
            > share hb a
            a: epoch=1
            > share hb a topics=t
            a: epoch=1 [t-0 t-1]
        "#]],
    );
}

#[test]
fn partitions_move_without_being_given_back() {
    check(
        "topics t=4
         share hello a
         share hello b
         share hb a
         share hb a
         share hb b
         share members",
        expect![[r#"
            > topics t=4
            > share hello a
            a: epoch=1 [t-0 t-1 t-2 t-3]
            + share epoch 1
            + share member a
            + share target a [t-0 t-1 t-2 t-3]
            + share target epoch 1
            + share current a epoch=1 [t-0 t-1 t-2 t-3]
            > share hello b
            b: epoch=2 [t-2 t-3]
            + share epoch 2
            + share member b
            + share target a [t-0 t-1]
            + share target b [t-2 t-3]
            + share target epoch 2
            + share current b epoch=2 [t-2 t-3]
            > share hb a
            a: epoch=2 [t-0 t-1]
            + share current a epoch=2 [t-0 t-1]
            > share hb a
            a: epoch=2
            > share hb b
            b: epoch=2
            > share members
            Stable epoch=2 target=2 simple
              a epoch=2 [t-0 t-1] -> [t-0 t-1]
              b epoch=2 [t-2 t-3] -> [t-2 t-3]
        "#]],
    );
}

#[test]
fn more_members_than_partitions_share_them() {
    check(
        "topics t=1
         share hello a
         share hello b
         share hello c
         share members
         share bye a
         share hb b
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
            > share hello b
            b: epoch=2 [t-0]
            + share epoch 2
            + share member b
            + share target b [t-0]
            + share target epoch 2
            + share current b epoch=2 [t-0]
            > share hello c
            c: epoch=3 [t-0]
            + share epoch 3
            + share member c
            + share target c [t-0]
            + share target epoch 3
            + share current c epoch=3 [t-0]
            > share members
            Stable epoch=3 target=3 simple
              a epoch=1 [t-0] -> [t-0]
              b epoch=2 [t-0] -> [t-0]
              c epoch=3 [t-0] -> [t-0]
            > share bye a
            a: epoch=-1 leaves
            + share epoch 4
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > share hb b
            b: epoch=4
            + share target epoch 4
            + share current b epoch=4 [t-0]
            > share members
            Stable epoch=4 target=4 simple
              b epoch=4 [t-0] -> [t-0]
              c epoch=3 [t-0] -> [t-0]
        "#]],
    );
}

#[test]
fn nothing_is_served_before_the_topics_are_told() {
    check(
        "share hello a
         topics t=1
         share hello a",
        expect![[r#"
            > share hello a
            a: CoordinatorLoadInProgress: the coordinator is still loading its state
            > topics t=1
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
fn requests_that_make_no_sense_are_refused_with_kafkas_words() {
    check(
        "topics t=1
         share hb a epoch=0
         share hb a epoch=0 topics=
         share hb a epoch=-2
         share hello a id=
         share hello a rack=''
         share hb a epoch=1
         share bye a",
        expect![[r#"
            > topics t=1
            > share hb a epoch=0
            a: InvalidRequest: SubscribedTopicNames must be set in first request.
            > share hb a epoch=0 topics=
            a: InvalidRequest: SubscribedTopicNames must be set in first request.
            > share hb a epoch=-2
            a: InvalidRequest: MemberEpoch is invalid.
            > share hello a id=
            a: InvalidRequest: MemberId can't be empty.
            > share hello a rack=''
            a: InvalidRequest: RackId can't be empty.
            > share hb a epoch=1
            a: GroupIdNotFound: Share group g not found.
            > share bye a
            a: GroupIdNotFound: Share group g not found.
        "#]],
    );
}

#[test]
fn who_is_no_member_is_told_so() {
    check(
        "topics t=1
         share hello a
         share hb b epoch=1
         share bye b
         share bye a
         share hb a epoch=1
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
            > share hb b epoch=1
            b: UnknownMemberId: Member b is not a member of group g.
            > share bye b
            b: UnknownMemberId: Member b is not a member of group g.
            > share bye a
            a: epoch=-1 leaves
            + share epoch 2
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > share hb a epoch=1
            a: UnknownMemberId: Member a is not a member of group g.
            > share members
            Empty epoch=2 target=1 simple
        "#]],
    );
}

#[test]
fn a_wrong_epoch_is_fenced_and_a_lost_answer_is_not() {
    check(
        "topics t=2
         share hello a
         share hello b
         share hb a
         share hb a epoch=1
         share hb a epoch=1
         share hb a epoch=3
         share hello c
         share hb a epoch=2
         share hb a epoch=1
         share hello a",
        expect![[r#"
            > topics t=2
            > share hello a
            a: epoch=1 [t-0 t-1]
            + share epoch 1
            + share member a
            + share target a [t-0 t-1]
            + share target epoch 1
            + share current a epoch=1 [t-0 t-1]
            > share hello b
            b: epoch=2 [t-1]
            + share epoch 2
            + share member b
            + share target a [t-0]
            + share target b [t-1]
            + share target epoch 2
            + share current b epoch=2 [t-1]
            > share hb a
            a: epoch=2 [t-0]
            + share current a epoch=2 [t-0]
            > share hb a epoch=1
            a: epoch=2 [t-0]
            > share hb a epoch=1
            a: epoch=2 [t-0]
            > share hb a epoch=3
            a: FencedMemberEpoch: The share group member has a greater member epoch (3) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
            > share hello c
            c: epoch=3 [t-0]
            + share epoch 3
            + share member c
            + share target c [t-0]
            + share target epoch 3
            + share current c epoch=3 [t-0]
            > share hb a epoch=2
            a: epoch=3
            + share current a epoch=3 [t-0]
            > share hb a epoch=1
            a: FencedMemberEpoch: The share group member has a smaller member epoch (1) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin.
            > share hello a
            a: epoch=3 [t-0]
            + share current a epoch=3 [t-0]
        "#]],
    );
}

#[test]
fn other_topics_begin_a_new_epoch_and_the_same_do_not() {
    check(
        "topics t=1 u=1
         share hello a
         share hb a topics=t
         share hb a topics=t,u,none
         share hb a rack=r
         share hb a topics=u
         share hb a topics=",
        expect![[r#"
            > topics t=1 u=1
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > share hb a topics=t
            a: epoch=1 [t-0]
            > share hb a topics=t,u,none
            a: epoch=2 [t-0 u-0]
            + share epoch 2
            + share member a
            + share target a [t-0 u-0]
            + share target epoch 2
            + share current a epoch=2 [t-0 u-0]
            > share hb a rack=r
            a: epoch=2
            + share member a
            > share hb a topics=u
            a: epoch=3 [u-0]
            + share epoch 3
            + share member a
            + share target a [u-0]
            + share target epoch 3
            + share current a epoch=3 [u-0]
            > share hb a topics=
            a: epoch=4 []
            + share epoch 4
            + share member a
            + share target a []
            + share target epoch 4
            + share current a epoch=4 []
        "#]],
    );
}

#[test]
fn a_full_group_takes_no_more() {
    let config = GroupsConfig { max_share_group_size: 1, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         share hello a
         share hello b
         share hello a",
        expect![[r#"
            > topics t=1
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > share hello b
            b: GroupMaxSizeReached: The share group has reached its maximum capacity of 1 members.
            > share hello a
            a: epoch=1 [t-0]
            + share current a epoch=1 [t-0]
        "#]],
    );
    let config = GroupsConfig { max_groups: 0, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         share hello a
         list",
        expect![[r#"
            > topics t=1
            > share hello a
            a: PolicyViolation: the request violates a policy
            > list
        "#]],
    );
}

#[test]
fn who_says_too_much_is_refused() {
    let config = GroupsConfig { max_member_metadata_bytes: 40, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         share hello a topics=t,a-very-long-name-of-a-topic-that-does-not-exist
         share hello a
         list",
        expect![[r#"
            > topics t=1
            > share hello a topics=t,a-very-long-name-of-a-topic-that-does-not-exist
            a: InvalidRequest: The member says too much of itself.
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > list
            g Stable share type=Some("share")
        "#]],
    );
}
