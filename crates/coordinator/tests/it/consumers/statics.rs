//! Static members: away for a while, back under another id, and whom they keep out.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_static_member_that_comes_back_has_what_it_had() {
    check(
        "topics t=4
         hello a as=i
         hello b
         hb a owns=t-0,t-1
         hb a owns=t-0,t-1
         hb b
         bye a for-a-while
         members
         hello a anew
         members
         hb b",
        expect![[r#"
            > topics t=4
            > hello a as=i
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
            > hb a owns=t-0,t-1
            a: epoch=2 [t-0 t-1]
            + current a epoch=2 Stable [t-0 t-1]
            > hb a owns=t-0,t-1
            a: epoch=2
            > hb b
            b: epoch=2 [t-2 t-3]
            + current b epoch=2 Stable [t-2 t-3]
            > bye a for-a-while
            a: epoch=-2 leaves
            + current a epoch=-2 Stable [t-0 t-1]
            > members
            Reconciling epoch=2 target=2 uniform
              a epoch=-2 Stable [t-0 t-1] -> [t-0 t-1]
              b epoch=2 Stable [t-2 t-3] -> [t-2 t-3]
            > hello a anew
            a: epoch=2 [t-0 t-1]
            + target a' [t-0 t-1]
            + member a forgotten
            + target a forgotten
            + current a forgotten
            + member a'
            + current a' epoch=2 Stable [t-0 t-1]
            > members
            Stable epoch=2 target=2 uniform
              a' epoch=2 Stable [t-0 t-1] -> [t-0 t-1]
              b epoch=2 Stable [t-2 t-3] -> [t-2 t-3]
            > hb b
            b: epoch=2
        "#]],
    );
}

#[test]
fn a_static_member_is_not_replaced_while_it_is_there() {
    check(
        "topics t=1
         hello a as=i
         hello b as=i
         bye a for-a-while
         hello b
         hb a epoch=1
         bye a",
        expect![[r#"
            > topics t=1
            > hello a as=i
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > hello b as=i
            b: UnreleasedInstanceId: Static member b cannot join the group because the instance id is owned by member a.
            > bye a for-a-while
            a: epoch=-2 leaves
            + current a epoch=-2 Stable [t-0]
            > hello b
            b: epoch=1 [t-0]
            + target b [t-0]
            + member a forgotten
            + target a forgotten
            + current a forgotten
            + member b
            + member b
            + current b epoch=1 Stable [t-0]
            > hb a epoch=1
            a: FencedInstanceId: Static member a with instance id i was fenced by member b.
            > bye a
            a: FencedInstanceId: Static member a with instance id i was fenced by member b.
        "#]],
    );
}

#[test]
fn a_static_member_that_does_not_come_back_in_time_is_out() {
    check(
        "topics t=1
         hello a as=i
         wait 40
         bye a for-a-while
         wait 44
         members
         wait 1
         hello b as=i",
        expect![[r#"
            > topics t=1
            > hello a as=i
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > wait 40
            > bye a for-a-while
            a: epoch=-2 leaves
            + current a epoch=-2 Stable [t-0]
            > wait 44
            > members
            Reconciling epoch=1 target=1 uniform
              a epoch=-2 Stable [t-0] -> [t-0]
            > wait 1
            at 85s:
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hello b as=i
            b: epoch=3 [t-0]
            + epoch 3
            + member b
            + target b [t-0]
            + target epoch 3
            + current b epoch=3 Stable [t-0]
        "#]],
    );
}

#[test]
fn a_static_member_may_leave_for_good() {
    check(
        "topics t=1
         hello a as=i
         bye a
         hello b as=i",
        expect![[r#"
            > topics t=1
            > hello a as=i
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hello b as=i
            b: epoch=3 [t-0]
            + epoch 3
            + member b
            + target b [t-0]
            + target epoch 3
            + current b epoch=3 Stable [t-0]
        "#]],
    );
}

#[test]
fn what_a_static_member_was_to_give_back_is_free_when_it_goes() {
    check(
        "topics t=2
         hello a as=i
         hello b
         hb a
         bye a for-a-while
         hb b
         restart
         hello a anew
         members",
        expect![[r#"
            > topics t=2
            > hello a as=i
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
            > bye a for-a-while
            a: epoch=-2 leaves
            + current a epoch=-2 UnrevokedPartitions [t-0]
            > hb b
            b: epoch=2 [t-1]
            + current b epoch=2 Stable [t-1]
            > restart
            > hello a anew
            a: epoch=2 [t-0]
            + target a' [t-0]
            + member a forgotten
            + target a forgotten
            + current a forgotten
            + member a'
            + current a' epoch=2 Stable [t-0]
            > members
            Stable epoch=2 target=2 uniform
              a' epoch=2 Stable [t-0] -> [t-0]
              b epoch=2 Stable [t-1] -> [t-1]
        "#]],
    );
}

#[test]
fn a_static_member_comes_back_to_a_target_that_has_changed_and_with_other_wishes() {
    check(
        "topics t=2 u=1
         hello a as=i
         bye a for-a-while
         hello b
         hello a anew topics=u
         hb b
         members",
        expect![[r#"
            > topics t=2 u=1
            > hello a as=i
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > bye a for-a-while
            a: epoch=-2 leaves
            + current a epoch=-2 Stable [t-0 t-1]
            > hello b
            b: epoch=2 []
            + epoch 2
            + member b
            + target a [t-0]
            + target b [t-1]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > hello a anew topics=u
            a: epoch=3 [u-0]
            + target a' [t-0]
            + member a forgotten
            + target a forgotten
            + current a forgotten
            + member a'
            + epoch 3
            + member a'
            + target a' [u-0]
            + target b [t-0 t-1]
            + target epoch 3
            + current a' epoch=3 Stable [u-0]
            > hb b
            b: epoch=3 [t-0 t-1]
            + current b epoch=3 Stable [t-0 t-1]
            > members
            Stable epoch=3 target=3 uniform
              a' epoch=3 Stable [u-0] -> [u-0]
              b epoch=3 Stable [t-0 t-1] -> [t-0 t-1]
        "#]],
    );
}
