//! Groups: list, describe, committed offsets.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::Message;
use headwater_wire::messages::consumer_group_describe::{self, ConsumerGroupDescribeRequest};
use headwater_wire::messages::consumer_protocol::ConsumerProtocolAssignment;
use headwater_wire::messages::describe_groups::{
    DescribeGroupsRequest, DescribedGroup, DescribedGroupMember,
};
use headwater_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse,
};
use headwater_wire::protocol::Reader;

use super::{Admin, AdminError, Refusal, Results, retrying};
use crate::call::{CallOptions, Destination};
use crate::connector::Connector;
use crate::consumer::CommittedOffset;

/// OffsetFetch from version 10 on names topics by id only; a group's offsets may be of topics that no longer exist.
const OFFSET_FETCH_BY_NAME: i16 = 9;
const LIST: &str = "list the groups";

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupListing {
    /// Its id.
    pub group: String,
    /// `consumer` for consumers; empty where a group has only offsets.
    pub protocol_type: String,
    /// As Kafka names it, for example `Stable`; empty where the broker does not say.
    pub state: String,
    /// `classic`, `consumer`, `share` ...; empty where the broker does not say.
    pub kind: String,
}

/// A group and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its id.
    pub group: String,
    /// `classic` or `consumer`.
    pub kind: String,
    /// As Kafka names it, for example `Stable`.
    pub state: String,
    /// `consumer` for consumers.
    pub protocol_type: String,
    /// The epochs of a group whose coordinator assigns.
    pub epochs: Option<GroupEpochs>,
    /// The assignor that it uses; empty where it has none just now.
    pub assignor: String,
    /// Its members, by id.
    pub members: Vec<MemberDescription>,
}

/// How often a group has changed, and for which of its changes partitions are divided already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupEpochs {
    /// Of the group: grows whenever its members, what they want, or the topics change.
    pub group: i32,
    /// Of the assignment that members are on their way to.
    pub assignment: i32,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member: String,
    /// The name that it keeps over restarts, if it has one.
    pub instance: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// The host that it connects from.
    pub client_host: String,
    /// How far it is on its way to the group's assignment; `None` in a classic group.
    pub epoch: Option<i32>,
    /// The partitions that it has been given, in order.
    pub assignment: Vec<TopicPartition>,
}

impl<C: Connector> Admin<C> {
    /// Every group of the cluster, by id. Each broker is asked for those that it coordinates.
    pub async fn list_groups(&self) -> Result<Vec<GroupListing>, AdminError> {
        let view = self.client.refresh_metadata(&[]).await.map_err(AdminError::metadata(LIST))?;
        let mut groups = BTreeMap::new();
        for broker in view.brokers().keys() {
            let response = retrying!(self.client, self.ask_groups(*broker))?;
            groups.extend(listings(response).map(|listing| (listing.group.clone(), listing)));
        }
        Ok(groups.into_values().collect())
    }

    async fn ask_groups(&self, broker: i32) -> Result<ListGroupsResponse, AdminError> {
        let call = self.client.call(Destination::Node(broker), &ListGroupsRequest::default()).await;
        let response = call.map_err(AdminError::call(LIST))?;
        let error = ErrorCode::from_code(response.error_code);
        error.ok().map_err(|error| AdminError::refused(LIST, error))?;
        Ok(response)
    }

    /// These groups and their members.
    pub async fn describe_groups(&self, groups: &[&str]) -> Results<String, GroupDescription> {
        let mut results = BTreeMap::new();
        for group in groups {
            let description = retrying!(self.client, self.describe_group(group));
            results.insert((*group).to_owned(), description);
        }
        results
    }

    async fn describe_group(&self, group: &str) -> Result<GroupDescription, AdminError> {
        let action = || format!("describe group \"{group}\"");
        let request =
            DescribeGroupsRequest { groups: vec![group.to_owned()], include_authorized_operations: false };
        let call = self.client.call(Destination::Coordinator(group.to_owned()), &request);
        let response = call.await.map_err(AdminError::call(action()))?;
        let Some(described) = response.groups.into_iter().find(|described| described.group_id == group)
        else {
            return Err(AdminError::refused(action(), ErrorCode::UnknownServerError));
        };
        match Refusal::check(described.error_code, described.error_message.as_deref()) {
            // Older versions say that a group does not exist by this state, newer ones by an error.
            Ok(()) if described.group_state == "Dead" => self.describe_consumer_group(group).await,
            Ok(()) => Ok(classic(described)),
            Err(refusal) if refusal.error == ErrorCode::GroupIdNotFound => {
                self.describe_consumer_group(group).await
            }
            Err(refusal) => Err(self.coordinator_refused(group, refusal, action())),
        }
    }

