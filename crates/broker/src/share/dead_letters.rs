//! Dead letters: records that a share group could not process, told of in a topic of its own (KIP-1191).
//!
//! Owns: the form of what is written, and the trying until it is there.
//!
//! Invariants: once it is told that records are in the dead-letter topic they are durable there; a record may be there
//! twice. What cannot be copied, for it is too large or gone, is told of without its key and value.
//!
//! Does not know: why a record could not be processed, beyond what the crate `headwater-coordinator` says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_coordinator::{DeadLetterCause, DeadLetters, SharePartitionId, SharePartitions};
use headwater_model::{Offset, PartitionId, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, Header, batches};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Command;
use crate::broker::{Broker, WeakBroker};
use crate::coordinator::Message;
use crate::groups::settings::DeadLetterTopic;
use crate::partition::{Acks, Origin, Partition};
use crate::topics::{NewTopic, Topic, TopicError};

/// The setting of a topic that lets it be one for dead letters.
pub(crate) const TOPIC_SETTING: &str = "errors.deadletterqueue.group.enable";
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Where a batch ends, unless the topic's limit is less.
const BATCH_BYTES: usize = 256 * 1024;
/// Read at a time.
const READ_BYTES: usize = 1024 * 1024;

/// Why dead letters are not written yet.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("the dead-letter topic cannot be made: {0}")]
    Topic(#[from] TopicError),
    #[error("the topic is not for dead letters: set its {TOPIC_SETTING} to true")]
    NotEnabled,
    #[error("the dead-letter topic is offline")]
    Offline,
    #[error("writing failed: {0}")]
    Append(String),
}

