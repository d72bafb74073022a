//! Groups that move between the classic protocol and the newer one while they work.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_classic_group_becomes_a_consumer_group_when_the_first_such_member_joins() {
    check(
        "topics t=4
         join a reads=t
         sync a a=@t-0,t-1,t-2,t-3
         hello b
         members
         beat a
         join a reads=t
         sync a
         hb b
         restart
         members
         list",
        expect![[r#"
            > topics t=4
            > join a reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0,t-1,t-2,t-3
            a: synced range [t-0 t-1 t-2 t-3]
            + gen=1 Some("range") a:[t-0 t-1 t-2 t-3]
            > hello b
            b: epoch=3 []
            + member a
            + target a [t-0 t-1 t-2 t-3]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1 t-2 t-3]
            + epoch 2
            + epoch 3
            + member b
            + target a [t-0 t-1]
            + target b [t-2 t-3]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > members
            Reconciling epoch=3 target=3 uniform
              a epoch=1 Stable [t-0 t-1 t-2 t-3] -> [t-0 t-1]
              b epoch=3 UnreleasedPartitions [] -> [t-2 t-3]
            > beat a
            a: beat RebalanceInProgress
            > join a reads=t
            a: joined as a gen=3 range leader=?
            + current a epoch=3 Stable [t-0 t-1]
            > sync a
            a: synced range [t-0 t-1]
            > hb b
            b: epoch=3 [t-2 t-3]
            + current b epoch=3 Stable [t-2 t-3]
            > restart
            + g forgotten
            > members
            Stable epoch=3 target=3 uniform
              a epoch=3 Stable [t-0 t-1] -> [t-0 t-1]
              b epoch=3 Stable [t-2 t-3] -> [t-2 t-3]
            > list
            g Stable consumer type=Some("consumer")
        "#]],
    );
}

