//! LeaveGroup.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_leaving_member_starts_a_rebalance_and_the_leader_passes_on() {
    check(
        "join a
         sync a
         join b
         join a
         sync a
         leave a
         show
         beat b
         join b",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync a
            a: synced range b""
            + gen=2 Some("range") a:b"" b:b""
            > leave a
            leave: Ok([None])
            > show
            PreparingRebalance gen=2
              b b"" b""
            > beat b
            b: beat RebalanceInProgress
            > join b
            b: joined as b gen=3 range leader=b b:b""
        "#]],
    );
}

#[test]
fn the_last_member_leaves_an_empty_group_that_remembers_its_generation() {
    check(
        "join a
         sync a a=all
         leave a
         show
         join b",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > leave a
            leave: Ok([None])
            + gen=2 None
            > show
            Empty gen=2
            > join b
            b: joined as b gen=3 range leader=b b:b""
        "#]],
    );
}

#[test]
fn many_leave_at_once_and_each_learns_its_outcome() {
    check(
        "join a as=i
         sync a
         join b as=j
         join a
         join c
         join b
         join a
         sync a
         leave c as=j as=nobody
         beat a",
        expect![[r#"
            > join a as=i
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b as=j
            > join a
            a: joined as a gen=2 range leader=a a:b"" j?:b""
            b: joined as b gen=2 range leader=a
            > join c
            > join b
            > join a
            c: joined as c gen=3 range leader=a
            a: joined as a gen=3 range leader=a c:b"" a:b"" b:b""
            b: joined as b gen=3 range leader=a
            > sync a
            a: synced range b""
            + gen=3 Some("range") c:b"" a:b"" b:b""
            > leave c as=j as=nobody
            leave: Ok([None, None, UnknownMemberId])
            > beat a
            a: beat RebalanceInProgress
        "#]],
    );
}

#[test]
fn whoever_is_awaited_and_leaves_is_awaited_no_more() {
    check(
        "join a
         sync a
         join b
         join c
         leave a",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > join c
            > leave a
            b: joined as b gen=2 range leader=b b:b"" c:b""
            c: joined as c gen=2 range leader=b
            leave: Ok([None])
        "#]],
    );
}

#[test]
fn a_member_that_leaves_while_it_waits_gets_an_answer() {
    check(
        "join a
         sync a
         join b
         announce c
         join a
         leave c
         sync b
         leave b
         join c",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > announce c
            c: announced
            > join a
            > leave c
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            leave: Ok([None])
            > sync b
            > leave b
            b: sync UnknownMemberId
            leave: Ok([None])
            > join c
            c: join UnknownMemberId
        "#]],
    );
}

#[test]
fn nobody_leaves_a_group_that_does_not_exist() {
    check(
        "leave as=i",
        expect![[r#"
        > leave as=i
        leave: Ok([UnknownMemberId])
    "#]],
    );
}
