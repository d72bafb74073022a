//! The lock files tell what the topologies are made of.

use headwater::streams::lock::assert_lock;

#[test]
fn the_lock_files_are_those_of_the_topologies() {
    assert_lock(&headwater_flights::topology().unwrap(), "topology.lock");
    assert_lock(&headwater_flights::causes::topology().unwrap(), "delay-causes.lock");
}
