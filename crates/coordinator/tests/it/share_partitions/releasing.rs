//! Records that come back.

use expect_test::expect;
use headwater_coordinator::ShareSettings;

use super::script::{check, check_with};

#[test]
fn what_is_not_acknowledged_in_time_is_available_again() {
    check(
        "begin 0
         take a 0-4
         wait 10
         take b 5-9
         ack a 0-1:a
         wait 20
         take c 0-9
         wait 10
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > wait 10
            > take b 5-9
            gets [5-9 (1)]
            > ack a 0-1:a
            ok
            + update 1.0 start=2
            > wait 20
            at 30s:
            + update 1.1 start=2 2-4:Available(1)
            freed
            > take c 0-9
            gets [2-4 (2)]
            > wait 10
            at 40s:
            + update 1.2 start=2 5-9:Available(1)
            freed
            > show
            2..10 epoch=0 in flight=8 completed=0 next=5
        "#]],
    );
}

#[test]
fn what_a_member_holds_that_goes_comes_again_and_the_delivery_counts() {
    check(
        "begin 0
         take a 0-4
         take b 5-9
         close a
         close c
         take c 0-9",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > take b 5-9
            gets [5-9 (1)]
            > close a
            + update 1.0 start=0 0-4:Available(1)
            freed
            > close c
            > take c 0-9
            gets [0-4 (2)]
        "#]],
    );
}

fn two_deliveries() -> ShareSettings {
    ShareSettings { delivery_limit: 2, ..ShareSettings::default() }
}

#[test]
fn what_was_delivered_as_often_as_may_be_is_archived() {
    check_with(
        two_deliveries(),
        "begin 0
         take a 0-4
         ack a 0-4:r
         take a 0-4
         ack a 0-1:r 2-2:a
         show
         wait 30
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > ack a 0-4:r
            ok
            + update 1.0 start=0 0-4:Available(1)
            freed
            > take a 0-4
            gets [0-4 (2)]
            > ack a 0-1:r 2-2:a
            ok
            + update 1.1 start=3
            > show
            3..5 epoch=0 in flight=2 completed=0 next=5
            > wait 30
            at 30s:
            + update 1.2 start=5
            > show
            5..5 epoch=0 in flight=0 completed=0 next=5
        "#]],
    );
}

#[test]
fn what_was_delivered_as_often_as_may_be_is_archived_once_it_is_a_dead_letter() {
    check_with(
        ShareSettings { dead_letters: true, ..two_deliveries() },
        "begin 0
         take a 0-4
         close a
         take a 0-4
         ack a 0-1:r 2-2:j
         close a
         show
         restart
         dead 0-4
         show",
        expect![[r#"
            > begin 0
            begins at 0
            + snapshot 1 epoch=0 start=0
            > take a 0-4
            gets [0-4 (1)]
            > close a
            + update 1.0 start=0 0-4:Available(1)
            freed
            > take a 0-4
            gets [0-4 (2)]
            > ack a 0-1:r 2-2:j
            ok
            ! 0-1 Exhausted after 2
            ! 2 Rejected after 2
            + update 1.1 start=0 0-1:Archiving(Exhausted)(2) 2:Archiving(Rejected)(2)
            > close a
            ! 3-4 Exhausted after 2
            + update 1.2 start=0 3-4:Archiving(Exhausted)(2)
            > show
            0..5 epoch=0 in flight=5 completed=0 next=5
            > restart
            ! 0-1 Exhausted after 2
            ! 2 Rejected after 2
            ! 3-4 Exhausted after 2
            > dead 0-4
            + snapshot 2 epoch=0 start=5
            > show
            5..5 epoch=0 in flight=0 completed=0 next=5
        "#]],
    );
}
