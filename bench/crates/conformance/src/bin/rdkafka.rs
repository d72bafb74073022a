//! librdkafka, by the crate `rdkafka`, behind the driver protocol.

#![expect(clippy::disallowed_methods, reason = "a program of its own, on real time")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use headwater_bench_conformance::{
    Acknowledged, COMMIT_EVERY, Command, HEARTBEAT, Job, PATIENCE, SESSION_TIMEOUT, Seen, ToSend, print,
    records, text,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command { bootstrap, topic, job } = Command::from_arguments()?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    match job {
        Job::Create { partitions } => create(&config, &topic, partitions).await,
        Job::Produce { codec, idempotent } => {
            config.set("compression.type", codec).set("enable.idempotence", idempotent.to_string());
            produce(&mut config, &topic).await
        }
        Job::Consume { group } => consume(config.set("group.id", group), &topic).await,
        Job::Read { timestamp_ms } => read(&mut config, &topic, timestamp_ms),
    }
}

async fn create(config: &ClientConfig, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
    for outcome in admin.create_topics([&wanted], &AdminOptions::new()).await? {
        outcome.map_err(|(topic, code)| anyhow::anyhow!("cannot create {topic}: {code}"))?;
    }
    let since = Instant::now();
    loop {
        let metadata = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(10))?;
        let is_known = |one: &rdkafka::metadata::MetadataTopic| {
            one.error().is_none() && one.partitions().len() == usize::try_from(partitions).unwrap_or_default()
        };
        if metadata.topics().iter().any(is_known) {
            return Ok(());
        }
        anyhow::ensure!(since.elapsed() < PATIENCE, "{topic} is still not known");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn produce(config: &mut ClientConfig, topic: &str) -> anyhow::Result<()> {
    let producer: FutureProducer =
        config.set("acks", "all").set("linger.ms", "20").set("batch.num.messages", "100").create()?;
    let mut sent = Vec::new();
    for record in records() {
        let ToSend { partition, key, value, headers, timestamp } = record?;
        let mut own = OwnedHeaders::new_with_capacity(headers.len());
        for (name, value) in &headers {
            own = own.insert(Header { key: name, value: value.as_ref() });
        }
        let mut record: FutureRecord<'_, String, String> = FutureRecord::to(topic).headers(own);
        record.partition = partition;
        record.key = key.as_ref();
        record.payload = value.as_ref();
        record.timestamp = timestamp;
        sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for acknowledgement in sent {
        let delivered = acknowledgement.await?.map_err(|(error, _)| error)?;
        print(&Acknowledged { partition: delivered.partition, offset: delivered.offset })?;
    }
    Ok(())
}

async fn consume(config: &mut ClientConfig, topic: &str) -> anyhow::Result<()> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut term = signal(SignalKind::terminate())?;
    let told = is_over.clone();
    tokio::spawn(async move {
        term.recv().await;
        told.store(true, Ordering::Relaxed);
    });
    let consumer: BaseConsumer = config
        .set("session.timeout.ms", SESSION_TIMEOUT.as_millis().to_string())
        .set("heartbeat.interval.ms", HEARTBEAT.as_millis().to_string())
        .set("auto.offset.reset", "earliest")
        .set("auto.commit.interval.ms", COMMIT_EVERY.as_millis().to_string())
        // Nothing is committed that was not printed.
        .set("enable.auto.offset.store", "false")
        .create()?;
    consumer.subscribe(&[topic])?;
    tokio::task::block_in_place(|| {
        while !is_over.load(Ordering::Relaxed) {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    show(&message)?;
                    consumer.store_offset_from_message(&message)?;
                }
                Some(Err(error)) => eprintln!("{error}"),
                None => {}
            }
        }
        // Closing commits what was stored, and leaves the group.
        drop(consumer);
        Ok(())
    })
}

fn read(config: &mut ClientConfig, topic: &str, timestamp_ms: i64) -> anyhow::Result<()> {
    let consumer: BaseConsumer = config
        .set("group.id", "unused")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut asked = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|one| one.partitions()) {
        asked.add_partition_offset(topic, partition.id(), Offset::Offset(timestamp_ms))?;
    }
    let mut left = HashMap::new();
    let mut starts = TopicPartitionList::new();
    for found in consumer.offsets_for_times(asked, PATIENCE)?.elements() {
        let (_, end) = consumer.fetch_watermarks(topic, found.partition(), PATIENCE)?;
        // librdkafka answers the end where no record is that young.
        if let Offset::Offset(start) = found.offset()
            && start < end
        {
            starts.add_partition_offset(topic, found.partition(), found.offset())?;
            left.insert(found.partition(), end);
        }
    }
    consumer.assign(&starts)?;
    while !left.is_empty() {
        let message = match consumer.poll(Duration::from_secs(1)) {
            None | Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::PartitionEOF))) => continue,
            Some(message) => message?,
        };
        let Some(end) = left.get(&message.partition()).copied() else { continue };
        show(&message)?;
        if message.offset() + 1 >= end {
            left.remove(&message.partition());
        }
    }
    Ok(())
}

fn show(message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    print(&Seen {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: text(message.key())?,
        value: text(message.payload())?,
        headers: headers.map(|one| Ok((one.key, text(one.value)?))).collect::<anyhow::Result<_>>()?,
    })
}
