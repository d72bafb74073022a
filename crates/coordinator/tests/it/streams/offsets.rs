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
fn with_an_older_epoch_a_member_commits_for_tasks_that_it_has_had_since() {
    check(
        "topics t=2 u=1
         topology 0:t
         enter a
         enter b
         sb a
         commit a t-1=1
         sb a owns=0_0
         sb b
         tasks
         commit a t-0=2 gen=2
         commit a t-1=3 gen=2
         commit a t-0=4 t-1=4 gen=2
         commit a u-0=5 gen=2
         commit a t-0=6 gen=1
         commit a t-0=7 gen=4",
        expect![[r#"
            > topics t=2 u=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > sb a
            a: epoch=2 [0_0]
            + current a epoch=2 UnrevokedPartitions [0_0] revoking [0_1]
            > commit a t-1=1
            a: commit [None]
            + t-1=1/
            > sb a owns=0_0
            a: epoch=3
            + current a epoch=3 Stable [0_0]
            > sb b
            b: epoch=3 [0_1]
            + current b epoch=3 Stable [0_1]
            > tasks
            Stable epoch=3 target=3
              a epoch=3 Stable [0_0] -> [0_0]
              b epoch=3 Stable [0_1] -> [0_1]
            > commit a t-0=2 gen=2
            a: commit [None]
            + t-0=2/
            > commit a t-1=3 gen=2
            a: commit [StaleMemberEpoch]
            > commit a t-0=4 t-1=4 gen=2
            a: commit [StaleMemberEpoch, StaleMemberEpoch]
            > commit a u-0=5 gen=2
            a: commit [StaleMemberEpoch]
            > commit a t-0=6 gen=1
            a: commit [StaleMemberEpoch]
            > commit a t-0=7 gen=4
            a: commit [StaleMemberEpoch]
        "#]],
    );
}

#[test]
fn which_tasks_a_member_has_had_since_an_older_epoch_is_not_known_after_a_restart() {
    check(
        "topics t=2 u=1
         topology 0:t
         enter a
         enter b
         sb a
         sb a owns=0_0
         sb b
         exit b
         sb a
         commit a t-1=8 gen=3
         commit a t-0=9 gen=3
         may-fetch a gen=3
         restart
         commit a t-0=10 gen=3
         commit a t-0=11",
        expect![[r#"
            > topics t=2 u=1
            > topology 0:t
            > enter a
            a: epoch=2 [0_0 0_1]
            + epoch 2 validated=0
            + topology 0
            + member a
            + target a [0_0 0_1]
            + target epoch 2
            + current a epoch=2 Stable [0_0 0_1]
            > enter b
            b: epoch=3 []
            + epoch 3 validated=0
            + member b
            + target a [0_0]
            + target b [0_1]
            + target epoch 3
            + current b epoch=3 UnreleasedPartitions []
            > sb a
            a: epoch=2 [0_0]
            + current a epoch=2 UnrevokedPartitions [0_0] revoking [0_1]
            > sb a owns=0_0
            a: epoch=3
            + current a epoch=3 Stable [0_0]
            > sb b
            b: epoch=3 [0_1]
            + current b epoch=3 Stable [0_1]
            > exit b
            b: epoch=-1 leaves
            + epoch 4 validated=0
            + current b forgotten
            + target b forgotten
            + member b forgotten
            > sb a
            a: epoch=4 [0_0 0_1]
            + target a [0_0 0_1]
            + target epoch 4
            + current a epoch=4 Stable [0_0 0_1]
            > commit a t-1=8 gen=3
            a: commit [StaleMemberEpoch]
            > commit a t-0=9 gen=3
            a: commit [None]
            + t-0=9/
            > may-fetch a gen=3
            a: may fetch StaleMemberEpoch
            > restart
            > commit a t-0=10 gen=3
            a: commit [StaleMemberEpoch]
            > commit a t-0=11
            a: commit [None]
            + t-0=11/
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
