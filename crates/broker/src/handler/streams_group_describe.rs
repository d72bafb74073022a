//! StreamsGroupDescribe (KIP-1071).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{
    self as coordinator, AssignedTasks, DescribedStreamsGroup, DescribedStreamsMember, Groups, InternalTopic,
    StreamsTopology, SubtopologyId, Tasks,
};
use headwater_model::PartitionId;
use headwater_wire::messages::streams_group_describe::{
    Assignment, DescribedGroup, Endpoint, KeyValue, Member, StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse, Subtopology, TaskIds, TaskOffset, TopicInfo, Topology,
};

use super::groups::{described, numbers};
use super::{ALL_GROUP_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::api::{Context, Meta};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: StreamsGroupDescribeRequest,
) -> StreamsGroupDescribeResponse {
    let authorized_operations =
        if request.include_authorized_operations { ALL_GROUP_OPERATIONS } else { OPERATIONS_NOT_ASKED };
    let mut groups = Vec::new();
    // Each is answered once, however often it is asked for.
    for group_id in BTreeSet::from_iter(request.group_ids) {
        let described = match described(&context, &group_id, "streams", Groups::describe_streams_group).await
        {
            Ok(group) => describe(group),
            Err((error, message)) => DescribedGroup {
                error_code: error.code(),
                error_message: Some(message),
                ..Default::default()
            },
        };
        groups.push(DescribedGroup { group_id, authorized_operations, ..described });
    }
    StreamsGroupDescribeResponse { groups, ..Default::default() }
}

fn describe(group: DescribedStreamsGroup) -> DescribedGroup {
    DescribedGroup {
        group_state: group.state.to_string(),
        group_epoch: group.epoch,
        assignment_epoch: group.assignment_epoch,
        topology: group.topology.map(topology),
        members: group.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn topology(topology: StreamsTopology) -> Topology {
    let part = |part: coordinator::Subtopology| Subtopology {
        subtopology_id: part.id.to_string(),
        source_topics: part.source_topics,
        repartition_sink_topics: part.repartition_sinks,
        state_changelog_topics: part.changelogs.into_iter().map(topic).collect(),
        repartition_source_topics: part.repartition_sources.into_iter().map(topic).collect(),
    };
    Topology {
        epoch: topology.epoch,
        subtopologies: Some(topology.subtopologies.into_iter().map(part).collect()),
    }
}

fn topic(topic: InternalTopic) -> TopicInfo {
    TopicInfo {
        name: topic.name,
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        topic_configs: topic.configs.into_iter().map(|(key, value)| KeyValue { key, value }).collect(),
    }
}

fn member(member: DescribedStreamsMember) -> Member {
    let said = member.said;
    Member {
        member_id: member.member.to_string(),
        member_epoch: member.current.epoch,
        instance_id: None,
        rack_id: said.rack,
        client_id: said.client_id,
        client_host: said.client_host,
        topology_epoch: said.topology_epoch,
        process_id: said.process,
        user_endpoint: said.endpoint.map(|endpoint| Endpoint { host: endpoint.host, port: endpoint.port }),
        client_tags: said.tags.into_iter().map(|(key, value)| KeyValue { key, value }).collect(),
        task_offsets: offsets(member.task_offsets),
        task_end_offsets: offsets(member.task_end_offsets),
        assignment: assignment(&member.current.assigned),
        target_assignment: assignment(&member.target),
        is_classic: false,
    }
}

fn offsets(offsets: Vec<coordinator::TaskOffset>) -> Vec<TaskOffset> {
    let offset = |known: coordinator::TaskOffset| TaskOffset {
        subtopology_id: known.task.subtopology.to_string(),
        partition: known.task.partition.0,
        offset: known.offset,
    };
    offsets.into_iter().map(offset).collect()
}

fn assignment(assigned: &AssignedTasks) -> Assignment {
    Assignment {
        active_tasks: tasks(&assigned.active),
        standby_tasks: tasks(&assigned.standby),
        warmup_tasks: Vec::new(),
    }
}

fn tasks(tasks: &Tasks) -> Vec<TaskIds> {
    let part = |(subtopology, partitions): (&SubtopologyId, &BTreeSet<PartitionId>)| TaskIds {
        subtopology_id: subtopology.to_string(),
        partitions: numbers(partitions),
    };
    tasks.by_subtopology().map(part).collect()
}
