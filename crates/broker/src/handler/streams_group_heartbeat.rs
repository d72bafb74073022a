//! StreamsGroupHeartbeat: joins a streams group, stays in it, learns which tasks to work on, leaves (KIP-1071).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_coordinator::{
    CopartitionGroup, Endpoint, EndpointPartitions, InternalTopic, Refused, Reply, StreamsAnswer,
    StreamsHeartbeat, StreamsStatus, StreamsTopology, Subtopology, SubtopologyId, Task, TaskOffset, Tasks,
};
use headwater_model::{ErrorCode, PartitionId};
use headwater_wire::messages::streams_group_heartbeat as wire;
use headwater_wire::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse,
};

use super::groups::{client_host, millis, not_negative, numbers};
use crate::api::{Context, Meta};
use crate::groups::Command;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: StreamsGroupHeartbeatRequest,
) -> StreamsGroupHeartbeatResponse {
    let beat = heartbeat(&context, meta, request);
    let outcome = match context.broker.coordinate(Command::StreamsHeartbeat(beat)).await {
        Ok(Reply::StreamsHeartbeat(outcome)) => outcome,
        Ok(_) => Err(ErrorCode::UnknownServerError.into()),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(mut answer) => {
            context.broker.make_internal_topics(&mut answer).await;
            answered(answer)
        }
        Err(refused) => self::refused(refused),
    }
}

fn heartbeat(context: &Context, meta: Meta, request: StreamsGroupHeartbeatRequest) -> StreamsHeartbeat {
    let rebalance_timeout = (request.rebalance_timeout_ms >= 0).then_some(request.rebalance_timeout_ms);
    StreamsHeartbeat {
        group: request.group_id.into(),
        member: request.member_id.into(),
        epoch: request.member_epoch,
        endpoint_epoch: request.endpoint_information_epoch,
        instance: request.instance_id.map(Into::into),
        rack: request.rack_id,
        rebalance_timeout: rebalance_timeout.map(not_negative),
        topology: request.topology.map(topology),
        active: request.active_tasks.map(tasks),
        standby: request.standby_tasks.map(tasks),
        warmup: request.warmup_tasks.map(tasks),
        process: request.process_id,
        endpoint: request.user_endpoint.map(|endpoint| Endpoint { host: endpoint.host, port: endpoint.port }),
        tags: request.client_tags.map(pairs),
        task_offsets: request.task_offsets.map(offsets),
        task_end_offsets: request.task_end_offsets.map(offsets),
        shutdown_application: request.shutdown_application,
        client_id: meta.client_id.unwrap_or_default(),
        client_host: client_host(&context.peer),
    }
}

fn topology(topology: wire::Topology) -> StreamsTopology {
    StreamsTopology {
        epoch: topology.epoch,
        subtopologies: topology.subtopologies.into_iter().map(subtopology).collect(),
    }
}

fn subtopology(part: wire::Subtopology) -> Subtopology {
    let group = |group: wire::CopartitionGroup| CopartitionGroup {
        source_topics: group.source_topics,
        source_topic_regex: group.source_topic_regex,
        repartition_sources: group.repartition_source_topics,
    };
    Subtopology {
        id: part.subtopology_id.into(),
        source_topics: part.source_topics,
        source_topic_regex: part.source_topic_regex,
        repartition_sources: part.repartition_source_topics.into_iter().map(internal_topic).collect(),
        repartition_sinks: part.repartition_sink_topics,
        changelogs: part.state_changelog_topics.into_iter().map(internal_topic).collect(),
        copartition_groups: part.copartition_groups.into_iter().map(group).collect(),
    }
}

fn internal_topic(topic: wire::TopicInfo) -> InternalTopic {
    InternalTopic {
        name: topic.name,
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: pairs(topic.topic_configs),
    }
}

fn pairs(pairs: Vec<wire::KeyValue>) -> Vec<(String, String)> {
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

fn tasks(said: Vec<wire::StreamsGroupHeartbeatRequestTaskIds>) -> Tasks {
    let each = |part: wire::StreamsGroupHeartbeatRequestTaskIds| {
        let task = move |partition| Task {
            subtopology: part.subtopology_id.as_str().into(),
            partition: PartitionId(partition),
        };
        part.partitions.into_iter().map(task)
    };
    said.into_iter().flat_map(each).collect()
}

fn offsets(said: Vec<wire::TaskOffset>) -> Vec<TaskOffset> {
    let offset = |said: wire::TaskOffset| TaskOffset {
        task: Task { subtopology: said.subtopology_id.into(), partition: PartitionId(said.partition) },
        offset: said.offset,
    };
    said.into_iter().map(offset).collect()
}

fn answered(answer: StreamsAnswer) -> StreamsGroupHeartbeatResponse {
    let told = |tasks: &Tasks| Some(told_tasks(tasks));
    let (active_tasks, standby_tasks) = match &answer.tasks {
        Some(tasks) => (told(&tasks.active), told(&tasks.standby)),
        None => (None, None),
    };
    let endpoints = answer.endpoints.map(|endpoints| endpoints.into_iter().map(told_endpoint).collect());
    StreamsGroupHeartbeatResponse {
        member_id: answer.member.to_string(),
        member_epoch: answer.epoch,
        heartbeat_interval_ms: millis(answer.heartbeat_interval),
        acceptable_recovery_lag_legacy: i32::try_from(answer.acceptable_recovery_lag).unwrap_or(i32::MAX),
        task_offset_interval_ms: millis(answer.task_offset_interval),
        acceptable_recovery_lag: answer.acceptable_recovery_lag,
        status: Some(answer.status.into_iter().map(status).collect()),
        // None are assigned, and all kinds of task are told together.
        warmup_tasks: active_tasks.as_ref().map(|_| Vec::new()),
        active_tasks,
        standby_tasks,
        endpoint_information_epoch: answer.endpoint_epoch,
        partitions_by_user_endpoint: endpoints,
        ..Default::default()
    }
}

fn told_tasks(tasks: &Tasks) -> Vec<wire::StreamsGroupHeartbeatResponseTaskIds> {
    let part = |(subtopology, partitions): (&SubtopologyId, &BTreeSet<PartitionId>)| {
        wire::StreamsGroupHeartbeatResponseTaskIds {
            subtopology_id: subtopology.to_string(),
            partitions: numbers(partitions),
        }
    };
    tasks.by_subtopology().map(part).collect()
}

fn told_endpoint(endpoint: EndpointPartitions) -> wire::EndpointToPartitions {
    wire::EndpointToPartitions {
        user_endpoint: wire::StreamsGroupHeartbeatResponseEndpoint {
            host: endpoint.endpoint.host,
            port: endpoint.endpoint.port,
        },
        active_partitions: told_partitions(endpoint.active),
        standby_partitions: told_partitions(endpoint.standby),
    }
}

fn told_partitions(topics: BTreeMap<String, BTreeSet<PartitionId>>) -> Vec<wire::TopicPartition> {
    let topic = |(topic, partitions)| wire::TopicPartition { topic, partitions: numbers(&partitions) };
    topics.into_iter().map(topic).collect()
}

fn status(status: StreamsStatus) -> wire::Status {
    wire::Status { status_code: status.code.number(), status_detail: status.detail }
}

fn refused(refused: Refused) -> StreamsGroupHeartbeatResponse {
    StreamsGroupHeartbeatResponse {
        error_code: refused.error.code(),
        error_message: Some(refused.message),
        ..Default::default()
    }
}
