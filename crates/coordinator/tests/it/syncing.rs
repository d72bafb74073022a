//! Syncs and heartbeats: who gets the assignment, who is heard of.

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn followers_wait_for_the_leaders_assignment() {
    check(
        "join a
         sync a
         join b
         join a
         sync b b=ignored
         beat a
         sync a a=left b=right stranger=x
         sync b",
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
            > sync b b=ignored
            > beat a
            a: beat ok
            > sync a a=left b=right stranger=x
            a: synced range b"left"
            b: synced range b"right"
            + gen=2 Some("range") a:b"left" b:b"right"
            > sync b
            b: synced range b"right"
        "#]],
    );
}

#[test]
fn whom_the_leader_forgets_gets_an_empty_assignment() {
    check(
        "join a
         sync a
         join b
         join a
         sync a a=all
         sync b",
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
            > sync a a=all
            a: synced range b"all"
            + gen=2 Some("range") a:b"all" b:b""
            > sync b
            b: synced range b""
        "#]],
    );
}

#[test]
fn only_members_of_the_present_generation_and_protocol_get_an_assignment() {
    check(
        "join a
         sync a gen=2
         sync a gen=0
         sync a protocol=sticky
         sync a type=connect
         sync a protocol=range type=consumer a=all
         leave a
         sync a",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a gen=2
            a: sync IllegalGeneration
            > sync a gen=0
            a: sync IllegalGeneration
            > sync a protocol=sticky
            a: sync InconsistentGroupProtocol
            > sync a type=connect
            a: sync InconsistentGroupProtocol
            > sync a protocol=range type=consumer a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > leave a
            leave: Ok([None])
            + gen=2 None
            > sync a
            a: sync UnknownMemberId
        "#]],
    );
}

#[test]
fn a_sync_during_a_rebalance_says_so() {
    check(
        "join a
         sync a
         join b
         sync a
         join a
         sync b
         leave a",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > sync a
            a: sync RebalanceInProgress
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync b
            > leave a
            b: sync RebalanceInProgress
            leave: Ok([None])
        "#]],
    );
}

#[test]
fn who_does_not_sync_within_the_rebalance_timeout_is_out() {
    check(
        "join a rebalance=20 session=1000
         sync a
         join b rebalance=20 session=1000
         join a rebalance=20 session=1000
         sync b
         wait 20
         beat a
         join b
         show",
        expect![[r#"
            > join a rebalance=20 session=1000
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b rebalance=20 session=1000
            > join a rebalance=20 session=1000
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync b
            > wait 20
            at 20s:
            b: sync RebalanceInProgress
            > beat a
            a: beat UnknownMemberId
            > join b
            b: joined as b gen=3 range leader=b b:b""
            > show
            CompletingRebalance gen=3
              b b"" b""
        "#]],
    );
}

#[test]
fn a_follower_that_does_not_sync_is_out_even_after_the_leader_has() {
    check(
        "join a rebalance=20 session=1000
         sync a
         join b rebalance=20 session=1000
         join a rebalance=20 session=1000
         sync a a=1 b=2
         wait 20
         show
         beat a
         join a
         sync a a=all",
        expect![[r#"
            > join a rebalance=20 session=1000
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b rebalance=20 session=1000
            > join a rebalance=20 session=1000
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync a a=1 b=2
            a: synced range b"1"
            + gen=2 Some("range") a:b"1" b:b"2"
            > wait 20
            > show
            PreparingRebalance gen=2
              a b"" b""
            > beat a
            a: beat RebalanceInProgress
            > join a
            a: joined as a gen=3 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=3 Some("range") a:b"all"
        "#]],
    );
}

#[test]
fn a_sync_that_is_sent_twice_answers_both() {
    check(
        "join a
         sync a
         join b
         join a
         sync b
         sync b
         sync a b=right",
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
            > sync b
            > sync b
            b: sync RebalanceInProgress
            > sync a b=right
            a: synced range b""
            b: synced range b"right"
            + gen=2 Some("range") a:b"" b:b"right"
        "#]],
    );
}

#[test]
fn an_assignment_that_fits_into_no_record_starts_over() {
    let config = GroupsConfig { max_group_bytes: 200, ..GroupsConfig::default() };
    check_with(
        config,
        "join a
         sync a a=short
         join b
         join a
         sync b
         sync a a=long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long
         show",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=short
            a: synced range b"short"
            + gen=1 Some("range") a:b"short"
            > join b
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync b
            > sync a a=long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long
            a: sync UnknownServerError
            b: sync UnknownServerError
            > show
            PreparingRebalance gen=2
              a b"" b""
              b b"" b""
        "#]],
    );
}

#[test]
fn a_silent_member_is_out_when_its_session_ends() {
    check(
        "join a session=10
         sync a
         join b session=100
         join a session=10
         sync a
         sync b
         wait 9.999
         beat a
         wait 9
         beat b
         wait 1
         beat b
         beat a
         join b
         wait 200
         show",
        expect![[r#"
            > join a session=10
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b session=100
            > join a session=10
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync a
            a: synced range b""
            + gen=2 Some("range") a:b"" b:b""
            > sync b
            b: synced range b""
            > wait 9.999
            > beat a
            a: beat ok
            > wait 9
            > beat b
            b: beat ok
            > wait 1
            > beat b
            b: beat RebalanceInProgress
            > beat a
            a: beat UnknownMemberId
            > join b
            b: joined as b gen=3 range leader=b b:b""
            > wait 200
            at 29.999s:
            + gen=4 None
            > show
            Empty gen=4
        "#]],
    );
}

#[test]
fn who_waits_for_an_answer_is_not_silent() {
    check(
        "join a session=40 rebalance=100
         sync a
         join b session=6 rebalance=100
         wait 30
         beat a
         wait 30
         join a session=40 rebalance=100
         sync b
         wait 39
         sync a",
        expect![[r#"
            > join a session=40 rebalance=100
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b session=6 rebalance=100
            > wait 30
            > beat a
            a: beat RebalanceInProgress
            > wait 30
            > join a session=40 rebalance=100
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > sync b
            > wait 39
            > sync a
            a: synced range b""
            b: synced range b""
            + gen=2 Some("range") a:b"" b:b""
        "#]],
    );
}

#[test]
fn heartbeats_count_in_the_present_generation_only() {
    check(
        "join a
         beat a
         sync a
         beat a gen=2
         beat a gen=0
         join b
         beat a
         join a
         beat a",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > beat a
            a: beat ok
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > beat a gen=2
            a: beat IllegalGeneration
            > beat a gen=0
            a: beat IllegalGeneration
            > join b
            > beat a
            a: beat RebalanceInProgress
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > beat a
            a: beat ok
        "#]],
    );
}
