//! One batch of one partition, from its first record until it is resolved.

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::{Monotonic, PartitionId, TopicName, Uuid};
use headwater_wire::batch::{Batch as Encoded, BatchBuilder, BatchMeta, Header};

use crate::producer::error::SendFailure;

/// Which request a batch is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestId(pub(crate) u64);

/// The records of a batch: under construction, or encoded. Travels with the request and comes back with the answer.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Never sent; the header is not written yet.
    Fresh(BatchBuilder),
    /// Encoded with this header.
    Encoded { bytes: Bytes, meta: BatchMeta },
}

impl Payload {
    /// The batch with this header.
    pub(crate) fn encode(&mut self, wanted: &BatchMeta) -> Bytes {
        let bytes = match self {
            Self::Fresh(builder) => builder.build(wanted),
            Self::Encoded { bytes, meta } if meta == wanted => return bytes.clone(),
            // Numbered anew after a gap: rare enough to encode it again.
            Self::Encoded { bytes, .. } => encode_again(bytes, wanted).unwrap_or_else(|| bytes.clone()),
        };
        *self = Self::Encoded { bytes: bytes.clone(), meta: *wanted };
        bytes
    }
}

fn encode_again(bytes: &Bytes, meta: &BatchMeta) -> Option<Bytes> {
    let batch = Encoded::parse(bytes).ok()?;
    let open = batch.open(usize::MAX).ok()?;
    let mut builder = BatchBuilder::new(batch.compression().ok()?);
    let mut headers = Vec::new();
    for record in open.records() {
        let record = record.ok()?;
        headers.clear();
        for header in record.headers() {
            let (key, value) = header.ok()?;
            headers.push(Header { key, value });
        }
        builder.append(record.timestamp, record.key, record.value, &headers);
    }
    Some(builder.build(meta))
}

/// A batch that is not resolved yet. `T` stands for those who wait for it.
#[derive(Debug)]
pub(super) struct Batch<T> {
    /// Ascending over the whole producer, in the order of the first records.
    pub(super) number: u64,
    /// `None` once its waiters were told that it may be written, while its request is still unanswered.
    pub(super) token: Option<T>,
    /// `None` while it travels with a request.
    pub(super) payload: Option<Payload>,
    pub(super) records: i32,
    /// The memory that it takes, uncompressed.
    pub(super) size: usize,
    pub(super) created: Monotonic,
    /// The number of its first record, once it was sent by an idempotent producer.
    pub(super) sequence: Option<i32>,
    /// How many batches were numbered before it in this epoch.
    pub(super) ordinal: u64,
    /// The request that carries it just now.
    pub(super) request: Option<RequestId>,
    pub(super) attempts: u32,
    /// True if an attempt may have written it, as far as is known.
    pub(super) uncertain: bool,
    pub(super) last_failure: Option<Arc<SendFailure>>,
}

impl<T> Batch<T> {
    pub(super) fn new(number: u64, token: T, builder: BatchBuilder, created: Monotonic) -> Self {
        Self {
            number,
            token: Some(token),
            payload: Some(Payload::Fresh(builder)),
            records: 0,
            size: 0,
            created,
            sequence: None,
            ordinal: 0,
            request: None,
            attempts: 0,
            uncertain: false,
            last_failure: None,
        }
    }

    /// The builder of a batch that was never sent.
    pub(super) fn builder(&mut self) -> Option<&mut BatchBuilder> {
        match &mut self.payload {
            Some(Payload::Fresh(builder)) => Some(builder),
            _ => None,
        }
    }
}

/// A batch on its way: what the driver needs to encode it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: TopicName,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: PartitionId,
    pub(crate) meta: BatchMeta,
    pub(crate) payload: Payload,
}
