//! Topics that come, grow, vanish and are made anew.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_topic_that_grows_is_assigned_anew() {
    check(
        "topics t=1
         share hello a
         topics t=2
         share members
         share hb a
         topics t=2 u=9",
        expect![[r#"
            > topics t=1
            > share hello a
            a: epoch=1 [t-0]
            + share epoch 1
            + share member a
            + share target a [t-0]
            + share target epoch 1
            + share current a epoch=1 [t-0]
            > topics t=2
            + share epoch 2
            > share members
            Stable epoch=2 target=1 simple
              a epoch=1 [t-0] -> [t-0]
            > share hb a
            a: epoch=2 [t-0 t-1]
            + share target a [t-0 t-1]
            + share target epoch 2
            + share current a epoch=2 [t-0 t-1]
            > topics t=2 u=9
        "#]],
    );
}

#[test]
fn a_topic_that_is_gone_is_worked_on_by_nobody_and_one_that_comes_is() {
    check(
        "topics u=1
         share hello a
         topics t=1
         share hb a
         topics u=1
         share hb a
         topics t=1/1
         share hb a",
        expect![[r#"
            > topics u=1
            > share hello a
            a: epoch=1 []
            + share epoch 1
            + share member a
            + share target a []
            + share target epoch 1
            + share current a epoch=1 []
            > topics t=1
            + share epoch 2
            > share hb a
            a: epoch=2 [t-0]
            + share target a [t-0]
            + share target epoch 2
            + share current a epoch=2 [t-0]
            > topics u=1
            + share epoch 3
            > share hb a
            a: epoch=3 []
            + share target a []
            + share target epoch 3
            + share current a epoch=3 []
            > topics t=1/1
            + share epoch 4
            > share hb a
            a: epoch=4 [t-0]
            + share target a [t-0]
            + share target epoch 4
            + share current a epoch=4 [t-0]
        "#]],
    );
}
