//! Topologies, and the topics that they need.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_group_is_not_ready_before_its_internal_topics_are_made() {
    check(
        "topics t=2
         topology 0:t,>r,*s 1:<r
         enter a
         tasks
         sb a
         topics t=2 r=2
         sb a
         topics t=2 r=2 s=2
         tasks
         sb a
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t,>r,*s 1:<r
            > enter a
            a: epoch=2 []
              MissingInternalTopics: Internal topics are missing: r, s
              create r/2
              create s/2
            + epoch 2
            + topology 0
            + member a
            + target a []
            + target epoch 2
            + current a epoch=2 Stable []
            > tasks
            NotReady epoch=2 target=2
              a epoch=2 Stable [] -> []
            > sb a
            a: epoch=2
              MissingInternalTopics: Internal topics are missing: r, s
              create r/2
              create s/2
            > topics t=2 r=2
            + epoch 3
            > sb a
            a: epoch=3
              MissingInternalTopics: Internal topics are missing: s
              create s/2
            + target epoch 3
            + current a epoch=3 Stable []
            > topics t=2 r=2 s=2
            + epoch 4 validated=0
            > tasks
            Assigning epoch=4 target=3
              a epoch=3 Stable [] -> []
            > sb a
            a: epoch=4 [0_0 0_1 1_0 1_1]
            + target a [0_0 0_1 1_0 1_1]
            + target epoch 4
            + current a epoch=4 Stable [0_0 0_1 1_0 1_1]
            > tasks
            Stable epoch=4 target=4
              a epoch=4 Stable [0_0 0_1 1_0 1_1] -> [0_0 0_1 1_0 1_1]
        "#]],
    );
}

#[test]
fn a_group_waits_for_topics_that_it_reads() {
    check(
        "topics t=2
         topology 0:t,u
         enter a
         topics t=2 u=3
         sb a
         topics t=2
         tasks
         sb a
         sb a owns=nothing
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t,u
            > enter a
            a: epoch=2 []
              MissingSourceTopics: Source topics u are missing.
            + epoch 2
            + topology 0
            + member a
            + target a []
            + target epoch 2
            + current a epoch=2 Stable []
            > topics t=2 u=3
            + epoch 3 validated=0
            > sb a
            a: epoch=3 [0_0 0_1 0_2]
            + target a [0_0 0_1 0_2]
            + target epoch 3
            + current a epoch=3 Stable [0_0 0_1 0_2]
            > topics t=2
            + epoch 4
            > tasks
            NotReady epoch=4 target=3
              a epoch=3 Stable [0_0 0_1 0_2] -> [0_0 0_1 0_2]
            > sb a
            a: epoch=3 []
              MissingSourceTopics: Source topics u are missing.
            + target a []
            + target epoch 4
            + current a epoch=3 UnrevokedPartitions [] revoking [0_0 0_1 0_2]
            > sb a owns=nothing
            a: epoch=4
              MissingSourceTopics: Source topics u are missing.
            + current a epoch=4 Stable []
            > tasks
            NotReady epoch=4 target=4
              a epoch=4 Stable [] -> []
        "#]],
    );
}

