//! What members say, what they are told, and what is recorded.

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn the_first_member_gets_everything_at_once() {
    check(
        "topics t=2
         topology 0:t
         enter a
         tasks
         sb a
         sb a owns=told
         sb a owns=told timeout=60
         list type=streams",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > tasks
            Stable epoch=2 target=2
              a epoch=2 Stable [0_0 0_1] -> [0_0 0_1]
            > sb a
            a: epoch=2
            > sb a owns=told
            a: epoch=2
            > sb a owns=told timeout=60
            a: epoch=2 [0_0 0_1]
            > list type=streams
            g Stable streams type=Some("streams")
        "#]],
    );
}

#[test]
fn a_second_member_gets_its_share_once_the_first_has_given_it_back() {
    check(
        "topics t=4
         topology 0:t
         enter a
         enter b
         tasks
         sb b
         sb a
         sb a
         sb b
         sb a owns=0_0,0_1
         sb b
         tasks",
        expect![[r#"
            > topics t=4
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1 0_2 0_3]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1 0_2 0_3]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1 0_2 0_3]
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0 0_1]
            + target b [0_2 0_3]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > tasks
            Reconciling epoch=3 target=3
              a epoch=2 Stable [0_0 0_1 0_2 0_3] -> [0_0 0_1]
              b epoch=3 UnreleasedPartitions [] -> [0_2 0_3]
            > sb b
            b: epoch=3
            > sb a
            a: epoch=2 [0_0 0_1]
            + current a epoch=2 UnrevokedPartitions [0_0 0_1] revoking [0_2 0_3]
            > sb a
            a: epoch=2
            > sb b
            b: epoch=3
            > sb a owns=0_0,0_1
            a: epoch=3
            + current a epoch=3 Stable [0_0 0_1]
            > sb b
            b: epoch=3 [0_2 0_3]
            + current b epoch=3 Stable [0_2 0_3]
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0 0_1] -> [0_0 0_1]
              b epoch=3 Stable [0_2 0_3] -> [0_2 0_3]
        "#]],
    );
}

