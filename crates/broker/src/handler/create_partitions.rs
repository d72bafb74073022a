//! CreatePartitions: topics grow.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_model::TopicName;
use headwater_wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};

use crate::api::{Context, Meta};
use crate::topics::TopicError;
use crate::topics::change::Growth;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for topic in &request.topics {
        *named.entry(topic.name.clone()).or_default() += 1;
    }
    let mut results = Vec::with_capacity(named.len());
    for topic in request.topics {
        let name = topic.name.clone();
        let outcome = match named.get(&name) {
            Some(1) => grow(&context, topic, request.validate_only).await,
            Some(_) => {
                named.remove(&name);
                Err(TopicError::Change("the request names this topic more than once".to_owned()))
            }
            None => continue,
        };
        results.push(result(name, outcome));
    }
    CreatePartitionsResponse { results, ..Default::default() }
}

async fn grow(
    context: &Context,
    topic: CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), TopicError> {
    let name = TopicName::new(&topic.name).map_err(|_| TopicError::Unknown(topic.name.clone()))?;
    let assignments = topic.assignments.map(|all| all.into_iter().map(|one| one.broker_ids).collect());
    let wish = Growth { topic: name, count: topic.count, assignments };
    context.broker.grow_topic(wish, validate_only).await
}

fn result(name: String, outcome: Result<(), TopicError>) -> CreatePartitionsTopicResult {
    let error = outcome.err();
    CreatePartitionsTopicResult {
        name,
        error_code: error.as_ref().map_or(0, |error| error.code().code()),
        error_message: error.map(|error| error.to_string()),
    }
}
