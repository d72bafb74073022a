//! `headwater produce`.

use std::collections::VecDeque;

use anyhow::Context as _;
use headwater_client::{Delivery, Producer, ProducerConfig, ProducerRecord, RecordMetadata};
use headwater_model::{PartitionId, TopicName};
use headwater_wire::batch::Header;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::connect;
use crate::arguments::{Format, Produce};
use crate::output;

/// How many records may wait for their acknowledgement before we look at the oldest.
const UNDER_WAY: usize = 10_000;

pub(super) async fn run(arguments: Produce) -> anyhow::Result<()> {
    let topic = connect::topic_name(&arguments.topic)?;
    let compression = arguments.compression.parse()?;
    let client = connect::client(&arguments.cluster).await?;
    let producer = client.producer(ProducerConfig {
        compression,
        max_block: connect::PATIENCE,
        auto_create_topics: true,
        ..ProducerConfig::default()
    });
    let mut publisher =
        Publisher { arguments: &arguments, topic, producer, under_way: VecDeque::new(), acknowledged: 0 };
    let outcome = publisher.publish_all().await;
    let closed = publisher.producer.close().await;
    outcome?;
    closed?;
    if arguments.output.output == Format::Text {
        let acknowledged = publisher.acknowledged;
        let noun = if acknowledged == 1 { "record" } else { "records" };
        output::line(format_args!("{acknowledged} {noun} written to {}", arguments.topic))?;
    }
    Ok(())
}

/// Where a record went, for programs.
#[derive(Serialize)]
struct Written<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
}

struct Publisher<'a> {
    arguments: &'a Produce,
    topic: TopicName,
    producer: Producer,
    under_way: VecDeque<Delivery>,
    acknowledged: u64,
}

impl Publisher<'_> {
    async fn publish_all(&mut self) -> anyhow::Result<()> {
        if self.arguments.values.is_empty() {
            let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
            while let Some(line) = lines.next_segment().await.context("cannot read standard input")? {
                self.publish(line.strip_suffix(b"\r").unwrap_or(&line)).await?;
            }
        } else {
            for value in &self.arguments.values {
                self.publish(value.as_bytes()).await?;
            }
        }
        // Do not let the last ones linger.
        let flushed = self.producer.flush().await;
        while let Some(delivery) = self.under_way.pop_front() {
            self.note(&delivery.await?)?;
        }
        Ok(flushed?)
    }

    async fn publish(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let (key, value) = self.key_and_value(line)?;
        let headers: Vec<Header<'_>> = self
            .arguments
            .headers
            .iter()
            .map(|(name, value)| Header { key: name, value: Some(value.as_bytes()) })
            .collect();
        let record = ProducerRecord {
            topic: &self.topic,
            partition: self.arguments.partition.map(PartitionId),
            key,
            value: Some(value),
            headers: &headers,
            timestamp: None,
        };
        let delivery = self.producer.send(record).await?;
        self.under_way.push_back(delivery);
        if self.under_way.len() > UNDER_WAY
            && let Some(oldest) = self.under_way.pop_front()
        {
            self.note(&oldest.await?)?;
        }
        Ok(())
    }

    fn key_and_value<'l>(&'l self, line: &'l [u8]) -> anyhow::Result<(Option<&'l [u8]>, &'l [u8])> {
        let Some(separator) = &self.arguments.key_separator else {
            return Ok((self.arguments.key.as_deref().map(str::as_bytes), line));
        };
        let at = line
            .windows(separator.len().max(1))
            .position(|window| window == separator.as_bytes())
            .with_context(|| {
                format!(
                    "this line has no key, for want of \"{separator}\": {}",
                    String::from_utf8_lossy(line)
                )
            })?;
        let (key, rest) = line.split_at(at);
        Ok((Some(key), rest.get(separator.len()..).unwrap_or_default()))
    }

    fn note(&mut self, written: &RecordMetadata) -> anyhow::Result<()> {
        self.acknowledged += 1;
        match self.arguments.output.output {
            Format::Text => Ok(()),
            Format::Json => output::json_line(&Written {
                topic: self.topic.as_str(),
                partition: written.topic_partition.partition.0,
                offset: written.offset.0,
                timestamp: written.timestamp.0,
            }),
        }
    }
}
