//! DeleteTopics, by name or by id.

use std::sync::Arc;

use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};

use crate::api::{Context, Meta};
use crate::topics::TopicError;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let by_name = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState { name: Some(name), topic_id: Uuid::ZERO });
    let mut responses = Vec::new();
    for topic in by_name.chain(request.topics) {
        responses.push(delete(&context, topic).await);
    }
    DeleteTopicsResponse { responses, ..Default::default() }
}

async fn delete(context: &Context, topic: DeleteTopicState) -> DeletableTopicResult {
    let broker = &context.broker;
    let result = |name, topic_id, error: ErrorCode, error_message| DeletableTopicResult {
        name,
        topic_id,
        error_code: error.code(),
        error_message,
    };
    let name = match topic.name {
        Some(name) if topic.topic_id == Uuid::ZERO => name,
        Some(name) => {
            let message = "a topic is named either by name or by id".to_owned();
            return result(Some(name), topic.topic_id, ErrorCode::InvalidRequest, Some(message));
        }
        None => match broker.visible_topic_by_id(topic.topic_id) {
            Some(found) => found.name().to_string(),
            None => return result(None, topic.topic_id, ErrorCode::UnknownTopicId, None),
        },
    };
    match broker.delete_topic(&name).await {
        Ok(topic_id) => result(Some(name), topic_id, ErrorCode::None, None),
        Err(error) => {
            let error: TopicError = error;
            result(Some(name), topic.topic_id, error.code(), Some(error.to_string()))
        }
    }
}
