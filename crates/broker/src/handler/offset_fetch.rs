//! OffsetFetch: how far groups have come; one group before version 8, many from then on.
//!
//! With `require_stable` an offset that an open transaction may change is answered with an error, to be asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_coordinator::{CommittedOffset, GroupId, Groups, MemberId};
use headwater_model::{ErrorCode, PartitionId, TopicName, TopicPartition};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};

use super::groups::{named, topic_name};
use crate::api::{Context, Meta};

const FIRST_VERSION_WITH_MANY_GROUPS: i16 = 8;
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 10;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    if meta.version < FIRST_VERSION_WITH_MANY_GROUPS {
        let asked = Asked { by_id: false, stable: request.require_stable };
        let only = fetch(&context, asked, only_group(request)).await;
        return OffsetFetchResponse {
            error_code: only.error_code,
            topics: only.topics.into_iter().map(as_before).collect(),
            ..Default::default()
        };
    }
    let by_id = meta.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let asked = Asked { by_id, stable: request.require_stable };
    let mut groups = Vec::new();
    // Each is answered once, however often it is asked for.
    let mut seen = BTreeSet::new();
    for group in request.groups {
        if !seen.insert(group.group_id.clone()) {
            continue;
        }
        groups.push(fetch(&context, asked, group).await);
    }
    OffsetFetchResponse { groups, ..Default::default() }
}

/// How offsets are asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// Topics by their ids.
    by_id: bool,
    /// None that an open transaction may change.
    stable: bool,
}

/// The group, and who in it asks.
#[derive(Debug, Clone)]
struct Asker {
    group: GroupId,
    member: Option<MemberId>,
    /// Negative for somebody who is no member.
    epoch: i32,
}

impl Asker {
    fn check(&self, groups: &Groups) -> Result<(), ErrorCode> {
        groups.check_fetch(&self.group, self.member.as_ref(), self.epoch)
    }
}

fn only_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        let topic = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..Default::default()
        });
        topic.collect()
    });
    OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() }
}

fn as_before(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    }
}

async fn fetch(
    context: &Context,
    asked: Asked,
    request: OffsetFetchRequestGroup,
) -> OffsetFetchResponseGroup {
    let asker = Asker {
        group: GroupId::from(request.group_id.clone()),
        member: request.member_id.and_then(named),
        epoch: request.member_epoch,
    };
    let topics = match request.topics {
        None => all(context, asked, asker).await,
        Some(topics) => some(context, asked, asker, topics).await,
    };
    let (topics, error_code) = match topics {
        Ok(topics) => (topics, 0),
        Err(error) => (Vec::new(), error.code()),
    };
    OffsetFetchResponseGroup { group_id: request.group_id, topics, error_code }
}

/// Everything that the group has committed.
async fn all(
    context: &Context,
    asked: Asked,
    asker: Asker,
) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
    let group = asker.group.clone();
    let look = move |groups: &Groups| {
        asker.check(groups)?;
        let wanted = &asker.group;
        let mut topics: BTreeMap<TopicName, Vec<OffsetFetchResponsePartitions>> = BTreeMap::new();
        let mut tell = |at: &TopicPartition, partition| {
            topics.entry(at.topic.clone()).or_default().push(partition);
        };
        let unstable: BTreeSet<_> =
            groups.unstable_partitions(wanted).filter(|_| asked.stable).cloned().collect();
        for (at, committed) in groups.committed_offsets(wanted) {
            if !unstable.contains(at) {
                tell(at, found(at.partition.0, Some(committed)));
            }
        }
        for at in &unstable {
            tell(at, failed(at.partition.0, ErrorCode::UnstableOffsetCommit));
        }
        Ok(topics)
    };
    let mut topics = Vec::new();
    for (name, partitions) in context.broker.look_at_group(&group, look).await?? {
        let topic_id = context.broker.visible_topic(name.as_str()).map(|topic| topic.id());
        // A topic that is gone has no id to be named by.
        if !asked.by_id || topic_id.is_some() {
            let (name, topic_id) = (name.to_string(), topic_id.unwrap_or_default());
            topics.push(OffsetFetchResponseTopics { name, topic_id, partitions });
        }
    }
    Ok(topics)
}

/// What the group has committed for certain partitions.
async fn some(
    context: &Context,
    asked: Asked,
    asker: Asker,
    topics: Vec<OffsetFetchRequestTopics>,
) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
    let resolved = topics.into_iter().map(|topic| {
        let name = topic_name(context, asked.by_id, &topic.name, topic.topic_id);
        (topic, name)
    });
    let resolved: Vec<_> = resolved.collect();
    let group = asker.group.clone();
    let look = move |groups: &Groups| {
        asker.check(groups)?;
        let topic = |(topic, name)| of_topic(groups, &asker.group, asked, topic, &name);
        Ok(resolved.into_iter().map(topic).collect())
    };
    context.broker.look_at_group(&group, look).await?
}

fn of_topic(
    groups: &Groups,
    group: &GroupId,
    asked: Asked,
    topic: OffsetFetchRequestTopics,
    name: &Result<TopicName, ErrorCode>,
) -> OffsetFetchResponseTopics {
    let partition = |index: i32| match name {
        Ok(name) => {
            let at = TopicPartition::new(name.clone(), PartitionId(index));
            if asked.stable && groups.is_unstable(group, &at) {
                failed(index, ErrorCode::UnstableOffsetCommit)
            } else {
                found(index, groups.committed_offset(group, &at))
            }
        }
        // No topic can have that name: nothing was committed for it.
        Err(ErrorCode::UnknownTopicOrPartition) => found(index, None),
        Err(error) => failed(index, *error),
    };
    OffsetFetchResponseTopics {
        partitions: topic.partition_indexes.into_iter().map(partition).collect(),
        name: topic.name,
        topic_id: topic.topic_id,
    }
}

fn failed(partition_index: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions { error_code: error.code(), ..found(partition_index, None) }
}

fn found(partition_index: i32, committed: Option<&CommittedOffset>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.map_or(-1, |committed| committed.offset.0),
        committed_leader_epoch: committed
            .and_then(|committed| committed.leader_epoch)
            .map_or(-1, |epoch| epoch.0),
        metadata: Some(committed.map(|committed| committed.metadata.to_string()).unwrap_or_default()),
        error_code: 0,
    }
}
