//! Changes to groups that nobody is a member of: other offsets, none for some partitions, the group deleted.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, Offset, TopicName, TopicPartition};
use headwater_wire::messages::delete_groups::DeleteGroupsRequest;
use headwater_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use headwater_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};

use super::{Admin, AdminError, Refusal, retrying};
use crate::call::{CallOptions, Destination};
use crate::connector::Connector;

/// OffsetCommit from version 10 on names topics by id only.
const OFFSET_COMMIT_BY_NAME: i16 = 9;

impl<C: Connector> Admin<C> {
    /// Sets where a group goes on in these partitions. A group that has members is refused, since they would go on where
    /// they are; the group is made if it does not exist. Fails if one of them cannot be set; others may have been.
    pub async fn set_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), AdminError> {
        let action = || format!("set the offsets of group \"{group}\"");
        let topic = |(name, partitions): (&TopicName, Vec<(i32, Offset)>)| OffsetCommitRequestTopic {
            name: name.to_string(),
            partitions: partitions.into_iter().map(|(index, offset)| position(index, offset)).collect(),
            ..Default::default()
        };
        let named = by_topic(offsets.iter().map(|(at, offset)| (at, *offset)));
        let request = OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: -1,
            topics: named.into_iter().map(topic).collect(),
            ..Default::default()
        };
        let options = CallOptions { max_version: OFFSET_COMMIT_BY_NAME, ..Default::default() };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call_with(to, options, &request).await;
            let response = response.map_err(AdminError::call(action()))?;
            let codes = response.topics.iter().flat_map(|topic| &topic.partitions);
            self.check_all(group, codes.map(|partition| partition.error_code), &action)
        })
    }

    /// Forgets what a group has committed for these partitions.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<(), AdminError> {
        let action = || format!("delete offsets of group \"{group}\"");
        let topic = |(name, partitions): (&TopicName, Vec<(i32, ())>)| OffsetDeleteRequestTopic {
            name: name.to_string(),
            partitions: partitions
                .into_iter()
                .map(|(partition_index, ())| OffsetDeleteRequestPartition { partition_index })
                .collect(),
        };
        let named = by_topic(partitions.iter().map(|at| (at, ())));
        let request = OffsetDeleteRequest {
            group_id: group.to_owned(),
            topics: named.into_iter().map(topic).collect(),
        };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call(to, &request).await.map_err(AdminError::call(action()))?;
            let codes = response.topics.iter().flat_map(|topic| &topic.partitions);
            let codes = codes.map(|partition| partition.error_code);
            self.check_all(group, std::iter::once(response.error_code).chain(codes), &action)
        })
    }

    /// Deletes a group that nobody is a member of, with its offsets.
    pub async fn delete_group(&self, group: &str) -> Result<(), AdminError> {
        let action = || format!("delete group \"{group}\"");
        let request = DeleteGroupsRequest { groups_names: vec![group.to_owned()] };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call(to, &request).await.map_err(AdminError::call(action()))?;
            self.check_all(group, response.results.iter().map(|result| result.error_code), &action)
        })
    }

    /// The first error, as that of the group's coordinator.
    fn check_all(
        &self,
        group: &str,
        codes: impl Iterator<Item = i16>,
        action: &impl Fn() -> String,
    ) -> Result<(), AdminError> {
        let failed = codes.map(ErrorCode::from_code).find(|code| code.is_error());
        let refused = |error| Err(self.coordinator_refused(group, Refusal::new(error, None), action()));
        failed.map_or(Ok(()), refused)
    }
}

fn position(partition_index: i32, offset: Offset) -> OffsetCommitRequestPartition {
    OffsetCommitRequestPartition {
        partition_index,
        committed_offset: offset.0,
        committed_leader_epoch: -1,
        committed_metadata: Some(String::new()),
    }
}

pub(super) fn by_topic<'a, T>(
    partitions: impl Iterator<Item = (&'a TopicPartition, T)>,
) -> BTreeMap<&'a TopicName, Vec<(i32, T)>> {
    let mut topics: BTreeMap<&TopicName, Vec<(i32, T)>> = BTreeMap::new();
    for (at, value) in partitions {
        topics.entry(&at.topic).or_default().push((at.partition.0, value));
    }
    topics
}
