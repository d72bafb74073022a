//! Members that are not heard of, or do not give back.

use expect_test::expect;

use crate::script::check;

#[test]
fn who_is_silent_for_a_session_is_out_and_its_partitions_are_free() {
    check(
        "topics t=2
         hello a
         hello b
         wait 40
         hb b
         wait 10
         members
         hb b
         hb a",
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
            > wait 40
            > hb b
            b: epoch=2
            > wait 10
            at 45s:
            + epoch 3
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > members
            Assigning epoch=3 target=2 uniform
              b epoch=2 UnreleasedPartitions [] -> [t-1]
            > hb b
            b: epoch=3 [t-0 t-1]
            + target b [t-0 t-1]
            + target epoch 3
            + current b epoch=3 Stable [t-0 t-1]
            > hb a
            a: UnknownMemberId: Member a is not a member of group g.
        "#]],
    );
}

#[test]
fn who_does_not_give_back_in_time_is_out_however_alive_it_is() {
    check(
        "topics t=2
         hello a timeout=10
         hello b
         hb a
         wait 9
         hb a
         wait 1
         hb b",
        expect![[r#"
            > topics t=2
            > hello a timeout=10
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
            > hb a
            a: epoch=1 [t-0]
            + current a epoch=1 UnrevokedPartitions [t-0] revoking [t-1]
            > wait 9
            > hb a
            a: epoch=1
            > wait 1
            at 10s:
            + epoch 3
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hb b
            b: epoch=3 [t-0 t-1]
            + target b [t-0 t-1]
            + target epoch 3
            + current b epoch=3 Stable [t-0 t-1]
        "#]],
    );
}

#[test]
fn who_gives_back_in_time_stays() {
    check(
        "topics t=2
         hello a timeout=10
         hello b
         hb a
         wait 9
         hb a owns=t-0
         wait 9
         members",
        expect![[r#"
            > topics t=2
            > hello a timeout=10
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
            > hb a
            a: epoch=1 [t-0]
            + current a epoch=1 UnrevokedPartitions [t-0] revoking [t-1]
            > wait 9
            > hb a owns=t-0
            a: epoch=2
            + current a epoch=2 Stable [t-0]
            > wait 9
            > members
            Reconciling epoch=2 target=2 uniform
              a epoch=2 Stable [t-0] -> [t-0]
              b epoch=2 UnreleasedPartitions [] -> [t-1]
        "#]],
    );
}

#[test]
fn members_have_a_whole_session_and_their_whole_time_to_give_back_after_a_restart() {
    check(
        "topics t=2
         hello a timeout=10
         hello b
         hb a
         wait 9
         restart
         wait 9
         members
         wait 1
         wait 35",
        expect![[r#"
            > topics t=2
            > hello a timeout=10
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
            > hb a
            a: epoch=1 [t-0]
            + current a epoch=1 UnrevokedPartitions [t-0] revoking [t-1]
            > wait 9
            > restart
            > wait 9
            > members
            Reconciling epoch=2 target=2 uniform
              a epoch=1 UnrevokedPartitions [t-0] revoking [t-1] -> [t-0]
              b epoch=2 UnreleasedPartitions [] -> [t-1]
            > wait 1
            at 19s:
            + epoch 3
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > wait 35
            at 54s:
            + epoch 4
            + current b forgotten
            + target b forgotten
            + member b forgotten
        "#]],
    );
}

#[test]
fn a_refused_heartbeat_is_no_sign_of_life() {
    check(
        "topics t=1
         hello a
         wait 40
         hb a epoch=9
         wait 5",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > wait 40
            > hb a epoch=9
            a: FencedMemberEpoch: The consumer group member has a greater member epoch (9) than the one known by the group coordinator (1). The member must abandon all its partitions and rejoin.
            > wait 5
            at 45s:
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
        "#]],
    );
}
