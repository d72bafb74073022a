//! Changes to topics that exist: more partitions, other configurations, records deleted by hand.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, Offset, TopicName, TopicPartition};
use headwater_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use headwater_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use super::configs::{ConfigResource, kind_and_name};
use super::topics::done_before;
use super::{Admin, AdminError, Answers, Refusal, Settling, retrying};
use crate::call::Destination;
use crate::connector::Connector;

/// What is done to one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    /// It gets this value.
    Set(String),
    /// It goes back to its default.
    Unset,
    /// These, separated by commas, are added to its list.
    Append(String),
    /// These, separated by commas, are taken from its list.
    Subtract(String),
}

impl<C: Connector> Admin<C> {
    /// Gives a topic more partitions: `count` in all. Records stay where they are; keys may go to other partitions from
    /// then on.
    pub async fn create_partitions(&self, topic: &TopicName, count: i32) -> Result<(), AdminError> {
        let mut settling = Settling::new([topic.clone()]);
        let mut retry = self.client.retry();
        loop {
            let answers = self.try_grow(topic, count, settling.uncertain).await;
            settling.take(answers, |name| format!("give topic \"{name}\" {count} partitions"));
            if settling.pending.is_empty() || !self.pause_for_controller(&mut retry).await {
                return settling.finish().remove(topic).unwrap_or(Ok(())).map_err(named(topic));
            }
        }
    }

    async fn try_grow(&self, topic: &TopicName, count: i32, uncertain: bool) -> Answers<TopicName, ()> {
        let name = topic.as_str().to_owned();
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic { name, count, assignments: None }],
            timeout_ms: self.timeout_ms(),
            validate_only: false,
        };
        let response = self.client.call(Destination::Controller, &request).await?;
        let results = response.results.iter().map(|result| {
            let outcome = Refusal::check(result.error_code, result.error_message.as_deref());
            (topic.clone(), done_before(outcome, uncertain, ErrorCode::InvalidPartitions))
        });
        Ok(results.collect())
    }

    /// Changes configurations of a topic, broker or group, all or none; the others stay.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &BTreeMap<String, ConfigChange>,
    ) -> Result<(), AdminError> {
        let action = || format!("change the configuration of {resource}");
        let destination = || match resource {
            ConfigResource::Topic(_) | ConfigResource::Group(_) => Destination::Controller,
            ConfigResource::Broker(id) => Destination::Node(*id),
        };
        let (resource_type, resource_name) = kind_and_name(resource);
        let configs = changes.iter().map(alterable).collect();
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource { resource_type, resource_name, configs }],
            validate_only: false,
        };
        let altered = retrying!(self.client, async {
            let response = self.client.call(destination(), &request).await;
            let response = response.map_err(AdminError::call(action()))?;
            let checks = response
                .responses
                .iter()
                .map(|answer| Refusal::check(answer.error_code, answer.error_message.as_deref()));
            checks.collect::<Result<(), _>>().map_err(|refusal| refusal.into_error(action()))
        });
        match resource {
            ConfigResource::Topic(topic) => altered.map_err(named(topic)),
            ConfigResource::Broker(_) | ConfigResource::Group(_) => altered,
        }
    }

    /// Deletes a partition's records below an offset (`None`: all that consumers see now), for good. Gives the first offset
    /// that is left.
    pub async fn delete_records(
        &self,
        at: &TopicPartition,
        before: Option<Offset>,
    ) -> Result<Offset, AdminError> {
        const ALL: i64 = -1;
        let action = || format!("delete records of {at}");
        let partition = DeleteRecordsPartition {
            partition_index: at.partition.0,
            offset: before.map_or(ALL, |before| before.0),
        };
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: at.topic.as_str().to_owned(),
                partitions: vec![partition],
            }],
            timeout_ms: self.timeout_ms(),
        };
        retrying!(self.client, async {
            let leader = self.leader_of(at).await?;
            let response = self.client.call(Destination::Node(leader), &request).await;
            let response = response.map_err(AdminError::call(action()))?;
            let answer = response.topics.first().and_then(|topic| topic.partitions.first());
            let nothing = || AdminError::refused(action(), ErrorCode::UnknownServerError);
            let answer = answer.ok_or_else(nothing)?;
            Refusal::check(answer.error_code, None).map_err(|refusal| refusal.into_error(action()))?;
            Ok(Offset(answer.low_watermark))
        })
    }

    async fn leader_of(&self, at: &TopicPartition) -> Result<i32, AdminError> {
        let topic = self.describe_topic(&at.topic).await?;
        let partitions = topic.partitions.len();
        let found = topic.partitions.iter().find(|partition| partition.partition == at.partition);
        let found = found.ok_or_else(|| AdminError::NoSuchPartition {
            topic: at.topic.clone(),
            partition: at.partition.0,
            partitions,
        })?;
        let nobody =
            || AdminError::refused(format!("find the leader of {at}"), ErrorCode::LeaderNotAvailable);
        found.leader.ok_or_else(nobody)
    }
}

fn alterable((name, change): (&String, &ConfigChange)) -> AlterableConfig {
    // Kafka's `AlterConfigOp.OpType`.
    let (config_operation, value) = match change {
        ConfigChange::Set(value) => (0, Some(value.clone())),
        ConfigChange::Unset => (1, None),
        ConfigChange::Append(items) => (2, Some(items.clone())),
        ConfigChange::Subtract(items) => (3, Some(items.clone())),
    };
    AlterableConfig { name: name.clone(), config_operation, value }
}

/// Says of a topic that does not exist what helps.
fn named(topic: &TopicName) -> impl FnOnce(AdminError) -> AdminError {
    let topic = topic.clone();
    move |error| match error.code() {
        Some(ErrorCode::UnknownTopicOrPartition) => AdminError::NoSuchTopic(topic),
        _ => error,
    }
}
