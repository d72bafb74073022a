//! DeleteShareGroupOffsets: a share group without members forgets topics (KIP-932).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{GroupId, SharePartitionsGone};
use headwater_model::ErrorCode;
use headwater_wire::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequestTopic, DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
};

use super::alter_share_group_offsets::check;
use crate::api::{Context, Meta};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DeleteShareGroupOffsetsRequest,
) -> DeleteShareGroupOffsetsResponse {
    let group = GroupId::from(request.group_id);
    match delete(&context, &group, request.topics).await {
        Ok(responses) => DeleteShareGroupOffsetsResponse { responses, ..Default::default() },
        Err(error) => DeleteShareGroupOffsetsResponse {
            error_code: error.code(),
            error_message: Some(error.message().to_owned()),
            ..Default::default()
        },
    }
}

async fn delete(
    context: &Context,
    group: &GroupId,
    topics: Vec<DeleteShareGroupOffsetsRequestTopic>,
) -> Result<Vec<DeleteShareGroupOffsetsResponseTopic>, ErrorCode> {
    check(context, group).await?;
    let (mut known, mut responses) = (BTreeSet::new(), Vec::with_capacity(topics.len()));
    for asked in topics {
        let topic = context.broker.visible_topic(&asked.topic_name);
        let error = topic.is_none().then_some(ErrorCode::UnknownTopicOrPartition);
        known.extend(topic.as_ref().map(|topic| topic.id()));
        responses.push(DeleteShareGroupOffsetsResponseTopic {
            topic_name: asked.topic_name,
            topic_id: topic.map(|topic| topic.id()).unwrap_or_default(),
            error_code: error.map_or(0, ErrorCode::code),
            error_message: error.map(|error| error.message().to_owned()),
        });
    }
    if !known.is_empty() {
        context
            .broker
            .forget_share_state(group, SharePartitionsGone::GroupTopics(group.clone(), known))
            .await?;
    }
    Ok(responses)
}
