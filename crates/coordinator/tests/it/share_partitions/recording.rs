//! What is recorded, and what is left after a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;
use headwater_coordinator::{
    Acquire, AcquireMode, DeliveryState, MemberGone, ReadBatch, SharePartitionChange, SharePartitionEffects,
    SharePartitionId, SharePartitionReply, SharePartitions, SharePartitionsConfig, SharePartitionsGone,
    ShareSettings, ShareSnapshot, ShareStateChange, ShareUpdate, StateBatch, Token,
};
use headwater_model::{ErrorCode, Offset, PartitionId, Uuid};

use super::script::{at, check, id};

#[test]
fn what_was_acquired_is_available_after_a_restart_with_the_deliveries_of_before() {
    check(
        "begin 0
         take a 0-9
         ack a 0-1:r 4-4:a
         take b 0-9
         restart
         show
         ack b 0-1:a
         take c 0-9",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > ack a 0-1:r 4-4:a
            ok
            + update 1.0 start=0 0-1:Available(1) 4:Done
            freed
            > take b 0-9
            gets [0-1 (2)]
            > restart
            > show
            0..5 epoch=0 in flight=4 completed=1 next=0
            > ack b 0-1:a
            InvalidRecordState: The batch cannot be acknowledged. The batch is not in the acquired state.
            > take c 0-9
            gets [0-1 (2), 2-3 (1), 5-9 (1)]
        "#]],
    );
}

#[test]
fn after_some_updates_the_whole_state_is_recorded() {
    check(
        "begin 0
         take a 0-9
         ack a 9-9:a
         ack a 8-8:r
         ack a 7-7:a
         ack a 0-0:a
         ack a 6-6:a
         restart
         show
         take b 0-9",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > ack a 9-9:a
            ok
            + update 1.0 start=0 9:Done
            > ack a 8-8:r
            ok
            + update 1.1 start=0 8:Available(1)
            freed
            > ack a 7-7:a
            ok
            + update 1.2 start=0 7:Done
            > ack a 0-0:a
            ok
            + snapshot 2 epoch=0 start=1 7:Done 8:Available(1) 9:Done
            > ack a 6-6:a
            ok
            + update 2.0 start=1 6:Done
            > restart
            > show
            1..10 epoch=0 in flight=6 completed=3 next=1
            > take b 0-9
            gets [1-5 (1), 8 (2)]
        "#]],
    );
}

#[test]
fn a_restart_without_the_last_records_gives_what_was_before() {
    check(
        "begin 0
         take a 0-4
         ack a 0-2:a
         ack a 3-4:a
         restart without=1
         show
         restart without=1
         show
         restart without=1
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > ack a 0-2:a
            ok
            + update 1.0 start=3
            > ack a 3-4:a
            ok
            + update 1.1 start=5
            > restart without=1
            > show
            3..3 epoch=0 in flight=0 completed=0 next=3
            > restart without=1
            > show
            0..0 epoch=0 in flight=0 completed=0 next=0
            > restart without=1
            > show
            has not begun
        "#]],
    );
}

