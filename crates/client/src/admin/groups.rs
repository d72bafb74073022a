//! Groups: list, describe, committed offsets.
//!
//! Owns: what is told of a group, whatever its kind; a module each reads the answers about [`classic`], [`consumer`],
//! [`share`] and [`streams`] groups.

mod classic;
mod consumer;
mod share;
mod streams;

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::Request;
use headwater_wire::messages::consumer_group_describe::ConsumerGroupDescribeRequest;
use headwater_wire::messages::describe_groups::DescribeGroupsRequest;
use headwater_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse,
};
use headwater_wire::messages::share_group_describe::ShareGroupDescribeRequest;
use headwater_wire::messages::streams_group_describe::StreamsGroupDescribeRequest;

use super::{Admin, AdminError, Refusal, Results, retrying};
use crate::call::{CallOptions, Destination};
use crate::connector::Connector;
use crate::consumer::CommittedOffset;
use crate::error::CallError;
use crate::tasks::TaskAssignment;

pub use streams::{StreamsTopic, StreamsTopology, Subtopology};

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
    /// `classic`, `consumer`, `share` or `streams`.
    pub kind: String,
    /// As Kafka names it, for example `Stable`.
    pub state: String,
    /// `consumer` for consumers, `share` or `streams` in groups of those kinds.
    pub protocol_type: String,
    /// The epochs of a group whose coordinator assigns.
    pub epochs: Option<GroupEpochs>,
    /// The assignor that it uses; empty where it has none just now.
    pub assignor: String,
    /// Its members, by id.
    pub members: Vec<MemberDescription>,
    /// What the members of a streams group run; `None` until one has said it, and in groups of other kinds.
    pub topology: Option<StreamsTopology>,
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
    /// Where it runs, if it has said so.
    pub rack: Option<String>,
    /// The partitions that it has been given, in order: alone, or in a share group with others. Empty in a streams group,
    /// where members have tasks.
    pub assignment: Vec<TopicPartition>,
    /// What more is known of the member of a streams group.
    pub streams: Option<StreamsMemberDescription>,
}

/// What more is known of the member of a streams group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsMemberDescription {
    /// The epoch of the topology that it runs.
    pub topology_epoch: i32,
    /// The process that it is part of: members of one process are not given copies of each other's state.
    pub process_id: String,
    /// Where its state can be asked for, host and port.
    pub endpoint: Option<(String, u16)>,
    /// What tells its place from others', for copies of state to be spread by.
    pub tags: BTreeMap<String, String>,
    /// The tasks that it has.
    pub tasks: TaskAssignment,
    /// The tasks that it is on its way to.
    pub target: TaskAssignment,
    /// True if it takes part by the classic protocol.
    pub is_classic: bool,
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
        // No answer says what kind of group it is: each kind has a request of its own, and does not find the others.
        if let Some(found) = self.describe_classic_group(group).await? {
            return Ok(found);
        }
        if let Some(found) = self.describe_consumer_group(group).await? {
            return Ok(found);
        }
        if let Some(found) = self.describe_share_group(group).await? {
            return Ok(found);
        }
        let found = self.describe_streams_group(group).await?;
        found.ok_or_else(|| AdminError::refused(describing(group), ErrorCode::GroupIdNotFound))
    }

    async fn describe_classic_group(&self, group: &str) -> Result<Option<GroupDescription>, AdminError> {
        let request =
            DescribeGroupsRequest { groups: vec![group.to_owned()], include_authorized_operations: false };
        let Some(response) = self.ask_about(group, &request).await? else {
            return Ok(None);
        };
        let described = response.groups.into_iter().find(|described| described.group_id == group);
        let described = self.found(group, described, |described| {
            Refusal::check(described.error_code, described.error_message.as_deref())
        })?;
        // Older versions say that a group does not exist by this state, newer ones by an error.
        Ok(described.filter(|described| described.group_state != "Dead").map(classic::description))
    }

    /// A group of the newer protocol (KIP-848).
    async fn describe_consumer_group(&self, group: &str) -> Result<Option<GroupDescription>, AdminError> {
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![group.to_owned()],
            include_authorized_operations: false,
        };
        let Some(response) = self.ask_about(group, &request).await? else {
            return Ok(None);
        };
        let described = response.groups.into_iter().find(|described| described.group_id == group);
        let described = self.found(group, described, |described| {
            Refusal::check(described.error_code, described.error_message.as_deref())
        })?;
        Ok(described.map(consumer::description))
    }

    /// A group whose members share partitions (KIP-932).
    async fn describe_share_group(&self, group: &str) -> Result<Option<GroupDescription>, AdminError> {
        let request = ShareGroupDescribeRequest {
            group_ids: vec![group.to_owned()],
            include_authorized_operations: false,
        };
        let Some(response) = self.ask_about(group, &request).await? else {
            return Ok(None);
        };
        let described = response.groups.into_iter().find(|described| described.group_id == group);
        let described = self.found(group, described, |described| {
            Refusal::check(described.error_code, described.error_message.as_deref())
        })?;
        Ok(described.map(share::description))
    }

    /// A group whose members divide the tasks of a topology (KIP-1071).
    async fn describe_streams_group(&self, group: &str) -> Result<Option<GroupDescription>, AdminError> {
        let request = StreamsGroupDescribeRequest { group_ids: vec![group.to_owned()], ..Default::default() };
        let Some(response) = self.ask_about(group, &request).await? else {
            return Ok(None);
        };
        let described = response.groups.into_iter().find(|described| described.group_id == group);
        let described = self.found(group, described, |described| {
            Refusal::check(described.error_code, described.error_message.as_deref())
        })?;
        Ok(described.map(streams::description))
    }

    /// Asks a group's coordinator; `None` if it is too old to know that kind of group.
    async fn ask_about<R>(&self, group: &str, request: &R) -> Result<Option<R::Response>, AdminError>
    where
        R: Request + Sync,
    {
        match self.client.call(Destination::Coordinator(group.to_owned()), request).await {
            Ok(response) => Ok(Some(response)),
            Err(CallError::Unsupported { .. }) => Ok(None),
            Err(error) => Err(AdminError::call(describing(group))(error)),
        }
    }

    /// The group of an answer; `None` if there is none of that kind, or the cluster has that kind switched off.
    fn found<T>(
        &self,
        group: &str,
        described: Option<T>,
        check: impl FnOnce(&T) -> Result<(), Refusal>,
    ) -> Result<Option<T>, AdminError> {
        let Some(described) = described else {
            return Err(AdminError::refused(describing(group), ErrorCode::UnknownServerError));
        };
        match check(&described) {
            Ok(()) => Ok(Some(described)),
            Err(refusal)
                if matches!(refusal.error, ErrorCode::GroupIdNotFound | ErrorCode::UnsupportedVersion) =>
            {
                Ok(None)
            }
            Err(refusal) => Err(self.coordinator_refused(group, refusal, describing(group))),
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

fn describing(group: &str) -> String {
    format!("describe group \"{group}\"")
}

fn in_order(mut members: Vec<MemberDescription>) -> Vec<MemberDescription> {
    members.sort_by(|left, right| left.member.cmp(&right.member));
    members
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
