//! AlterShareGroupOffsets: has a share group without members begin elsewhere (KIP-932).

use std::sync::Arc;

use headwater_coordinator::{GroupId, Groups, SharePartitionId};
use headwater_model::{ErrorCode, Offset, PartitionId};
use headwater_wire::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestTopic, AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition, AlterShareGroupOffsetsResponseTopic,
};

use crate::api::{Context, Meta};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: AlterShareGroupOffsetsRequest,
) -> AlterShareGroupOffsetsResponse {
    let group = GroupId::from(request.group_id);
    match alter(&context, &group, request.topics).await {
        Ok(responses) => AlterShareGroupOffsetsResponse { responses, ..Default::default() },
        Err(error) => AlterShareGroupOffsetsResponse {
            error_code: error.code(),
            error_message: Some(error.message().to_owned()),
            ..Default::default()
        },
    }
}

/// Whether the offsets of a share group may be altered or deleted now.
pub(super) async fn check(context: &Context, group: &GroupId) -> Result<(), ErrorCode> {
    let wanted = group.clone();
    let look = move |groups: &Groups| groups.check_share_alteration(&wanted);
    context.broker.look_at_group(group, look).await?
}

async fn alter(
    context: &Context,
    group: &GroupId,
    topics: Vec<AlterShareGroupOffsetsRequestTopic>,
) -> Result<Vec<AlterShareGroupOffsetsResponseTopic>, ErrorCode> {
    check(context, group).await?;
    let (mut offsets, mut responses) = (Vec::new(), Vec::new());
    for asked in topics {
        let topic = context.broker.visible_topic(&asked.topic_name);
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for partition in asked.partitions {
            let id = PartitionId(partition.partition_index);
            let exists = topic.as_ref().filter(|topic| topic.slot(id).is_some());
            if let Some(topic) = exists {
                let id = SharePartitionId { group: group.clone(), topic: topic.id(), partition: id };
                offsets.push((id, Offset(partition.start_offset)));
            }
            let error = exists.is_none().then_some(ErrorCode::UnknownTopicOrPartition);
            partitions.push(answer(partition.partition_index, error));
        }
        let topic_id = topic.map(|topic| topic.id()).unwrap_or_default();
        responses.push(AlterShareGroupOffsetsResponseTopic {
            topic_name: asked.topic_name,
            topic_id,
            partitions,
        });
    }
    let mut outcomes = if offsets.is_empty() {
        Vec::new()
    } else {
        context.broker.alter_share_offsets(group, offsets).await?
    }
    .into_iter();
    let asked = responses.iter_mut().flat_map(|topic| &mut topic.partitions);
    for partition in asked.filter(|partition| partition.error_code == 0) {
        *partition = answer(partition.partition_index, outcomes.next().and_then(Result::err));
    }
    Ok(responses)
}

fn answer(partition_index: i32, error: Option<ErrorCode>) -> AlterShareGroupOffsetsResponsePartition {
    AlterShareGroupOffsetsResponsePartition {
        partition_index,
        error_code: error.map_or(0, ErrorCode::code),
        error_message: error.map(|error| error.message().to_owned()),
    }
}
