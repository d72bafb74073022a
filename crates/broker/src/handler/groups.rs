//! What the handlers of groups share: how Kafka's fields become the coordinator's words.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use headwater_coordinator::{self as coordinator, GroupId, Groups, OffsetToCommit};
use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicName, TopicPartition, Uuid};

use crate::api::Context;

/// Partitions of a request, each with its outcome if that is known without asking the coordinator.
pub(super) type Partitions = Vec<(i32, Option<ErrorCode>)>;

/// A name that the protocol writes as an empty text where there is none.
pub(super) fn named<T: From<String>>(text: String) -> Option<T> {
    (!text.is_empty()).then(|| text.into())
}

/// A length of time; what is negative is none.
pub(super) fn not_negative(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Milliseconds, as a response has them.
pub(super) fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// The numbers of partitions.
pub(super) fn numbers(partitions: &BTreeSet<PartitionId>) -> Vec<i32> {
    partitions.iter().map(|partition| partition.0).collect()
}

/// A group of the wanted kind as it stands; else why there is none, with a sentence for people.
pub(super) async fn described<T: Send + 'static>(
    context: &Context,
    group_id: &str,
    kind: &str,
    describe: fn(&Groups, &GroupId) -> Option<T>,
) -> Result<T, (ErrorCode, String)> {
    if group_id.is_empty() {
        return Err((ErrorCode::InvalidGroupId, ErrorCode::InvalidGroupId.message().to_owned()));
    }
    let group = GroupId::from(group_id.to_owned());
    let wanted = group.clone();
    let found = context.broker.look_at_group(&group, move |groups| describe(groups, &wanted)).await;
    let found = found.map_err(|error| (error, error.message().to_owned()))?;
    found.ok_or_else(|| (ErrorCode::GroupIdNotFound, format!("{group_id} is not a {kind} group.")))
}

/// Partitions by topic, with its name; topics that are gone have none to be told by.
pub(super) fn by_topic(
    context: &Context,
    partitions: &coordinator::Partitions,
) -> impl Iterator<Item = (Uuid, String, Vec<i32>)> {
    partitions.by_topic().filter_map(|(topic_id, partitions)| {
        let topic = context.broker.visible_topic_by_id(topic_id)?;
        Some((topic_id, topic.name().to_string(), numbers(partitions)))
    })
}

/// Where a member connects from, as Kafka's tools show it: `/127.0.0.1`.
pub(super) fn client_host(peer: &str) -> String {
    match peer.parse::<SocketAddr>() {
        Ok(address) => format!("/{}", address.ip()),
        Err(_) => format!("/{peer}"),
    }
}

/// The code of an outcome.
pub(super) fn code<T>(outcome: &Result<T, ErrorCode>) -> i16 {
    outcome.as_ref().err().map_or(0, |error| error.code())
}

/// The name of a topic that a request gives by name or, from some version on, by id.
pub(super) fn topic_name(
    context: &Context,
    by_id: bool,
    name: &str,
    topic_id: Uuid,
) -> Result<TopicName, ErrorCode> {
    if by_id {
        let topic = context.broker.visible_topic_by_id(topic_id);
        return topic.map(|topic| topic.name().clone()).ok_or(ErrorCode::UnknownTopicId);
    }
    TopicName::new(name).map_err(|_| ErrorCode::UnknownTopicOrPartition)
}

/// A partition that exists.
pub(super) fn existing(
    context: &Context,
    topic: &TopicName,
    partition: i32,
) -> Result<TopicPartition, ErrorCode> {
    let partition = PartitionId(partition);
    let exists =
        context.broker.visible_topic(topic.as_str()).is_some_and(|topic| topic.slot(partition).is_some());
    if exists {
        Ok(TopicPartition::new(topic.clone(), partition))
    } else {
        Err(ErrorCode::UnknownTopicOrPartition)
    }
}

/// An offset as a request has it.
pub(super) struct AskedOffset {
    pub(super) partition_index: i32,
    pub(super) offset: i64,
    /// Negative if the client does not know.
    pub(super) leader_epoch: i32,
    pub(super) metadata: Option<String>,
}

/// Tells partitions that exist from others: the offsets of the former go to the coordinator.
pub(super) fn sort_out(
    context: &Context,
    topic: &Result<TopicName, ErrorCode>,
    asked: impl Iterator<Item = AskedOffset>,
    offsets: &mut Vec<OffsetToCommit>,
) -> Partitions {
    let mut partitions = Vec::with_capacity(asked.size_hint().0);
    for asked in asked {
        let index = asked.partition_index;
        let at = topic.as_ref().map_err(|error| *error).and_then(|topic| existing(context, topic, index));
        partitions.push((index, at.as_ref().err().copied()));
        if let Ok(partition) = at {
            offsets.push(OffsetToCommit {
                partition,
                offset: Offset(asked.offset),
                leader_epoch: (asked.leader_epoch >= 0).then_some(LeaderEpoch(asked.leader_epoch)),
                metadata: asked.metadata.unwrap_or_default(),
            });
        }
    }
    partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_look_as_in_kafkas_tools() {
        assert_eq!(client_host("127.0.0.1:51234"), "/127.0.0.1");
        assert_eq!(client_host("[::1]:51234"), "/::1");
        assert_eq!(client_host("in memory"), "/in memory");
    }
}
