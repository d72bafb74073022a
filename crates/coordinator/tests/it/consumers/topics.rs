//! Topics that come, grow, vanish and are made anew; subscriptions by regular expressions.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_topic_that_grows_is_assigned_anew() {
    check(
        "topics t=1
         hello a
         topics t=2
         members
         hb a",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > topics t=2
            + epoch 2
            > members
            Assigning epoch=2 target=1 uniform
              a epoch=1 Stable [t-0] -> [t-0]
            > hb a
            a: epoch=2 [t-0 t-1]
            + target a [t-0 t-1]
            + target epoch 2
            + current a epoch=2 Stable [t-0 t-1]
        "#]],
    );
}

#[test]
fn topics_that_nobody_wants_are_no_news() {
    check(
        "topics t=1
         hello a
         topics t=1 u=9
         topics t=1",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > topics t=1 u=9
            > topics t=1
        "#]],
    );
}

#[test]
fn a_topic_that_is_made_anew_is_another() {
    check(
        "topics t=1
         hello a
         topics t=1/1
         hb a
         hb a owns=nothing",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > topics t=1/1
            + epoch 2
            > hb a
            a: epoch=1 []
            + target a [t-0]
            + target epoch 2
            + current a epoch=1 UnrevokedPartitions [] revoking [?-0]
            > hb a owns=nothing
            a: epoch=2 [t-0]
            + current a epoch=2 Stable [t-0]
        "#]],
    );
}

#[test]
fn a_topic_that_vanishes_is_given_back() {
    check(
        "topics t=1 u=1
         hello a topics=t,u
         topics u=1
         hb a
         hb a owns=u-0
         members",
        expect![[r#"
            > topics t=1 u=1
            > hello a topics=t,u
            a: epoch=1 [t-0 u-0]
            + epoch 1
            + member a
            + target a [t-0 u-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0 u-0]
            > topics u=1
            + epoch 2
            > hb a
            a: epoch=1 [u-0]
            + target a [u-0]
            + target epoch 2
            + current a epoch=1 UnrevokedPartitions [u-0] revoking [?-0]
            > hb a owns=u-0
            a: epoch=2
            + current a epoch=2 Stable [u-0]
            > members
            Stable epoch=2 target=2 uniform
              a epoch=2 Stable [u-0] -> [u-0]
        "#]],
    );
}

#[test]
fn what_has_changed_while_the_coordinator_was_away_is_noticed() {
    check(
        "topics t=1
         hello a
         restart
         topics t=2
         hb a",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > restart
            > topics t=2
            + epoch 2
            > hb a
            a: epoch=2 [t-0 t-1]
            + target a [t-0 t-1]
            + target epoch 2
            + current a epoch=2 Stable [t-0 t-1]
        "#]],
    );
}

#[test]
fn an_expression_subscribes_to_what_it_matches_now_and_later() {
    check(
        "topics orders-eu=1 other=1
         hello a pattern=orders-.* topics=
         topics orders-eu=1 orders-us=1 other=1 orders=1
         hb a
         restart
         hb a pattern=orders
         hb a owns=orders-0
         hb a pattern=''
         hb a pattern=[",
        expect![[r#"
            > topics orders-eu=1 other=1
            > hello a pattern=orders-.* topics=
            a: epoch=1 [orders-eu-0]
            + epoch 1
            + member a
            + target a [orders-eu-0]
            + target epoch 1
            + current a epoch=1 Stable [orders-eu-0]
            > topics orders-eu=1 orders-us=1 other=1 orders=1
            + epoch 2
            > hb a
            a: epoch=2 [orders-eu-0 orders-us-0]
            + target a [orders-eu-0 orders-us-0]
            + target epoch 2
            + current a epoch=2 Stable [orders-eu-0 orders-us-0]
            > restart
            > hb a pattern=orders
            a: epoch=2 []
            + epoch 3
            + member a
            + target a [orders-0]
            + target epoch 3
            + current a epoch=2 UnrevokedPartitions [] revoking [orders-eu-0 orders-us-0]
            > hb a owns=orders-0
            a: epoch=3 [orders-0]
            + current a epoch=3 Stable [orders-0]
            > hb a pattern=''
            a: epoch=3 []
            + epoch 4
            + member a
            + target a []
            + target epoch 4
            + current a epoch=3 UnrevokedPartitions [] revoking [orders-0]
            > hb a pattern=[
            a: InvalidRegularExpression: SubscribedTopicRegex `[` is not a valid regular expression: found unclosed character class.
        "#]],
    );
}

#[test]
fn names_and_an_expression_add_up() {
    check(
        "topics t=1 u=1 v=1
         hello a pattern=u topics=t
         members",
        expect![[r#"
            > topics t=1 u=1 v=1
            > hello a pattern=u topics=t
            a: epoch=1 [t-0 u-0]
            + epoch 1
            + member a
            + target a [t-0 u-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0 u-0]
            > members
            Stable epoch=1 target=1 uniform
              a epoch=1 Stable [t-0 u-0] -> [t-0 u-0]
        "#]],
    );
}
