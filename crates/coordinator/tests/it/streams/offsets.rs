//! Offsets of streams groups: who may commit and ask for them, how long they are kept, and the end of a group.

use std::time::Duration;

use expect_test::expect;
use headwater_coordinator::GroupsConfig;

use crate::script::{check, check_with};

#[test]
fn members_commit_with_their_epoch() {
    check(
        "topics t=1
         topology 0:t
         commit - t-0=1
         enter a
         commit a t-0=2
         commit a t-0=3 gen=1
         commit - t-0=4
         commit a t-0=5 gen=-1
         may-fetch a
         may-fetch a gen=1
         may-fetch -
         fetch
         exit a
         commit - t-0=6",
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
            > commit a t-0=2
            a: commit [None]
            + t-0=2/
            > commit a t-0=3 gen=1
            a: commit [StaleMemberEpoch]
            > commit - t-0=4
            -: commit [UnknownMemberId]
            > commit a t-0=5 gen=-1
            a: commit [StaleMemberEpoch]
            > may-fetch a
            a: may fetch ok
            > may-fetch a gen=1
            a: may fetch StaleMemberEpoch
            > may-fetch -
            -: may fetch ok
            > fetch
            t-0=2/
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > commit - t-0=6
            -: commit [None]
            + t-0=6/
        "#]],
    );
}

#[test]
fn within_transactions_the_epoch_counts_if_a_member_is_named() {
    check(
        "topics t=1
         topology 0:t
         enter a
         commit a t-0=2 in=7
         commit a t-0=3 in=7 gen=1
         commit - t-0=4 in=8
         end 7 commit
         end 8 abort
         fetch",
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
            > commit a t-0=2 in=7
            a: commit [None]
            + t-0=2/ in 7
            > commit a t-0=3 in=7 gen=1
            a: commit [StaleMemberEpoch]
            > commit - t-0=4 in=8
            -: commit [None]
            + t-0=4/ in 8
            > end 7 commit
            end: ok
            + Commit 7
            > end 8 abort
            end: ok
            + Abort 8
            > fetch
            t-0=2/
        "#]],
    );
}

#[test]
fn offsets_of_topics_that_are_read_are_kept() {
    let config = GroupsConfig {
        offsets_retention: Duration::from_secs(20),
        retention_check_interval: Duration::from_secs(15),
        ..GroupsConfig::default()
    };
    check_with(
        config,
        "topics t=1 r=1
         topology 0:t,>r 1:<r
         commit - u-0=1
         enter a
         commit a t-0=2 r-0=3
         wait 25
         sb a
         wait 25
         forget t-0 r-0
         fetch
         exit a
         wait 30
         list",
        expect![[r#"
            > topics t=1 r=1
            > topology 0:t,>r 1:<r
            > commit - u-0=1
            -: commit [None]
            + u-0=1/
            > enter a
            a: epoch=2 [0_0 1_0]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 1_0]
            + target epoch 2
            + current a epoch=2 Stable [0_0 1_0]
            > commit a t-0=2 r-0=3
            a: commit [None, None]
            + t-0=2/
            + r-0=3/
            > wait 25
            > sb a
            a: epoch=2
            > wait 25
            at 30s:
            + u-0 forgotten
            > forget t-0 r-0
            forget: Ok([GroupSubscribedToTopic, GroupSubscribedToTopic])
            > fetch
            r-0=3/
            t-0=2/
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > wait 30
            at 60s:
            + r-0 forgotten
            + t-0 forgotten
            + target epoch forgotten
            + topology forgotten
            + epoch forgotten
            > list
        "#]],
    );
}

#[test]
fn a_group_is_deleted_when_it_has_no_members() {
    check(
        "topics t=1
         topology 0:t
         enter a
         commit a t-0=1
         delete
         exit a
         delete
         tasks
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
            > commit a t-0=1
            a: commit [None]
            + t-0=1/
            > delete
            delete: NonEmptyGroup
            > exit a
            a: epoch=-1 leaves
            + epoch 3 validated=0
            + current a forgotten
            + target a forgotten
            + member a forgotten
            > delete
            delete: ok
            + t-0 forgotten
            + target epoch forgotten
            + topology forgotten
            + epoch forgotten
            > tasks
            no streams group
            > restart
            > list
        "#]],
    );
}
