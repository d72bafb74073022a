//! CreateTopics.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};

use crate::api::{Context, Meta};
use crate::topics::settings::{DEFINITIONS, Layers};
use crate::topics::{NewTopic, TopicError};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for topic in &request.topics {
        *named.entry(topic.name.clone()).or_default() += 1;
    }
    let mut topics = Vec::with_capacity(named.len());
    for topic in request.topics {
        match named.get(&topic.name) {
            Some(1) => topics.push(create(&context, topic, request.validate_only).await),
            Some(_) => {
                named.remove(&topic.name);
                topics.push(CreatableTopicResult {
                    error_code: ErrorCode::InvalidRequest.code(),
                    error_message: Some("the request names this topic more than once".to_owned()),
                    ..unmade(topic.name)
                });
            }
            None => {}
        }
    }
    CreateTopicsResponse { topics, ..Default::default() }
}

async fn create(context: &Context, topic: CreatableTopic, validate_only: bool) -> CreatableTopicResult {
    let name = topic.name.clone();
    let wish = NewTopic {
        name: topic.name,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic.assignments.into_iter().map(|a| (a.partition_index, a.broker_ids)).collect(),
        settings: topic.configs.into_iter().map(|config| (config.name, config.value)).collect(),
    };
    let broker = &context.broker;
    let outcome = if validate_only {
        broker.plan_topic(&wish).map(|planned| CreatableTopicResult {
            num_partitions: planned.partitions,
            configs: Some(configs(broker.layers(&planned.settings))),
            ..made(name.clone())
        })
    } else {
        broker.create_topic(wish).await.map(|topic| CreatableTopicResult {
            topic_id: topic.id(),
            num_partitions: topic.state.partitions,
            configs: Some(configs(broker.layers(&topic.state.settings))),
            ..made(name.clone())
        })
    };
    outcome.unwrap_or_else(|error: TopicError| CreatableTopicResult {
        error_code: error.code().code(),
        error_message: Some(error.to_string()),
        ..unmade(name)
    })
}

fn made(name: String) -> CreatableTopicResult {
    CreatableTopicResult { name, replication_factor: 1, ..Default::default() }
}

fn unmade(name: String) -> CreatableTopicResult {
    CreatableTopicResult { name, num_partitions: -1, replication_factor: -1, ..Default::default() }
}

fn configs(layers: Layers<'_>) -> Vec<CreatableTopicConfigs> {
    let config = |definition| {
        let (value, source) = layers.get(definition);
        CreatableTopicConfigs {
            name: definition.name.to_owned(),
            value: Some(value.to_owned()),
            read_only: false,
            config_source: source as i8,
            is_sensitive: false,
        }
    };
    DEFINITIONS.iter().map(config).collect()
}