#[test]
fn an_alteration_begins_anew_in_a_greater_epoch() {
    check(
        "alter 5
         show
         take a 5-9
         ack a 5-6:a
         alter 2
         show
         restart
         show
         alter -1",
        expect![[r#"
            > alter 5
            ok
            + snapshot 1 epoch=0 start=5
            > show
            5..5 epoch=0 in flight=0 completed=0 next=5
            > take a 5-9
            gets [5-9 (1)]
            > ack a 5-6:a
            ok
            + update 1.0 start=7
            > alter 2
            ok
            + snapshot 2 epoch=1 start=2
            freed
            > show
            2..2 epoch=1 in flight=0 completed=0 next=2
            > restart
            > show
            2..2 epoch=1 in flight=0 completed=0 next=2
            > alter -1
            InvalidRequest
        "#]],
    );
}

#[test]
fn nothing_is_left_of_what_is_forgotten() {
    check(
        "begin 0
         take a 0-9
         ack a 0-1:a
         ack a 2-3:a
         forget
         show
         restart
         begin 0
         take a 0-9
         ack a 5-5:a
         forget
         restart without=2
         show
         restart",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > ack a 0-1:a
            ok
            + update 1.0 start=2
            > ack a 2-3:a
            ok
            + update 1.1 start=4
            > forget
            1 ended
            + snapshot forgotten
            + update 0 forgotten
            + update 1 forgotten
            > show
            has not begun
            > restart
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > ack a 5-5:a
            ok
            + update 1.0 start=0 5:Done
            > forget
            1 ended
            + snapshot forgotten
            + update 0 forgotten
            > restart without=2
            > show
            0..6 epoch=0 in flight=5 completed=1 next=0
            > restart
        "#]],
    );
}

fn other(topic: u64) -> SharePartitionId {
    SharePartitionId { topic: Uuid::from_u64_pair(0, topic), ..id() }
}

fn replies(effects: SharePartitionEffects) -> Vec<SharePartitionReply> {
    effects.replies.into_iter().map(|(_, reply)| reply).collect()
}

#[test]
fn groups_and_topics_do_not_touch_each_other() {
    let config = SharePartitionsConfig { max_partitions: 4, ..SharePartitionsConfig::default() };
    let mut machine = SharePartitions::new(config);
    let elsewhere = SharePartitionId { group: "h".into(), ..id() };
    let ids = [id(), other(2), SharePartitionId { partition: PartitionId(1), ..id() }, elsewhere.clone()];
    for (number, id) in ids.iter().enumerate() {
        let effects = machine.begin(Token(1), id, Offset(number as i64));
        assert_eq!(replies(effects), [SharePartitionReply::Begin(Ok(Offset(number as i64)))]);
    }
    let effects = machine.begin(Token(1), &other(3), Offset(0));
    assert_eq!(replies(effects), [SharePartitionReply::Begin(Err(ErrorCode::PolicyViolation))]);
    let starts = |machine: &SharePartitions, group: &str| -> Vec<i64> {
        machine.describe_group(&group.into()).map(|(_, described)| described.start.0).collect()
    };
    assert_eq!((starts(&machine, "g"), starts(&machine, "h")), (vec![0, 2, 1], vec![3]));
    machine.log_start_moved(at(Duration::ZERO), id().topic, PartitionId(0), Offset(7));
    assert_eq!((starts(&machine, "g"), starts(&machine, "h")), (vec![7, 2, 1], vec![7]));
    let gone = SharePartitionsGone::GroupTopics("g".into(), BTreeSet::from([id().topic]));
    machine.forget(Token(1), &gone);
    assert_eq!((starts(&machine, "g"), starts(&machine, "h")), (vec![1], vec![7]));
    machine.forget(Token(1), &SharePartitionsGone::Topics(BTreeSet::from([id().topic])));
    assert_eq!((starts(&machine, "g"), starts(&machine, "h")), (vec![1], vec![]));
}

/// The member `a` acquires the first ten records.
fn acquire_ten(machine: &mut SharePartitions, id: &SharePartitionId) {
    machine.begin(Token(1), id, Offset(0));
    let request = Acquire {
        member: "a".into(),
        mode: AcquireMode::BatchOptimized,
        max_records: 10,
        batch_size: 10,
        from: Offset(0),
        batches: vec![ReadBatch { first: Offset(0), last: Offset(9), is_deliverable: true }],
    };
    machine.acquire(at(Duration::ZERO), Token(2), id, &request);
}

#[test]
fn a_member_goes_from_what_is_named_and_from_all_if_nothing_is() {
    let mut machine = SharePartitions::new(SharePartitionsConfig::default());
    let ids = [id(), other(2), SharePartitionId { group: "h".into(), ..id() }];
    for id in &ids {
        acquire_ten(&mut machine, id);
    }
    let gone = MemberGone { group: "g".into(), member: "a".into() };
    let effects = machine.release(at(Duration::ZERO), Token(1), &gone);
    assert_eq!(effects.replies, [(Token(1), SharePartitionReply::Release)]);
    assert_eq!(effects.freed, BTreeSet::from([id(), other(2)]));
    let lock = Some(at(Duration::from_secs(30)).monotonic);
    assert_eq!(machine.next_deadline(), lock, "the other group has its own");
}

#[test]
fn what_is_forgotten_has_no_deadline() {
    let mut machine = SharePartitions::new(SharePartitionsConfig::default());
    acquire_ten(&mut machine, &id());
    assert!(machine.next_deadline().is_some());
    machine.forget(Token(1), &SharePartitionsGone::Group(id().group));
    assert_eq!(machine.next_deadline(), None);
    assert_eq!(machine.tick(at(Duration::from_mins(1))), SharePartitionEffects::default());
}

#[test]
fn a_group_may_have_rules_of_its_own() {
    let mut machine = SharePartitions::new(SharePartitionsConfig::default());
    let own = ShareSettings { max_record_locks: 2, ..ShareSettings::default() };
    machine.set_settings(&id().group, Some(own));
    acquire_ten(&mut machine, &id());
    assert_eq!(machine.describe(&id()).map(|described| described.in_flight), Some(2));
    assert_eq!(machine.next_fetch_offset(&id()), None);
    machine.set_settings(&id().group, None);
    assert_eq!(machine.next_fetch_offset(&id()), Some(Offset(2)));
}

#[test]
fn an_update_of_another_snapshot_is_of_no_account() {
    let batch = |first: i64, last: i64| {
        let (first, last) = (Offset(first), Offset(last));
        StateBatch { first, last, state: DeliveryState::Done, deliveries: 0 }
    };
    let snapshot =
        ShareSnapshot { state_epoch: 4, snapshot_epoch: 2, start: Offset(10), batches: vec![batch(12, 13)] };
    let update = |snapshot_epoch, slot| {
        let update = ShareUpdate { snapshot_epoch, start: Offset(11), batches: vec![batch(11, 11)] };
        ShareStateChange::Update { slot, update }
    };
    let start = |changes: Vec<ShareStateChange>| {
        let mut machine = SharePartitions::new(SharePartitionsConfig::default());
        for change in changes {
            machine.replay(SharePartitionChange { id: id(), change });
        }
        let effects = machine.loaded();
        (machine.describe(&id()).map(|described| described.start.0), effects.records.len())
    };
    let snapshot = || ShareStateChange::Snapshot(snapshot.clone());
    assert_eq!(start(vec![update(1, 7), snapshot()]), (Some(10), 0));
    assert_eq!(start(vec![snapshot(), update(1, 0)]), (Some(10), 0));
    assert_eq!(start(vec![snapshot(), update(2, 0)]), (Some(14), 0));
    assert_eq!(start(vec![update(2, 3)]), (None, 1), "it goes");
}
