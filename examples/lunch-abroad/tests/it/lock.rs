//! The lock file tells what the topology is made of.

use headwater::streams::lock::assert_lock;

#[test]
fn the_lock_file_is_that_of_the_topology() {
    assert_lock(&headwater_lunch_abroad::topology().unwrap(), "topology.lock");
}
