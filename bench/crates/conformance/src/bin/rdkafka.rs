//! librdkafka, by the crate `rdkafka`, behind the driver protocol.

#![expect(clippy::disallowed_methods, reason = "a program of its own, on real time")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use headwater_bench_conformance::{
    ABORTED_EVERY, Acknowledged, COMMIT_EVERY, Command, Ended, HEARTBEAT, Job, PATIENCE,
    RECORDS_PER_TRANSACTION, SESSION_TIMEOUT, Seen, TRANSACTION_TIMEOUT, ToSend, print, records, text,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer, ThreadedProducer,
};
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
        Job::Copy { target, group, transactional_id } => {
            let is_over = terminated()?;
            let producer = transactional(config.clone().set("transactional.id", &transactional_id))?;
            config.set("group.id", group).set("group.instance.id", transactional_id);
            tokio::task::block_in_place(|| copy(&mut config, &topic, &target, &producer, &is_over))
        }
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
    let is_over = terminated()?;
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

/// Becomes true when SIGTERM comes.
fn terminated() -> anyhow::Result<Arc<AtomicBool>> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut term = signal(SignalKind::terminate())?;
    let told = is_over.clone();
    tokio::spawn(async move {
        term.recv().await;
        told.store(true, Ordering::Relaxed);
    });
    Ok(is_over)
}

type Transactional = ThreadedProducer<DefaultProducerContext>;

fn transactional(config: &mut ClientConfig) -> anyhow::Result<Transactional> {
    config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
    let producer: Transactional = config.create()?;
    // Ends what a predecessor has left open, before the group's offsets are asked for.
    producer.init_transactions(PATIENCE)?;
    Ok(producer)
}

fn copy(
    config: &mut ClientConfig,
    source: &str,
    target: &str,
    producer: &Transactional,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    let consumer: BaseConsumer = config
        .set("session.timeout.ms", SESSION_TIMEOUT.as_millis().to_string())
        .set("heartbeat.interval.ms", HEARTBEAT.as_millis().to_string())
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .create()?;
    consumer.subscribe(&[source])?;
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        let messages = take(&consumer)?;
        if messages.is_empty() {
            continue;
        }
        number += 1;
        producer.begin_transaction()?;
        for message in &messages {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(target).partition(message.partition());
            record.key = message.key();
            record.payload = message.payload();
            producer.send(record).map_err(|(error, _)| error)?;
        }
        if number % ABORTED_EVERY == 0 {
            // What is aborted is to be in the log, not in the producer's queue.
            producer.flush(PATIENCE)?;
            producer.abort_transaction(PATIENCE)?;
            rewind(&consumer)?;
            print(&Ended::Aborted(messages.len()))?;
        } else {
            let members = consumer.group_metadata().context("no member of the group")?;
            producer.send_offsets_to_transaction(&ends(source, &messages)?, &members, PATIENCE)?;
            producer.commit_transaction(PATIENCE)?;
            print(&Ended::Committed(messages.len()))?;
        }
    }
    Ok(())
}

/// What is there, a transaction's worth at most.
fn take(consumer: &BaseConsumer) -> anyhow::Result<Vec<OwnedMessage>> {
    let mut messages = Vec::new();
    let mut wait = Duration::from_millis(100);
    while messages.len() < RECORDS_PER_TRANSACTION
        && let Some(message) = consumer.poll(wait)
    {
        messages.push(message?.detach());
        wait = Duration::ZERO;
    }
    Ok(messages)
}

/// Each partition's offset after the last of its messages.
fn ends(topic: &str, messages: &[OwnedMessage]) -> anyhow::Result<TopicPartitionList> {
    let ends: BTreeMap<i32, i64> = messages.iter().map(|one| (one.partition(), one.offset() + 1)).collect();
    let mut list = TopicPartitionList::new();
    for (partition, end) in ends {
        list.add_partition_offset(topic, partition, Offset::Offset(end))?;
    }
    Ok(list)
}

/// Goes back to where the group has committed.
fn rewind(consumer: &BaseConsumer) -> anyhow::Result<()> {
    let mut starts = TopicPartitionList::new();
    for one in consumer.committed(PATIENCE)?.elements() {
        let offset = if one.offset() == Offset::Invalid { Offset::Beginning } else { one.offset() };
        starts.add_partition_offset(one.topic(), one.partition(), offset)?;
    }
    consumer.seek_partitions(starts, PATIENCE)?;
    Ok(())
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
