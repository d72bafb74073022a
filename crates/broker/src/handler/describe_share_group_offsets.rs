//! DescribeShareGroupOffsets: where share groups are, and what they have before them (KIP-932, KIP-1226).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_coordinator::{
    self as coordinator, DescribedSharePartition, GroupId, SharePartitionId, SharePartitions,
};
use headwater_model::{ErrorCode, PartitionId, Uuid};
use headwater_wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse, DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition, DescribeShareGroupOffsetsResponseTopic,
};

use crate::api::{Context, Meta};
use crate::topics::{SHARE_STATE, Topic};

/// Where nothing is known.
const UNKNOWN: i64 = -1;

/// What a group has come to, of each partition that it has begun.
type Begun = BTreeMap<(Uuid, PartitionId), DescribedSharePartition>;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeShareGroupOffsetsRequest,
) -> DescribeShareGroupOffsetsResponse {
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut answered = BTreeSet::new();
    for asked in request.groups {
        let group_id = asked.group_id.clone();
        if !answered.insert(group_id.clone()) {
            // Each is answered once, however often it is asked for.
            continue;
        }
        groups.push(match describe(&context, asked).await {
            Ok(topics) => DescribeShareGroupOffsetsResponseGroup { group_id, topics, ..Default::default() },
            Err(error) => DescribeShareGroupOffsetsResponseGroup {
                group_id,
                error_code: error.code(),
                error_message: Some(error.message().to_owned()),
                ..Default::default()
            },
        });
    }
    DescribeShareGroupOffsetsResponse { groups, ..Default::default() }
}

async fn describe(
    context: &Context,
    asked: DescribeShareGroupOffsetsRequestGroup,
) -> Result<Vec<DescribeShareGroupOffsetsResponseTopic>, ErrorCode> {
    let group = GroupId::from(asked.group_id);
    let subscribed = subscribed(context, &group).await?;
    let begun = begun(context, &group).await?;
    let Some(topics) = asked.topics else {
        return Ok(all(context, &begun, subscribed));
    };
    Ok(topics
        .into_iter()
        .map(|asked| match context.broker.visible_topic(&asked.topic_name) {
            Some(topic) => of_topic(&begun, &topic, asked.partitions),
            None => unknown(asked.topic_name, asked.partitions),
        })
        .collect())
}

/// The topics that members subscribe to, so far as they are assigned.
async fn subscribed(context: &Context, group: &GroupId) -> Result<BTreeSet<Uuid>, ErrorCode> {
    let wanted = group.clone();
    let look = move |groups: &coordinator::Groups| groups.describe_share_group(&wanted);
    let described = context.broker.look_at_group(group, look).await?.ok_or(ErrorCode::GroupIdNotFound)?;
    let targets = described.members.iter().flat_map(|member| member.target.by_topic());
    Ok(targets.map(|(topic, _)| topic).collect())
}

async fn begun(context: &Context, group: &GroupId) -> Result<Begun, ErrorCode> {
    if context.broker.topic(SHARE_STATE).is_none() {
        return Ok(Begun::new());
    }
    let wanted = group.clone();
    let look = move |state: &SharePartitions| {
        let place = |(id, described): (&SharePartitionId, _)| ((id.topic, id.partition), described);
        state.describe_group(&wanted).map(place).collect()
    };
    context.broker.look_at(group.as_str(), look).await
}

/// Every partition that has begun, or that members wait for.
fn all(
    context: &Context,
    begun: &Begun,
    mut topics: BTreeSet<Uuid>,
) -> Vec<DescribeShareGroupOffsetsResponseTopic> {
    topics.extend(begun.keys().map(|(topic, _)| *topic));
    let known = topics.into_iter().filter_map(|topic| context.broker.visible_topic_by_id(topic));
    known.map(|topic| of_topic(begun, &topic, 0..topic.state.partitions)).collect()
}

fn of_topic(
    begun: &Begun,
    topic: &Topic,
    partitions: impl IntoIterator<Item = i32>,
) -> DescribeShareGroupOffsetsResponseTopic {
    let describe = |partition_index: i32| {
        let partition = PartitionId(partition_index);
        let described = begun.get(&(topic.id(), partition));
        let Some(slot) = topic.slot(partition) else {
            return unknown_partition(partition_index);
        };
        let lag = |described: &DescribedSharePartition| {
            let end = slot.as_ref().map(|partition| partition.high_watermark())?;
            let completed = i64::try_from(described.completed).unwrap_or(i64::MAX);
            Some((end.0 - described.start.0 - completed).max(0))
        };
        DescribeShareGroupOffsetsResponsePartition {
            partition_index,
            start_offset: described.map_or(UNKNOWN, |described| described.start.0),
            lag: described.and_then(lag).unwrap_or(UNKNOWN),
            ..Default::default()
        }
    };
    DescribeShareGroupOffsetsResponseTopic {
        topic_name: topic.name().to_string(),
        topic_id: topic.id(),
        partitions: partitions.into_iter().map(describe).collect(),
    }
}

fn unknown(topic_name: String, partitions: Vec<i32>) -> DescribeShareGroupOffsetsResponseTopic {
    let partitions = partitions.into_iter().map(unknown_partition).collect();
    DescribeShareGroupOffsetsResponseTopic { topic_name, partitions, ..Default::default() }
}

fn unknown_partition(partition_index: i32) -> DescribeShareGroupOffsetsResponsePartition {
    let error = ErrorCode::UnknownTopicOrPartition;
    DescribeShareGroupOffsetsResponsePartition {
        partition_index,
        start_offset: UNKNOWN,
        lag: UNKNOWN,
        error_code: error.code(),
        error_message: Some(error.message().to_owned()),
        ..Default::default()
    }
}