#[test]
fn topics_that_do_not_fit_are_told() {
    check(
        "topics t=2 u=3 r=5
         topology 0:t,u,&t&u
         enter a
         tasks
         exit a
         topology 0:t,>r 1:<r
         enter a
         topics t=2 u=3 r=2
         sb a",
        expect![[r#"
            > topics t=2 u=3 r=5
            > topology 0:t,u,&t&u
            > enter a
            a: epoch=2 []
              IncorrectlyPartitionedTopics: Following topics do not have the same number of partitions: [t=2, u=3]
            + epoch 2
            + topology 0
            + member a
            + target a []
            + target epoch 2
            + current a epoch=2 Stable []
            > tasks
            NotReady epoch=2 target=2
              a epoch=2 Stable [] -> []
            > exit a
            a: epoch=-1 leaves
            + epoch 3
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > topology 0:t,>r 1:<r
            > enter a
            a: epoch=4 []
              IncorrectlyPartitionedTopics: Existing topic r has different number of partitions: expected 2, found 5
            + epoch 4
            + topology 0
            + member a
            + target a []
            + target epoch 4
            + current a epoch=4 Stable []
            > topics t=2 u=3 r=2
            + epoch 5 validated=0
            > sb a
            a: epoch=5 [0_0 0_1 1_0 1_1]
            + target a [0_0 0_1 1_0 1_1]
            + target epoch 5
            + current a epoch=5 Stable [0_0 0_1 1_0 1_1]
        "#]],
    );
}

#[test]
fn topics_that_grow_or_are_made_anew_begin_a_new_epoch_and_others_do_not() {
    check(
        "topics t=1
         topology 0:t
         enter a
         topics t=1 v=1
         topics t=2
         sb a
         topics t=2/1
         sb a",
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
            > topics t=1 v=1
            > topics t=2
            + epoch 3 validated=0
            > sb a
            a: epoch=3 [0_0 0_1]
            + target a [0_0 0_1]
            + target epoch 3
            + current a epoch=3 Stable [0_0 0_1]
            > topics t=2/1
            + epoch 4 validated=0
            > sb a
            a: epoch=4
            + target epoch 4
            + current a epoch=4 Stable [0_0 0_1]
        "#]],
    );
}

#[test]
fn the_groups_topology_is_that_of_its_first_member() {
    check(
        "topics t=1 u=1
         topology epoch=3 0:t
         enter a
         topology epoch=3 0:u
         enter b
         topology epoch=4 0:u
         enter b
         topology epoch=2 0:u
         enter b
         sb b
         tasks",
        expect![[r#"
            > topics t=1 u=1
            > topology epoch=3 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=3
            + topology 3
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > topology epoch=3 0:u
            > enter b
            b: InvalidRequest: Topology updates are not supported yet.
            > topology epoch=4 0:u
            > enter b
            b: InvalidRequest: Topology updates are not supported yet.
            > topology epoch=2 0:u
            > enter b
            b: epoch=3 []
              StaleTopology: The member's topology epoch 2 is behind the group's topology epoch 3.
            + epoch 3 validated=3
            + member b
            + target b []
            + target epoch 3
            + current b epoch=3 Stable []
            > sb b
            b: epoch=3
              StaleTopology: The member's topology epoch 2 is behind the group's topology epoch 3.
            > tasks
            Reconciling epoch=3 target=3
              a epoch=2 Stable [0_0] -> [0_0]
              b epoch=3 Stable [] -> []
        "#]],
    );
}

#[test]
fn internal_topics_are_described_with_what_was_worked_out() {
    check(
        "topics t=2
         topology 0:t,>r,*s 1:<r,*q
         enter a
         internal
         topics t=2 r=2 s=2 q=2
         internal
         exit a
         internal",
        expect![[r#"
            > topics t=2
            > topology 0:t,>r,*s 1:<r,*q
            > enter a
            a: epoch=2 []
              MissingInternalTopics: Internal topics are missing: q, r, s
              create q/2
              create r/2
              create s/2
            + epoch 2
            + topology 0
            + member a
            + target a []
            + target epoch 2
            + current a epoch=2 Stable []
            > internal
            0 s/0
            1 r/0 q/0
            > topics t=2 r=2 s=2 q=2
            + epoch 3 validated=0
            > internal
            0 s/2
            1 r/2 q/2
            > exit a
            a: epoch=-1 leaves
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > internal
            0 s/0
            1 r/0 q/0
        "#]],
    );
}

#[test]
fn the_order_of_subtopologies_means_nothing() {
    check(
        "topics t=1 u=1
         topology 0:t 1:u
         enter a
         topology 1:u 0:t
         enter b",
        expect![[r#"
            > topics t=1 u=1
            > topology 0:t 1:u
            > enter a
            a: epoch=2 [0_0 1_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 1_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0 1_0]
            > topology 1:u 0:t
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [1_0]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
        "#]],
    );
}

#[test]
fn without_members_a_group_takes_another_topology() {
    check(
        "topics t=1 u=1
         topology epoch=3 0:t
         enter a
         exit a
         topology epoch=1 1:u
         enter a
         topology epoch=2 2:u
         enter a
         restart
         tasks",
        expect![[r#"
            > topics t=1 u=1
            > topology epoch=3 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=3
            + topology 3
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=3
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > topology epoch=1 1:u
            > enter a
            a: epoch=4 [1_0]
            + epoch 4 validated=1
            + topology 1
            + member a
            + target a [1_0]
            + target epoch 4
            + current a epoch=4 Stable [1_0]
            > topology epoch=2 2:u
            > enter a
            a: epoch=5 [2_0]
            + epoch 5 validated=2
            + topology 2
            + member a
            + target a [2_0]
            + target epoch 5
            + current a epoch=5 Stable [2_0]
            > restart
            > tasks
            Stable epoch=5 target=5
              a epoch=5 Stable [2_0] -> [2_0]
        "#]],
    );
}
