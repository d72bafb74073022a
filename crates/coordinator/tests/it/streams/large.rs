//! A group of many members.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Groups, GroupsConfig, Now, Reply, StreamsHeartbeat, StreamsSettings, StreamsTopology, Tasks, Token, Topic,
};
use headwater_model::{Monotonic, Timestamp, TopicName, Uuid};

use crate::script::streams::subtopology;

/// Not a bound to rely on, but a wrong order of growth would be noticed.
#[test]
fn many_members_find_their_tasks_in_a_moment() {
    #[expect(clippy::disallowed_methods, reason = "the test tells how long it takes")]
    let clock = std::time::Instant::now;
    let streams = StreamsSettings { standby_replicas: 1, ..StreamsSettings::default() };
    let mut groups = Groups::new(GroupsConfig { streams, ..GroupsConfig::default() });
    let now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };
    groups.loaded(now);
    let topic = |(number, name): (u64, &str)| {
        let topic = Topic { id: Uuid::from_u64_pair(0, number), partitions: 500 };
        (TopicName::new(name).unwrap(), topic)
    };
    groups.topics_changed(now, Arc::new((0..).zip(["t", "s"]).map(topic).collect()));
    let topology =
        StreamsTopology { epoch: 0, subtopologies: vec![subtopology("0:t,*s"), subtopology("1:t")] };
    let beat = |number: u64| StreamsHeartbeat {
        group: "g".into(),
        member: format!("m{number}").into(),
        epoch: 0,
        endpoint_epoch: -1,
        instance: None,
        rack: None,
        rebalance_timeout: Some(Duration::from_mins(1)),
        topology: Some(topology.clone()),
        active: Some(Tasks::new()),
        standby: Some(Tasks::new()),
        warmup: Some(Tasks::new()),
        process: Some(format!("p{}", number / 4)),
        endpoint: None,
        tags: None,
        task_offsets: None,
        task_end_offsets: None,
        shutdown_application: false,
        client_id: String::new(),
        client_host: String::new(),
    };
    let start = clock();
    let mut epochs = Vec::new();
    for number in 0..300 {
        let effects = groups.streams_heartbeat(now, Token(number), &beat(number));
        let [(_, Reply::StreamsHeartbeat(Ok(answer)))] = &effects.replies[..] else {
            panic!("{effects:?}");
        };
        epochs.push(answer.epoch);
    }
    println!("300 members join: {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 60);
    let start = clock();
    for (number, epoch) in (0..300).zip(epochs) {
        let said_nothing =
            StreamsHeartbeat { topology: None, active: None, standby: None, warmup: None, ..beat(number) };
        groups.streams_heartbeat(now, Token(number), &StreamsHeartbeat { epoch, ..said_nothing });
    }
    println!("300 heartbeats: {:?}", start.elapsed());
}
