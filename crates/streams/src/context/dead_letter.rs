//! Records on their way to the dead-letter topic: as they came in, with the cause in headers that have Kafka Streams'
//! names (KIP-1034).

use std::error::Error;

use ::bytes::Bytes;
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::{self, OpenBatch};

use super::Context;
use crate::error::{Location, TaskError};
use crate::outputs::OutputRecord;
use crate::record::Header;

/// A record as it came in.
#[derive(Debug)]
pub(crate) struct CameIn {
    pub(crate) offset: Offset,
    timestamp: Timestamp,
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Vec<Header>,
}

impl CameIn {
    /// A record of a batch, whose bytes it shares.
    pub(crate) fn of(record: &batch::Record<'_>, from: &OpenBatch) -> Self {
        let share = |part: &[u8]| from.share(part).unwrap_or_else(|| Bytes::copy_from_slice(part));
        Self {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(share),
            value: record.value.map(share),
            headers: came_with(record).collect(),
        }
    }
}

impl Context {
    /// True if the record at hand must be written to the dead-letter topic.
    pub(crate) fn has_dead_letters(&self) -> bool {
        !self.dead_letters.is_empty()
    }

    /// Notes errors that no record at hand has caused, so that there is none to write.
    pub(crate) fn drop_dead_letters(&mut self) {
        for error in self.dead_letters.drain(..) {
            self.outputs.note_skipped(error);
        }
    }

    /// Writes the record that came in to the dead-letter topic, once for each error that it met.
    pub(crate) fn write_dead_letters(&mut self, record: &CameIn) {
        let Some(topic) = &self.dead_letter_topic else {
            return;
        };
        // A record without a time has that of those around it.
        let no_time = record.timestamp < Timestamp(0);
        let timestamp = if no_time { self.stream_time.max(Timestamp(0)) } else { record.timestamp };
        let at = self.location();
        for error in self.dead_letters.drain(..) {
            let headers = &record.headers.iter().cloned().chain(causes(&error, &at)).collect();
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let (partition, is_chosen) = (None, false);
            self.outputs.copy(&OutputRecord { topic, partition, key, value, timestamp, headers, is_chosen });
            self.outputs.note_skipped(error);
        }
    }
}

/// The record's own headers, up to one that cannot be read.
fn came_with<'a>(record: &batch::Record<'a>) -> impl Iterator<Item = Header> + use<'a> {
    let readable = record.headers().map_while(Result::ok);
    readable.map(|(key, value)| Header { key: key.to_owned(), value: value.map(Bytes::copy_from_slice) })
}

fn causes(error: &TaskError, at: &Location) -> impl Iterator<Item = Header> + use<> {
    let Location { topic_partition, offset } = at;
    let headers = [
        ("__streams.errors.exception", format!("TaskError::{}", error.kind())),
        ("__streams.errors.message", chain(error, ": ")),
        ("__streams.errors.stacktrace", chain(error, "\ncaused by: ")),
        ("__streams.errors.topic", topic_partition.topic.to_string()),
        ("__streams.errors.partition", topic_partition.partition.to_string()),
        ("__streams.errors.offset", offset.to_string()),
    ];
    headers.into_iter().map(|(key, value)| Header { key: key.to_owned(), value: Some(Bytes::from(value)) })
}

/// The error and its causes in one text.
fn chain(error: &TaskError, between: &str) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(between);
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
