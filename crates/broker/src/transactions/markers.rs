//! The writing of markers: into every partition of a transaction, until they are there.
//!
//! Invariants: once it is told that markers are written they are durable, in each partition that there is.
//!
//! Does not know: what led to the outcome.

use std::time::Duration;

use headwater_coordinator::{Groups, Markers, Outcome, ProducerIdentity, Transactions};
use headwater_model::{ErrorCode, TopicPartition};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Command, marker};
use crate::broker::{Broker, WeakBroker};
use crate::coordinator::Message;
use crate::groups;
use crate::partition::Appending;
use crate::topics::CONSUMER_OFFSETS;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes markers to all their partitions, however long it takes, and tells the shard.
pub(super) async fn write(
    broker: WeakBroker,
    markers: Markers,
    inbox: mpsc::WeakSender<Message<Transactions>>,
) {
    let Markers { id, producer, outcome, partitions, number } = markers;
    let mut left: Vec<TopicPartition> = partitions.into_iter().collect();
    let mut pause = FIRST_PAUSE;
    loop {
        left = write_once(&broker, left, producer, outcome).await;
        if left.is_empty() {
            break;
        }
        if pause == FIRST_PAUSE {
            let (transactional_id, partition) = (&id, left.first().map(ToString::to_string));
            tracing::warn!(%transactional_id, partition, "cannot end a transaction in a partition; trying on");
        }
        tokio::time::sleep_until(Instant::now() + pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    if let Some(inbox) = inbox.upgrade() {
        let command = Command::MarkersWritten { id, number };
        // A shard that has ended finds in its log that it has to ask again.
        let _ = inbox.send(Message::Command { command, reply: None }).await;
    }
}

/// Gives the partitions where it did not come to a good end.
async fn write_once(
    broker: &WeakBroker,
    partitions: Vec<TopicPartition>,
    producer: ProducerIdentity,
    outcome: Outcome,
) -> Vec<TopicPartition> {
    let Some(broker) = broker.upgrade() else {
        return partitions;
    };
    let (of_groups, others): (Vec<_>, Vec<_>) =
        partitions.into_iter().partition(|partition| partition.topic.as_str() == CONSUMER_OFFSETS);
    // All at once, so that one sync serves them all.
    let under_way: Vec<_> = others
        .into_iter()
        .map(|partition| {
            let begun = begin(&broker, &partition, producer, outcome);
            (partition, begun)
        })
        .collect();
    let mut left = Vec::new();
    for partition in of_groups {
        let command = groups::Command::EndTransaction { producer, outcome };
        match broker.ask_partition::<Groups>(partition.partition, command).await {
            // Refused are those alone that a newer epoch has made void.
            Ok(_) => {}
            Err(_) => left.push(partition),
        }
    }
    drop(broker);
    for (partition, begun) in under_way {
        let written = match begun {
            Ok(appending) => appending.await.map(|_| ()).map_err(|error| error.code()),
            Err(error) => Err(error),
        };
        match written {
            // What was deleted has nothing left to end.
            Ok(()) | Err(ErrorCode::UnknownTopicOrPartition) => {}
            Err(_) => left.push(partition),
        }
    }
    left
}

fn begin(
    broker: &Broker,
    at: &TopicPartition,
    producer: ProducerIdentity,
    outcome: Outcome,
) -> Result<Appending, ErrorCode> {
    let topic = broker.topic(at.topic.as_str()).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.serving(at.partition)?;
    Ok(partition.end_transaction((producer.id, producer.epoch), marker(outcome), false))
}
