//! Static members (KIP-345, KIP-814): restarts without rebalances, and fencing of doubles.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_static_follower_comes_back_without_a_rebalance() {
    check(
        "join a as=i
         sync a
         join b as=j
         join a
         sync a a=left b=right
         sync b
         join b anew
         sync b
         beat a
         show",
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
            > sync a a=left b=right
            a: synced range b"left"
            + gen=2 Some("range") a:b"left" b:b"right"
            > sync b
            b: synced range b"right"
            > join b anew
            b: joined as b' gen=2 range leader=a
            + gen=2 Some("range") a:b"left" b':b"right"
            > sync b
            b: synced range b"right"
            > beat a
            a: beat ok
            > show
            Stable gen=2 protocol=range
              a b"" b"left"
              b' b"" b"right"
        "#]],
    );
}

#[test]
fn a_static_leader_comes_back_and_is_told_to_skip_the_assignment() {
    check(
        "join a as=i protocols=range:m
         sync a a=all
         join a anew protocols=range:m
         sync a
         show",
        expect![[r#"
            > join a as=i protocols=range:m
            a: joined as a gen=1 range leader=a a:b"m"
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > join a anew protocols=range:m
            a: joined as a' gen=1 range leader=a' skip a':b"m"
            + gen=1 Some("range") a':b"all"
            > sync a
            a: synced range b"all"
            > show
            Stable gen=1 protocol=range
              a' b"m" b"all"
        "#]],
    );
}

#[test]
fn a_static_leader_of_an_old_version_does_not_learn_that_it_leads() {
    check(
        "join a as=i old
         sync a a=all
         join a anew old
         sync a",
        expect![[r#"
            > join a as=i old
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > join a anew old
            a: joined as a' gen=1 range leader=a
            + gen=1 Some("range") a':b"all"
            > sync a
            a: synced range b"all"
        "#]],
    );
}

#[test]
fn the_former_holder_of_an_instance_id_is_fenced() {
    check(
        "join a as=i
         sync a a=all
         join b as=i
         beat a
         sync a
         join a
         commit a t-0=1
         beat b",
        expect![[r#"
            > join a as=i
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > join b as=i
            b: joined as b gen=1 range leader=b skip b:b""
            + gen=1 Some("range") b:b"all"
            > beat a
            a: beat FencedInstanceId
            > sync a
            a: sync FencedInstanceId
            > join a
            a: join FencedInstanceId
            > commit a t-0=1
            a: commit [FencedInstanceId]
            > beat b
            b: beat ok
        "#]],
    );
}

#[test]
fn a_former_holder_that_waits_is_fenced_at_once() {
    check(
        "join a as=i
         sync a
         join b as=j
         join c as=j
         join a
         sync c
         join b as=j
         show",
        expect![[r#"
            > join a as=i
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b as=j
            > join c as=j
            b: join FencedInstanceId
            > join a
            a: joined as a gen=2 range leader=a a:b"" j?:b""
            c: joined as c gen=2 range leader=a
            > sync c
            > join b as=j
            c: sync FencedInstanceId
            > show
            PreparingRebalance gen=2
              a b"" b""
              j? b"" b""
        "#]],
    );
}

#[test]
fn a_static_member_that_changes_the_chosen_protocol_starts_a_rebalance() {
    check(
        "join a as=i protocols=range:,sticky:
         sync a
         join a anew protocols=sticky:
         show",
        expect![[r#"
            > join a as=i protocols=range:,sticky:
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join a anew protocols=sticky:
            a: joined as a' gen=2 sticky leader=a' a':b""
            > show
            CompletingRebalance gen=2
              a' b"" b""
        "#]],
    );
}

#[test]
fn an_absent_static_member_is_kept_through_rebalances_until_its_session_ends() {
    check(
        "join a as=i session=100 rebalance=20
         sync a a=all
         join b session=1000 rebalance=20
         wait 20
         sync b a=1 b=2
         show
         join a anew session=100 rebalance=20
         sync a",
        expect![[r#"
            > join a as=i session=100 rebalance=20
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > join b session=1000 rebalance=20
            > wait 20
            at 20s:
            b: joined as b gen=2 range leader=b b:b"" a:b""
            > sync b a=1 b=2
            b: synced range b"2"
            + gen=2 Some("range") b:b"2" a:b"1"
            > show
            Stable gen=2 protocol=range
              b b"" b"2"
              a b"" b"1"
            > join a anew session=100 rebalance=20
            a: joined as a' gen=2 range leader=b
            + gen=2 Some("range") b:b"2" a':b"1"
            > sync a
            a: synced range b"1"
        "#]],
    );
}

#[test]
fn absent_static_members_alone_are_waited_for_until_their_sessions_end() {
    check(
        "join a as=i session=50 rebalance=20
         sync a
         join b as=j session=1000 rebalance=20
         leave as=j
         wait 45
         show
         wait 5
         show",
        expect![[r#"
            > join a as=i session=50 rebalance=20
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b as=j session=1000 rebalance=20
            > leave as=j
            b: join UnknownMemberId
            leave: Ok([None])
            > wait 45
            > show
            PreparingRebalance gen=1
              a b"" b""
            > wait 5
            at 50s:
            + gen=2 None
            > show
            Empty gen=2
        "#]],
    );
}

#[test]
fn an_instance_id_and_a_member_id_have_to_belong_together() {
    check(
        "join a as=i
         sync a
         join b
         join a
         sync a
         join b as=nobody
         beat b
         join b as=i
         beat a",
        expect![[r#"
            > join a as=i
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > join a
            b: joined as b gen=2 range leader=a
            a: joined as a gen=2 range leader=a b:b"" a:b""
            > sync a
            a: synced range b""
            + gen=2 Some("range") b:b"" a:b""
            > join b as=nobody
            b: join UnknownMemberId
            > beat b
            b: beat UnknownMemberId
            > join b as=i
            b: join FencedInstanceId
            > beat a
            a: beat ok
        "#]],
    );
}

#[test]
fn a_static_member_is_announced_to_nobody() {
    check(
        "announce a as=i",
        expect![[r#"
        > announce a as=i
        a: joined as a gen=1 range leader=a a:b""
    "#]],
    );
}
