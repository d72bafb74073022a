//! Offsets within transactions.

use std::time::Duration;

use headwater_model::ErrorCode;
use headwater_wire::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use headwater_wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use headwater_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use tokio::io::DuplexStream;

use super::fixture::{Producer, Way};
use crate::groups::fixture::{World, committed, pass};
use crate::harness::Client;

impl Producer {
    async fn add_offsets(&mut self) -> ErrorCode {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.name.clone(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            group_id: "g".to_owned(),
        };
        ErrorCode::from_code(self.client.call(3, &request).await.error_code)
    }

    async fn commit_offset(&mut self, version: i16, offset: i64, member: Option<(&str, i32)>) -> ErrorCode {
        let (member_id, generation) = member.unwrap_or(("", -1));
        let request = TxnOffsetCommitRequest {
            transactional_id: self.name.clone(),
            group_id: "g".to_owned(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            generation_id_or_member_epoch: generation,
            member_id: member_id.to_owned(),
            topics: vec![TxnOffsetCommitRequestTopic {
                name: "t".to_owned(),
                partitions: vec![TxnOffsetCommitRequestPartition {
                    committed_offset: offset,
                    committed_leader_epoch: -1,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let response = self.client.call(version, &request).await;
        ErrorCode::from_code(response.topics[0].partitions[0].error_code)
    }
}

/// What a reader that wants what is stable learns of the first partition.
async fn stable(client: &mut Client<DuplexStream>) -> Result<i64, ErrorCode> {
    let topics = vec![OffsetFetchRequestTopics {
        name: "t".to_owned(),
        partition_indexes: vec![0],
        ..Default::default()
    }];
    for topics in [Some(topics), None] {
        let group = OffsetFetchRequestGroup { group_id: "g".to_owned(), topics, ..Default::default() };
        let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..Default::default() };
        let response = client.call(9, &request).await;
        let Some(topic) = response.groups[0].topics.first() else {
            return Ok(-1);
        };
        ErrorCode::from_code(topic.partitions[0].error_code).ok()?;
        if topic.partitions[0].committed_offset >= 0 {
            return Ok(topic.partitions[0].committed_offset);
        }
    }
    Ok(-1)
}

#[tokio::test(start_paused = true)]
async fn offsets_count_with_their_transaction() {
    for (way, version) in [(Way::Old, 3), (Way::New, 5)] {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", way).await;
        let mut reader = world.client();
        for (offset, commit, expected) in [(5, true, 5), (9, false, 5), (7, true, 7)] {
            producer.write(0, &["a"]).await;
            if way == Way::Old {
                let early = producer.commit_offset(version, offset, None).await;
                assert_eq!(early, ErrorCode::InvalidTxnState, "the group was not added");
                assert_eq!(producer.add_offsets().await, ErrorCode::None);
            }
            assert_eq!(producer.commit_offset(version, offset, None).await, ErrorCode::None);
            assert_eq!(stable(&mut reader).await, Err(ErrorCode::UnstableOffsetCommit));
            producer.end(commit).await;
            pass(Duration::from_millis(10)).await;
            assert_eq!(stable(&mut reader).await, Ok(expected), "{way:?}");
        }
        world.crash().await;
        assert_eq!(committed(&mut world.client()).await, Ok(vec![7, -1, -1]));
    }
}

#[tokio::test(start_paused = true)]
async fn offsets_of_an_outcome_outlive_a_loss_of_power_at_any_moment() {
    for moment in 0..8 {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", Way::New).await;
        assert_eq!(producer.commit_offset(5, 4, None).await, ErrorCode::None);
        world.crash().await;
        assert_eq!(stable(&mut world.client()).await, Err(ErrorCode::UnstableOffsetCommit));
        producer.reconnect(&mut world);
        producer.end(true).await;
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        world.crash().await;
        pass(Duration::from_millis(100)).await;
        assert_eq!(stable(&mut world.client()).await, Ok(4));
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_the_newer_protocol_commit_in_their_epoch_only() {
    let mut world = World::new().await;
    let mut client = world.client();
    let join = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "a".to_owned(),
        rebalance_timeout_ms: 1_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let epoch = client.call(1, &join).await.member_epoch;
    let mut producer = Producer::begin(&mut world, "one", Way::New).await;
    // As Kafka says it, so that the producer aborts and goes on.
    assert_eq!(producer.commit_offset(5, 3, Some(("a", epoch - 1))).await, ErrorCode::IllegalGeneration);
    assert_eq!(producer.commit_offset(5, 3, Some(("b", epoch))).await, ErrorCode::UnknownMemberId);
    assert_eq!(producer.commit_offset(5, 3, Some(("a", epoch))).await, ErrorCode::None);
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(stable(&mut world.client()).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn members_commit_in_their_generation_only() {
    let mut world = World::new().await;
    let mut a = world.member("a");
    a.join_and_sync().await;
    let mut producer = Producer::begin(&mut world, "one", Way::New).await;
    let (id, generation) = (a.id.clone(), a.generation);
    assert_eq!(producer.commit_offset(5, 3, Some((&id, generation + 1))).await, ErrorCode::IllegalGeneration);
    assert_eq!(
        producer.commit_offset(5, 3, Some(("stranger", generation))).await,
        ErrorCode::UnknownMemberId
    );
    assert_eq!(producer.commit_offset(5, 3, Some((&id, generation))).await, ErrorCode::None);
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(stable(&mut world.client()).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_fenced_producer_commits_nothing() {
    let mut world = World::new().await;
    let mut zombie = Producer::begin(&mut world, "one", Way::Old).await;
    assert_eq!(zombie.add_offsets().await, ErrorCode::None);
    let _next = Producer::begin(&mut world, "one", Way::Old).await;
    assert_eq!(zombie.commit_offset(3, 3, None).await, ErrorCode::ProducerFenced);
    assert_eq!(zombie.add_offsets().await, ErrorCode::ProducerFenced);
    assert_eq!(stable(&mut world.client()).await, Ok(-1));
}
