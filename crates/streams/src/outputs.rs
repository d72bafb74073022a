//! What a task has produced and nobody has taken yet: records for topics.
//!
//! All keys and values lie one behind the other in one buffer, which is used again after [`Task::clear_outputs`](crate::Task::clear_outputs); so a
//! result costs no allocation.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use headwater_model::{InvalidName, PartitionId, Timestamp, TopicName};
use headwater_schema::SerdeError;

use crate::error::TaskError;
use crate::graph::{Graph, TopicId};
use crate::record::Headers;
use crate::watermark::is_mark;

/// How many skipped records are kept word for word between two looks; all are counted.
const MAX_NOTED: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Outputs {
    graph: Arc<Graph>,
    /// Topics that the graph does not know: records chose them. Their ids are behind those of the graph.
    chosen: Vec<TopicName>,
    chosen_ids: BTreeMap<TopicName, TopicId>,
    bytes: Vec<u8>,
    records: Vec<RecordEntry>,
    skipped: Vec<TaskError>,
}

/// A record for a topic.
#[derive(Debug, Clone, Copy)]
pub struct OutputRecord<'a> {
    /// The topic.
    pub topic: &'a TopicName,
    /// The partition that it must go to; `None` leaves it to the producer's partitioner, which goes by the key.
    pub partition: Option<PartitionId>,
    /// The key, perhaps null.
    pub key: Option<&'a [u8]>,
    /// The value, perhaps null.
    pub value: Option<&'a [u8]>,
    /// The time of the event.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: &'a Headers,
    /// True if what came in chose the topic.
    pub is_chosen: bool,
}

impl OutputRecord<'_> {
    /// True if this is no record, but what a task tells the readers of a repartition topic of its
    /// [watermark](crate::Watermarks).
    pub fn is_mark(&self) -> bool {
        is_mark(self)
    }
}

type Span = Option<Range<usize>>;

#[derive(Debug)]
struct RecordEntry {
    topic: TopicId,
    partition: Option<PartitionId>,
    key: Span,
    value: Span,
    timestamp: Timestamp,
    headers: Headers,
    is_chosen: bool,
}

impl Outputs {
    pub(crate) fn new(graph: Arc<Graph>) -> Self {
        Self {
            graph,
            chosen: Vec::new(),
            chosen_ids: BTreeMap::new(),
            bytes: Vec::new(),
            records: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// The records for topics, in the order in which they came about.
    pub fn records(&self) -> impl ExactSizeIterator<Item = OutputRecord<'_>> {
        self.records.iter().map(|entry| OutputRecord {
            topic: self.topic_named(entry.topic),
            partition: entry.partition,
            key: self.slice(entry.key.clone()),
            value: self.slice(entry.value.clone()),
            timestamp: entry.timestamp,
            headers: &entry.headers,
            is_chosen: entry.is_chosen,
        })
    }

    /// Forgets the records, once they were taken, and the topics that they chose.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.chosen.clear();
        self.chosen_ids.clear();
    }

    /// Takes the first few errors that the policies said to skip.
    pub(crate) fn take_skipped(&mut self) -> Vec<TaskError> {
        std::mem::take(&mut self.skipped)
    }

    /// The id of a topic that a record chose.
    pub(crate) fn topic(&mut self, name: &str) -> Result<TopicId, InvalidName> {
        if let Some(id) = self.chosen_ids.get(name) {
            return Ok(*id);
        }
        Ok(self.add_topic(TopicName::new(name)?))
    }

    /// Adds a record that is in bytes already.
    pub(crate) fn copy(&mut self, record: &OutputRecord<'_>) {
        let known = self.chosen_ids.get(record.topic).copied();
        let topic = known.unwrap_or_else(|| self.add_topic(record.topic.clone()));
        self.copy_to(topic, record);
    }

