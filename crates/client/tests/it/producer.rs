//! The producer.

use std::time::Duration;

use headwater_client::admin::OffsetSpec;
use headwater_client::{
    Acks, Client, Connector, ConsumerConfig, ProducerConfig, ProducerRecord, SendError, SendFailure, StartAt,
    partition_for_key,
};
use headwater_model::{Offset, PartitionId, Timestamp};
use headwater_wire::batch::{Compression, Header};

use crate::support::{at, name, topic, with_topic};

/// The values of a partition, in order.
async fn values<C: Connector>(client: &Client<C>, partition: i32) -> Vec<Vec<u8>> {
    let end = client.admin().offsets(&[(at(partition), OffsetSpec::Latest)]).await.unwrap();
    let end = end[&at(partition)].offset.unwrap();
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign([(at(partition), StartAt::Earliest)]).unwrap();
    let mut values = Vec::new();
    while consumer.position(&at(partition)).unwrap() != Some(end) && end > Offset::ZERO {
        for fetched in consumer.poll(Duration::from_secs(5)).await.unwrap() {
            let open = fetched.batch.open(1 << 20).unwrap();
            values.extend(open.records().map(|record| record.unwrap().value.unwrap().to_vec()));
        }
    }
    consumer.close().await;
    values
}

#[test]
fn records_arrive_once_and_in_order_whatever_the_codec() {
    for compression in
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        with_topic(2, |_cluster, client| async move {
            let producer = client.producer(ProducerConfig { compression, ..ProducerConfig::default() });
            let topic = topic();
            let mut deliveries = Vec::new();
            for number in 0..5_000_u32 {
                let value = number.to_be_bytes();
                let record = ProducerRecord::new(&topic, &value).partition(PartitionId((number % 2) as i32));
                deliveries.push(producer.send(record).await.unwrap());
            }
            producer.flush().await.unwrap();
            for (number, delivery) in deliveries.into_iter().enumerate() {
                let written = delivery.await.unwrap();
                assert_eq!(written.offset, Offset(number as i64 / 2), "{compression}");
            }
            for partition in 0..2_u32 {
                let expected: Vec<Vec<u8>> =
                    (0..5_000_u32).filter(|n| n % 2 == partition).map(|n| n.to_be_bytes().to_vec()).collect();
                assert_eq!(values(&client, partition as i32).await, expected, "{compression}");
            }
            producer.close().await.unwrap();
        });
    }
}

#[test]
fn keys_headers_and_times_are_kept_and_keys_choose_the_partition() {
    with_topic(4, |_cluster, client| async move {
        let producer = client.producer(ProducerConfig::default());
        let topic = topic();
        let headers = [Header { key: "a", value: Some(b"1") }, Header { key: "a", value: None }];
        let record = ProducerRecord::new(&topic, b"v").key(b"JFK").headers(&headers).timestamp(Timestamp(77));
        let written = producer.send(record).await.unwrap().await.unwrap();
        assert_eq!(written.topic_partition.partition, partition_for_key(b"JFK", 4));
        assert_eq!((written.offset, written.timestamp), (Offset(0), Timestamp(77)));

        let consumer = client.consumer(ConsumerConfig::default());
        consumer.assign([(written.topic_partition.clone(), StartAt::Earliest)]).unwrap();
        let fetched = consumer.poll(Duration::from_secs(5)).await.unwrap();
        let open = fetched[0].batch.open(1 << 20).unwrap();
        let record = open.records().next().unwrap().unwrap();
        assert_eq!(
            (record.key, record.value, record.timestamp),
            (Some(&b"JFK"[..]), Some(&b"v"[..]), Timestamp(77))
        );
        let kept: Vec<_> = record.headers().map(Result::unwrap).collect();
        assert_eq!(kept, [("a", Some(&b"1"[..])), ("a", None)]);
    });
}

#[test]
fn every_kind_of_acknowledgement_works() {
    with_topic(1, |_cluster, client| async move {
        let topic = topic();
        for (acks, expected) in
            [(Acks::None, Offset::NONE), (Acks::Leader, Offset(1)), (Acks::All, Offset(2))]
        {
            let producer = client.producer(ProducerConfig { acks, ..ProducerConfig::default() });
            let written = producer.send(ProducerRecord::new(&topic, b"v")).await.unwrap().await.unwrap();
            assert_eq!(written.offset, expected, "{acks:?}");
            producer.close().await.unwrap();
            // Without acknowledgements, the broker may still be at it.
            while values(&client, 0).await.is_empty() {}
        }
    });
}

#[test]
fn what_cannot_be_sent_fails_at_once_and_says_why() {
    with_topic(1, |_cluster, client| async move {
        let producer =
            client.producer(ProducerConfig { max_request_size: 10_000, ..ProducerConfig::default() });
        let topic = topic();
        let large = producer.send(ProducerRecord::new(&topic, &[0; 10_000])).await.unwrap_err();
        assert!(matches!(large.cause(), SendFailure::RecordTooLarge { .. }), "{large}");
        let beyond =
            producer.send(ProducerRecord::new(&topic, b"v").partition(PartitionId(1))).await.unwrap_err();
        assert!(matches!(beyond.cause(), SendFailure::NoSuchPartition { .. }), "{beyond}");
        let nowhere = name("nowhere");
        let missing = producer.send(ProducerRecord::new(&nowhere, b"v")).await.unwrap_err();
        assert!(matches!(missing, SendError::NotWritten { .. }), "{missing}");
        assert!(missing.to_string().contains("headwater topic create nowhere"), "{missing}");
        producer.send(ProducerRecord::new(&topic, b"v")).await.unwrap().await.unwrap();
    });
}

