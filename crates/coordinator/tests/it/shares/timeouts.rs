//! Members that are not heard of, and coordinators that begin anew.

use expect_test::expect;
use headwater_coordinator::{
    Change, Groups, GroupsConfig, Now, Partitions, ShareCurrent, ShareGroupChange, ShareSubscription,
};
use headwater_model::{Monotonic, Timestamp};

use crate::script::check;

#[test]
fn who_is_silent_for_a_session_is_out() {
    check(
        "topics t=2
         share hello a
         share hello b
         wait 40
         share hb b
         wait 10
         share members
         share hb b
         share hb a",
        expect![[r#"
            > topics t=2
            > share hello a
            a: epoch=1 [t-0 t-1]
            + share epoch 1
            + share member a
            + share target a [t-0 t-1]
            + share target epoch 1
            + share current a epoch=1 [t-0 t-1]
            > share hello b
            b: epoch=2 [t-1]
            + share epoch 2
            + share member b
            + share target a [t-0]
            + share target b [t-1]
            + share target epoch 2
            + share current b epoch=2 [t-1]
            > wait 40
            > share hb b
            b: epoch=2
            > wait 10
            at 45s:
            + share epoch 3
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > share members
            Stable epoch=3 target=2 simple
              b epoch=2 [t-1] -> [t-1]
            > share hb b
            b: epoch=3 [t-0 t-1]
            + share target b [t-0 t-1]
            + share target epoch 3
            + share current b epoch=3 [t-0 t-1]
            > share hb a
            a: UnknownMemberId: Member a is not a member of group g.
        "#]],
    );
}

#[test]
fn a_restart_forgets_nothing_and_gives_everybody_a_whole_session() {
    check(
        "topics t=2
         share hello a
         share hello b
         wait 40
         restart
         share members
         wait 40
         share hb b
         wait 10
         share members
         restart
         share members",
        expect![[r#"
            > topics t=2
            > share hello a
            a: epoch=1 [t-0 t-1]
            + share epoch 1
            + share member a
            + share target a [t-0 t-1]
            + share target epoch 1
            + share current a epoch=1 [t-0 t-1]
            > share hello b
            b: epoch=2 [t-1]
            + share epoch 2
            + share member b
            + share target a [t-0]
            + share target b [t-1]
            + share target epoch 2
            + share current b epoch=2 [t-1]
            > wait 40
            > restart
            > share members
            Stable epoch=2 target=2 simple
              a epoch=1 [t-0 t-1] -> [t-0]
              b epoch=2 [t-1] -> [t-1]
            > wait 40
            > share hb b
            b: epoch=2
            > wait 10
            at 85s:
            + share epoch 3
            + share current a forgotten
            + share target a forgotten
            + share member a forgotten
            > share members
            Stable epoch=3 target=2 simple
              b epoch=2 [t-1] -> [t-1]
            > restart
            > share members
            Stable epoch=3 target=2 simple
              b epoch=2 [t-1] -> [t-1]
        "#]],
    );
}

/// What is recorded, once these records have been replayed.
fn mended(records: Vec<ShareGroupChange>) -> Vec<ShareGroupChange> {
    let mut groups = Groups::new(GroupsConfig::default());
    for change in records {
        groups.replay(Change::ShareGroup { group: "g".into(), change });
    }
    let effects = groups.loaded(Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) });
    let changes = effects.records.into_iter().map(|record| match record {
        Change::ShareGroup { change, .. } => change,
        other => panic!("{other:?}"),
    });
    changes.collect()
}

#[test]
fn records_that_do_not_fit_together_begin_a_new_epoch() {
    let epoch = |epoch| ShareGroupChange::Epoch { epoch, fingerprint: 7 };
    let target_epoch = |epoch| ShareGroupChange::TargetEpoch { epoch };
    let member =
        || ShareGroupChange::Member { member: "a".into(), subscription: ShareSubscription::default() };
    let target = || ShareGroupChange::Target { member: "a".into(), partitions: Partitions::new() };
    let current = |epoch| {
        let current = ShareCurrent { epoch, ..ShareCurrent::default() };
        ShareGroupChange::Current { member: "a".into(), current }
    };
    assert_eq!(mended(vec![epoch(3), member(), target(), target_epoch(3), current(3)]), []);
    assert_eq!(mended(vec![epoch(3), member(), target_epoch(3)]), [epoch(4)], "its target is not there");
    assert_eq!(mended(vec![epoch(3), member(), target_epoch(2)]), [], "it will be computed");
    assert_eq!(mended(vec![epoch(3), member(), target(), target_epoch(3), current(5)]), [epoch(6)]);
    let forgotten = [
        ShareGroupChange::CurrentForgotten { member: "a".into() },
        ShareGroupChange::TargetForgotten { member: "a".into() },
        ShareGroupChange::MemberForgotten { member: "a".into() },
    ];
    assert_eq!(mended(vec![epoch(3), target_epoch(3), current(3)]), forgotten);
}