    fn copy_to(&mut self, topic: TopicId, record: &OutputRecord<'_>) {
        let key = record.key.map(|key| self.append(key));
        let value = record.value.map(|value| self.append(value));
        let (timestamp, headers) = (record.timestamp, record.headers.clone());
        let (partition, is_chosen) = (record.partition, record.is_chosen);
        let entry = RecordEntry { topic, partition, key, value, timestamp, headers, is_chosen };
        self.records.push(entry);
    }

    /// As [`Outputs::copy`], for a topic of the graph.
    pub(crate) fn copy_known(&mut self, record: &OutputRecord<'_>) {
        match self.graph.topics.iter().position(|topic| topic == record.topic) {
            Some(topic) => self.copy_to(TopicId(topic), record),
            None => self.copy(record),
        }
    }

    /// Begins a record; it counts only once it is finished.
    pub(crate) fn draft(&mut self) -> Draft<'_> {
        let start = self.bytes.len();
        Draft { outputs: self, start, partition: None, key: None, value: None, finished: false }
    }

    pub(crate) fn note_skipped(&mut self, error: TaskError) {
        if self.skipped.len() < MAX_NOTED {
            self.skipped.push(error);
        }
    }

    fn add_topic(&mut self, topic: TopicName) -> TopicId {
        let id = TopicId(self.graph.topics.len() + self.chosen.len());
        self.chosen.push(topic.clone());
        self.chosen_ids.insert(topic, id);
        id
    }

    fn topic_named(&self, id: TopicId) -> &TopicName {
        let chosen = id.0.checked_sub(self.graph.topics.len());
        chosen.and_then(|index| self.chosen.get(index)).unwrap_or_else(|| self.graph.topic(id))
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn slice(&self, span: Span) -> Option<&[u8]> {
        self.bytes.get(span?)
    }
}

/// A record that is being written; dropped unfinished, it leaves nothing behind.
pub(crate) struct Draft<'a> {
    outputs: &'a mut Outputs,
    start: usize,
    partition: Option<PartitionId>,
    key: Span,
    value: Span,
    finished: bool,
}

impl Draft<'_> {
    /// Writes the key; `write` says whether it is anything but null.
    pub(crate) fn key(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, SerdeError>,
    ) -> Result<(), SerdeError> {
        self.key = self.part(write)?;
        Ok(())
    }

    /// Writes the value; `write` says whether it is anything but null.
    pub(crate) fn value(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, SerdeError>,
    ) -> Result<(), SerdeError> {
        self.value = self.part(write)?;
        Ok(())
    }

    /// Says where the record must go, whatever its key.
    pub(crate) fn partition(&mut self, partition: Option<PartitionId>) {
        self.partition = partition;
    }

    pub(crate) fn finish(mut self, topic: TopicId, timestamp: Timestamp, headers: Headers) {
        let (partition, key, value) = (self.partition, self.key.take(), self.value.take());
        let is_chosen = topic.0 >= self.outputs.graph.topics.len();
        let entry = RecordEntry { topic, partition, key, value, timestamp, headers, is_chosen };
        self.outputs.records.push(entry);
        self.finished = true;
    }

    fn part(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, SerdeError>,
    ) -> Result<Span, SerdeError> {
        let start = self.outputs.bytes.len();
        let present = write(&mut self.outputs.bytes)?;
        Ok(present.then_some(start..self.outputs.bytes.len()))
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.outputs.bytes.truncate(self.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_that_records_chose_are_forgotten_with_them() {
        let mut outputs = Outputs::new(Arc::default());
        for number in 0..3 {
            let topic = outputs.topic(&format!("about-{number}")).unwrap();
            outputs.draft().finish(topic, Timestamp(1), Headers::default());
            let topics: Vec<_> = outputs.records().map(|record| record.topic.to_string()).collect();
            assert_eq!(topics, [format!("about-{number}")]);
            outputs.clear();
            assert_eq!((outputs.chosen.len(), outputs.chosen_ids.len()), (0, 0));
        }
    }
}
