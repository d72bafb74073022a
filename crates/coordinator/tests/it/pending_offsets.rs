//! Offsets that are committed within transactions.

use expect_test::expect;
use headwater_coordinator::{
    CommitOffsets, GroupId, Groups, GroupsConfig, Now, OffsetToCommit, ProducerIdentity, Reply, Token,
    WithinTransaction,
};
use headwater_model::{
    ErrorCode, Monotonic, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName,
    TopicPartition,
};

use crate::script::check;

#[test]
fn offsets_count_once_their_transaction_is_committed() {
    check(
        "commit - t-0=5 t-1=1
         commit - t-0=7 t-2=9 in=3
         fetch
         end 3 commit
         fetch",
        expect![[r#"
            > commit - t-0=5 t-1=1
            -: commit [None, None]
            + t-0=5/
            + t-1=1/
            > commit - t-0=7 t-2=9 in=3
            -: commit [None, None]
            + t-0=7/ in 3
            + t-2=9/ in 3
            > fetch
            t-0=5/ unstable
            t-1=1/
            t-2 unstable
            > end 3 commit
            end: ok
            + Commit 3
            > fetch
            t-0=7/
            t-1=1/
            t-2=9/
        "#]],
    );
}

#[test]
fn offsets_of_an_aborted_transaction_are_gone() {
    check(
        "commit - t-0=7 in=3
         fetch
         end 3 abort
         fetch
         list",
        expect![[r#"
            > commit - t-0=7 in=3
            -: commit [None]
            + t-0=7/ in 3
            > fetch
            t-0 unstable
            > end 3 abort
            end: ok
            + Abort 3
            > fetch
            > list
        "#]],
    );
}

#[test]
fn the_later_commit_wins() {
    check(
        "commit - t-0=7 in=3
         commit - t-0=8 in=4
         commit - t-0=6
         commit - t-0=9 in=4
         end 4 commit
         fetch
         end 3 commit
         fetch",
        expect![[r#"
            > commit - t-0=7 in=3
            -: commit [None]
            + t-0=7/ in 3
            > commit - t-0=8 in=4
            -: commit [None]
            + t-0=8/ in 4
            > commit - t-0=6
            -: commit [None]
            + t-0=6/
            > commit - t-0=9 in=4
            -: commit [None]
            + t-0=9/ in 4
            > end 4 commit
            end: ok
            + Commit 4
            > fetch
            t-0=9/ unstable
            > end 3 commit
            end: ok
            + Commit 3
            > fetch
            t-0=9/
        "#]],
    );
}

#[test]
fn members_commit_in_their_generation_and_producers_that_know_of_none_do_so_too() {
    check(
        "join a
         commit a t-0=1 in=3
         sync a
         commit a t-0=2 in=3
         commit a t-0=3 in=3 gen=7
         commit - t-0=4 in=3
         commit - t-0=5
         end 3 commit
         fetch",
        expect![[r#"
            > join a
            a: joined as a gen=1 range leader=a a:b""
            > commit a t-0=1 in=3
            a: commit [None]
            + t-0=1/ in 3
            > sync a
            a: synced range b""
            + gen=1 Some("range") a:b""
            > commit a t-0=2 in=3
            a: commit [None]
            + t-0=2/ in 3
            > commit a t-0=3 in=3 gen=7
            a: commit [IllegalGeneration]
            > commit - t-0=4 in=3
            -: commit [None]
            + t-0=4/ in 3
            > commit - t-0=5
            -: commit [UnknownMemberId]
            > end 3 commit
            end: ok
            + Commit 3
            > fetch
            t-0=4/
        "#]],
    );
}

#[test]
fn what_is_pending_survives_a_restart() {
    check(
        "commit - t-0=5
         commit - t-0=7 t-1=8 in=3
         commit - t-1=9
         restart
         fetch
         end 3 commit
         restart
         fetch",
        expect![[r#"
            > commit - t-0=5
            -: commit [None]
            + t-0=5/
            > commit - t-0=7 t-1=8 in=3
            -: commit [None, None]
            + t-0=7/ in 3
            + t-1=8/ in 3
            > commit - t-1=9
            -: commit [None]
            + t-1=9/
            > restart
            > fetch
            t-0=5/ unstable
            t-1=9/ unstable
            > end 3 commit
            end: ok
            + Commit 3
            > restart
            > fetch
            t-0=7/
            t-1=9/
        "#]],
    );
}

#[test]
fn a_transaction_that_may_have_ended_since_it_was_looked_at_is_to_be_looked_at_again() {
    check(
        "end 3 commit
         commit - t-0=5 in=3 late
         commit - t-0=6 in=4 late
         commit - t-0=7 in=3
         fetch",
        expect![[r#"
            > end 3 commit
            end: ok
            + Commit 3
            > commit - t-0=5 in=3 late
            -: commit [ConcurrentTransactions]
            > commit - t-0=6 in=4 late
            -: commit [None]
            + t-0=6/ in 4
            > commit - t-0=7 in=3
            -: commit [None]
            + t-0=7/ in 3
            > fetch
            t-0 unstable
            t-0 unstable
        "#]],
    );
}

#[test]
fn what_is_deleted_does_not_come_back_by_a_transaction() {
    check(
        "commit - t-0=5 t-1=5
         commit - t-0=7 t-2=8 in=3
         forget t-0
         fetch
         end 3 commit
         fetch
         commit - t-1=9 in=4
         delete
         end 4 commit
         fetch
         list",
        expect![[r#"
            > commit - t-0=5 t-1=5
            -: commit [None, None]
            + t-0=5/
            + t-1=5/
            > commit - t-0=7 t-2=8 in=3
            -: commit [None, None]
            + t-0=7/ in 3
            + t-2=8/ in 3
            > forget t-0
            forget: Ok([None])
            + t-0 forgotten
            > fetch
            t-1=5/
            t-2 unstable
            > end 3 commit
            end: ok
            + Commit 3
            > fetch
            t-1=5/
            t-2=8/
            > commit - t-1=9 in=4
            -: commit [None]
            + t-1=9/ in 4
            > delete
            delete: ok
            + t-1 forgotten
            + t-2 forgotten
            > end 4 commit
            end: ok
            + Commit 4
            > fetch
            > list
        "#]],
    );
}

#[test]
fn offsets_do_not_expire_under_a_transaction() {
    check(
        "commit - t-0=5 t-1=5
         commit - t-0=7 in=3
         wait 700000
         fetch
         end 3 abort
         wait 700000
         fetch",
        expect![[r#"
            > commit - t-0=5 t-1=5
            -: commit [None, None]
            + t-0=5/
            + t-1=5/
            > commit - t-0=7 in=3
            -: commit [None]
            + t-0=7/ in 3
            > wait 700000
            at 604800s:
            + t-1 forgotten
            > fetch
            t-0=5/ unstable
            > end 3 abort
            end: ok
            + Abort 3
            > wait 700000
            at 700200s:
            + t-0 forgotten
            > fetch
        "#]],
    );
}

#[test]
fn an_end_of_an_older_epoch_is_not_the_end_of_a_later_transaction() {
    check(
        "commit - t-0=5 in=3/7
         end 3/6 abort
         fetch
         end 3/8 commit
         fetch",
        expect![[r#"
            > commit - t-0=5 in=3/7
            -: commit [None]
            + t-0=5/ in 3
            > end 3/6 abort
            end: InvalidProducerEpoch
            > fetch
            t-0 unstable
            > end 3/8 commit
            end: ok
            + Commit 3
            > fetch
            t-0=5/
        "#]],
    );
}

#[test]
fn a_group_without_a_name_has_no_offsets_in_transactions() {
    let mut groups = Groups::new(GroupsConfig::default());
    let topic = TopicName::new("t").unwrap();
    let producer = ProducerIdentity { id: ProducerId(1), epoch: ProducerEpoch(0) };
    let commit = CommitOffsets {
        group: GroupId::new(""),
        member: None,
        instance: None,
        generation: -1,
        retention: None,
        offsets: vec![OffsetToCommit {
            partition: TopicPartition::new(topic, PartitionId(0)),
            offset: Offset(1),
            leader_epoch: None,
            metadata: String::new(),
        }],
        within: Some(WithinTransaction { producer, verified: groups.ends_seen() }),
    };
    let now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };
    let effects = groups.commit_offsets(now, Token(1), commit);
    let refused = Reply::CommitOffsets(vec![ErrorCode::InvalidGroupId]);
    assert_eq!((effects.records, effects.replies), (Vec::new(), vec![(Token(1), refused)]));
}
