//! Offsets by what is known about them: the first, the next, the first at or after a time.
//!
//! Each partition's leader is asked; partitions whose leader moves meanwhile are asked again.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};

use super::{Admin, AdminError};
use crate::call::Destination;
use crate::client::Client;
use crate::cluster::ClusterView;
use crate::connector::Connector;
use crate::consumer::Isolation;
use crate::retry::MISSING_TOPIC_GRACE;

/// Which offset of a partition is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first record that is still there.
    Earliest,
    /// The offset that the next record will have (for readers: the high watermark, or what is committed before it).
    Latest,
    /// The first record stamped with this time or later.
    AtTime(Timestamp),
    /// The record with the greatest timestamp.
    MaxTimestamp,
}

impl OffsetSpec {
    /// The wire's timestamp, with its negative numbers of special meaning.
    fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::AtTime(timestamp) => timestamp.0.max(0),
        }
    }
}

/// An offset that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset; `None` if there is no such record.
    pub offset: Option<Offset>,
    /// That record's timestamp, where a record was asked for by time.
    pub timestamp: Option<Timestamp>,
    /// The epoch of the leader that answered.
    pub leader_epoch: Option<LeaderEpoch>,
}

impl<C: Connector> Admin<C> {
    /// Offsets of partitions; each partition may be asked about once. Fails if one of them cannot be had.
    pub async fn offsets(
        &self,
        wanted: &[(TopicPartition, OffsetSpec)],
    ) -> Result<BTreeMap<TopicPartition, ListedOffset>, AdminError> {
        self.client.list_offsets(wanted, Isolation::ReadUncommitted).await
    }
}

type Wanted = BTreeMap<TopicPartition, OffsetSpec>;

impl<C: Connector> Client<C> {
    /// The same as [`Admin::offsets`], for a reader of that isolation.
    pub(crate) async fn list_offsets(
        &self,
        wanted: &[(TopicPartition, OffsetSpec)],
        isolation: Isolation,
    ) -> Result<BTreeMap<TopicPartition, ListedOffset>, AdminError> {
        let mut pending: Wanted = wanted.iter().cloned().collect();
        let mut found = BTreeMap::new();
        let mut retry = self.retry();
        let missing_until = self.clock().monotonic() + MISSING_TOPIC_GRACE;
        let mut refresh = false;
        loop {
            let mut failure = None;
            match self.leaders_view(&pending, refresh).await {
                Err(error) if !error.is_retriable() => return Err(error),
                Err(error) => failure = Some(error),
                Ok(view) => {
                    let (by_leader, unplaced) = by_leader(&view, &pending);
                    match unplaced {
                        Some(error @ AdminError::NoSuchPartition { .. }) if refresh => return Err(error),
                        Some(error @ AdminError::NoSuchTopic(_))
                            if missing_until <= self.clock().monotonic() =>
                        {
                            return Err(error);
                        }
                        unplaced => failure = failure.or(unplaced),
                    }
                    for (leader, partitions) in by_leader {
                        let answer = self.ask_leader(leader, &view, &partitions, isolation).await;
                        failure = take(answer, &mut pending, &mut found)?.or(failure);
                    }
                }
            }
            let Some(at) = pending.keys().next() else {
                return Ok(found);
            };
            // A leader that leaves out what it was asked for is not asked again.
            let left_out =
                || AdminError::refused(format!("list the offset of {at}"), ErrorCode::UnknownServerError);
            let failure = failure.ok_or_else(left_out)?;
            if !self.pause(&mut retry).await {
                return Err(failure);
            }
            refresh = true;
        }
    }

    async fn leaders_view(&self, pending: &Wanted, refresh: bool) -> Result<Arc<ClusterView>, AdminError> {
        let mut topics: Vec<TopicName> = pending.keys().map(|at| at.topic.clone()).collect();
        topics.dedup();
        let view =
            if refresh { self.refresh_metadata(&topics).await } else { self.metadata_for(&topics).await };
        view.map_err(AdminError::metadata("find the leaders of partitions"))
    }

