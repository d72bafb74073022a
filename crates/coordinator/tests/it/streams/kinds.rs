//! Streams groups beside other kinds of group.

use expect_test::expect;

use crate::script::check;

#[test]
fn a_streams_group_with_members_is_nothing_else() {
    check(
        "topics t=1
         topology 0:t
         enter a
         join b
         hello c
         beat a
         sync a
         leave a
         show
         members
         list
         list type=streams",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > join b
            : join InconsistentGroupProtocol
            > hello c
            c: GroupIdNotFound: Group g is not a consumer group.
            > beat a
            a: beat UnknownMemberId
            > sync a
            a: sync UnknownMemberId
            > leave a
            leave: Ok([UnknownMemberId])
            > show
            no such group
            > members
            no consumer group
            > list
            g Stable streams type=Some("streams")
            > list type=streams
            g Stable streams type=Some("streams")
        "#]],
    );
}

#[test]
fn a_consumer_group_with_members_is_no_streams_group() {
    check(
        "topics t=1
         topology 0:t
         hello a
         enter b
         sb b epoch=1
         bye a
         enter b
         members",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > enter b
            b: GroupIdNotFound: Group g is not a streams group.
            > sb b epoch=1
            b: GroupIdNotFound: Group g is not a streams group.
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > enter b
            b: epoch=3 [0_0]
            + epoch 3 validated=0
            + topology 0
            + member b
            + target b [0_0]
            + target epoch 3
            + current b epoch=3 Stable [0_0]
            > members
            no consumer group
        "#]],
    );
}

#[test]
fn a_classic_group_with_members_is_no_streams_group() {
    check(
        "topics t=1
         topology 0:t
         join a
         sync a
         enter b
         leave a
         enter b
         restart
         list
         exit b",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > enter b
            b: GroupIdNotFound: Group g is not a streams group.
            > leave a
            leave: Ok([None])
            + gen=2 None
            > enter b
            b: epoch=3 [0_0]
            + epoch 3 validated=0
            + topology 0
            + member b
            + target b [0_0]
            + target epoch 3
            + current b epoch=3 Stable [0_0]
            > restart
            + g forgotten
            > list
            g Stable streams type=Some("streams")
            > exit b
            b: epoch=-1 leaves
            + epoch 4 validated=0
            + current b forgotten
            + target b forgotten
            + member b forgotten
        "#]],
    );
}

#[test]
fn an_empty_streams_group_becomes_a_classic_group_again() {
    check(
        "topics t=1
         topology 0:t
         join a
         sync a
         leave a
         enter b
         restart
         exit b
         join a anew
         sync a
         restart
         list
         leave a
         delete
         restart
         list",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > leave a
            leave: Ok([None])
            + gen=2 None
            > enter b
            b: epoch=3 [0_0]
            + epoch 3 validated=0
            + topology 0
            + member b
            + target b [0_0]
            + target epoch 3
            + current b epoch=3 Stable [0_0]
            > restart
            + g forgotten
            > exit b
            b: epoch=-1 leaves
            + epoch 4 validated=0
            + current b forgotten
            + target b forgotten
            + member b forgotten
            > join a anew
            a: joined as a' gen=5 range leader=a' a':b""
            > sync a
            a: synced range b""
            + gen=5 Some("range") a':b""
            > restart
            + target epoch forgotten
            + topology forgotten
            + epoch forgotten
            > list
            g Stable classic type=Some("consumer")
            > leave a
            leave: Ok([None])
            + gen=6 None
            > delete
            delete: ok
            + g forgotten
            > restart
            > list
        "#]],
    );
}

#[test]
fn an_empty_streams_group_becomes_a_consumer_group() {
    check(
        "topics t=1
         topology 0:t
         enter a
         exit a
         hello c
         restart
         list
         bye c",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hello c
            c: epoch=4 [t-0]
            + epoch 4
            + member c
            + target c [t-0]
            + target epoch 4
            + current c epoch=4 Stable [t-0]
            > restart
            + target epoch forgotten
            + topology forgotten
            + epoch forgotten
            > list
            g Stable consumer type=Some("consumer")
            > bye c
            c: epoch=-1 leaves
            + epoch 5
            + current c forgotten
            + target c forgotten
            + member c forgotten
        "#]],
    );
}

#[test]
fn an_empty_consumer_group_becomes_a_streams_group_again() {
    check(
        "topics t=1
         topology 0:t
         enter a
         exit a
         hello c
         bye c
         enter a anew
         restart
         list",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hello c
            c: epoch=4 [t-0]
            + epoch 4
            + member c
            + target c [t-0]
            + target epoch 4
            + current c epoch=4 Stable [t-0]
            > bye c
            c: epoch=-1 leaves
            + epoch 5
            + current c forgotten
            + target c forgotten
            + member c forgotten
            > enter a anew
            a: epoch=6 [0_0]
            + epoch 6 validated=0
            + topology 0
            + member a'
            + target a' [0_0]
            + target epoch 6
            + current a' epoch=6 Stable [0_0]
            > restart
            + target epoch forgotten
            + epoch forgotten
            > list
            g Stable streams type=Some("streams")
        "#]],
    );
}

#[test]
fn a_group_that_was_of_several_kinds_is_deleted_for_good() {
    check(
        "topics t=1
         topology 0:t
         enter a
         exit a
         hello c
         bye c
         enter a anew
         restart
         exit a
         delete
         restart
         list",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hello c
            c: epoch=4 [t-0]
            + epoch 4
            + member c
            + target c [t-0]
            + target epoch 4
            + current c epoch=4 Stable [t-0]
            > bye c
            c: epoch=-1 leaves
            + epoch 5
            + current c forgotten
            + target c forgotten
            + member c forgotten
            > enter a anew
            a: epoch=6 [0_0]
            + epoch 6 validated=0
            + topology 0
            + member a'
            + target a' [0_0]
            + target epoch 6
            + current a' epoch=6 Stable [0_0]
            > restart
            + target epoch forgotten
            + epoch forgotten
            > exit a
            a: epoch=-1 leaves
            + epoch 7 validated=0
            + current a' forgotten
            + target a' forgotten
            + member a' forgotten
            > delete
            delete: ok
            + target epoch forgotten
            + topology forgotten
            + epoch forgotten
            > restart
            > list
        "#]],
    );
}

#[test]
fn offsets_stay_when_the_kind_changes() {
    check(
        "topics t=1
         topology 0:t
         commit - t-0=1
         enter a
         exit a
         hello b
         fetch",
        expect![[r#"
            > topics t=1
            > topology 0:t
            > commit - t-0=1
            -: commit [None]
            + t-0=1/
            > enter a
            a: epoch=2 [0_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0]
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > hello b
            b: epoch=4 [t-0]
            + epoch 4
            + member b
            + target b [t-0]
            + target epoch 4
            + current b epoch=4 Stable [t-0]
            > fetch
            t-0=1/
        "#]],
    );
}
