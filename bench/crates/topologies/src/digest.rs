//! What is in a topic, as few numbers: equal where the records are, in whatever order their keys came.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, ConsumerConfig, StartAt};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};
use serde::Serialize;

/// Of which topic, and whose work.
#[derive(Debug, clap::Args)]
pub(crate) struct Digest {
    #[arg(long)]
    topic: String,
    /// The group of the application that wrote it
    #[arg(long)]
    application: String,
    /// The topics that the application read
    #[arg(long, value_delimiter = ',')]
    inputs: Vec<String>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Records in the topic.
    records: u64,
    /// Different keys among them.
    keys: u64,
    /// The sum of the hashes of all records: key, value and time.
    all: u64,
    /// The sum of the hashes of the last record of each key.
    last: u64,
    /// Records of the inputs and of the application's repartition topics that it has not committed.
    behind: u64,
    /// Topics that keep changes of the application's stores.
    changelogs: u64,
}

/// The hash of the last record of each key, by the key's hash.
type Last = HashMap<u64, u64, BuildHasherDefault<DefaultHasher>>;

pub(crate) async fn run(client: &Client, of: &Digest) -> anyhow::Result<()> {
    let mut report = read(client, &TopicName::new(&of.topic)?).await?;
    let own = format!("{}-", of.application);
    let mut read = Vec::new();
    for topic in client.admin().list_topics().await? {
        let name = topic.name.as_str();
        let is_own = name.starts_with(&own);
        report.changelogs += u64::from(is_own && name.ends_with("-changelog"));
        if of.inputs.iter().any(|input| input == name) || (is_own && name.ends_with("-repartition")) {
            read.push(topic.name);
        }
    }
    let committed = client.admin().group_offsets(&of.application).await?;
    for topic in read {
        for (at, end) in ends(client, &topic).await? {
            let done = committed.get(&at).map_or(Offset::ZERO, |committed| committed.offset);
            report.behind += end.0.saturating_sub(done.0).max(0) as u64;
        }
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// Reads a topic from its first record to its end.
async fn read(client: &Client, topic: &TopicName) -> anyhow::Result<Report> {
    let ends = ends(client, topic).await?;
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign(ends.iter().map(|(at, _)| (at.clone(), StartAt::Earliest)))?;
    let (mut report, mut last) = (Report::default(), Last::default());
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    while !is_read(&consumer, &ends)? {
        for fetched in consumer.poll(Duration::from_secs(1)).await? {
            let batch = fetched.open(64 << 20)?;
            for record in fetched.records(&batch) {
                let record = record?;
                let hash = hasher.hash_one((record.key, record.value, record.timestamp.0));
                report.records += 1;
                report.all = report.all.wrapping_add(hash);
                last.insert(hasher.hash_one(record.key), hash);
            }
        }
    }
    report.keys = last.len() as u64;
    report.last = last.values().fold(0, |sum, hash| sum.wrapping_add(*hash));
    Ok(report)
}

fn is_read(consumer: &headwater_client::Consumer, ends: &[(TopicPartition, Offset)]) -> anyhow::Result<bool> {
    for (at, end) in ends {
        if consumer.position(at)?.unwrap_or_default() < *end {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn ends(client: &Client, topic: &TopicName) -> anyhow::Result<Vec<(TopicPartition, Offset)>> {
    let partitions = client.admin().describe_topic(topic).await?.partitions.len() as i32;
    let partition = |number| (TopicPartition::new(topic.clone(), PartitionId(number)), OffsetSpec::Latest);
    let wanted: Vec<_> = (0..partitions).map(partition).collect();
    let listed = client.admin().offsets(&wanted).await?;
    Ok(listed.into_iter().map(|(at, listed)| (at, listed.offset.unwrap_or_default())).collect())
}
