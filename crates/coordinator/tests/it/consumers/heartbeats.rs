//! What members say, what they are told, and what is recorded.

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn the_first_member_gets_everything_at_once() {
    check(
        "topics t=2
         hello a
         members
         hb a
         hb a owns=told",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > members
            Stable epoch=1 target=1 uniform
              a epoch=1 Stable [t-0 t-1] -> [t-0 t-1]
            > hb a
            a: epoch=1
            > hb a owns=told
            a: epoch=1
        "#]],
    );
}

#[test]
fn a_second_member_gets_its_share_once_the_first_has_given_it_back() {
    check(
        "topics t=4
         hello a
         hello b
         members
         hb b
         hb a
         hb a
         hb b
         hb a owns=t-0,t-1
         hb b
         members",
        expect![[r#"
            > topics t=4
            > hello a
            a: epoch=1 [t-0 t-1 t-2 t-3]
            + epoch 1
            + member a
            + target a [t-0 t-1 t-2 t-3]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1 t-2 t-3]
            > hello b
            b: epoch=2 []
            + epoch 2
            + member b
            + target a [t-0 t-1]
            + target b [t-2 t-3]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > members
            Reconciling epoch=2 target=2 uniform
              a epoch=1 Stable [t-0 t-1 t-2 t-3] -> [t-0 t-1]
              b epoch=2 UnreleasedPartitions [] -> [t-2 t-3]
            > hb b
            b: epoch=2
            > hb a
            a: epoch=1 [t-0 t-1]
            + current a epoch=1 UnrevokedPartitions [t-0 t-1] revoking [t-2 t-3]
            > hb a
            a: epoch=1
            > hb b
            b: epoch=2
            > hb a owns=t-0,t-1
            a: epoch=2
            + current a epoch=2 Stable [t-0 t-1]
            > hb b
            b: epoch=2 [t-2 t-3]
            + current b epoch=2 Stable [t-2 t-3]
            > members
            Stable epoch=2 target=2 uniform
              a epoch=2 Stable [t-0 t-1] -> [t-0 t-1]
              b epoch=2 Stable [t-2 t-3] -> [t-2 t-3]
        "#]],
    );
}

#[test]
fn nothing_is_served_before_the_topics_are_told() {
    check(
        "hello a
         topics t=1
         hello a",
        expect![[r#"
            > hello a
            a: CoordinatorLoadInProgress: the coordinator is still loading its state
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
        "#]],
    );
}

#[test]
fn requests_that_make_no_sense_are_refused_with_kafkas_words() {
    check(
        "topics t=1
         hb a epoch=0
         hb a epoch=0 timeout=1
         hb a epoch=0 timeout=1 owns=t-0
         hb a epoch=0 timeout=1 owns=nothing
         hb a epoch=-3
         hb a epoch=-2
         hello a id=
         hello a rack=''
         hello b as=
         hello c assignor=sticky
         hello c pattern=(
         hb c epoch=1",
        expect![[r#"
            > topics t=1
            > hb a epoch=0
            a: InvalidRequest: RebalanceTimeoutMs must be provided in first request.
            > hb a epoch=0 timeout=1
            a: InvalidRequest: TopicPartitions must be empty when (re-)joining.
            > hb a epoch=0 timeout=1 owns=t-0
            a: InvalidRequest: TopicPartitions must be empty when (re-)joining.
            > hb a epoch=0 timeout=1 owns=nothing
            a: InvalidRequest: Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.
            > hb a epoch=-3
            a: InvalidRequest: MemberEpoch is invalid.
            > hb a epoch=-2
            a: InvalidRequest: InstanceId can't be null.
            > hello a id=
            a: InvalidRequest: MemberId can't be empty.
            > hello a rack=''
            a: InvalidRequest: RackId can't be empty.
            > hello b as=
            b: InvalidRequest: InstanceId can't be empty.
            > hello c assignor=sticky
            c: UnsupportedAssignor: ServerAssignor sticky is not supported. Supported assignors: uniform, range.
            > hello c pattern=(
            c: InvalidRegularExpression: SubscribedTopicRegex `(` is not a valid regular expression: found open group without closing ')'.
            > hb c epoch=1
            c: GroupIdNotFound: Consumer group g not found.
        "#]],
    );
}

#[test]
fn members_make_their_ids_or_have_them_made_in_old_versions() {
    check(
        "topics t=1
         hello a v0
         members
         hb a",
        expect![[r#"
            > topics t=1
            > hello a v0
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > members
            Stable epoch=1 target=1 uniform
              a epoch=1 Stable [t-0] -> [t-0]
            > hb a
            a: epoch=1
        "#]],
    );
}

#[test]
fn who_is_no_member_is_told_so() {
    check(
        "topics t=1
         hello a
         hb b epoch=1
         bye b
         bye a
         hb a epoch=1
         members",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > hb b epoch=1
            b: UnknownMemberId: Member b is not a member of group g.
            > bye b
            b: UnknownMemberId: Member b is not a member of group g.
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hb a epoch=1
            a: UnknownMemberId: Member a is not a member of group g.
            > members
            Empty epoch=2 target=1 uniform
        "#]],
    );
}

#[test]
fn a_wrong_epoch_is_fenced_and_a_lost_answer_is_not() {
    check(
        "topics t=2
         hello a
         hello b
         hb a owns=told
         hb a owns=t-0
         hb a epoch=9
         hb a epoch=1
         hb a epoch=1 owns=t-0,t-1
         hb a epoch=1 owns=t-0
         hb a epoch=1 owns=nothing
         members",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > hello b
            b: epoch=2 []
            + epoch 2
            + member b
            + target a [t-0]
            + target b [t-1]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > hb a owns=told
            a: epoch=1 [t-0]
            + current a epoch=1 UnrevokedPartitions [t-0] revoking [t-1]
            > hb a owns=t-0
            a: epoch=2
            + current a epoch=2 Stable [t-0]
            > hb a epoch=9
            a: FencedMemberEpoch: The consumer group member has a greater member epoch (9) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
            > hb a epoch=1
            a: FencedMemberEpoch: The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
            > hb a epoch=1 owns=t-0,t-1
            a: FencedMemberEpoch: The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
            > hb a epoch=1 owns=t-0
            a: epoch=2 [t-0]
            > hb a epoch=1 owns=nothing
            a: epoch=2 [t-0]
            > members
            Reconciling epoch=2 target=2 uniform
              a epoch=2 Stable [t-0] -> [t-0]
              b epoch=2 UnreleasedPartitions [] -> [t-1]
        "#]],
    );
}

#[test]
fn a_member_that_was_fenced_begins_anew_with_nothing() {
    check(
        "topics t=2
         hello a
         hb a epoch=7
         hello a
         members",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > hb a epoch=7
            a: FencedMemberEpoch: The consumer group member has a greater member epoch (7) than the one known by the group coordinator (1). The member must abandon all its partitions and rejoin.
            > hello a
            a: epoch=1 [t-0 t-1]
            + current a epoch=1 Stable [t-0 t-1]
            > members
            Stable epoch=1 target=1 uniform
              a epoch=1 Stable [t-0 t-1] -> [t-0 t-1]
        "#]],
    );
}

#[test]
fn a_full_heartbeat_is_told_everything() {
    check(
        "topics t=2
         hello a
         hb a topics=t timeout=60 owns=told
         hb a topics=t timeout=60",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > hb a topics=t timeout=60 owns=told
            a: epoch=1 [t-0 t-1]
            > hb a topics=t timeout=60
            a: epoch=1
        "#]],
    );
}

#[test]
fn other_topics_begin_a_new_epoch_and_the_same_do_not() {
    check(
        "topics t=1 u=1
         hello a
         hb a topics=t
         hb a topics=t,u,none
         hb a topics=u
         hb a owns=u-0
         hb a topics=",
        expect![[r#"
            > topics t=1 u=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > hb a topics=t
            a: epoch=1
            > hb a topics=t,u,none
            a: epoch=2 [t-0 u-0]
            + epoch 2
            + member a
            + target a [t-0 u-0]
            + target epoch 2
            + current a epoch=2 Stable [t-0 u-0]
            > hb a topics=u
            a: epoch=2 [u-0]
            + epoch 3
            + member a
            + target a [u-0]
            + target epoch 3
            + current a epoch=2 UnrevokedPartitions [u-0] revoking [t-0]
            > hb a owns=u-0
            a: epoch=3
            + current a epoch=3 Stable [u-0]
            > hb a topics=
            a: epoch=3 []
            + epoch 4
            + member a
            + target a []
            + target epoch 4
            + current a epoch=3 UnrevokedPartitions [] revoking [u-0]
        "#]],
    );
}

#[test]
fn the_assignor_that_most_members_want_is_used() {
    check(
        "topics t=2 u=2
         hello a topics=t,u assignor=range
         hello b topics=t,u
         members
         hb b assignor=uniform
         hello c topics=t,u assignor=uniform
         members",
        expect![[r#"
            > topics t=2 u=2
            > hello a topics=t,u assignor=range
            a: epoch=1 [t-0 t-1 u-0 u-1]
            + epoch 1
            + member a
            + target a [t-0 t-1 u-0 u-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1 u-0 u-1]
            > hello b topics=t,u
            b: epoch=2 []
            + epoch 2
            + member b
            + target a [t-0 u-0]
            + target b [t-1 u-1]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > members
            Reconciling epoch=2 target=2 range
              a epoch=1 Stable [t-0 t-1 u-0 u-1] -> [t-0 u-0]
              b epoch=2 UnreleasedPartitions [] -> [t-1 u-1]
            > hb b assignor=uniform
            b: epoch=3
            + epoch 3
            + member b
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > hello c topics=t,u assignor=uniform
            c: epoch=4 []
            + epoch 4
            + member c
            + target b [t-1]
            + target c [u-1]
            + target epoch 4
            + current c epoch=4 UnreleasedPartitions []
            > members
            Reconciling epoch=4 target=4 uniform
              a epoch=1 Stable [t-0 t-1 u-0 u-1] -> [t-0 u-0]
              b epoch=3 UnreleasedPartitions [] -> [t-1]
              c epoch=4 UnreleasedPartitions [] -> [u-1]
        "#]],
    );
}

#[test]
fn a_full_group_takes_no_more() {
    let config = GroupsConfig { max_group_size: 1, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         hello a
         hello b
         hello a",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > hello b
            b: GroupMaxSizeReached: The consumer group has reached its maximum capacity of 1 members.
            > hello a
            a: epoch=1 [t-0]
            + current a epoch=1 Stable [t-0]
        "#]],
    );
    let config = GroupsConfig { max_groups: 0, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         hello a
         list",
        expect![[r#"
            > topics t=1
            > hello a
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
         hello a topics=t,a-very-long-name-of-a-topic-that-does-not-exist
         hello a",
        expect![[r#"
            > topics t=1
            > hello a topics=t,a-very-long-name-of-a-topic-that-does-not-exist
            a: InvalidRequest: The member says too much of itself.
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
        "#]],
    );
}
