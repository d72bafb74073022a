//! What members say of what they have acquired.

use expect_test::expect;
use headwater_coordinator::ShareSettings;

use super::script::{check, check_with};

#[test]
fn the_start_offset_passes_what_has_been_dealt_with() {
    check(
        "begin 0
         take a 0-9
         ack a 5-9:a
         show
         ack a 0-1:a 2-2:j 3-3:g
         show
         ack a 4-4:a
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > ack a 5-9:a
            ok
            + update 1.0 start=0 5-9:Done
            > show
            0..10 epoch=0 in flight=5 completed=5 next=10
            > ack a 0-1:a 2-2:j 3-3:g
            ok
            + update 1.1 start=4
            > show
            4..10 epoch=0 in flight=1 completed=5 next=10
            > ack a 4-4:a
            ok
            + update 1.2 start=10
            > show
            10..10 epoch=0 in flight=0 completed=0 next=10
        "#]],
    );
}

#[test]
fn each_offset_may_have_its_own_type() {
    check(
        "begin 0
         take a 0-5
         ack a 0-5:aarjga
         show
         take b 0-5",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-5
            gets [0-5 (1)]
            > ack a 0-5:aarjga
            ok
            + update 1.0 start=2 2:Available(1) 3-5:Done
            freed
            > show
            2..6 epoch=0 in flight=1 completed=3 next=2
            > take b 0-5
            gets [2 (2)]
        "#]],
    );
}

#[test]
fn who_has_not_acquired_a_record_cannot_acknowledge_it() {
    check(
        "begin 0
         ack a 0-1:a
         take a 0-4
         ack b 0-4:a
         ack a 0-5:a
         ack a 7-9:a
         ack a 0-4:a
         ack a 0-4:a
         take a 5-9
         ack a 5-5:r
         ack a 5-9:a
         take b 5-9
         ack a 5-9:a",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > ack a 0-1:a
            InvalidRecordState: Batch record not found. The request batch offsets are not found in the cache.
            > take a 0-4
            gets [0-4 (1)]
            > ack b 0-4:a
            InvalidRecordState: Member is not the owner of batch record
            > ack a 0-5:a
            InvalidRequest: Batch record not found. The last offset in request is past acquired records.
            > ack a 7-9:a
            InvalidRequest: Batch record not found. The last offset in request is past acquired records.
            > ack a 0-4:a
            ok
            + update 1.0 start=5
            > ack a 0-4:a
            ok
            > take a 5-9
            gets [5-9 (1)]
            > ack a 5-5:r
            ok
            + update 1.1 start=5 5:Available(1)
            freed
            > ack a 5-9:a
            InvalidRecordState: The batch cannot be acknowledged. The batch is not in the acquired state.
            > take b 5-9
            gets [5 (2)]
            > ack a 5-9:a
            InvalidRecordState: Member is not the owner of batch record
        "#]],
    );
}

#[test]
fn all_of_a_request_is_taken_in_or_nothing() {
    check(
        "begin 0
         take a 0-4
         take b 5-9
         ack a 0-4:a 5-6:a
         show
         ack a 0-4:a",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > take b 5-9
            gets [5-9 (1)]
            > ack a 0-4:a 5-6:a
            InvalidRecordState: Member is not the owner of batch record
            > show
            0..10 epoch=0 in flight=10 completed=0 next=10
            > ack a 0-4:a
            ok
            + update 1.0 start=5
        "#]],
    );
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    check(
        "begin 0
         take a 0-9
         ack a 4-0:a
         ack a 0-4:aa
         ack a 0-4:
         ack a 3-4:a 0-1:a
         ack a 0-4:a 4-5:a
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > ack a 4-0:a
            InvalidRequest: The offsets of an acknowledgement batch are out of order.
            > ack a 0-4:aa
            InvalidRequest: There must be one acknowledge type, or one for each offset.
            > ack a 0-4:
            InvalidRequest: There must be one acknowledge type, or one for each offset.
            > ack a 3-4:a 0-1:a
            InvalidRequest: Acknowledgement batches overlap or are out of order.
            > ack a 0-4:a 4-5:a
            InvalidRequest: Acknowledgement batches overlap or are out of order.
            > show
            0..10 epoch=0 in flight=10 completed=0 next=10
        "#]],
    );
}

#[test]
fn a_record_that_is_rejected_goes_to_the_dead_letter_topic_before_the_start_passes_it() {
    let settings = ShareSettings { dead_letters: true, ..ShareSettings::default() };
    check_with(
        settings,
        "begin 0
         take a 0-4
         ack a 0-4:ajjga
         show
         take b 5-6
         restart
         dead 1-1
         show
         dead 0-9
         dead 0-9
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > ack a 0-4:ajjga
            ok
            ! 1-2 Rejected after 1
            + update 1.0 start=1 1-2:Archiving(Rejected)(1) 3-4:Done
            > show
            1..5 epoch=0 in flight=2 completed=2 next=5
            > take b 5-6
            gets [5-6 (1)]
            > restart
            ! 1-2 Rejected after 1
            > dead 1-1
            + update 1.1 start=2
            > show
            2..5 epoch=0 in flight=1 completed=2 next=5
            > dead 0-9
            + update 1.2 start=5
            > dead 0-9
            > show
            5..5 epoch=0 in flight=0 completed=0 next=5
        "#]],
    );
}

#[test]
fn a_lock_that_is_renewed_lasts_as_long_again_and_nothing_is_recorded() {
    check(
        "begin 0
         take a 0-4
         wait 20
         ack a 0-1:n 2-2:a
         wait 10
         take b 0-4
         wait 20
         ack a 0-1:a",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > wait 20
            > ack a 0-1:n 2-2:a
            ok
            + update 1.0 start=0 2:Done
            > wait 10
            at 30s:
            + update 1.1 start=0 3-4:Available(1)
            freed
            > take b 0-4
            gets [3-4 (2)]
            > wait 20
            at 50s:
            + update 1.2 start=0 0-1:Available(1)
            freed
            > ack a 0-1:a
            InvalidRecordState: The batch cannot be acknowledged. The batch is not in the acquired state.
        "#]],
    );
}

#[test]
fn what_the_start_offset_has_passed_is_acknowledged_in_vain() {
    check(
        "begin 0
         take a 0-9
         log-start 5
         show
         ack a 0-4:a
         ack a 3-6:aaar
         log-start 20
         show
         take a 20-21",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9
            gets [0-9 (1)]
            > log-start 5
            > show
            5..10 epoch=0 in flight=5 completed=0 next=10
            > ack a 0-4:a
            ok
            > ack a 3-6:aaar
            ok
            + update 1.0 start=6 6:Available(1)
            freed
            > log-start 20
            > show
            20..20 epoch=0 in flight=0 completed=0 next=20
            > take a 20-21
            gets [20-21 (1)]
        "#]],
    );
}
