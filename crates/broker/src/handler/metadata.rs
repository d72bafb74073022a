//! Metadata: brokers, topics and partitions; creates topics that are asked for, where that is allowed.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::{ErrorCode, InvalidName, TopicName, Uuid};
use headwater_wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};

use super::{ALL_CLUSTER_OPERATIONS, ALL_TOPIC_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::api::{Context, Meta};
use crate::topics::{NewTopic, Topic, is_hidden, is_internal};

pub(crate) async fn handle(context: Arc<Context>, meta: Meta, request: MetadataRequest) -> MetadataResponse {
    let broker = &context.broker;
    let here = context.advertised();
    let node_id = broker.config().node_id;
    MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id,
            host: here.host,
            port: i32::from(here.port),
            rack: None,
        }],
        cluster_id: Some(broker.cluster_id().to_string()),
        controller_id: node_id,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            ALL_CLUSTER_OPERATIONS
        } else {
            OPERATIONS_NOT_ASKED
        },
        topics: topics(&context, &meta, &request).await,
        ..Default::default()
    }
}

async fn topics(context: &Context, meta: &Meta, request: &MetadataRequest) -> Vec<MetadataResponseTopic> {
    let operations =
        if request.include_topic_authorized_operations { ALL_TOPIC_OPERATIONS } else { OPERATIONS_NOT_ASKED };
    let asked = match &request.topics {
        Some(asked) if meta.version > 0 || !asked.is_empty() => asked,
        _ => {
            let all = context.broker.topics(|topics| topics.all().cloned().collect::<Vec<_>>());
            let visible = all.iter().filter(|topic| !is_hidden(topic.name().as_str()));
            return visible.map(|topic| describe(context, topic, operations)).collect();
        }
    };
    let mut answers = Vec::new();
    // Each is answered once, however often it is asked for.
    let mut seen = BTreeSet::new();
    for wanted in asked.iter().filter(|wanted| seen.insert((&wanted.name, wanted.topic_id))) {
        answers.push(match find(context, request, wanted).await {
            Ok(topic) => describe(context, &topic, operations),
            Err(error) => MetadataResponseTopic {
                error_code: error.code(),
                name: wanted.name.clone().or_else(|| (meta.version < 12).then(String::new)),
                topic_id: wanted.topic_id,
                topic_authorized_operations: operations,
                ..Default::default()
            },
        });
    }
    answers
}

async fn find(
    context: &Context,
    request: &MetadataRequest,
    wanted: &MetadataRequestTopic,
) -> Result<Arc<Topic>, ErrorCode> {
    let broker = &context.broker;
    let Some(name) = wanted.name.as_deref().filter(|_| wanted.topic_id == Uuid::ZERO) else {
        return broker.visible_topic_by_id(wanted.topic_id).ok_or(ErrorCode::UnknownTopicId);
    };
    if let Some(topic) = broker.visible_topic(name) {
        return Ok(topic);
    }
    TopicName::new(name).map_err(|_: InvalidName| ErrorCode::InvalidTopicException)?;
    let creatable =
        request.allow_auto_topic_creation && broker.config().auto_create_topics && !is_internal(name);
    if !creatable {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    let wish =
        NewTopic { name: name.to_owned(), partitions: -1, replication_factor: -1, ..NewTopic::default() };
    match broker.create_topic(wish).await {
        Ok(topic) => Ok(topic),
        Err(error) if error.code() == ErrorCode::TopicAlreadyExists => Err(ErrorCode::LeaderNotAvailable),
        Err(error) => Err(error.code()),
    }
}

fn describe(context: &Context, topic: &Topic, topic_authorized_operations: i32) -> MetadataResponseTopic {
    let node_id = context.broker.config().node_id;
    let leader_epoch = context.broker.leader_epoch().0;
    let partition = |(index, online): (i32, bool)| MetadataResponsePartition {
        error_code: if online { ErrorCode::None } else { ErrorCode::LeaderNotAvailable }.code(),
        partition_index: index,
        leader_id: if online { node_id } else { -1 },
        leader_epoch,
        replica_nodes: vec![node_id],
        isr_nodes: if online { vec![node_id] } else { Vec::new() },
        offline_replicas: if online { Vec::new() } else { vec![node_id] },
    };
    MetadataResponseTopic {
        error_code: 0,
        name: Some(topic.name().to_string()),
        topic_id: topic.id(),
        is_internal: topic.state.internal,
        partitions: (0..).zip(topic.partitions.iter().map(Option::is_some)).map(partition).collect(),
        topic_authorized_operations,
    }
}
