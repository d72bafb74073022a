//! Payments from a seed.

use headwater::prelude::Timestamp;
use headwater_lunch_abroad::payments::payments;

#[test]
fn payments_are_those_of_the_seed_and_come_in_order() {
    let made = payments(Timestamp(0), 10, 7);
    assert_eq!(made, payments(Timestamp(0), 10, 7));
    assert_ne!(made, payments(Timestamp(0), 10, 8));
    assert!(made.is_sorted_by_key(|made| made.at));
    assert!(made.len() > 200, "{}", made.len());
}
