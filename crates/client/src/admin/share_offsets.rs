//! Where share groups are (KIP-932): describe, alter, delete.
//!
//! A share group has no committed offsets: each partition has a start offset, before which every record is done with, and
//! beyond it a state for each record.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use headwater_wire::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequestTopic,
};
use headwater_wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponseGroup,
};

use super::group_changes::by_topic;
use super::{Admin, AdminError, Refusal, retrying};
use crate::call::Destination;
use crate::connector::Connector;

/// Where a share group is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareOffset {
    /// Every record before this one is done with; `None` until the group has begun with the partition.
    pub start: Option<Offset>,
    /// The epoch of the partition's leader when that was written, if known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// How many records are still to be done with, as the broker counts them; `None` where it does not (Apache Kafka before
    /// 4.2), or does not know.
    pub lag: Option<i64>,
}

impl<C: Connector> Admin<C> {
    /// Where a share group is in every partition that it has begun with. A partition that the cluster cannot tell of, since
    /// its topic is gone, is absent.
    pub async fn share_group_offsets(
        &self,
        group: &str,
    ) -> Result<BTreeMap<TopicPartition, ShareOffset>, AdminError> {
        let action = || format!("read the offsets of share group \"{group}\"");
        let asked = DescribeShareGroupOffsetsRequestGroup { group_id: group.to_owned(), topics: None };
        let request = DescribeShareGroupOffsetsRequest { groups: vec![asked] };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call(to, &request).await.map_err(AdminError::call(action()))?;
            let told = response.groups.into_iter().find(|told| told.group_id == group);
            let told = told.ok_or_else(|| Refusal::new(ErrorCode::UnknownServerError, None));
            let offsets = told.and_then(|told| {
                Refusal::check(told.error_code, told.error_message.as_deref())?;
                described(told)
            });
            offsets.map_err(|refusal| self.coordinator_refused(group, refusal, action()))
        })
    }

    /// Sets where a share group goes on in these partitions; what it knew of records beyond is forgotten. A group that has
    /// members is refused. Fails if one of them cannot be set; others may have been.
    pub async fn set_share_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), AdminError> {
        let action = || format!("set the offsets of share group \"{group}\"");
        let partition = |(partition_index, offset): (i32, Offset)| AlterShareGroupOffsetsRequestPartition {
            partition_index,
            start_offset: offset.0,
        };
        let topic =
            |(name, partitions): (&TopicName, Vec<(i32, Offset)>)| AlterShareGroupOffsetsRequestTopic {
                topic_name: name.to_string(),
                partitions: partitions.into_iter().map(partition).collect(),
            };
        let named = by_topic(offsets.iter().map(|(at, offset)| (at, *offset)));
        let request = AlterShareGroupOffsetsRequest {
            group_id: group.to_owned(),
            topics: named.into_iter().map(topic).collect(),
        };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call(to, &request).await.map_err(AdminError::call(action()))?;
            let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
            let parts = partitions.map(|part| (part.error_code, part.error_message.as_deref()));
            let whole = (response.error_code, response.error_message.as_deref());
            self.check_each(group, std::iter::once(whole).chain(parts), &action)
        })
    }

    /// Forgets where a share group is in these topics. A group that has members is refused.
    pub async fn delete_share_group_offsets(
        &self,
        group: &str,
        topics: &[TopicName],
    ) -> Result<(), AdminError> {
        let action = || format!("delete offsets of share group \"{group}\"");
        let named =
            topics.iter().map(|name| DeleteShareGroupOffsetsRequestTopic { topic_name: name.to_string() });
        let request = DeleteShareGroupOffsetsRequest { group_id: group.to_owned(), topics: named.collect() };
        retrying!(self.client, async {
            let to = Destination::Coordinator(group.to_owned());
            let response = self.client.call(to, &request).await.map_err(AdminError::call(action()))?;
            let topics = response.responses.iter();
            let parts = topics.map(|topic| (topic.error_code, topic.error_message.as_deref()));
            let whole = (response.error_code, response.error_message.as_deref());
            self.check_each(group, std::iter::once(whole).chain(parts), &action)
        })
    }

    /// The first refusal, as that of the group's coordinator.
    fn check_each<'a>(
        &self,
        group: &str,
        outcomes: impl IntoIterator<Item = (i16, Option<&'a str>)>,
        action: &impl Fn() -> String,
    ) -> Result<(), AdminError> {
        let mut checks = outcomes.into_iter().map(|(code, message)| Refusal::check(code, message));
        let outcome = checks.find(Result::is_err).unwrap_or(Ok(()));
        outcome.map_err(|refusal| self.coordinator_refused(group, refusal, action()))
    }
}

/// The offsets of an answer. What is wrong with the partition of a topic that is gone is not the group's fault.
fn described(
    group: DescribeShareGroupOffsetsResponseGroup,
) -> Result<BTreeMap<TopicPartition, ShareOffset>, Refusal> {
    let mut offsets = BTreeMap::new();
    for topic in group.topics {
        let Ok(name) = TopicName::new(&topic.topic_name) else {
            continue;
        };
        for told in topic.partitions {
            match Refusal::check(told.error_code, told.error_message.as_deref()) {
                Ok(()) => {}
                Err(refusal) if refusal.error == ErrorCode::UnknownTopicOrPartition => continue,
                Err(refusal) => return Err(refusal),
            }
            let at = TopicPartition::new(name.clone(), PartitionId(told.partition_index));
            let offset = ShareOffset {
                start: Some(Offset(told.start_offset)).filter(|offset| offset.0 >= 0),
                leader_epoch: Some(LeaderEpoch(told.leader_epoch)).filter(|epoch| epoch.0 >= 0),
                lag: Some(told.lag).filter(|lag| *lag >= 0),
            };
            offsets.insert(at, offset);
        }
    }
    Ok(offsets)
}
