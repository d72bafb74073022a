//! Sessions, the time to give tasks back, and the wait for more members.

use expect_test::expect;

use crate::script::check;

#[test]
fn who_is_silent_for_a_session_is_out() {
    check(
        "topics t=2
         topology 0:t
         enter a
         enter b
         wait 40
         sb a owns=0_0
         wait 10
         sb a
         sb b epoch=3",
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
            > wait 40
            > sb a owns=0_0
            a: epoch=3 [0_0]
            + current a epoch=3 Stable [0_0]
            > wait 10
            at 45s:
            + epoch 4 validated=0
            + current b forgotten
            + target b forgotten
            + member b forgotten
            > sb a
            a: epoch=4 [0_0 0_1]
            + target a [0_0 0_1]
            + target epoch 4
            + current a epoch=4 Stable [0_0 0_1]
            > sb b epoch=3
            b: UnknownMemberId: Member b is not a member of group g.
        "#]],
    );
}

#[test]
fn who_does_not_give_back_in_its_time_is_out() {
    check(
        "topics t=2
         topology 0:t
         enter a timeout=10
         enter b
         sb a
         wait 9
         sb a
         wait 2
         sb b
         sb a",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a timeout=10
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
            > sb a
            a: epoch=2 [0_0]
            + current a epoch=2 UnrevokedPartitions [0_0] revoking [0_1]
            > wait 9
            > sb a
            a: epoch=2
            > wait 2
            at 10s:
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > sb b
            b: epoch=4 [0_0 0_1]
            + target b [0_0 0_1]
            + target epoch 4
            + current b epoch=4 Stable [0_0 0_1]
            > sb a
            a: UnknownMemberId: Member a is not a member of group g.
        "#]],
    );
}

#[test]
fn who_has_given_back_has_no_time_running() {
    check(
        "topics t=2
         topology 0:t
         enter a timeout=10
         enter b
         sb a
         sb a owns=0_0
         wait 20
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a timeout=10
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
            > sb a
            a: epoch=2 [0_0]
            + current a epoch=2 UnrevokedPartitions [0_0] revoking [0_1]
            > sb a owns=0_0
            a: epoch=3
            + current a epoch=3 Stable [0_0]
            > wait 20
            > tasks
            Reconciling epoch=3 target=3
              a epoch=3 Stable [0_0] -> [0_0]
              b epoch=3 UnreleasedPartitions [] -> [0_1]
        "#]],
    );
}

#[test]
fn sessions_and_the_time_to_give_back_begin_anew_after_a_restart() {
    check(
        "topics t=2
         topology 0:t
         enter a timeout=10
         enter b
         sb a
         wait 9
         restart
         wait 9
         tasks
         wait 2",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > enter a timeout=10
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
            > sb a
            a: epoch=2 [0_0]
            + current a epoch=2 UnrevokedPartitions [0_0] revoking [0_1]
            > wait 9
            > restart
            > wait 9
            > tasks
            Reconciling epoch=3 target=3
              a epoch=2 UnrevokedPartitions [0_0] revoking [0_1] -> [0_0]
              b epoch=3 UnreleasedPartitions [] -> [0_1]
            > wait 2
            at 19s:
            + epoch 4 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
        "#]],
    );
}

#[test]
fn an_empty_group_may_wait_for_more_members() {
    check(
        "topics t=2
         topology 0:t
         settings delay=3
         enter a
         sb a
         enter b
         tasks
         wait 3
         sb a
         sb b
         tasks
         enter c",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > settings delay=3
            > enter a
            a: epoch=1 []
              AssignmentDelayed: Assignment delayed due to the configured initial rebalance delay.
            + epoch 2 validated=0
            + topology 0
            + member a
            + current a epoch=1 Stable []
            > sb a
            a: epoch=1
              AssignmentDelayed: Assignment delayed due to the configured initial rebalance delay.
            > enter b
            b: epoch=1 []
              AssignmentDelayed: Assignment delayed due to the configured initial rebalance delay.
            + epoch 3 validated=0
            + member b
            + current b epoch=1 Stable []
            > tasks
            Assigning epoch=3 target=0
              a epoch=1 Stable [] -> []
              b epoch=1 Stable [] -> []
            > wait 3
            at 3s:
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            > sb a
            a: epoch=3 [0_0]
            + current a epoch=3 Stable [0_0]
            > sb b
            b: epoch=3 [0_1]
            + current b epoch=3 Stable [0_1]
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0] -> [0_0]
              b epoch=3 Stable [0_1] -> [0_1]
            > enter c
            c: epoch=4 []
            + epoch 4 validated=0
            + member c
            + target c []
            + target epoch 4
            + current c epoch=4 Stable []
        "#]],
    );
}

#[test]
fn the_wait_is_over_at_the_first_heartbeat_after_a_restart() {
    check(
        "topics t=2
         topology 0:t
         settings delay=3
         enter a
         restart
         sb a",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > settings delay=3
            > enter a
            a: epoch=1 []
              AssignmentDelayed: Assignment delayed due to the configured initial rebalance delay.
            + epoch 2 validated=0
            + topology 0
            + member a
            + current a epoch=1 Stable []
            > restart
            > sb a
            a: epoch=2 [0_0 0_1]
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
        "#]],
    );
}

#[test]
fn the_wait_begins_again_with_the_first_member_after_all_have_left() {
    check(
        "topics t=2
         topology 0:t
         settings delay=3
         enter a
         exit a
         wait 10
         tasks
         enter a
         wait 10
         tasks",
        expect![[r#"
            > topics t=2
            > topology 0:t
            > settings delay=3
            > enter a
            a: epoch=1 []
              AssignmentDelayed: Assignment delayed due to the configured initial rebalance delay.
            + epoch 2 validated=0
            + topology 0
            + member a
            + current a epoch=1 Stable []
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > wait 10
            > tasks
            Empty epoch=3 target=0
            > enter a
            a: epoch=1 []
              AssignmentDelayed: Assignment delayed due to the configured initial rebalance delay.
            + epoch 4 validated=0
            + member a
            + current a epoch=1 Stable []
            > wait 10
            at 13s:
            + target a [0_0 0_1]
            + target epoch 4
            > tasks
            Reconciling epoch=4 target=4
              a epoch=1 Stable [] -> [0_0 0_1]
        "#]],
    );
}