#[test]
fn a_member_that_gives_back_bit_by_bit_joins_again_to_get_on() {
    check(
        "topics t=4
         join a reads=t
         sync a a=@t-0,t-1,t-2,t-3
         hello b
         commit a t-0=5
         join a reads=t owned=t-0,t-1,t-2,t-3
         sync a
         beat a
         hb b
         join a reads=t owned=t-0,t-1
         sync a
         beat a
         hb b
         commit a t-0=6
         commit a t-0=7 gen=0",
        expect![[r#"
            > topics t=4
            > join a reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0,t-1,t-2,t-3
            a: synced range [t-0 t-1 t-2 t-3]
            + gen=1 Some("range") a:[t-0 t-1 t-2 t-3]
            > hello b
            b: epoch=3 []
            + member a
            + target a [t-0 t-1 t-2 t-3]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1 t-2 t-3]
            + epoch 2
            + epoch 3
            + member b
            + target a [t-0 t-1]
            + target b [t-2 t-3]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > commit a t-0=5
            a: commit [None]
            + t-0=5/
            > join a reads=t owned=t-0,t-1,t-2,t-3
            a: joined as a gen=1 range leader=?
            + member a
            + current a epoch=1 UnrevokedPartitions [t-0 t-1] revoking [t-2 t-3]
            > sync a
            a: synced range [t-0 t-1]
            > beat a
            a: beat RebalanceInProgress
            > hb b
            b: epoch=3
            > join a reads=t owned=t-0,t-1
            a: joined as a gen=3 range leader=?
            + member a
            + current a epoch=3 Stable [t-0 t-1]
            > sync a
            a: synced range [t-0 t-1]
            > beat a
            a: beat ok
            > hb b
            b: epoch=3 [t-2 t-3]
            + current b epoch=3 Stable [t-2 t-3]
            > commit a t-0=6
            a: commit [None]
            + t-0=6/
            > commit a t-0=7 gen=0
            a: commit [IllegalGeneration]
        "#]],
    );
}

#[test]
fn a_consumer_group_becomes_a_classic_one_when_only_such_members_are_left() {
    check(
        "topics t=4
         hello b
         join a reads=t
         sync a
         hb b owns=t-2,t-3
         bye b
         show
         beat a
         commit a t-0=5
         join a reads=t
         sync a a=@t-0
         restart
         list",
        expect![[r#"
            > topics t=4
            > hello b
            b: epoch=1 [t-0 t-1 t-2 t-3]
            + epoch 1
            + member b
            + target b [t-0 t-1 t-2 t-3]
            + target epoch 1
            + current b epoch=1 Stable [t-0 t-1 t-2 t-3]
            > join a reads=t
            a: joined as a gen=2 range leader=?
            + epoch 2
            + member a
            + target a [t-2 t-3]
            + target b [t-0 t-1]
            + target epoch 2
            + current a epoch=2 UnreleasedPartitions []
            > sync a
            a: synced range []
            > hb b owns=t-2,t-3
            b: epoch=1 [t-0 t-1]
            + current b epoch=1 UnrevokedPartitions [t-0 t-1] revoking [t-2 t-3]
            > bye b
            b: epoch=-1 leaves
            + epoch 3
            + current b forgotten
            + target b forgotten
            + member b forgotten
            + gen=4 Some("range") a:[]
            > show
            PreparingRebalance gen=4
              a b"" b""
            > beat a
            a: beat RebalanceInProgress
            > commit a t-0=5
            a: commit [None]
            + t-0=5/
            > join a reads=t
            a: joined as a gen=5 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0
            a: synced range [t-0]
            + gen=5 Some("range") a:[t-0]
            > restart
            + current a forgotten
            + target a forgotten
            + member a forgotten
            + target epoch forgotten
            + epoch forgotten
            > list
            g Stable classic type=Some("consumer")
        "#]],
    );
}

#[test]
fn members_that_others_wait_for_are_asked_to_join_again() {
    check(
        "topics t=2
         join a reads=t
         sync a a=@t-0,t-1
         join b reads=t
         hello c
         join a reads=t
         join b reads=t
         sync a
         sync b
         members",
        expect![[r#"
            > topics t=2
            > join a reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0,t-1
            a: synced range [t-0 t-1]
            + gen=1 Some("range") a:[t-0 t-1]
            > join b reads=t
            > hello c
            b: join RebalanceInProgress
            c: epoch=3 []
            + member a
            + target a [t-0 t-1]
            + member b
            + target b []
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            + current b epoch=1 Stable []
            + epoch 2
            + epoch 3
            + member c
            + target a [t-0]
            + target b [t-1]
            + target c []
            + target epoch 3
            + current c epoch=3 Stable []
            > join a reads=t
            a: joined as a gen=3 range leader=?
            + current a epoch=3 Stable [t-0]
            > join b reads=t
            b: joined as b gen=3 range leader=?
            + current b epoch=3 Stable [t-1]
            > sync a
            a: synced range [t-0]
            > sync b
            b: synced range [t-1]
            > members
            Stable epoch=3 target=3 uniform
              a epoch=3 Stable [t-0] -> [t-0]
              b epoch=3 Stable [t-1] -> [t-1]
              c epoch=3 Stable [] -> []
        "#]],
    );
}

#[test]
fn groups_of_others_than_kafka_consumers_are_left_as_they_are() {
    check(
        "topics t=1
         join a type=connect reads=t
         sync a
         hello b
         show",
        expect![[r#"
            > topics t=1
            > join a type=connect reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > hello b
            b: GroupIdNotFound: Group g is not a consumer group.
            > show
            Stable gen=1 protocol=range
              a b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0" b""
        "#]],
    );
}

#[test]
fn who_joins_has_to_have_a_protocol_in_common_with_the_classic_members() {
    check(
        "topics t=1
         hello a
         join b protocols=range: reads=t
         join c protocols=sticky: reads=t
         join d type=connect reads=t
         join e protocols=range:rubbish
         leave b",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > join b protocols=range: reads=t
            b: joined as b gen=2 range leader=?
            + epoch 2
            + member b
            + target b []
            + target epoch 2
            + current b epoch=2 Stable []
            > join c protocols=sticky: reads=t
            : join InconsistentGroupProtocol
            > join d type=connect reads=t
            : join InconsistentGroupProtocol
            > join e protocols=range:rubbish
            : join InconsistentGroupProtocol
            > leave b
            leave: Ok([None])
            + epoch 3
            + current b forgotten
            + target b forgotten
            + member b forgotten
        "#]],
    );
}

#[test]
fn classic_members_are_waited_for_to_join_and_to_sync() {
    check(
        "topics t=2
         hello a
         join b reads=t rebalance=10
         wait 9
         sync b
         hello c
         beat b
         wait 9
         hb a owns=nothing
         wait 1",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > join b reads=t rebalance=10
            b: joined as b gen=2 range leader=?
            + epoch 2
            + member b
            + target a [t-0]
            + target b [t-1]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > wait 9
            > sync b
            b: synced range []
            > hello c
            c: epoch=3 []
            + epoch 3
            + member c
            + target c []
            + target epoch 3
            + current c epoch=3 Stable []
            > beat b
            b: beat RebalanceInProgress
            > wait 9
            > hb a owns=nothing
            a: epoch=3 [t-0]
            + current a epoch=3 Stable [t-0]
            > wait 1
            at 19s:
            + epoch 4
            + current b forgotten
            + target b forgotten
            + member b forgotten
        "#]],
    );
}

#[test]
fn classic_members_have_the_sessions_that_they_asked_for() {
    check(
        "topics t=2
         hello a
         join b reads=t session=10
         sync b
         wait 9
         beat b
         restart
         wait 9
         beat b
         wait 10",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > join b reads=t session=10
            b: joined as b gen=2 range leader=?
            + epoch 2
            + member b
            + target a [t-0]
            + target b [t-1]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > sync b
            b: synced range []
            > wait 9
            > beat b
            b: beat ok
            > restart
            > wait 9
            > beat b
            b: beat ok
            > wait 10
            at 28s:
            + epoch 3
            + current b forgotten
            + target b forgotten
            + member b forgotten
        "#]],
    );
}

#[test]
fn a_static_member_moves_to_the_newer_protocol_and_back() {
    check(
        "topics t=2
         join a as=i reads=t
         sync a a=@t-0,t-1
         hello a anew
         members
         bye a for-a-while
         join a anew reads=t
         show",
        expect![[r#"
            > topics t=2
            > join a as=i reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0,t-1
            a: synced range [t-0 t-1]
            + gen=1 Some("range") a:[t-0 t-1]
            > hello a anew
            a: epoch=2 [t-0 t-1]
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            + epoch 2
            + target a' [t-0 t-1]
            + member a forgotten
            + target a forgotten
            + current a forgotten
            + member a'
            + member a'
            + target epoch 2
            + current a' epoch=2 Stable [t-0 t-1]
            > members
            Stable epoch=2 target=2 uniform
              a' epoch=2 Stable [t-0 t-1] -> [t-0 t-1]
            > bye a for-a-while
            a: epoch=-2 leaves
            + current a' epoch=-2 Stable [t-0 t-1]
            > join a anew reads=t
            a: joined as a'' gen=2 range leader=?
            + target a'' [t-0 t-1]
            + member a' forgotten
            + target a' forgotten
            + current a' forgotten
            + member a''
            + member a''
            + current a'' epoch=2 Stable [t-0 t-1]
            + gen=3 Some("range") a'':[t-0 t-1]
            > show
            PreparingRebalance gen=3
              a'' b"" b""
        "#]],
    );
}

#[test]
fn a_dynamic_member_moves_to_the_newer_protocol() {
    check(
        "topics t=2
         join a reads=t
         sync a a=@t-0,t-1
         join b reads=t
         leave a b
         hello a anew
         members",
        expect![[r#"
            > topics t=2
            > join a reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0,t-1
            a: synced range [t-0 t-1]
            + gen=1 Some("range") a:[t-0 t-1]
            > join b reads=t
            > leave a b
            b: join UnknownMemberId
            leave: Ok([None, None])
            + gen=2 None
            > hello a anew
            a: epoch=3 [t-0 t-1]
            + epoch 3
            + member a'
            + target a' [t-0 t-1]
            + target epoch 3
            + current a' epoch=3 Stable [t-0 t-1]
            > members
            Stable epoch=3 target=3 uniform
              a' epoch=3 Stable [t-0 t-1] -> [t-0 t-1]
        "#]],
    );
}

#[test]
fn requests_of_classic_members_are_checked_as_ever() {
    check(
        "topics t=2
         hello a
         join b reads=t
         sync b gen=9
         sync b protocol=sticky
         sync b type=connect
         sync b
         beat b gen=9
         sync a
         beat a
         leave a
         leave b b
         leave as=i",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > join b reads=t
            b: joined as b gen=2 range leader=?
            + epoch 2
            + member b
            + target a [t-0]
            + target b [t-1]
            + target epoch 2
            + current b epoch=2 UnreleasedPartitions []
            > sync b gen=9
            b: sync IllegalGeneration
            > sync b protocol=sticky
            b: sync InconsistentGroupProtocol
            > sync b type=connect
            b: sync InconsistentGroupProtocol
            > sync b
            b: synced range []
            > beat b gen=9
            b: beat IllegalGeneration
            > sync a
            a: sync UnknownMemberId
            > beat a
            a: beat UnknownMemberId
            > leave a
            leave: Ok([UnknownMemberId])
            > leave b b
            leave: Ok([None, UnknownMemberId])
            + epoch 3
            + current b forgotten
            + target b forgotten
            + member b forgotten
            > leave as=i
            leave: Ok([UnknownMemberId])
        "#]],
    );
}

#[test]
fn a_group_that_was_of_another_kind_leaves_nothing_behind() {
    check(
        "topics t=1
         join a reads=t
         sync a a=@t-0
         hello b
         bye b
         leave a
         delete
         restart
         list",
        expect![[r#"
            > topics t=1
            > join a reads=t
            a: joined as a gen=1 range leader=a a:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync a a=@t-0
            a: synced range [t-0]
            + gen=1 Some("range") a:[t-0]
            > hello b
            b: epoch=3 []
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            + epoch 2
            + epoch 3
            + member b
            + target b []
            + target epoch 3
            + current b epoch=3 Stable []
            > bye b
            b: epoch=-1 leaves
            + epoch 4
            + current b forgotten
            + target b forgotten
            + member b forgotten
            + gen=5 Some("range") a:[t-0]
            > leave a
            leave: Ok([None])
            + gen=6 None
            > delete
            delete: ok
            + g forgotten
            + current a forgotten
            + target a forgotten
            + member a forgotten
            + target epoch forgotten
            + epoch forgotten
            > restart
            > list
        "#]],
    );
}

#[test]
fn an_empty_group_stays_of_its_kind_over_a_restart_until_a_generation_of_another_is_stored() {
    check(
        "topics t=1
         hello a
         bye a
         join b reads=t
         show
         restart
         members
         join b anew reads=t
         sync b b=@t-0
         restart
         show",
        expect![[r#"
            > topics t=1
            > hello a
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
            > join b reads=t
            b: joined as b gen=3 range leader=b b:b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > show
            CompletingRebalance gen=3
              b b"" b""
            > restart
            > members
            Empty epoch=2 target=1 uniform
            > join b anew reads=t
            b: joined as b' gen=3 range leader=b' b':b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"
            > sync b b=@t-0
            b: synced range [t-0]
            + gen=3 Some("range") b':[t-0]
            > restart
            + target epoch forgotten
            + epoch forgotten
            > show
            Stable gen=3 protocol=range
              b' b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0" b"\0\x01\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\xff\xff\xff\xff"
        "#]],
    );
}