/// Writes dead letters, however long it takes, and tells the shard.
pub(super) async fn bury(
    broker: WeakBroker,
    mut letters: DeadLetters,
    inbox: mpsc::WeakSender<Message<SharePartitions>>,
) {
    let (all, mut pause) = ((letters.first, letters.last), FIRST_PAUSE);
    loop {
        let Some(broker) = broker.upgrade() else {
            return;
        };
        match write(&broker, &mut letters).await {
            Ok(()) => break,
            Err(error) if pause == FIRST_PAUSE => {
                let (group, topic) = (&letters.id.group, letters.id.topic);
                tracing::warn!(%group, source = %topic, %error, "cannot write dead letters; trying on");
            }
            Err(_) => {}
        }
        drop(broker);
        tokio::time::sleep_until(Instant::now() + pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    if let Some(inbox) = inbox.upgrade() {
        let (id, (first, last)) = (letters.id, all);
        // A shard that has ended finds in its log that it has to ask again.
        let _ = inbox
            .send(Message::Command { command: Command::DeadLettered { id, first, last }, reply: None })
            .await;
    }
}

/// What is written is left out of the next try.
async fn write(broker: &Broker, letters: &mut DeadLetters) -> Result<(), NotWritten> {
    let SharePartitionId { group, topic, partition } = letters.id.clone();
    let Some(DeadLetterTopic { name, copies }) = broker.group_settings(&group).dead_letters() else {
        // The group has none any more.
        return Ok(());
    };
    let Some(source) = broker.visible_topic_by_id(topic) else {
        // It is gone, and its records with it.
        return Ok(());
    };
    let target = target(broker, name.as_str()).await?;
    let target = place(&target, partition)?;
    let read = copies.then(|| source.serving(partition).ok().cloned()).flatten();
    while letters.first <= letters.last {
        let telling = Letters { topic: source.name().as_str(), letters, now: broker.clock().now() };
        let limit = BATCH_BYTES.min(target.max_message_bytes());
        let (batch, next) = telling.next_batch(read.as_deref(), limit);
        let written = target.append(batch, Acks::All, Origin::Broker).await;
        written.map_err(|error| NotWritten::Append(error.to_string()))?;
        letters.first = next;
    }
    Ok(())
}

/// The dead-letter topic, made if it does not exist.
async fn target(broker: &Broker, name: &str) -> Result<Arc<Topic>, NotWritten> {
    if let Some(topic) = broker.visible_topic(name) {
        let enabled =
            topic.state.settings.get(TOPIC_SETTING).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        return if enabled { Ok(topic) } else { Err(NotWritten::NotEnabled) };
    }
    let wish = NewTopic {
        name: name.to_owned(),
        partitions: -1,
        replication_factor: -1,
        settings: vec![(TOPIC_SETTING.to_owned(), Some("true".to_owned()))],
        ..NewTopic::default()
    };
    Ok(broker.create_topic(wish).await?)
}

/// Dead letters of one partition stay together, and in order.
fn place(topic: &Topic, source: PartitionId) -> Result<Arc<Partition>, NotWritten> {
    let partition = PartitionId(source.0.checked_rem(topic.state.partitions).unwrap_or(0));
    topic.serving(partition).cloned().map_err(|_| NotWritten::Offline)
}

/// What is to be told.
struct Letters<'a> {
    topic: &'a str,
    letters: &'a DeadLetters,
    now: Timestamp,
}

/// A record's key and value.
type Copy = (Option<Bytes>, Option<Bytes>);

impl Letters<'_> {
    /// A batch of the first letters, with copies of what can be read, and the offset of the first letter after them.
    fn next_batch(&self, from: Option<&Partition>, limit: usize) -> (Bytes, Offset) {
        let (copies, end) = match from {
            Some(partition) => self.copies(partition),
            None => (BTreeMap::new(), self.letters.last.next()),
        };
        let mut builder = BatchBuilder::new(Compression::None);
        let mut at = self.letters.first;
        while at < end {
            let texts = self.texts(at.0);
            let headers =
                texts.each_ref().map(|(name, text)| Header { key: name, value: Some(text.as_bytes()) });
            let (mut key, mut value) = copies.get(&at).cloned().unwrap_or_default();
            let is_too_large = |key: &Option<Bytes>, value: &Option<Bytes>, builder: &BatchBuilder| {
                builder.size_with(key.as_deref(), value.as_deref(), &headers) > limit
            };
            if is_too_large(&key, &value, &builder) {
                if !builder.is_empty() {
                    break;
                }
                (key, value) = (None, None);
            }
            builder.append(self.now, key.as_deref(), value.as_deref(), &headers);
            at = at.next();
        }
        (builder.build(&BatchMeta::default()), at)
    }

    /// The headers, as Kafka names them.
    fn texts(&self, offset: i64) -> [(&'static str, String); 6] {
        let message = match self.letters.cause {
            DeadLetterCause::Rejected => "Offset rejected by client.",
            DeadLetterCause::Exhausted => "Offset delivery count exceeded the threshold.",
        };
        [
            ("__dlq.errors.topic", self.topic.to_owned()),
            ("__dlq.errors.partition", self.letters.id.partition.0.to_string()),
            ("__dlq.errors.offset", offset.to_string()),
            ("__dlq.errors.group", self.letters.id.group.to_string()),
            ("__dlq.errors.delivery.count", self.letters.deliveries.to_string()),
            ("__dlq.errors.message", message.to_owned()),
        ]
    }

    /// What can be read of the first records at once, and where that ends.
    fn copies(&self, partition: &Partition) -> (BTreeMap<Offset, Copy>, Offset) {
        let (first, last) = (self.letters.first, self.letters.last);
        let (mut copies, mut end) = (BTreeMap::new(), first);
        let read = partition.read(first, READ_BYTES, true).ok().and_then(|read| read.to_bytes().ok());
        for batch in batches(read.unwrap_or_default()).map_while(Result::ok) {
            end = batch.next_offset();
            let Ok(open) = batch.open(partition.max_uncompressed()) else {
                continue;
            };
            for record in open.records().map_while(Result::ok) {
                if (first..=last).contains(&record.offset) {
                    let copy = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
                    copies.insert(record.offset, (copy(record.key), copy(record.value)));
                }
            }
        }
        // What cannot be read at all is told of as it is.
        (copies, if end > first { end.min(last.next()) } else { last.next() })
    }
}