#[test]
fn a_broker_that_loses_its_power_costs_nothing_but_time() {
    with_topic(2, |mut cluster, client| async move {
        let producer = client.producer(ProducerConfig::default());
        let topic = topic();
        let mut deliveries = Vec::new();
        for number in 0..300_u32 {
            if number == 100 || number == 200 {
                cluster.lose_power();
                cluster.power_on().unwrap();
            }
            let value = number.to_be_bytes();
            let record = ProducerRecord::new(&topic, &value).partition(PartitionId((number % 2) as i32));
            deliveries.push(producer.send(record).await.unwrap());
            if number % 10 == 0 {
                tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(5)).await;
            }
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        for partition in 0..2_u32 {
            let expected: Vec<Vec<u8>> =
                (0..300_u32).filter(|n| n % 2 == partition).map(|n| n.to_be_bytes().to_vec()).collect();
            assert_eq!(values(&client, partition as i32).await, expected);
        }
    });
}

#[test]
fn a_producer_that_is_dropped_or_closed_leaves_nobody_waiting() {
    with_topic(1, |mut cluster, client| async move {
        let topic = topic();
        let lingering = ProducerConfig { linger: Duration::from_mins(1), ..ProducerConfig::default() };
        let producer = client.producer(lingering.clone());
        let delivery = producer.send(ProducerRecord::new(&topic, b"dropped")).await.unwrap();
        drop(producer);
        let error = delivery.await.unwrap_err();
        assert!(matches!(&error, SendError::NotWritten { .. }), "{error}");

        let producer = client.producer(lingering.clone());
        let delivery = producer.send(ProducerRecord::new(&topic, b"closed")).await.unwrap();
        producer.close().await.unwrap();
        assert_eq!(delivery.await.unwrap().offset, Offset(0));
        assert!(producer.send(ProducerRecord::new(&topic, b"late")).await.is_err());

        let impatient = ProducerConfig { close_timeout: Duration::from_millis(200), ..lingering };
        let producer = client.producer(impatient);
        let delivery = producer.send(ProducerRecord::new(&topic, b"given up")).await.unwrap();
        cluster.lose_power();
        assert!(producer.close().await.is_err());
        assert!(delivery.await.is_err());
    });
}

#[test]
fn a_sender_waits_for_room_and_goes_on() {
    with_topic(1, |_cluster, client| async move {
        let config = ProducerConfig { buffer_memory: 20_000, batch_size: 5_000, ..ProducerConfig::default() };
        let producer = client.producer(config);
        let topic = topic();
        for _ in 0..200 {
            producer.send(ProducerRecord::new(&topic, &[7; 1_000])).await.unwrap();
        }
        producer.flush().await.unwrap();
        assert_eq!(values(&client, 0).await.len(), 200);
    });
}

#[test]
fn what_is_counted_is_what_happened() {
    with_topic(1, |mut cluster, client| async move {
        let producer = client.producer(ProducerConfig::default());
        let topic = topic();
        for _ in 0..10 {
            producer.send(ProducerRecord::new(&topic, &[7; 100])).await.unwrap();
        }
        assert!(producer.metrics().buffered_bytes >= 1_000);
        producer.flush().await.unwrap();
        let produced = producer.metrics();
        assert_eq!((produced.records_acknowledged, produced.records_failed), (10, 0));
        assert_eq!((produced.batches_sent, produced.batches_repeated, produced.requests), (1, 0, 1));
        assert_eq!((produced.buffered_bytes, produced.batches_unresolved), (0, 0));

        let consumer = client.consumer(ConsumerConfig::in_group("counted"));
        consumer.assign([(at(0), StartAt::Earliest)]).unwrap();
        while consumer.position(&at(0)).unwrap() != Some(Offset(10)) {
            consumer.poll(Duration::from_secs(1)).await.unwrap();
        }
        consumer.commit(consumer.positions()).await.unwrap();
        let consumed = consumer.metrics();
        assert_eq!((consumed.batches, consumed.records, consumed.commits), (1, 10, 1));
        assert_eq!((consumed.lag, consumed.buffered_bytes, consumed.fetches_failed), (0, 0, 0));
        assert!(consumed.bytes > 1_000 && consumed.fetches >= 1, "{consumed:?}");

        let before = client.metrics();
        assert!(before.bytes_sent > 1_000 && before.bytes_received > 1_000, "{before:?}");
        assert!(before.connections_made >= 3 && before.requests >= before.responses, "{before:?}");
        cluster.lose_power();
        let lost = producer.send(ProducerRecord::new(&topic, b"lost")).await.unwrap();
        assert!(lost.await.is_err());
        let after = producer.metrics();
        assert_eq!((after.records_failed, after.records_acknowledged), (1, 10));
        assert!(client.metrics().connections_failed > before.connections_failed);
    });
}
