//! Copies of tasks' state.

use expect_test::expect;

use crate::script::check;

#[test]
fn copies_are_in_other_processes_and_take_over() {
    check(
        "topics t=2 s=2
         topology 0:t,*s
         settings standbys=1
         enter a
         enter b
         sb a owns=0_0
         sb b
         sb a
         tasks
         exit a
         sb b
         sb b owns=0_1
         tasks",
        expect![[r#"
            > topics t=2 s=2
            > topology 0:t,*s
            > settings standbys=1
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > enter b
            b: epoch=3 [~0_0]
            + epoch 3 validated=0
            + member b
            + target a [0_0 ~0_1]
            + target b [0_1 ~0_0]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions [~0_0]
            > sb a owns=0_0
            a: epoch=3 [0_0 ~0_1]
            + current a epoch=3 Stable [0_0 ~0_1]
            > sb b
            b: epoch=3 [0_1 ~0_0]
            + current b epoch=3 Stable [0_1 ~0_0]
            > sb a
            a: epoch=3
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0 ~0_1] -> [0_0 ~0_1]
              b epoch=3 Stable [0_1 ~0_0] -> [0_1 ~0_0]
            > exit a
            a: epoch=-1 leaves
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > sb b
            b: epoch=3 [0_1]
            + target b [0_0 0_1]
            + target epoch 4
            + current b epoch=3 UnrevokedPartitions [0_1] revoking [~0_0]
            > sb b owns=0_1
            b: epoch=4 [0_0 0_1]
            + current b epoch=4 Stable [0_0 0_1]
            > tasks
            Stable epoch=4 target=4
              b epoch=4 Stable [0_0 0_1] -> [0_0 0_1]
        "#]],
    );
}

#[test]
fn threads_of_a_process_have_no_copies_of_each_others_tasks() {
    check(
        "topics t=2 s=2
         topology 0:t,*s
         settings standbys=1
         enter a process=p
         enter b process=p
         sb a owns=0_0
         sb b
         tasks
         enter c process=q
         sb a
         sb b
         sb c
         tasks",
        expect![[r#"
            > topics t=2 s=2
            > topology 0:t,*s
            > settings standbys=1
            > enter a process=p
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > enter b process=p
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > sb a owns=0_0
            a: epoch=3 [0_0]
            + current a epoch=3 Stable [0_0]
            > sb b
            b: epoch=3 [0_1]
            + current b epoch=3 Stable [0_1]
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0] -> [0_0]
              b epoch=3 Stable [0_1] -> [0_1]
            > enter c process=q
            c: epoch=4 [~0_0 ~0_1]
            + epoch 4 validated=0
            + member c
            + target c [~0_0 ~0_1]
            + target epoch 4
            + current c epoch=4 Stable [~0_0 ~0_1]
            > sb a
            a: epoch=4
            + current a epoch=4 Stable [0_0]
            > sb b
            b: epoch=4
            + current b epoch=4 Stable [0_1]
            > sb c
            c: epoch=4
            > tasks
            Stable epoch=4 target=4
              a epoch=4 Stable [0_0] -> [0_0]
              b epoch=4 Stable [0_1] -> [0_1]
              c epoch=4 Stable [~0_0 ~0_1] -> [~0_0 ~0_1]
        "#]],
    );
}

#[test]
fn tasks_without_state_have_no_copies() {
    check(
        "topics t=2
         topology 0:t
         settings standbys=1
         enter a
         enter b
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > settings standbys=1
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
            > tasks
            Reconciling epoch=3 target=3
              a epoch=2 Stable [0_0 0_1] -> [0_0]
              b epoch=3 UnreleasedPartitions [] -> [0_1]
        "#]],
    );
}

#[test]
fn more_copies_are_made_from_the_next_heartbeat_on() {
    check(
        "topics t=2 s=2
         topology 0:t,*s
         enter a
         enter b
         sb a owns=0_0
         sb b
         settings standbys=1
         tasks
         sb a
         sb b
         sb a",
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
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > sb a owns=0_0
            a: epoch=3 [0_0]
            + current a epoch=3 Stable [0_0]
            > sb b
            b: epoch=3 [0_1]
            + current b epoch=3 Stable [0_1]
            > settings standbys=1
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0] -> [0_0]
              b epoch=3 Stable [0_1] -> [0_1]
            > sb a
            a: epoch=4 [0_0 ~0_1]
            + epoch 4 validated=0
            + target a [0_0 ~0_1]
            + target b [0_1 ~0_0]
            + target epoch 4
            + current a epoch=4 Stable [0_0 ~0_1]
            > sb b
            b: epoch=4 [0_1 ~0_0]
            + current b epoch=4 Stable [0_1 ~0_0]
            > sb a
            a: epoch=4
        "#]],
    );
}

#[test]
fn fewer_copies_are_kept_from_the_next_heartbeat_on() {
    check(
        "topics t=2 s=2
         topology 0:t,*s
         enter a
         enter b
         settings standbys=1
         sb a owns=0_0
         sb b
         restart
         tasks
         settings
         sb a
         sb b",
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
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > settings standbys=1
            > sb a owns=0_0
            a: epoch=4 [0_0 ~0_1]
            + epoch 4 validated=0
            + target a [0_0 ~0_1]
            + target b [0_1 ~0_0]
            + target epoch 4
            + current a epoch=4 Stable [0_0 ~0_1]
            > sb b
            b: epoch=4 [0_1 ~0_0]
            + current b epoch=4 Stable [0_1 ~0_0]
            > restart
            > tasks
            Stable epoch=4 target=4
              a epoch=4 Stable [0_0 ~0_1] -> [0_0 ~0_1]
              b epoch=4 Stable [0_1 ~0_0] -> [0_1 ~0_0]
            > settings
            > sb a
            a: epoch=4 [0_0]
            + epoch 5 validated=0
            + target a [0_0]
            + target b [0_1]
            + target epoch 5
            + current a epoch=4 UnrevokedPartitions [0_0] revoking [~0_1]
            > sb b
            b: epoch=4 [0_1]
            + current b epoch=4 UnrevokedPartitions [0_1] revoking [~0_0]
        "#]],
    );
}

#[test]
fn a_member_that_changes_its_process_keeps_what_it_holds() {
    check(
        "topics t=2
         topology 0:t
         enter a process=p
         sb a process=q
         enter b process=p
         sb a
         sb a process=r
         sb b
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a process=p
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > sb a process=q
            a: epoch=3
            + epoch 3 validated=0
            + member a
            + target epoch 3
            + current a epoch=3 Stable [0_0 0_1]
            > enter b process=p
            b: epoch=4 []
            + epoch 4 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 4
            + current b epoch=4 UnreleasedPartitions []
            > sb a
            a: epoch=3 [0_0]
            + current a epoch=3 UnrevokedPartitions [0_0] revoking [0_1]
            > sb a process=r
            a: epoch=3
            + epoch 5 validated=0
            + member a
            + target epoch 5
            > sb b
            b: epoch=5
            + current b epoch=5 UnreleasedPartitions []
            > tasks
            Reconciling epoch=5 target=5
              a epoch=3 UnrevokedPartitions [0_0] revoking [0_1] -> [0_0]
              b epoch=5 UnreleasedPartitions [] -> [0_1]
        "#]],
    );
}

#[test]
fn a_copy_waits_until_the_task_has_left_the_process() {
    check(
        "topics t=2 s=2
         topology 0:t,*s
         settings standbys=1
         enter a process=p
         enter b process=q
         tasks
         sb b
         sb a owns=0_0
         sb b
         sb a
         tasks",
        expect![[r#"
            > topics t=2 s=2
            > topology 0:t,*s
            > settings standbys=1
            > enter a process=p
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > enter b process=q
            b: epoch=3 [~0_0]
            + epoch 3 validated=0
            + member b
            + target a [0_0 ~0_1]
            + target b [0_1 ~0_0]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions [~0_0]
            > tasks
            Reconciling epoch=3 target=3
              a epoch=2 Stable [0_0 0_1] -> [0_0 ~0_1]
              b epoch=3 UnreleasedPartitions [~0_0] -> [0_1 ~0_0]
            > sb b
            b: epoch=3
            > sb a owns=0_0
            a: epoch=3 [0_0 ~0_1]
            + current a epoch=3 Stable [0_0 ~0_1]
            > sb b
            b: epoch=3 [0_1 ~0_0]
            + current b epoch=3 Stable [0_1 ~0_0]
            > sb a
            a: epoch=3
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0 ~0_1] -> [0_0 ~0_1]
              b epoch=3 Stable [0_1 ~0_0] -> [0_1 ~0_0]
        "#]],
    );
}
