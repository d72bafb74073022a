//! `headwater consume`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, Consumer, ConsumerConfig, Fetched, StartAt};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::batch::Record;
use serde::Serialize;

use super::connect;
use crate::arguments::{Consume, Format};
use crate::output::Payload;

/// How large a batch may become when it is decompressed.
const MAX_BATCH_BYTES: usize = 256 << 20;

pub(super) async fn run(arguments: Consume) -> anyhow::Result<()> {
    let topic = connect::topic_name(&arguments.topic)?;
    let client = connect::client(&arguments.cluster).await?;
    let partitions = partitions(&client, &topic, arguments.partition).await?;
    let ends =
        if arguments.until_end { Some(pending(&client, &partitions, &arguments).await?) } else { None };
    let start = start_at(&arguments);
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign(partitions.into_iter().map(|partition| (partition, start)))?;
    let mut printer = Printer { format: arguments.output.output, left: arguments.max };
    let outcome = print_records(&consumer, &mut printer, ends).await;
    consumer.close().await;
    outcome
}

async fn partitions(
    client: &Client,
    topic: &TopicName,
    only: Option<i32>,
) -> anyhow::Result<Vec<TopicPartition>> {
    let description = client.admin().describe_topic(topic).await?;
    let count = description.partitions.len();
    let all = description.partitions.into_iter().map(|partition| partition.partition);
    let chosen: Vec<_> = all
        .filter(|partition| only.is_none_or(|only| *partition == PartitionId(only)))
        .map(|partition| TopicPartition::new(topic.clone(), partition))
        .collect();
    match (chosen.is_empty(), only) {
        (true, Some(only)) => {
            anyhow::bail!(
                "topic \"{topic}\" has no partition {only}; it has partitions 0 to {}",
                count.saturating_sub(1)
            )
        }
        _ => Ok(chosen),
    }
}

fn start_at(arguments: &Consume) -> StartAt {
    match arguments.offset {
        Some(offset) => StartAt::Offset(Offset(offset)),
        None if arguments.from_beginning => StartAt::Earliest,
        None => StartAt::Latest,
    }
}

/// The partitions that hold something to print, with where they end now.
async fn pending(
    client: &Client,
    partitions: &[TopicPartition],
    arguments: &Consume,
) -> anyhow::Result<BTreeMap<TopicPartition, Offset>> {
    let admin = client.admin();
    let at = |spec| partitions.iter().map(|partition| (partition.clone(), spec)).collect::<Vec<_>>();
    let starts = admin.offsets(&at(OffsetSpec::Earliest)).await?;
    let ends = admin.offsets(&at(OffsetSpec::Latest)).await?;
    let pending = ends.into_iter().filter_map(|(partition, end)| {
        let end = end.offset?;
        let first = match start_at(arguments) {
            StartAt::Offset(offset) => offset,
            StartAt::Earliest => starts.get(&partition)?.offset?,
            _ => end,
        };
        (first < end).then_some((partition, end))
    });
    Ok(pending.collect())
}

async fn print_records(
    consumer: &Consumer,
    printer: &mut Printer,
    mut ends: Option<BTreeMap<TopicPartition, Offset>>,
) -> anyhow::Result<()> {
    while !printer.is_done() && ends.as_ref().is_none_or(|ends| !ends.is_empty()) {
        for fetched in consumer.poll(Duration::from_secs(1)).await? {
            let end =
                ends.as_ref().map(|ends| ends.get(&fetched.topic_partition).copied().unwrap_or(Offset::ZERO));
            printer.print(&fetched, end)?;
        }
        if let Some(ends) = &mut ends {
            // The position, not the last record, tells the end: the last offsets may hold no records.
            for (partition, position) in consumer.positions() {
                if ends.get(&partition).is_some_and(|end| position >= *end) {
                    ends.remove(&partition);
                }
            }
        }
    }
    Ok(())
}

struct Printer {
    format: Format,
    /// How many more records may be printed.
    left: Option<u64>,
}

#[derive(Serialize)]
struct JsonRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Payload<'a>,
    value: Payload<'a>,
    headers: Vec<JsonHeader<'a>>,
}

#[derive(Serialize)]
struct JsonHeader<'a> {
    key: &'a str,
    value: Payload<'a>,
}

impl Printer {
    fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Prints a batch's records below `end`.
    fn print(&mut self, fetched: &Fetched, end: Option<Offset>) -> anyhow::Result<()> {
        let batch = fetched.open(MAX_BATCH_BYTES)?;
        let mut lines = Vec::new();
        for record in fetched.records(&batch) {
            let record = record?;
            if self.is_done() || end.is_some_and(|end| record.offset >= end) {
                break;
            }
            self.left = self.left.map(|left| left - 1);
            self.line(&fetched.topic_partition, &record, &mut lines)?;
        }
        std::io::stdout().lock().write_all(&lines)?;
        Ok(())
    }

    fn line(&self, from: &TopicPartition, record: &Record<'_>, out: &mut Vec<u8>) -> anyhow::Result<()> {
        let (key, value) = (Payload::new(record.key), Payload::new(record.value));
        match self.format {
            Format::Text => {
                let time = jiff::Timestamp::from_millisecond(record.timestamp.0)
                    .map_or_else(|_| record.timestamp.to_string(), |time| time.to_string());
                writeln!(out, "{}:{}  {time}  {key}  {value}", from.partition, record.offset)?;
            }
            Format::Json => {
                let headers = record
                    .headers()
                    .map(|header| header.map(|(key, value)| JsonHeader { key, value: Payload::new(value) }));
                serde_json::to_writer(
                    &mut *out,
                    &JsonRecord {
                        topic: from.topic.as_str(),
                        partition: from.partition.0,
                        offset: record.offset.0,
                        timestamp: record.timestamp.0,
                        key,
                        value,
                        headers: headers.collect::<Result<_, _>>()?,
                    },
                )?;
                out.push(b'\n');
            }
        }
        Ok(())
    }
}
