//! What clients, producers and consumers count.
//!
//! Owns: the snapshots that applications read ([`ClientMetrics`], [`ProducerMetrics`], [`ConsumerMetrics`]), and
//! [`Traffic`], the counters of all connections of a client.
//!
//! Invariants: counters only grow, from the making of what they belong to; gauges say what is so now. Nothing is counted per
//! record on a hot path: records are counted by the batch.
//!
//! Does not know: how figures are exported.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`Client`](crate::Client) with all its producers, consumers and admin calls has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClientMetrics {
    /// Connections that were made and agreed on versions.
    pub connections_made: u64,
    /// Attempts at a connection that came to nothing.
    pub connections_failed: u64,
    /// Requests handed to connections.
    pub requests: u64,
    /// Answers that came.
    pub responses: u64,
    /// Bytes of requests, lengths included.
    pub bytes_sent: u64,
    /// Bytes of answers, lengths included.
    pub bytes_received: u64,
}

/// What a [`Producer`](crate::Producer) has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProducerMetrics {
    /// Records that are acknowledged.
    pub records_acknowledged: u64,
    /// Records that failed, whether or not they may have been written.
    pub records_failed: u64,
    /// Produce requests sent.
    pub requests: u64,
    /// Batches sent, repetitions included.
    pub batches_sent: u64,
    /// Batches sent again.
    pub batches_repeated: u64,
    /// Bytes of all batches sent, repetitions included, before compression.
    pub bytes_sent: u64,
    /// Gauge: bytes of records that are not resolved yet.
    pub buffered_bytes: u64,
    /// Gauge: batches that are not resolved yet.
    pub batches_unresolved: u64,
}

/// What a [`Consumer`](crate::Consumer) has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerMetrics {
    /// Batches handed out by polls.
    pub batches: u64,
    /// Records of those batches, as their headers say.
    pub records: u64,
    /// Bytes of those batches, compressed as they came.
    pub bytes: u64,
    /// Fetch requests answered.
    pub fetches: u64,
    /// Fetch requests that failed as a whole.
    pub fetches_failed: u64,
    /// How often the group gave this consumer partitions.
    pub assignments: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed.
    pub commits_failed: u64,
    /// Gauge: bytes read ahead.
    pub buffered_bytes: u64,
    /// Gauge: offsets that all partitions together are behind what can be seen, as of the last answers.
    pub lag: u64,
}

/// Counters of a client's connections.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    connections_made: AtomicU64,
    connections_failed: AtomicU64,
    requests: AtomicU64,
    responses: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// The length in front of a frame.
const PREFIX: u64 = 4;

impl Traffic {
    pub(crate) fn connected(&self, success: bool) {
        let counter = if success { &self.connections_made } else { &self.connections_failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A frame whose bytes include its length.
    pub(crate) fn sent(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A frame without its length.
    pub(crate) fn received(&self, bytes: usize) {
        self.responses.fetch_add(1, Ordering::Relaxed);
        self.bytes_received.fetch_add(bytes as u64 + PREFIX, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> ClientMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClientMetrics {
            connections_made: read(&self.connections_made),
            connections_failed: read(&self.connections_failed),
            requests: read(&self.requests),
            responses: read(&self.responses),
            bytes_sent: read(&self.bytes_sent),
            bytes_received: read(&self.bytes_received),
        }
    }
}
