//! krafka behind the driver protocol.

#![expect(clippy::disallowed_methods, reason = "a program of its own, on real time")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use headwater_bench_conformance::{
    ABORTED_EVERY, Acknowledged, COMMIT_EVERY, Command, Ended, HEARTBEAT, Job, PATIENCE,
    RECORDS_PER_TRANSACTION, SESSION_TIMEOUT, Seen, TRANSACTION_TIMEOUT, ToSend, print, records, text,
};
use krafka::admin::{CreateTopicsOptions, NewTopic};
use krafka::consumer::{AutoOffsetReset, Consumer, ConsumerBuilder, ConsumerRecord, IsolationLevel};
use krafka::producer::{Acks, TopicPartitionOffset, TransactionalProducer};
use krafka::{Compression, Kafka, Record};
use tokio::signal::unix::{SignalKind, signal};

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command { bootstrap, topic, job } = Command::from_arguments()?;
    let kafka = Kafka::builder(bootstrap).connect().await?;
    match job {
        Job::Create { partitions } => create(&kafka, &topic, partitions).await,
        Job::Produce { codec, idempotent } => produce(&kafka, &topic, &codec, idempotent).await,
        Job::Consume { group } => consume(&kafka, &topic, &group).await,
        Job::Read { timestamp_ms } => read(&kafka, &topic, timestamp_ms).await,
        Job::Copy { target, group, transactional_id } => {
            let producer = kafka.producer().transaction_timeout(TRANSACTION_TIMEOUT);
            // Ends what a predecessor has left open, before the group's offsets are asked for.
            let producer = producer.build_transactional(&transactional_id).await?;
            let consumer = kafka.consumer(group).group_instance_id(transactional_id);
            copy(consumer, &topic, &producer, &target).await
        }
    }
}

async fn create(kafka: &Kafka, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin = kafka.admin();
    let wanted = NewTopic::new(topic, partitions, -1)?;
    for (_, outcome) in admin.create_topics([wanted], CreateTopicsOptions::default()).await? {
        outcome?;
    }
    let since = Instant::now();
    let consumer = kafka.consumer_without_group().build().await?;
    // No error once it is known.
    while let Err(error) = consumer.offsets_for_times_for_topic(topic, 0).await {
        if since.elapsed() > PATIENCE {
            return Err(error).context("the topic is still not known");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    consumer.close().await?;
    Ok(admin.close().await?)
}

async fn produce(kafka: &Kafka, topic: &str, codec: &str, idempotent: bool) -> anyhow::Result<()> {
    let compression = match codec {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => anyhow::bail!("no such codec: {codec}"),
    };
    let producer = kafka
        .producer()
        .acks(Acks::All)
        .idempotent(idempotent)
        .compression(compression)
        .linger(Duration::from_millis(20))
        .batch_size(8192)
        .build()
        .await?;
    let mut sent = Vec::new();
    for record in records() {
        sent.push(producer.enqueue(to_send(topic, record?)).await?);
    }
    for acknowledgement in sent {
        let delivered = acknowledgement.await?;
        print(&Acknowledged { partition: delivered.partition, offset: delivered.offset })?;
    }
    Ok(producer.close().await?)
}

fn to_send(topic: &str, one: ToSend) -> Record {
    let mut record = Record::new(topic, "").without_value();
    record.partition = one.partition;
    record.key = one.key.map(Into::into);
    record.value = one.value.map(Into::into);
    record.timestamp = one.timestamp;
    record.headers = one.headers.into_iter().map(|(name, value)| (name, value.map(Into::into))).collect();
    record
}

async fn consume(kafka: &Kafka, topic: &str, group: &str) -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let consumer = kafka
        .consumer(group)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .session_timeout(SESSION_TIMEOUT)
        .heartbeat_interval(HEARTBEAT)
        // Commits positions, which are behind what the last poll returned: all of that is printed before the next.
        .auto_commit_interval(COMMIT_EVERY)
        .build()
        .await?;
    consumer.subscribe([topic]).await?;
    loop {
        for record in consumer.poll(POLL).await? {
            show(&record)?;
        }
        // Between two polls, for a poll that is cut short may lose what it has.
        let is_over = tokio::time::timeout(Duration::ZERO, term.recv()).await.is_ok();
        if is_over {
            // Commits, and leaves the group.
            return Ok(consumer.close().await?);
        }
    }
}

async fn copy(
    consumer: ConsumerBuilder,
    source: &str,
    producer: &TransactionalProducer,
    target: &str,
) -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let consumer = consumer
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .session_timeout(SESSION_TIMEOUT)
        .heartbeat_interval(HEARTBEAT)
        .enable_auto_commit(false)
        .isolation_level(IsolationLevel::ReadCommitted)
        .max_poll_records(RECORDS_PER_TRANSACTION.try_into()?)
        .build()
        .await?;
    consumer.subscribe([source]).await?;
    let mut number = 0;
    loop {
        let records = consumer.poll(POLL).await?;
        if !records.is_empty() {
            number += 1;
            producer.begin()?;
            send_all(producer, target, &records).await?;
            if number % ABORTED_EVERY == 0 {
                producer.abort().await?;
                rewind(&consumer).await?;
                print(&Ended::Aborted(records.len()))?;
            } else {
                let members = consumer.group_metadata().await.context("no member of the group")?;
                producer.send_offsets(&ends(&records), &members).await?;
                producer.commit().await?;
                print(&Ended::Committed(records.len()))?;
            }
        }
        if tokio::time::timeout(Duration::ZERO, term.recv()).await.is_ok() {
            producer.close().await?;
            return Ok(consumer.close().await?);
        }
    }
}

