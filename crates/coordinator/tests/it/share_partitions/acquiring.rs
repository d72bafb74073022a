//! Who gets which records.

use expect_test::expect;
use headwater_coordinator::ShareSettings;

use super::script::{check, check_with};

#[test]
fn a_record_is_acquired_by_one_member() {
    check(
        "take a 0-4
         begin 0
         begin 7
         show
         take a 0-4 5-9 max=5
         take b 0-4 5-9 from=0
         take c 0-4 5-9 from=0
         show",
        expect![[r#"
            > take a 0-4
            UnknownTopicOrPartition
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > begin 7
            begins at 0
            > show
            0..0 epoch=0 in flight=0 completed=0 next=0
            > take a 0-4 5-9 max=5
            gets [0-4 (1)]
            > take b 0-4 5-9 from=0
            gets [5-9 (1)]
            > take c 0-4 5-9 from=0
            gets []
            > show
            0..10 epoch=0 in flight=10 completed=0 next=10
        "#]],
    );
}

#[test]
fn a_batch_that_is_begun_is_acquired_to_its_end_unless_the_number_is_strict() {
    check(
        "begin 0
         take a 0-9 10-19 max=3
         take b 10-19 20-29 max=3 strict
         show
         take c 10-19 20-29 max=10 strict
         take c 20-29 max=0",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-9 10-19 max=3
            gets [0-9 (1)]
            > take b 10-19 20-29 max=3 strict
            gets [10-12 (1)]
            > show
            0..13 epoch=0 in flight=13 completed=0 next=13
            > take c 10-19 20-29 max=10 strict
            gets [13-22 (1)]
            > take c 20-29 max=0
            gets []
        "#]],
    );
}

#[test]
fn what_is_acquired_is_told_apart_where_batches_of_the_log_end() {
    check(
        "begin 0
         take a 0-2 3-5 6-8 9-20 size=4
         ack a 0-20:r
         take a 0-2 3-5 6-8 9-20 size=4
         ack a 0-20:r
         take a 0-2 3-5 6-8 9-20 size=4 strict",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-2 3-5 6-8 9-20 size=4
            gets [0-5 (1), 6-20 (1)]
            > ack a 0-20:r
            ok
            + update 1.0 start=0 0-20:Available(1)
            freed
            > take a 0-2 3-5 6-8 9-20 size=4
            gets [0-5 (2), 6-20 (2)]
            > ack a 0-20:r
            ok
            + update 1.1 start=0 0-20:Available(2)
            freed
            > take a 0-2 3-5 6-8 9-20 size=4 strict
            gets [0-20 (3)]
        "#]],
    );
}

#[test]
fn a_batch_may_begin_before_the_start_offset() {
    check(
        "begin 3
         take a 0-9
         show",
        expect![[r#"
            > begin 3
            begins at 3
            + snapshot 1 epoch=0 start=3
            > take a 0-9
            gets [3-9 (1)]
            > show
            3..10 epoch=0 in flight=7 completed=0 next=10
        "#]],
    );
}

#[test]
fn what_is_not_there_is_passed() {
    check(
        "begin 0
         take a 2-4 5-5! 7-9
         show
         ack a 2-4:a 7-9:a
         take a 10-12! 13-13!
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 2-4 5-5! 7-9
            gets [2-4 (1), 7-9 (1)]
            > show
            2..10 epoch=0 in flight=6 completed=2 next=10
            > ack a 2-4:a 7-9:a
            ok
            + update 1.0 start=10
            > take a 10-12! 13-13!
            gets []
            > show
            14..14 epoch=0 in flight=0 completed=0 next=14
        "#]],
    );
}

#[test]
fn what_was_compacted_away_meanwhile_is_passed() {
    check(
        "begin 0
         take a 0-4 5-9
         ack a 0-9:r
         take a 5-9
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4 5-9
            gets [0-9 (1)]
            > ack a 0-9:r
            ok
            + update 1.0 start=0 0-9:Available(1)
            freed
            > take a 5-9
            gets [5-9 (2)]
            > show
            5..10 epoch=0 in flight=5 completed=0 next=10
        "#]],
    );
}

#[test]
fn no_more_than_the_limit_are_in_flight() {
    let settings = ShareSettings { max_record_locks: 5, ..ShareSettings::default() };
    check_with(
        settings,
        "begin 0
         take a 0-3
         take a 4-9
         show
         take b 5-9
         ack a 1-2:a
         show
         take b 5-9
         ack a 0-0:r
         take b 0-3 4-9
         ack a 3-4:j
         take b 7-9
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-3
            gets [0-3 (1)]
            > take a 4-9
            gets [4 (1)]
            > show
            0..5 epoch=0 in flight=5 completed=0 next=nothing
            > take b 5-9
            gets []
            > ack a 1-2:a
            ok
            + update 1.0 start=0 1-2:Done
            freed
            > show
            0..5 epoch=0 in flight=3 completed=2 next=5
            > take b 5-9
            gets [5-6 (1)]
            > ack a 0-0:r
            ok
            + update 1.1 start=0 0:Available(1)
            freed
            > take b 0-3 4-9
            gets [0 (2)]
            > ack a 3-4:j
            ok
            + update 1.2 start=0 3-4:Done
            freed
            > take b 7-9
            gets [7-8 (1)]
            > show
            0..9 epoch=0 in flight=5 completed=4 next=nothing
        "#]],
    );
}

#[test]
fn what_fails_again_and_again_is_delivered_in_ever_smaller_parts() {
    check(
        "begin 0
         take a 0-7
         ack a 0-7:r
         take a 0-7
         ack a 0-7:r
         take a 0-7
         ack a 0-7:r
         take a 0-7 8-9
         take b 4-7 8-9
         ack a 0-3:r
         ack b 4-5:r
         take a 0-7 8-9
         take a 0-7 8-9
         ack a 0-0:r 1-1:a
         show
         take a 8-9 from=8
         take a 0-7 8-9 from=2",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-7
            gets [0-7 (1)]
            > ack a 0-7:r
            ok
            + update 1.0 start=0 0-7:Available(1)
            freed
            > take a 0-7
            gets [0-7 (2)]
            > ack a 0-7:r
            ok
            + update 1.1 start=0 0-7:Available(2)
            freed
            > take a 0-7
            gets [0-7 (3)]
            > ack a 0-7:r
            ok
            + update 1.2 start=0 0-7:Available(3)
            freed
            > take a 0-7 8-9
            gets [0-3 (4)]
            > take b 4-7 8-9
            gets [4-5 (4)]
            > ack a 0-3:r
            ok
            + snapshot 2 epoch=0 start=0 0-3:Available(4) 4-7:Available(3)
            freed
            > ack b 4-5:r
            ok
            + update 2.0 start=0 4-5:Available(4)
            freed
            > take a 0-7 8-9
            gets [0 (5)]
            > take a 0-7 8-9
            gets [1 (5)]
            > ack a 0-0:r 1-1:a
            ok
            + update 2.1 start=2
            > show
            2..8 epoch=0 in flight=6 completed=0 next=2
            > take a 8-9 from=8
            gets [8-9 (1)]
            > take a 0-7 8-9 from=2
            gets [2 (5)]
        "#]],
    );
}

#[test]
fn what_was_read_before_an_alteration_is_not_taken_for_what_is_after() {
    check(
        "begin 10
         take a 10-12
         alter 5
         take a 13-15 from=13
         take a 5-7
         alter 20
         take a 5-9 from=5
         show",
        expect![[r#"
            > begin 10
            begins at 10
            + snapshot 1 epoch=0 start=10
            > take a 10-12
            gets [10-12 (1)]
            > alter 5
            ok
            + snapshot 2 epoch=1 start=5
            freed
            > take a 13-15 from=13
            gets []
            > take a 5-7
            gets [5-7 (1)]
            > alter 20
            ok
            + snapshot 3 epoch=2 start=20
            freed
            > take a 5-9 from=5
            gets []
            > show
            20..20 epoch=2 in flight=0 completed=0 next=20
        "#]],
    );
}