#[test]
fn nothing_is_served_before_the_topics_are_told() {
    check(
        "topology 0:t
         enter a
         topics t=1
         enter a",
        expect![[r#"
            > topology 0:t
            > enter a
            a: CoordinatorLoadInProgress: the coordinator is still loading its state
            > topics t=1
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
        "#]],
    );
}

#[test]
fn requests_that_make_no_sense_are_refused_with_kafkas_words() {
    check(
        "topics t=1
         topology 0:t
         enter a as=i
         enter a warmup=0_0
         enter a id=''
         enter a rack=''
         sb a epoch=0
         sb a epoch=0 timeout=1
         sb a epoch=0 timeout=1 owns=0_0
         sb a epoch=0 timeout=1 owns=~0_0
         sb a epoch=0 timeout=1 owns=nothing bare
         sb a epoch=-2
         sb a epoch=-3
         sb a epoch=1
         topology 0:t,?t.*
         enter a
         topology 0:t,*s/3
         enter a
         topology 0:
         enter a
         topology epoch=-1 0:t
         enter a
         tasks",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a as=i
            a: InvalidRequest: Static membership is not yet supported.
            > enter a warmup=0_0
            a: InvalidRequest: WarmupTasks are not supported yet.
            > enter a id=''
            a: InvalidRequest: MemberId can't be empty.
            > enter a rack=''
            a: InvalidRequest: RackId can't be empty.
            > sb a epoch=0
            a: InvalidRequest: RebalanceTimeoutMs must be provided in first request.
            > sb a epoch=0 timeout=1
            a: InvalidRequest: ActiveTasks must be empty when (re-)joining.
            > sb a epoch=0 timeout=1 owns=0_0
            a: InvalidRequest: ActiveTasks must be empty when (re-)joining.
            > sb a epoch=0 timeout=1 owns=~0_0
            a: InvalidRequest: StandbyTasks must be empty when (re-)joining.
            > sb a epoch=0 timeout=1 owns=nothing bare
            a: InvalidRequest: Topology must be non-null when (re-)joining.
            > sb a epoch=-2
            a: InvalidRequest: InstanceId can't be null.
            > sb a epoch=-3
            a: InvalidRequest: MemberEpoch is -3, but must be greater than or equal to -2.
            > sb a epoch=1
            a: GroupIdNotFound: Streams group g not found.
            > topology 0:t,?t.*
            > enter a
            a: InvalidRequest: Regular expressions for source topics are not supported yet.
            > topology 0:t,*s/3
            > enter a
            a: StreamsInvalidTopology: Changelog topic s must have an undefined partition count, but it is set to 3.
            > topology 0:
            > enter a
            a: StreamsInvalidTopology: Subtopology 0 does not contain any source topics.
            > topology epoch=-1 0:t
            > enter a
            a: StreamsInvalidTopologyEpoch: The topology epoch is -1, but must not be negative.
            > tasks
            no streams group
        "#]],
    );
}

#[test]
fn tasks_that_there_are_not_are_refused_as_owned() {
    check(
        "topics t=2
         topology 0:t
         enter a
         sb a owns=1_0
         sb a owns=0_2
         sb a owns=0_1,~0_7",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > sb a owns=1_0
            a: InvalidRequest: Subtopology 1 does not exist in the topology.
            > sb a owns=0_2
            a: InvalidRequest: Task 2 for subtopology 0 is invalid. Number of tasks for this subtopology: 2
            > sb a owns=0_1,~0_7
            a: InvalidRequest: Task 7 for subtopology 0 is invalid. Number of tasks for this subtopology: 2
        "#]],
    );
}

#[test]
fn who_is_no_member_is_told_so() {
    check(
        "topics t=1
         topology 0:t
         enter a
         sb b epoch=1
         exit b
         exit a
         sb a epoch=2
         tasks",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > sb b epoch=1
            b: UnknownMemberId: Member b is not a member of group g.
            > exit b
            b: UnknownMemberId: Member b is not a member of group g.
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > sb a epoch=2
            a: UnknownMemberId: Member a is not a member of group g.
            > tasks
            Empty epoch=3 target=2
        "#]],
    );
}

#[test]
fn a_wrong_epoch_is_fenced_and_a_lost_answer_is_not() {
    check(
        "topics t=2
         topology 0:t
         enter a
         enter b
         sb a owns=told
         sb a owns=0_0
         sb a epoch=9
         sb a epoch=2
         sb a epoch=2 owns=0_0,0_1
         sb a epoch=2 owns=0_0
         sb a epoch=2 owns=nothing
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > sb a owns=told
            a: epoch=2 [0_0]
            + current a epoch=2 UnrevokedPartitions [0_0] revoking [0_1]
            > sb a owns=0_0
            a: epoch=3
            + current a epoch=3 Stable [0_0]
            > sb a epoch=9
            a: FencedMemberEpoch: The streams group member has a greater member epoch (9) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin.
            > sb a epoch=2
            a: FencedMemberEpoch: The streams group member has a smaller member epoch (2) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin.
            > sb a epoch=2 owns=0_0,0_1
            a: FencedMemberEpoch: The streams group member has a smaller member epoch (2) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin.
            > sb a epoch=2 owns=0_0
            a: epoch=3 [0_0]
            > sb a epoch=2 owns=nothing
            a: epoch=3 [0_0]
            > tasks
            Reconciling epoch=3 target=3
              a epoch=3 Stable [0_0] -> [0_0]
              b epoch=3 UnreleasedPartitions [] -> [0_1]
        "#]],
    );
}

#[test]
fn a_member_that_was_fenced_begins_anew_with_nothing() {
    check(
        "topics t=2
         topology 0:t
         enter a
         sb a epoch=7
         enter a
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > sb a epoch=7
            a: FencedMemberEpoch: The streams group member has a greater member epoch (7) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
            > enter a
            a: epoch=2 [0_0 0_1]
            + current a epoch=2 Stable [0_0 0_1]
            > tasks
            Stable epoch=2 target=2
              a epoch=2 Stable [0_0 0_1] -> [0_0 0_1]
        "#]],
    );
}

#[test]
fn what_a_member_says_of_itself_begins_a_new_epoch_if_tasks_depend_on_it() {
    check(
        "topics t=1
         topology 0:t
         enter a
         sb a process=p-a tags=zone.x
         sb a process=p-a tags=zone.x
         sb a timeout=30
         sb a process=other",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > sb a process=p-a tags=zone.x
            a: epoch=3
            + epoch 3 validated=0
            + member a
            + target epoch 3
            + current a epoch=3 Stable [0_0]
            > sb a process=p-a tags=zone.x
            a: epoch=3
            > sb a timeout=30
            a: epoch=3
            + member a
            > sb a process=other
            a: epoch=4
            + epoch 4 validated=0
            + member a
            + target epoch 4
            + current a epoch=4 Stable [0_0]
        "#]],
    );
}

#[test]
fn a_shutdown_is_told_to_all_members_until_none_is_left() {
    check(
        "topics t=1
         topology 0:t
         enter a
         enter b
         sb a shutdown
         sb b
         exit a
         sb b
         exit b
         enter c",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target b []
            + target epoch 3
            + current b epoch=3 Stable []
            > sb a shutdown
            a: epoch=3
              ShutdownApplication: Streams group member a encountered a fatal error and requested a shutdown for the entire application.
            + current a epoch=3 Stable [0_0]
            > sb b
            b: epoch=3
              ShutdownApplication: Streams group member a encountered a fatal error and requested a shutdown for the entire application.
            > exit a
            a: epoch=-1 leaves
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > sb b
            b: epoch=4 [0_0]
              ShutdownApplication: Streams group member a encountered a fatal error and requested a shutdown for the entire application.
            + target b [0_0]
            + target epoch 4
            + current b epoch=4 Stable [0_0]
            > exit b
            b: epoch=-1 leaves
            + epoch 5 validated=0
            + current b forgotten
            + target b forgotten
            + member b forgotten
            > enter c
            c: epoch=6 [0_0]
            + epoch 6 validated=0
            + member c
            + target c [0_0]
            + target epoch 6
            + current c epoch=6 Stable [0_0]
        "#]],
    );
}

#[test]
fn a_shutdown_asked_for_by_who_leaves_is_told_to_those_that_stay() {
    check(
        "topics t=1
         topology 0:t
         enter a
         enter b
         exit a shutdown
         sb b",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target b []
            + target epoch 3
            + current b epoch=3 Stable []
            > exit a shutdown
            a: epoch=-1 leaves
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > sb b
            b: epoch=4 [0_0]
              ShutdownApplication: Streams group member a encountered a fatal error and requested a shutdown for the entire application.
            + target b [0_0]
            + target epoch 4
            + current b epoch=4 Stable [0_0]
        "#]],
    );
}

#[test]
fn endpoints_are_told_with_what_is_to_be_found_there() {
    check(
        "topics t=3 u=2
         topology 0:t 1:t,u
         enter a endpoint=h:1
         sb a
         enter b
         sb a owns=0_0,1_0,1_1
         sb b
         sb a
         sb a endpoint=h:2
         sb b
         exit a
         sb b",
        expect![[r#"
            > topics t=3 u=2
            > topology 0:t 1:t,u
            > enter a endpoint=h:1
            a: epoch=2 [0_0 0_1 0_2 1_0 1_1 1_2]
              at h:1 t-0 t-1 t-2 u-0 u-1
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1 0_2 1_0 1_1 1_2]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1 0_2 1_0 1_1 1_2]
            > sb a
            a: epoch=2
            > enter b
            b: epoch=3 []
              at h:1 t-0 t-1 t-2 u-0 u-1
            + epoch 3 validated=0
            + member b
            + target a [0_0 0_1 1_0]
            + target b [0_2 1_1 1_2]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > sb a owns=0_0,1_0,1_1
            a: epoch=2 [0_0 0_1 1_0]
              at h:1 t-0 t-1 u-0
            + current a epoch=2 UnrevokedPartitions [0_0 0_1 1_0] revoking [0_2 1_1 1_2]
            > sb b
            b: epoch=3
              at h:1 t-0 t-1 u-0
            > sb a
            a: epoch=2
            > sb a endpoint=h:2
            a: epoch=2
              at h:2 t-0 t-1 u-0
            + member a
            > sb b
            b: epoch=3
              at h:2 t-0 t-1 u-0
            > exit a
            a: epoch=-1 leaves
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > sb b
            b: epoch=4 [0_0 0_1 0_2 1_0 1_1 1_2]
            + target b [0_0 0_1 0_2 1_0 1_1 1_2]
            + target epoch 4
            + current b epoch=4 Stable [0_0 0_1 0_2 1_0 1_1 1_2]
        "#]],
    );
}

#[test]
fn how_far_state_has_come_is_kept_for_who_asks() {
    check(
        "topics t=2 s=2
         topology 0:t,*s
         enter a
         sb a offsets=0_0:17,0_1:4
         tasks
         restart
         tasks",
        expect![[r#"
            > topics t=2 s=2
            > topology 0:t,*s
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > sb a offsets=0_0:17,0_1:4
            a: epoch=2
            > tasks
            Stable epoch=2 target=2
              a epoch=2 Stable [0_0 0_1] -> [0_0 0_1] 0_0:17 0_1:4
            > restart
            > tasks
            Stable epoch=2 target=2
              a epoch=2 Stable [0_0 0_1] -> [0_0 0_1]
        "#]],
    );
}

#[test]
fn a_full_group_takes_no_more() {
    let config = GroupsConfig { max_group_size: 1, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         topology 0:t
         enter a
         enter b
         enter a",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > enter b
            b: GroupMaxSizeReached: The streams group has reached its maximum capacity of 1 members.
            > enter a
            a: epoch=2 [0_0]
            + current a epoch=2 Stable [0_0]
        "#]],
    );
    let config = GroupsConfig { max_groups: 0, ..GroupsConfig::default() };
    check_with(
        config,
        "topics t=1
         topology 0:t
         enter a
         list",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
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
         topology 0:t,a-very-long-name-of-a-topic-that-does-not-exist
         enter a
         topology 0:t
         enter a",
        expect![[r#"
            > topics t=1
            > topology 0:t,a-very-long-name-of-a-topic-that-does-not-exist
            > enter a
            a: InvalidRequest: The member says too much of itself.
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
        "#]],
    );
}
