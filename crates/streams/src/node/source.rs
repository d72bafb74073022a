//! Where records enter a task: batches are decoded, and wait here for their turn.

use std::collections::VecDeque;
use std::sync::Arc;

use ::bytes::Bytes;
use headwater_model::{Offset, Timestamp, TopicPartition};
use headwater_schema::{Part, Serde};
use headwater_wire::batch;

use super::{Node, Processed};
use crate::consumed::{EventTime, Timestamps};
use crate::context::Context;
use crate::error::{Location, TaskError};
use crate::record::{Header, Headers, Record};
use crate::watermark::Mark;

/// One input of a task, its types erased.
pub(crate) trait Source: Send {
    /// Adds a record behind those that wait.
    fn decode(&mut self, record: &batch::Record<'_>, from: &TopicPartition);

    /// The offset and the time of the record that waits longest.
    fn head(&self) -> Option<(Offset, Timestamp)>;

    /// True if what waits longest is no record, but a writer's word about its time.
    fn is_mark(&self) -> bool;

    /// Sends the record that waits longest through the task.
    fn process_head(&mut self, context: &mut Context) -> Processed;
}

/// Decodes records and hands them to the node behind.
pub(crate) struct SourceNode<K, V> {
    pub(crate) keys: Arc<dyn Serde<K>>,
    pub(crate) values: Arc<dyn Serde<V>>,
    /// True for tables, which have no place for a record without a key.
    pub(crate) drops_null_keys: bool,
    /// True for repartition topics, in which tasks of the application tell how far they have come.
    pub(crate) has_marks: bool,
    pub(crate) timestamps: Timestamps<K, V>,
    /// The highest time that was given to a record.
    pub(crate) partition_time: Timestamp,
    pub(crate) next: Box<dyn Node<K, V>>,
    pub(crate) waiting: VecDeque<Waiting<K, V>>,
}

/// A record that waits for its turn.
pub(crate) struct Waiting<K, V> {
    offset: Offset,
    timestamp: Timestamp,
    content: Content<K, V>,
}

enum Content<K, V> {
    Record(Record<K, V>),
    WithoutKey,
    /// Its time is negative, and the author wants such records left out.
    WithoutTime,
    Unreadable(Box<TaskError>),
    /// What cannot be read of a mark says nothing.
    Mark(Option<Mark>),
}

impl<K: Send + 'static, V: Send + 'static> Source for SourceNode<K, V> {
    fn decode(&mut self, record: &batch::Record<'_>, from: &TopicPartition) {
        let offset = record.offset;
        if self.has_marks
            && let Some(mark) = Mark::read(record)
        {
            let (timestamp, content) = (record.timestamp, Content::Mark(mark.ok()));
            self.waiting.push_back(Waiting { offset, timestamp, content });
            return;
        }
        let content = if self.drops_null_keys && record.key.is_none() {
            Content::WithoutKey
        } else {
            match self.read(record, from) {
                Ok(record) => self.timed(record, offset, from),
                Err(error) => Content::Unreadable(Box::new(error)),
            }
        };
        let timestamp = match &content {
            Content::Record(record) => record.timestamp,
            _ => self.timestamps.of_unread(record.timestamp, self.partition_time),
        };
        self.waiting.push_back(Waiting { offset, timestamp, content });
    }

    fn head(&self) -> Option<(Offset, Timestamp)> {
        self.waiting.front().map(|waiting| (waiting.offset, waiting.timestamp))
    }

    fn is_mark(&self) -> bool {
        self.waiting.front().is_some_and(|waiting| matches!(waiting.content, Content::Mark(_)))
    }

    fn process_head(&mut self, context: &mut Context) -> Processed {
        match self.waiting.pop_front().map(|waiting| waiting.content) {
            Some(Content::Record(record)) => self.next.process(record, context),
            Some(Content::WithoutKey) => {
                context.drop_null_key();
                Ok(())
            }
            Some(Content::WithoutTime) => {
                context.drop_negative_time();
                Ok(())
            }
            Some(Content::Unreadable(error)) => context.fail(*error),
            Some(Content::Mark(mark)) => {
                context.hear(mark);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl<K: 'static, V: 'static> SourceNode<K, V> {
    fn read(&self, record: &batch::Record<'_>, from: &TopicPartition) -> Result<Record<K, V>, TaskError> {
        let at = || Location { topic_partition: from.clone(), offset: record.offset };
        if record.timestamp < Timestamp(0) && self.timestamps.need_own() {
            return Err(TaskError::NoTimestamp { at: at() });
        }
        let unreadable = |part| move |source| TaskError::Unreadable { at: at(), part, source };
        let key = self.keys.deserialize_nullable(record.key).map_err(unreadable(Part::Key))?;
        let value = self.values.deserialize_nullable(record.value).map_err(unreadable(Part::Value))?;
        let headers = if record.header_count() == 0 {
            Headers::default()
        } else {
            read_headers(record).map_err(|source| TaskError::Headers { at: at(), source })?
        };
        Ok(Record { key, value, timestamp: record.timestamp, headers })
    }
}

impl<K, V> SourceNode<K, V> {
    /// Gives a record its time.
    fn timed(&mut self, record: Record<K, V>, offset: Offset, from: &TopicPartition) -> Content<K, V> {
        match self.timestamps.of(&record, self.partition_time) {
            EventTime::At(timestamp) => {
                self.partition_time = self.partition_time.max(timestamp);
                Content::Record(Record { timestamp, ..record })
            }
            EventTime::Skipped => Content::WithoutTime,
            EventTime::Unknown => {
                let at = Location { topic_partition: from.clone(), offset };
                Content::Unreadable(Box::new(TaskError::NoTimestamp { at }))
            }
        }
    }
}

fn read_headers(record: &batch::Record<'_>) -> Result<Headers, batch::RecordFault> {
    record
        .headers()
        .map(|header| {
            header
                .map(|(key, value)| Header { key: key.to_owned(), value: value.map(Bytes::copy_from_slice) })
        })
        .collect()
}
