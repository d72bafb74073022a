//! What is sent, and what comes back.

use headwater_model::{Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_wire::batch::Header;

/// A record to be sent. It borrows everything: `send` copies it straight into the batch under construction.
#[derive(Debug, Clone, Copy)]
pub struct ProducerRecord<'a> {
    /// Where to.
    pub topic: &'a TopicName,
    /// Which partition; `None` leaves it to the key, or without a key to the producer.
    pub partition: Option<PartitionId>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: &'a [Header<'a>],
    /// The record's time; `None` means now.
    pub timestamp: Option<Timestamp>,
}

impl<'a> ProducerRecord<'a> {
    /// A record with a value, without a key.
    pub fn new(topic: &'a TopicName, value: &'a [u8]) -> Self {
        Self { topic, partition: None, key: None, value: Some(value), headers: &[], timestamp: None }
    }

    /// The same with a key.
    #[must_use]
    pub fn key(mut self, key: &'a [u8]) -> Self {
        self.key = Some(key);
        self
    }

    /// The same without a value: a tombstone.
    #[must_use]
    pub fn tombstone(mut self) -> Self {
        self.value = None;
        self
    }

    /// The same for that partition.
    #[must_use]
    pub fn partition(mut self, partition: PartitionId) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The same with headers.
    #[must_use]
    pub fn headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.headers = headers;
        self
    }

    /// The same with that time.
    #[must_use]
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = Some(timestamp);
        self
    }
}

/// An acknowledged record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// Where it is.
    pub topic_partition: TopicPartition,
    /// Its offset; [`Offset::NONE`] where the broker does not say (no acknowledgements asked for, or an old duplicate).
    pub offset: Offset,
    /// Its time: its own, or the broker's where the topic is configured so.
    pub timestamp: Timestamp,
}