/// Waits for all of them, so that what is aborted is in the log.
async fn send_all(
    producer: &TransactionalProducer,
    target: &str,
    records: &[ConsumerRecord],
) -> anyhow::Result<()> {
    let mut sent = Vec::new();
    for one in records {
        let mut copied = Record::new(target, "").without_value();
        copied.partition = Some(one.partition);
        copied.key = one.key.clone();
        copied.value = one.value.clone();
        sent.push(producer.enqueue(copied).await?);
    }
    for acknowledgement in sent {
        let _ = acknowledgement.await?;
    }
    Ok(())
}

/// Each partition's offset after the last of its records.
fn ends(records: &[ConsumerRecord]) -> Vec<TopicPartitionOffset> {
    let ends: HashMap<_, _> =
        records.iter().map(|one| ((&one.topic, one.partition), one.offset + 1)).collect();
    ends.into_iter()
        .map(|((topic, partition), end)| TopicPartitionOffset::new(&**topic, partition, end))
        .collect()
}

/// Goes back to where the group has committed.
async fn rewind(consumer: &Consumer) -> anyhow::Result<()> {
    for (topic, partitions) in consumer.assignment().await {
        for partition in partitions {
            let committed = consumer.committed(&[(&topic, partition)]).await?;
            let offset = committed.into_values().next().map_or(0, |position| position.offset);
            consumer.seek(&topic, partition, offset).await?;
        }
    }
    Ok(())
}

async fn read(kafka: &Kafka, topic: &str, timestamp_ms: i64) -> anyhow::Result<()> {
    let consumer =
        kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest).build().await?;
    let mut left = HashMap::new();
    let mut starts = Vec::new();
    for (partition, start) in consumer.offsets_for_times_for_topic(topic, timestamp_ms).await? {
        let (start, (_, end)) = (start?, consumer.fetch_watermarks(topic, partition).await?);
        // -1 where no record is that young.
        if (0..end).contains(&start) {
            left.insert(partition, end);
            starts.push((partition, start));
        }
    }
    consumer.assign(topic, starts.iter().map(|(partition, _)| *partition).collect()).await?;
    for (partition, start) in starts {
        consumer.seek(topic, partition, start).await?;
    }
    while !left.is_empty() {
        for record in consumer.poll(POLL).await? {
            let Some(end) = left.get(&record.partition).copied().filter(|end| record.offset < *end) else {
                continue;
            };
            show(&record)?;
            if record.offset + 1 == end {
                left.remove(&record.partition);
            }
        }
    }
    Ok(consumer.close().await?)
}

fn show(record: &ConsumerRecord) -> anyhow::Result<()> {
    let headers = record.headers.iter();
    print(&Seen {
        partition: record.partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key: text(record.key.as_deref())?,
        value: text(record.value.as_deref())?,
        headers: headers
            .map(|(name, value)| Ok((name.as_str(), text(value.as_deref())?)))
            .collect::<anyhow::Result<_>>()?,
    })
}
