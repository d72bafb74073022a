//! Joins and rebalances: who is waited for, who leads, which protocol wins.

use std::time::Duration;

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn the_first_member_leads_and_begins_at_once() {
    check(
        "announce a
         join a protocols=range:topics
         show",
        expect![[r#"
            > announce a
            a: announced
            > join a protocols=range:topics
            a: joined as a gen=1 range leader=a a:b"topics"
            > show
            CompletingRebalance gen=1
              a b"" b""
        "#]],
    );
}

#[test]
fn a_second_member_makes_the_first_rejoin_and_the_leader_stays() {
    check(
        "join a
         sync a a=all
         join b
         show
         beat a
         sync a
         join a
         beat b
         sync b
         sync a a=left b=right
         beat a
         show",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a a=all
            a: synced range b"all"
            + gen=1 Some("range") a:b"all"
            > join b
            > show
            PreparingRebalance gen=1
              a b"" b""
              b b"" b""
            > beat a
            a: beat RebalanceInProgress
            > sync a
            a: sync RebalanceInProgress
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
            > beat b
            b: beat ok
            > sync b
            > sync a a=left b=right
            a: synced range b"left"
            b: synced range b"right"
            + gen=2 Some("range") a:b"left" b:b"right"
            > beat a
            a: beat ok
            > show
            Stable gen=2 protocol=range
              a b"" b"left"
              b b"" b"right"
        "#]],
    );
}

#[test]
fn old_clients_join_without_an_announcement() {
    check(
        "join a old",
        expect![[r#"
        > join a old
        a: joined as a gen=1 range leader=a a:b""
    "#]],
    );
}

#[test]
fn announced_members_are_waited_for_until_their_session_would_end() {
    check(
        "join a
         sync a
         announce b session=20
         join a
         wait 5
         beat a
         wait 30",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > announce b session=20
            b: announced
            > join a
            > wait 5
            > beat a
            a: beat RebalanceInProgress
            > wait 30
            at 20s:
            a: joined as a gen=2 range leader=a a:b""
            at 30s:
            + gen=3 None
        "#]],
    );
}

#[test]
fn an_announced_member_that_never_joins_leaves_no_trace() {
    check(
        "announce a
         list
         wait 10
         list
         join a",
        expect![[r#"
            > announce a
            a: announced
            > list
            g Empty classic type=None
            > wait 10
            > list
            > join a
            a: join UnknownMemberId
        "#]],
    );
}

#[test]
fn members_that_do_not_rejoin_in_time_are_out_and_the_leader_passes_on() {
    check(
        "join a session=100 rebalance=30
         sync a
         join b session=100 rebalance=20
         wait 30
         show
         sync b b=all
         beat a
         join a",
        expect![[r#"
            > join a session=100 rebalance=30
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b session=100 rebalance=20
            > wait 30
            at 30s:
            b: joined as b gen=2 range leader=b b:b""
            > show
            CompletingRebalance gen=2
              b b"" b""
            > sync b b=all
            b: synced range b"all"
            + gen=2 Some("range") b:b"all"
            > beat a
            a: beat UnknownMemberId
            > join a
            a: join UnknownMemberId
        "#]],
    );
}

#[test]
fn the_group_goes_by_the_longest_rebalance_timeout() {
    check(
        "join a session=1000 rebalance=50
         sync a
         join b session=1000 rebalance=500
         wait 499
         wait 1",
        expect![[r#"
            > join a session=1000 rebalance=50
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b session=1000 rebalance=500
            > wait 499
            at 300s:
            b: join UnknownMemberId
            > wait 1
            at 500s:
            + gen=2 None
        "#]],
    );
}

#[test]
fn the_protocol_with_most_votes_among_common_ones_wins() {
    check(
        "join a protocols=x:ax,range:ar,sticky:as
         sync a
         join b protocols=sticky:bs,range:br
         join a protocols=x:ax,range:ar,sticky:as
         sync a
         join c protocols=sticky:cs,range:cr,x:cx
         join a protocols=x:ax,range:ar,sticky:as
         join b protocols=sticky:bs,range:br",
        expect![[r#"
            > join a protocols=x:ax,range:ar,sticky:as
            a: joined as a gen=1 x leader=a a:b"ax"
            > sync a
            a: synced x b""
            + gen=1 Some("x") a:b""
            > join b protocols=sticky:bs,range:br
            > join a protocols=x:ax,range:ar,sticky:as
            a: joined as a gen=2 range leader=a a:b"ar" b:b"br"
            b: joined as b gen=2 range leader=a
            > sync a
            a: synced range b""
            + gen=2 Some("range") a:b"" b:b""
            > join c protocols=sticky:cs,range:cr,x:cx
            > join a protocols=x:ax,range:ar,sticky:as
            > join b protocols=sticky:bs,range:br
            a: joined as a gen=3 sticky leader=a a:b"as" b:b"bs" c:b"cs"
            b: joined as b gen=3 sticky leader=a
            c: joined as c gen=3 sticky leader=a
        "#]],
    );
}

#[test]
fn whoever_shares_no_protocol_or_type_with_the_group_stays_out() {
    check(
        "join a protocols=range:,sticky:
         sync a
         join b protocols=other:
         join b type=connect
         join b type=
         join b protocols=
         join a protocols=other:
         show",
        expect![[r#"
            > join a protocols=range:,sticky:
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b protocols=other:
            : join InconsistentGroupProtocol
            > join b type=connect
            : join InconsistentGroupProtocol
            > join b type=
            : join InconsistentGroupProtocol
            > join b protocols=
            : join InconsistentGroupProtocol
            > join a protocols=other:
            a: join InconsistentGroupProtocol
            > show
            Stable gen=1 protocol=range
              a b"" b""
        "#]],
    );
}

#[test]
fn an_empty_group_may_change_its_type() {
    check(
        "join a
         sync a
         leave a
         join b type=connect protocols=default:
         show",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > leave a
            leave: Ok([None])
            + gen=2 None
            > join b type=connect protocols=default:
            b: joined as b gen=3 default leader=b b:b""
            > show
            CompletingRebalance gen=3
              b b"" b""
        "#]],
    );
}

#[test]
fn session_timeouts_outside_of_the_limits_are_refused() {
    check(
        "join a session=5.999
         join a session=1800.001
         join a session=6
         list",
        expect![[r#"
            > join a session=5.999
            : join InvalidSessionTimeout
            > join a session=1800.001
            : join InvalidSessionTimeout
            > join a session=6
            a: joined as a gen=1 range leader=a a:b""
            > list
            g CompletingRebalance classic type=Some("consumer")
        "#]],
    );
}

#[test]
fn groups_need_a_name() {
    check(
        "join a group=",
        expect![[r#"
        > join a group=
        : join InvalidGroupId
    "#]],
    );
}

#[test]
fn a_member_id_that_the_coordinator_did_not_give_is_unknown() {
    check(
        "join a
         sync a
         leave a
         join a
         restart
         delete
         join a",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > leave a
            leave: Ok([None])
            + gen=2 None
            > join a
            a: join UnknownMemberId
            > restart
            > delete
            delete: ok
            + g forgotten
            > join a
            a: join UnknownMemberId
        "#]],
    );
}

#[test]
fn a_follower_that_asks_again_learns_the_generation_without_a_rebalance() {
    check(
        "join a
         sync a
         join b
         join a
         join b
         join a
         sync a a=1 b=2
         join b
         show
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
            > join b
            b: joined as b gen=2 range leader=a
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            > sync a a=1 b=2
            a: synced range b"1"
            + gen=2 Some("range") a:b"1" b:b"2"
            > join b
            b: joined as b gen=2 range leader=a
            > show
            Stable gen=2 protocol=range
              a b"" b"1"
              b b"" b"2"
            > sync b
            b: synced range b"2"
        "#]],
    );
}

#[test]
fn a_stable_group_rebalances_when_its_leader_rejoins_or_a_follower_changed() {
    check(
        "join a
         sync a
         join b
         join a
         sync a
         join b protocols=range:changed
         join a
         sync a a=1 b=2
         join a
         beat b",
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
            > join b protocols=range:changed
            > join a
            a: joined as a gen=3 range leader=a a:b"" b:b"changed"
            b: joined as b gen=3 range leader=a
            > sync a a=1 b=2
            a: synced range b"1"
            + gen=3 Some("range") a:b"1" b:b"2"
            > join a
            > beat b
            b: beat RebalanceInProgress
        "#]],
    );
}

#[test]
fn a_member_that_changes_while_the_assignment_is_awaited_starts_over() {
    check(
        "join a
         sync a
         join b
         join a
         sync b
         join a protocols=range:changed
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
            > sync b
            > join a protocols=range:changed
            b: sync RebalanceInProgress
            > join b
            a: joined as a gen=3 range leader=a a:b"changed" b:b""
            b: joined as b gen=3 range leader=a
        "#]],
    );
}

#[test]
fn a_join_that_is_sent_twice_answers_the_first_with_a_rebalance() {
    check(
        "join a
         sync a
         join b
         join b
         join a",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > join b
            b: join RebalanceInProgress
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
        "#]],
    );
}

#[test]
fn a_full_group_takes_members_but_no_newcomers() {
    let config = GroupsConfig { max_group_size: 2, ..GroupsConfig::default() };
    check_with(
        config,
        "join a
         sync a
         join b
         join a
         sync a
         join c
         join c old
         join a
         join c old
         join b
         wait 60
         show",
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
            > join c
            : join GroupMaxSizeReached
            > join c old
            c: join GroupMaxSizeReached
            > join a
            > join c old
            > join b
            b: join GroupMaxSizeReached
            > wait 60
            at 10s:
            a: joined as a gen=3 range leader=a a:b"" c?:b""
            c: joined as c gen=3 range leader=a
            at 20s:
            + gen=4 None
            > show
            Empty gen=4
        "#]],
    );
}

#[test]
fn announced_members_have_a_limit_too() {
    let config = GroupsConfig { max_group_size: 2, ..GroupsConfig::default() };
    check_with(
        config,
        "announce a
         announce b
         announce c",
        expect![[r#"
            > announce a
            a: announced
            > announce b
            b: announced
            > announce c
            c: join GroupMaxSizeReached
        "#]],
    );
}

#[test]
fn the_number_of_groups_has_a_limit() {
    let config = GroupsConfig { max_groups: 0, ..GroupsConfig::default() };
    check_with(
        config,
        "join a
         commit - t-0=1",
        expect![[r#"
            > join a
            : join PolicyViolation
            > commit - t-0=1
            -: commit [PolicyViolation]
        "#]],
    );
}

#[test]
fn what_a_member_says_of_itself_has_a_limit() {
    let config = GroupsConfig { max_member_metadata_bytes: 10, ..GroupsConfig::default() };
    check_with(
        config,
        "join a protocols=range:123456
         join a protocols=range:12345",
        expect![[r#"
            > join a protocols=range:123456
            : join InvalidRequest
            > join a protocols=range:12345
            a: joined as a gen=1 range leader=a a:b"12345"
        "#]],
    );
}

fn with_delay() -> GroupsConfig {
    GroupsConfig { initial_rebalance_delay: Duration::from_secs(3), ..GroupsConfig::default() }
}

#[test]
fn the_initial_delay_is_extended_by_newcomers_up_to_the_rebalance_timeout() {
    check_with(
        with_delay(),
        "join a rebalance=8
         wait 2
         join b rebalance=8
         wait 3
         join c rebalance=8
         wait 2
         join d rebalance=8
         wait 10",
        expect![[r#"
            > join a rebalance=8
            > wait 2
            > join b rebalance=8
            > wait 3
            > join c rebalance=8
            > wait 2
            > join d rebalance=8
            > wait 10
            at 8s:
            a: joined as a gen=1 range leader=a a:b"" b:b"" c:b"" d:b""
            b: joined as b gen=1 range leader=a
            c: joined as c gen=1 range leader=a
            d: joined as d gen=1 range leader=a
            at 16s:
            + gen=2 None
        "#]],
    );
}

#[test]
fn without_newcomers_the_initial_delay_ends_once() {
    check_with(
        with_delay(),
        "join a
         wait 2.999
         wait 0.001
         sync a
         join b
         join a",
        expect![[r#"
            > join a
            > wait 2.999
            > wait 0.001
            at 3s:
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > join a
            a: joined as a gen=2 range leader=a a:b"" b:b""
            b: joined as b gen=2 range leader=a
        "#]],
    );
}

#[test]
fn a_group_whose_members_go_during_the_initial_delay_is_empty_again() {
    check_with(
        with_delay(),
        "join a old
         wait 1
         restart
         show
         join b as=i
         leave as=i
         show
         wait 3
         show",
        expect![[r#"
            > join a old
            > wait 1
            > restart
            a: join NotCoordinator
            > show
            no such group
            > join b as=i
            > leave as=i
            b: join UnknownMemberId
            leave: Ok([None])
            > show
            PreparingRebalance gen=0
            > wait 3
            at 4s:
            + gen=1 None
            > show
            Empty gen=1
        "#]],
    );
}

#[test]
fn a_new_member_that_waits_too_long_is_told_so() {
    let config = GroupsConfig { new_member_join_timeout: Duration::from_secs(15), ..GroupsConfig::default() };
    check_with(
        config,
        "join a session=100
         sync a
         join b
         wait 15
         beat a
         join a",
        expect![[r#"
            > join a session=100
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > join b
            > wait 15
            at 15s:
            b: join UnknownMemberId
            > beat a
            a: beat RebalanceInProgress
            > join a
            a: joined as a gen=2 range leader=a a:b""
        "#]],
    );
}