    /// A group of the newer protocol (KIP-848), which the older request does not find.
    async fn describe_consumer_group(&self, group: &str) -> Result<GroupDescription, AdminError> {
        let action = || format!("describe group \"{group}\"");
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![group.to_owned()],
            include_authorized_operations: false,
        };
        let call = self.client.call(Destination::Coordinator(group.to_owned()), &request);
        let response = match call.await {
            Ok(response) => response,
            Err(crate::CallError::Unsupported { .. }) => {
                return Err(AdminError::refused(action(), ErrorCode::GroupIdNotFound));
            }
            Err(error) => return Err(AdminError::call(action())(error)),
        };
        let Some(described) = response.groups.into_iter().find(|described| described.group_id == group)
        else {
            return Err(AdminError::refused(action(), ErrorCode::UnknownServerError));
        };
        match Refusal::check(described.error_code, described.error_message.as_deref()) {
            Ok(()) => Ok(consumer(described)),
            Err(refusal) => Err(self.coordinator_refused(group, refusal, action())),
        }
    }

    /// What a group has committed, for every partition that it has committed for.
    pub async fn group_offsets(
        &self,
        group: &str,
    ) -> Result<BTreeMap<TopicPartition, CommittedOffset>, AdminError> {
        let action = || format!("read the offsets of group \"{group}\"");
        let request = OffsetFetchRequest {
            group_id: group.to_owned(),
            topics: None,
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.to_owned(),
                topics: None,
                ..Default::default()
            }],
            require_stable: false,
        };
        let options = CallOptions { max_version: OFFSET_FETCH_BY_NAME, ..Default::default() };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call_with(to, options, &request).await;
            let response = response.map_err(AdminError::call(action()))?;
            committed(&response, group)
                .map_err(|error| self.coordinator_refused(group, Refusal::new(error, None), action()))
        })
    }

    /// An error of a group's coordinator, which is looked up again if it is not where it was.
    pub(super) fn coordinator_refused(&self, group: &str, refusal: Refusal, action: String) -> AdminError {
        if matches!(refusal.error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) {
            self.client.forget_coordinator(group);
        }
        refusal.into_error(action)
    }
}

fn listings(response: ListGroupsResponse) -> impl Iterator<Item = GroupListing> {
    response.groups.into_iter().map(|group| GroupListing {
        group: group.group_id,
        protocol_type: group.protocol_type,
        state: group.group_state,
        kind: group.group_type,
    })
}

fn classic(group: DescribedGroup) -> GroupDescription {
    let mut members: Vec<MemberDescription> = group.members.into_iter().map(classic_member).collect();
    members.sort_by(|left, right| left.member.cmp(&right.member));
    GroupDescription {
        group: group.group_id,
        kind: "classic".to_owned(),
        state: group.group_state,
        protocol_type: group.protocol_type,
        epochs: None,
        assignor: group.protocol_data,
        members,
    }
}

fn classic_member(member: DescribedGroupMember) -> MemberDescription {
    MemberDescription {
        member: member.member_id,
        instance: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        epoch: None,
        assignment: consumer_assignment(member.member_assignment).unwrap_or_default(),
    }
}

/// The partitions of a member's assignment, if it is one of Kafka's consumer protocol.
fn consumer_assignment(bytes: Bytes) -> Option<Vec<TopicPartition>> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16().ok()?.min(*ConsumerProtocolAssignment::VERSIONS.end());
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version).ok()?;
    let topics = assignment.assigned_partitions.into_iter();
    Some(partitions(topics.map(|topic| (topic.topic, topic.partitions))))
}

fn partitions(topics: impl Iterator<Item = (String, Vec<i32>)>) -> Vec<TopicPartition> {
    let mut partitions: Vec<TopicPartition> = topics
        .filter_map(|(name, partitions)| Some((TopicName::new(&name).ok()?, partitions)))
        .flat_map(|(topic, partitions)| {
            let at = move |partition| TopicPartition::new(topic.clone(), PartitionId(partition));
            partitions.into_iter().map(at)
        })
        .collect();
    partitions.sort();
    partitions
}

fn consumer(group: consumer_group_describe::DescribedGroup) -> GroupDescription {
    let member = |member: consumer_group_describe::Member| MemberDescription {
        member: member.member_id,
        instance: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        epoch: Some(member.member_epoch),
        assignment: partitions(
            member.assignment.topic_partitions.into_iter().map(|topic| (topic.topic_name, topic.partitions)),
        ),
    };
    let mut members: Vec<MemberDescription> = group.members.into_iter().map(member).collect();
    members.sort_by(|left, right| left.member.cmp(&right.member));
    GroupDescription {
        group: group.group_id,
        kind: "consumer".to_owned(),
        state: group.group_state,
        protocol_type: "consumer".to_owned(),
        epochs: Some(GroupEpochs { group: group.group_epoch, assignment: group.assignment_epoch }),
        assignor: group.assignor_name,
        members,
    }
}

/// The offsets of an answer: of a list of groups since version 8, in fields of its own before.
fn committed(
    response: &OffsetFetchResponse,
    group: &str,
) -> Result<BTreeMap<TopicPartition, CommittedOffset>, ErrorCode> {
    let mut committed = BTreeMap::new();
    let mut add =
        |topic: &str, partition: i32, error: i16, offset: i64, epoch: i32, metadata: Option<&str>| {
            ErrorCode::from_code(error).ok()?;
            if let Ok(topic) = TopicName::new(topic)
                && offset >= 0
            {
                let at = TopicPartition::new(topic, PartitionId(partition));
                let offset = CommittedOffset {
                    offset: Offset(offset),
                    leader_epoch: Some(LeaderEpoch(epoch)).filter(|epoch| epoch.0 >= 0),
                    metadata: metadata.unwrap_or_default().to_owned(),
                };
                committed.insert(at, offset);
            }
            Ok::<(), ErrorCode>(())
        };
    if let Some(answer) = response.groups.iter().find(|answer| answer.group_id == group) {
        ErrorCode::from_code(answer.error_code).ok()?;
        for topic in &answer.topics {
            for p in &topic.partitions {
                let (epoch, metadata) = (p.committed_leader_epoch, p.metadata.as_deref());
                add(&topic.name, p.partition_index, p.error_code, p.committed_offset, epoch, metadata)?;
            }
        }
    } else {
        ErrorCode::from_code(response.error_code).ok()?;
        for topic in &response.topics {
            for p in &topic.partitions {
                let (epoch, metadata) = (p.committed_leader_epoch, p.metadata.as_deref());
                add(&topic.name, p.partition_index, p.error_code, p.committed_offset, epoch, metadata)?;
            }
        }
    }
    Ok(committed)
}
