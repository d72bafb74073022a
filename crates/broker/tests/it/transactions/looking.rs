//! DescribeTransactions, ListTransactions, DescribeProducers, and WriteTxnMarkers, by which people end what hangs.

use std::time::Duration;

use headwater_model::ErrorCode;
use headwater_wire::messages::api_versions::ApiVersionsRequest;
use headwater_wire::messages::describe_producers::{DescribeProducersRequest, TopicRequest};
use headwater_wire::messages::describe_transactions::DescribeTransactionsRequest;
use headwater_wire::messages::find_coordinator::FindCoordinatorRequest;
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;
use headwater_wire::messages::list_transactions::ListTransactionsRequest;
use headwater_wire::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};
use tokio::io::DuplexStream;

use super::fixture::{Producer, Way, committed_values, last_stable_offset, topic_exists};
use crate::groups::fixture::{World, pass};
use crate::harness::Client;

async fn listed(client: &mut Client<DuplexStream>, request: ListTransactionsRequest) -> Vec<String> {
    let response = client.call(2, &request).await;
    assert_eq!(response.error_code, 0);
    response.transaction_states.into_iter().map(|found| found.transactional_id).collect()
}

#[tokio::test(start_paused = true)]
async fn transactions_are_listed_by_state_producer_age_and_name() {
    let mut world = World::new().await;
    let mut client = world.client();
    let everything = ListTransactionsRequest { duration_filter: -1, ..Default::default() };
    assert_eq!(listed(&mut client, everything.clone()).await, Vec::<String>::new());
    assert!(!topic_exists(&mut client, "__transaction_state").await, "looking makes no topic");

    let mut old = Producer::begin(&mut world, "old", Way::Old).await;
    old.write(0, &["a"]).await;
    pass(Duration::from_secs(20)).await;
    let mut young = Producer::begin(&mut world, "young", Way::New).await;
    young.write(0, &["b"]).await;
    let idle = Producer::begin(&mut world, "idle", Way::New).await;

    let mut all = listed(&mut client, everything.clone()).await;
    all.sort();
    assert_eq!(all, ["idle", "old", "young"]);
    let mut ongoing = listed(
        &mut client,
        ListTransactionsRequest { state_filters: vec!["Ongoing".into()], ..everything.clone() },
    )
    .await;
    ongoing.sort();
    assert_eq!(ongoing, ["old", "young"]);
    let aged = ListTransactionsRequest { duration_filter: 10_000, ..everything.clone() };
    assert_eq!(listed(&mut client, aged).await, ["old"]);
    let by_producer = ListTransactionsRequest { producer_id_filters: vec![idle.id], ..everything.clone() };
    assert_eq!(listed(&mut client, by_producer).await, ["idle"]);
    let named = |pattern: &str| ListTransactionsRequest {
        transactional_id_pattern: Some(pattern.to_owned()),
        ..everything.clone()
    };
    assert_eq!(listed(&mut client, named("yo.*")).await, ["young"]);
    assert_eq!(listed(&mut client, named("yo")).await, Vec::<String>::new());
    let unknown = ListTransactionsRequest { state_filters: vec!["Sleeping".into()], ..everything.clone() };
    let response = client.call(2, &unknown).await;
    assert_eq!(response.unknown_state_filters, ["Sleeping"]);
    let broken = client.call(2, &named("(")).await.error_code;
    assert_eq!(ErrorCode::from_code(broken), ErrorCode::InvalidRegularExpression);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_described_with_its_partitions() {
    let mut world = World::new().await;
    let mut producer = Producer::begin(&mut world, "one", Way::New).await;
    producer.write(2, &["a"]).await;
    producer.write(0, &["b"]).await;
    let request =
        DescribeTransactionsRequest { transactional_ids: vec!["one".into(), "none".into(), String::new()] };
    let mut client = world.client();
    let states = client.call(0, &request).await.transaction_states;
    let one = &states[0];
    assert_eq!((one.error_code, one.transaction_state.as_str()), (0, "Ongoing"));
    assert_eq!((one.producer_id, one.producer_epoch), (producer.id, producer.epoch));
    assert_eq!((one.transaction_timeout_ms, one.transaction_start_time_ms > 0), (60_000, true));
    assert_eq!((one.topics[0].topic.as_str(), &one.topics[0].partitions[..]), ("t", &[0, 2][..]));
    assert_eq!(ErrorCode::from_code(states[1].error_code), ErrorCode::TransactionalIdNotFound);
    assert_eq!(ErrorCode::from_code(states[2].error_code), ErrorCode::InvalidRequest);
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    let states = client.call(0, &request).await.transaction_states;
    assert_eq!(states[0].transaction_state, "CompleteCommit");
    assert!(states[0].topics.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_partition_up_is_found_and_its_transaction_ended_by_hand() {
    let mut world = World::new().await;
    let mut producer = Producer::begin(&mut world, "one", Way::Old).await;
    producer.write(0, &["a", "b"]).await;
    let mut client = world.client();
    let topic = TopicRequest { name: "t".into(), partition_indexes: vec![0, 9] };
    let request = DescribeProducersRequest { topics: vec![topic] };
    let found = client.call(0, &request).await.topics.remove(0).partitions;
    let state = &found[0].active_producers[0];
    assert_eq!((state.producer_id, state.producer_epoch), (producer.id, i32::from(producer.epoch)));
    assert_eq!((state.last_sequence, state.current_txn_start_offset), (1, 0));
    assert_eq!(ErrorCode::from_code(found[1].error_code), ErrorCode::UnknownTopicOrPartition);

    let marker = WritableTxnMarker {
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        transaction_result: false,
        topics: vec![
            WritableTxnMarkerTopic { name: "t".into(), partition_indexes: vec![0, 9] },
            WritableTxnMarkerTopic { name: "__transaction_state".into(), partition_indexes: vec![0] },
        ],
        ..Default::default()
    };
    let response = client.call(1, &WriteTxnMarkersRequest { markers: vec![marker] }).await;
    let outcomes: Vec<_> = response.markers[0]
        .topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .map(|partition| ErrorCode::from_code(partition.error_code))
        .collect();
    let refused = [ErrorCode::UnknownTopicOrPartition, ErrorCode::InvalidTopicException];
    assert_eq!(outcomes, [&[ErrorCode::None], &refused[..]].concat());
    assert_eq!(last_stable_offset(&mut client, 0).await, 3);
    assert_eq!(committed_values(&mut client, 0).await, Vec::<String>::new());
    let again = client.call(0, &request).await.topics.remove(0).partitions;
    assert_eq!(again[0].active_producers[0].current_txn_start_offset, -1);
}

#[tokio::test(start_paused = true)]
async fn who_is_late_to_end_a_transaction_by_hand_ends_no_later_one() {
    let mut world = World::new().await;
    let mut producer = Producer::begin(&mut world, "one", Way::New).await;
    producer.write(0, &["a"]).await;
    let seen = producer.clone_identity();
    producer.end(true).await;
    producer.write(0, &["b"]).await;
    let marker = WritableTxnMarker {
        producer_id: seen.0,
        producer_epoch: seen.1,
        topics: vec![WritableTxnMarkerTopic { name: "t".into(), partition_indexes: vec![0] }],
        ..Default::default()
    };
    let mut client = world.client();
    let response = client.call(1, &WriteTxnMarkersRequest { markers: vec![marker] }).await;
    let outcome = ErrorCode::from_code(response.markers[0].topics[0].partitions[0].error_code);
    assert_eq!(outcome, ErrorCode::InvalidProducerEpoch);
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(committed_values(&mut client, 0).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn clients_learn_how_transactions_end_here() {
    let mut world = World::new().await;
    let mut client = world.client();
    let request = ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    for (version, least) in [(3, 1), (4, 0)] {
        let response = client.call(version, &request).await;
        let supported = &response.supported_features[0];
        assert_eq!((supported.name.as_str(), supported.min_version), ("transaction.version", least));
        let finalized = &response.finalized_features[0];
        assert_eq!((finalized.name.as_str(), finalized.max_version_level), ("transaction.version", 2));
        assert_eq!(response.finalized_features_epoch, 0);
    }
    let find =
        FindCoordinatorRequest { key_type: 1, coordinator_keys: vec!["one".into()], ..Default::default() };
    let found = client.call(4, &find).await.coordinators.remove(0);
    assert_eq!((found.error_code, found.node_id), (0, 1));
    assert!(topic_exists(&mut client, "__transaction_state").await);
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_refused_for_nonsense() {
    let mut world = World::new().await;
    let mut client = world.client();
    let legal = InitProducerIdRequest {
        transactional_id: Some("one".into()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
    };
    let cases = [
        (
            InitProducerIdRequest { transactional_id: Some(String::new()), ..legal.clone() },
            ErrorCode::InvalidRequest,
        ),
        (InitProducerIdRequest { producer_id: 5, ..legal.clone() }, ErrorCode::InvalidRequest),
        (
            InitProducerIdRequest { transaction_timeout_ms: 0, ..legal.clone() },
            ErrorCode::InvalidTransactionTimeout,
        ),
        (
            InitProducerIdRequest { transaction_timeout_ms: i32::MAX, ..legal.clone() },
            ErrorCode::InvalidTransactionTimeout,
        ),
    ];
    for (request, expected) in cases {
        let response = client.call(5, &request).await;
        assert_eq!(ErrorCode::from_code(response.error_code), expected);
        assert_eq!((response.producer_id, response.producer_epoch), (-1, -1));
    }
    assert_eq!(client.call(5, &legal).await.error_code, 0);
}
