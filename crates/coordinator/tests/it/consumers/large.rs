//! A group of many members.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{ConsumerHeartbeat, Groups, GroupsConfig, Now, Partitions, Token, Topic};
use headwater_model::{Entropy, Monotonic, Timestamp, TopicName, Uuid};

/// Not a bound to rely on, but a wrong order of growth would be noticed.
#[test]
fn a_thousand_members_find_their_places_in_a_moment() {
    #[expect(clippy::disallowed_methods, reason = "the test tells how long it takes")]
    let clock = std::time::Instant::now;
    let (mut groups, mut entropy) = (Groups::new(GroupsConfig::default()), Entropy::from_seed(1));
    let now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };
    groups.loaded(now);
    let topic = |number: u64| {
        let topic = Topic { id: Uuid::from_u64_pair(0, number), partitions: 200 };
        (TopicName::new(&format!("t{number}")).unwrap(), topic)
    };
    groups.topics_changed(now, Arc::new((0..5).map(topic).collect()));
    let beat = |number: u64| ConsumerHeartbeat {
        group: "g".into(),
        member: Some(format!("m{number}").into()),
        requires_member: true,
        epoch: 0,
        instance: None,
        rack: None,
        rebalance_timeout: Some(Duration::from_mins(1)),
        topics: Some((0..5).map(|number| format!("t{number}")).collect()),
        pattern: None,
        assignor: None,
        owned: Some(Partitions::new()),
        client_id: String::new(),
        client_host: String::new(),
    };
    let start = clock();
    let mut records = 0;
    for number in 0..1_000 {
        records += groups.consumer_heartbeat(now, &mut entropy, Token(number), &beat(number)).records.len();
    }
    println!("1,000 members join: {:?}, {records} records", start.elapsed());
    assert!(start.elapsed().as_secs() < 60);
    let start = clock();
    for number in 0..1_000 {
        let epoch = number as i32 + 1;
        let beat = ConsumerHeartbeat { epoch, topics: None, owned: None, ..beat(number) };
        groups.consumer_heartbeat(now, &mut entropy, Token(number), &beat);
    }
    println!("1,000 heartbeats: {:?}", start.elapsed());
}