    async fn ask_leader(
        &self,
        leader: i32,
        view: &ClusterView,
        partitions: &Wanted,
        isolation: Isolation,
    ) -> Result<Answers, AdminError> {
        let mut topics: BTreeMap<&TopicName, ListOffsetsTopic> = BTreeMap::new();
        for (at, spec) in partitions {
            let topic = topics.entry(&at.topic).or_default();
            at.topic.as_str().clone_into(&mut topic.name);
            let epoch = view.partition(at).and_then(|partition| partition.leader_epoch);
            topic.partitions.push(ListOffsetsPartition {
                partition_index: at.partition.0,
                current_leader_epoch: epoch.map_or(-1, |epoch| epoch.0),
                timestamp: spec.timestamp(),
            });
        }
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: match isolation {
                Isolation::ReadUncommitted => 0,
                Isolation::ReadCommitted => 1,
            },
            topics: topics.into_values().collect(),
            timeout_ms: i32::try_from(self.config().request_timeout.as_millis()).unwrap_or(i32::MAX),
        };
        let response = self.call(Destination::Node(leader), &request).await;
        let response = response.map_err(AdminError::call("list offsets"))?;
        let mut answers = Answers::new();
        for topic in response.topics {
            let Ok(name) = TopicName::new(&topic.name) else {
                continue;
            };
            for partition in topic.partitions {
                let at = TopicPartition::new(name.clone(), PartitionId(partition.partition_index));
                if partitions.contains_key(&at) {
                    answers.insert(at, partition);
                }
            }
        }
        Ok(answers)
    }
}

type Answers = BTreeMap<TopicPartition, ListOffsetsPartitionResponse>;

/// The partitions by leader, and what is wrong with one of those that have none.
fn by_leader(view: &ClusterView, pending: &Wanted) -> (BTreeMap<i32, Wanted>, Option<AdminError>) {
    let mut by_leader: BTreeMap<i32, Wanted> = BTreeMap::new();
    let mut unplaced = None;
    for (at, spec) in pending {
        match view.leader(at) {
            Some(leader) => {
                by_leader.entry(leader).or_default().insert(at.clone(), *spec);
            }
            None => unplaced = Some(why_no_leader(view, at)),
        }
    }
    (by_leader, unplaced)
}

fn why_no_leader(view: &ClusterView, at: &TopicPartition) -> AdminError {
    let error = match view.topic(&at.topic) {
        None => return AdminError::NoSuchTopic(at.topic.clone()),
        Some(topic) => match topic.error {
            Some(ErrorCode::UnknownTopicOrPartition) => return AdminError::NoSuchTopic(at.topic.clone()),
            Some(error) => error,
            None if !topic.partitions.contains_key(&at.partition) => {
                return AdminError::NoSuchPartition {
                    topic: at.topic.clone(),
                    partition: at.partition.0,
                    partitions: topic.partitions.len(),
                };
            }
            None => ErrorCode::LeaderNotAvailable,
        },
    };
    AdminError::refused(format!("list the offset of {at}"), error)
}

/// Moves what was answered from `pending` to `found`; gives the failure of what has to be asked again, if any.
fn take(
    answer: Result<Answers, AdminError>,
    pending: &mut Wanted,
    found: &mut BTreeMap<TopicPartition, ListedOffset>,
) -> Result<Option<AdminError>, AdminError> {
    let answers = match answer {
        Ok(answers) => answers,
        Err(error) if error.is_retriable() => return Ok(Some(error)),
        Err(error) => return Err(error),
    };
    let mut failure = None;
    for (at, answer) in answers {
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                pending.remove(&at);
                found.insert(at, listed(&answer));
            }
            error => {
                let refused = AdminError::refused(format!("list the offset of {at}"), error);
                if !refused.is_retriable() {
                    return Err(refused);
                }
                failure = Some(refused);
            }
        }
    }
    Ok(failure)
}

fn listed(answer: &ListOffsetsPartitionResponse) -> ListedOffset {
    ListedOffset {
        offset: Some(Offset(answer.offset)).filter(|offset| offset.0 >= 0),
        timestamp: Some(Timestamp(answer.timestamp)).filter(|timestamp| timestamp.0 >= 0),
        leader_epoch: Some(LeaderEpoch(answer.leader_epoch)).filter(|epoch| epoch.0 >= 0),
    }
}
