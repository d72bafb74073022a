//! librdkafka, by the crate `rdkafka`, without its asynchronous layers.

use std::time::Duration;

use anyhow::Context;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::{Produce, Records, Stopped, Target, start, sum};

pub(crate) fn produce(target: &Target, how: &Produce) -> anyhow::Result<Stopped> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &target.bootstrap)
        .set("acks", &how.acks)
        .set("enable.idempotence", if how.acks == "all" { "true" } else { "false" })
        .set("linger.ms", how.linger_ms.to_string())
        .set("batch.size", how.batch_bytes.to_string())
        // The room that ours has: 32 MiB.
        .set("queue.buffering.max.kbytes", "32768")
        .set("queue.buffering.max.messages", "1000000")
        // As ours: what fails is told, what succeeds is not told record by record.
        .set("delivery.report.only.error", "true")
        .create()?;
    producer.client().fetch_metadata(Some(&target.topic), Duration::from_secs(10))?;
    let mut records = Records::of(how);
    let watch = start()?;
    for number in 0..target.records {
        let (key, value) = records.get(number);
        let partition = (number % target.partitions as u64) as i32;
        let mut record = BaseRecord::to(&target.topic).partition(partition).key(key).payload(value);
        while let Err((error, back)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            anyhow::ensure!(error == full, "cannot produce: {error}");
            producer.poll(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60))?;
    watch.stop()
}

pub(crate) fn consume(target: &Target) -> anyhow::Result<(Stopped, u64)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &target.bootstrap)
        .set("group.id", "load")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("check.crcs", "true")
        .set("fetch.max.bytes", (16 << 20).to_string())
        .set("max.partition.fetch.bytes", (1 << 20).to_string())
        .create()?;
    let watch = start()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..target.partitions {
        partitions.add_partition_offset(&target.topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    let (mut seen, mut total) = (0, 0);
    while seen < target.records {
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            let message = message.context("cannot consume")?;
            total += message.key().map_or(0, sum) + message.payload().map_or(0, sum);
            seen += 1;
        }
    }
    Ok((watch.stop()?, total))
}
