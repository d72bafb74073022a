//! Offsets of consumer groups, and what administrators see and delete.

use std::time::Duration;

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn members_commit_and_fetch_with_their_epoch() {
    check(
        "topics t=2
         hello a
         commit a t-0=5
         commit a t-0=6 gen=0
         commit a t-0=6 gen=2
         commit a t-0=6 in=1
         commit a t-0=6 gen=7 in=1
         commit - t-0=7
         commit - t-0=7 in=1
         may-fetch a
         may-fetch a gen=0
         may-fetch -
         may-fetch - gen=1
         fetch",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > commit a t-0=5
            a: commit [None]
            + t-0=5/
            > commit a t-0=6 gen=0
            a: commit [StaleMemberEpoch]
            > commit a t-0=6 gen=2
            a: commit [StaleMemberEpoch]
            > commit a t-0=6 in=1
            a: commit [None]
            + t-0=6/ in 1
            > commit a t-0=6 gen=7 in=1
            a: commit [StaleMemberEpoch]
            > commit - t-0=7
            -: commit [UnknownMemberId]
            > commit - t-0=7 in=1
            -: commit [None]
            + t-0=7/ in 1
            > may-fetch a
            a: may fetch ok
            > may-fetch a gen=0
            a: may fetch StaleMemberEpoch
            > may-fetch -
            -: may fetch ok
            > may-fetch - gen=1
            -: may fetch UnknownMemberId
            > fetch
            t-0=5/ unstable
        "#]],
    );
}

#[test]
fn who_is_no_member_commits_only_where_there_are_none() {
    check(
        "topics t=2
         hello a
         commit b t-0=5 gen=1
         bye a
         commit - t-0=5
         commit a t-0=6
         commit a t-0=6 gen=1
         members
         list",
        expect![[r#"
            > topics t=2
            > hello a
            a: epoch=1 [t-0 t-1]
            + epoch 1
            + member a
            + target a [t-0 t-1]
            + target epoch 1
            + current a epoch=1 Stable [t-0 t-1]
            > commit b t-0=5 gen=1
            b: commit [UnknownMemberId]
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > commit - t-0=5
            -: commit [None]
            + t-0=5/
            > commit a t-0=6
            a: commit [None]
            + t-0=6/
            > commit a t-0=6 gen=1
            a: commit [UnknownMemberId]
            > members
            Empty epoch=2 target=1 uniform
            > list
            g Empty consumer type=Some("consumer")
        "#]],
    );
}

#[test]
fn a_consumer_group_is_listed_as_one_and_described_as_one_only() {
    check(
        "topics t=1
         hello a
         list
         list stable
         list assigning reconciling
         list type=classic
         list type=Consumer
         show
         delete
         bye a
         list empty
         delete
         list
         members
         restart
         members",
        expect![[r#"
            > topics t=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > list
            g Stable consumer type=Some("consumer")
            > list stable
            g Stable consumer type=Some("consumer")
            > list assigning reconciling
            > list type=classic
            > list type=Consumer
            g Stable consumer type=Some("consumer")
            > show
            no such group
            > delete
            delete: NonEmptyGroup
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > list empty
            g Empty consumer type=Some("consumer")
            > delete
            delete: ok
            + target epoch forgotten
            + epoch forgotten
            > list
            > members
            no consumer group
            > restart
            > members
            no consumer group
        "#]],
    );
}

#[test]
fn offsets_of_topics_that_are_subscribed_to_are_not_deleted() {
    check(
        "topics t=1 u=1
         hello a
         commit a t-0=1 u-0=1
         forget t-0 u-0
         bye a
         forget t-0",
        expect![[r#"
            > topics t=1 u=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > commit a t-0=1 u-0=1
            a: commit [None, None]
            + t-0=1/
            + u-0=1/
            > forget t-0 u-0
            forget: Ok([GroupSubscribedToTopic, None])
            + u-0 forgotten
            > bye a
            a: epoch=-1 leaves
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > forget t-0
            forget: Ok([None])
            + t-0 forgotten
        "#]],
    );
}

#[test]
fn offsets_age_from_their_commit_unless_they_are_of_use() {
    let config = GroupsConfig {
        offsets_retention: Duration::from_mins(20),
        consumer_session_timeout: Duration::from_mins(30),
        ..GroupsConfig::default()
    };
    check_with(
        config,
        "topics t=1 u=1
         hello a
         commit a t-0=1 u-0=1
         wait 1300
         fetch
         wait 600
         fetch
         list",
        expect![[r#"
            > topics t=1 u=1
            > hello a
            a: epoch=1 [t-0]
            + epoch 1
            + member a
            + target a [t-0]
            + target epoch 1
            + current a epoch=1 Stable [t-0]
            > commit a t-0=1 u-0=1
            a: commit [None, None]
            + t-0=1/
            + u-0=1/
            > wait 1300
            at 1200s:
            + u-0 forgotten
            > fetch
            t-0=1/
            > wait 600
            at 1800s:
            + epoch 2
            + current a forgotten
            + target a forgotten
            + member a forgotten
            + t-0 forgotten
            + target epoch forgotten
            + epoch forgotten
            > fetch
            > list
        "#]],
    );
}

#[test]
fn a_classic_group_without_members_may_become_a_consumer_group() {
    check(
        "topics t=1
         join a
         sync a
         hello b
         commit a t-0=5
         leave a
         hello b
         join a
         list
         fetch
         restart
         members",
        expect![[r#"
            > topics t=1
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > hello b
            b: GroupIdNotFound: Group g is not a consumer group.
            > commit a t-0=5
            a: commit [None]
            + t-0=5/
            > leave a
            leave: Ok([None])
            + gen=2 None
            > hello b
            b: epoch=3 [t-0]
            + epoch 3
            + member b
            + target b [t-0]
            + target epoch 3
            + current b epoch=3 Stable [t-0]
            > join a
            a: join InconsistentGroupProtocol
            > list
            g Stable consumer type=Some("consumer")
            > fetch
            t-0=5/
            > restart
            + g forgotten
            > members
            Stable epoch=3 target=3 uniform
              b epoch=3 Stable [t-0] -> [t-0]
        "#]],
    );
}

#[test]
fn a_consumer_group_without_members_may_become_a_classic_group() {
    check(
        "topics t=1
         hello a
         bye a
         join a anew
         list
         restart
         list
         join a anew
         sync a
         restart
         show
         leave a
         delete
         restart
         list",
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
            > join a anew
            a: joined as a' gen=3 range leader=a' a':b""
            > list
            g CompletingRebalance classic type=Some("consumer")
            > restart
            > list
            g Empty consumer type=Some("consumer")
            > join a anew
            a: joined as a'' gen=3 range leader=a'' a'':b""
            > sync a
            a: synced range b""
            + gen=3 Some("range") a'':b""
            > restart
            + target epoch forgotten
            + epoch forgotten
            > show
            Stable gen=3 protocol=range
              a'' b"" b""
            > leave a
            leave: Ok([None])
            + gen=4 None
            > delete
            delete: ok
            + g forgotten
            > restart
            > list
        "#]],
    );
}
