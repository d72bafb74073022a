//! Topics: create, delete, list, describe.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_model::{ErrorCode, LeaderEpoch, Monotonic, PartitionId, TopicName, Uuid};
use headwater_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use headwater_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use headwater_wire::messages::metadata::MetadataRequest;

use super::{Admin, AdminError, Answers, Refusal, Results, Settling, retrying};
use crate::call::Destination;
use crate::cluster::{ClusterView, TopicView};
use crate::connector::Connector;
use crate::retry::MISSING_TOPIC_GRACE;
use crate::timer::pause;

/// How soon a broker is asked again whether it knows a new topic.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions; `None` leaves it to the cluster.
    pub partitions: Option<i32>,
    /// How many replicas of each; `None` leaves it to the cluster.
    pub replication_factor: Option<i16>,
    /// Its configuration, where it differs from the cluster's.
    pub configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// A topic with so many partitions, otherwise as the cluster has it.
    pub fn new(name: TopicName, partitions: i32) -> Self {
        Self { name, partitions: Some(partitions), replication_factor: None, configs: BTreeMap::new() }
    }

    /// The same with a configuration, for example `cleanup.policy` = `compact`.
    #[must_use]
    pub fn with_config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.insert(name.into(), value.into());
        self
    }
}

/// A topic in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicListing {
    /// Its name.
    pub name: TopicName,
    /// Its id; zero on clusters without.
    pub id: Uuid,
    /// True if the cluster made it for its own use.
    pub internal: bool,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many replicas its partitions have.
    pub replication_factor: usize,
}

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: TopicName,
    /// Its id; zero on clusters without.
    pub id: Uuid,
    /// True if the cluster made it for its own use.
    pub internal: bool,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionDescription>,
}

/// A partition and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Which partition.
    pub partition: PartitionId,
    /// The broker that leads it, if any does just now.
    pub leader: Option<i32>,
    /// How often its leadership has changed, if the cluster says so.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The brokers that have it.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub in_sync: Vec<i32>,
}

impl<C: Connector> Admin<C> {
    /// Creates one topic.
    pub async fn create_topic(&self, topic: NewTopic) -> Result<(), AdminError> {
        let name = topic.name.clone();
        let mut results = self.create_topics(&[topic]).await;
        results.remove(&name).unwrap_or(Ok(()))
    }

    /// Creates topics, and says of each whether it was created.
    ///
    /// If an answer got lost and the topic exists when asked again, it counts as created.
    pub async fn create_topics(&self, topics: &[NewTopic]) -> Results<TopicName, ()> {
        let mut settling = Settling::new(topics.iter().map(|topic| topic.name.clone()));
        let mut retry = self.client.retry();
        loop {
            let pending = topics.iter().filter(|topic| settling.pending.contains_key(&topic.name));
            let answers = self.try_create(pending.map(creatable).collect(), settling.uncertain).await;
            settling.take(answers, |name| format!("create topic \"{name}\""));
            if settling.pending.is_empty() || !self.pause_for_controller(&mut retry).await {
                let results = settling.finish();
                self.wait_until_known(&results).await;
                return results;
            }
        }
    }

    /// A broker learns of a new topic a moment after the controller has made it: waits for that, so that whoever uses the
    /// topic next finds it.
    async fn wait_until_known(&self, created: &Results<TopicName, ()>) {
        let exists = |result: &Result<(), AdminError>| match result {
            Ok(()) => true,
            Err(error) => error.code() == Some(ErrorCode::TopicAlreadyExists),
        };
        let topics: Vec<_> =
            created.iter().filter(|(_, result)| exists(result)).map(|(name, _)| name.clone()).collect();
        let until = self.client.clock().monotonic() + MISSING_TOPIC_GRACE;
        while !topics.is_empty() && self.client.clock().monotonic() < until {
            let described = self.describe_topics(&topics).await;
            let is_unknown = |topic: &Result<_, AdminError>| matches!(topic, Err(AdminError::NoSuchTopic(_)));
            if !described.is_ok_and(|described| described.values().any(is_unknown)) {
                return;
            }
            pause(LOOK_AGAIN).await;
        }
    }

    async fn try_create(&self, topics: Vec<CreatableTopic>, uncertain: bool) -> Answers<TopicName, ()> {
        let request = CreateTopicsRequest { topics, timeout_ms: self.timeout_ms(), validate_only: false };
        let response = self.client.call(Destination::Controller, &request).await?;
        let results = response.topics.iter().filter_map(|topic| {
            let name = TopicName::new(&topic.name).ok()?;
            let result = Refusal::check(topic.error_code, topic.error_message.as_deref());
            Some((name, done_before(result, uncertain, ErrorCode::TopicAlreadyExists)))
        });
        Ok(results.collect())
    }

    /// Deletes topics, and says of each whether it was deleted.
    ///
    /// If an answer got lost and the topic does not exist when asked again, it counts as deleted.
    pub async fn delete_topics(&self, topics: &[TopicName]) -> Results<TopicName, ()> {
        let mut settling = Settling::new(topics.iter().cloned());
        let mut retry = self.client.retry();
        loop {
            let pending: Vec<&TopicName> = settling.pending.keys().collect();
            let answers = self.try_delete(&pending, settling.uncertain).await;
            settling.take(answers, |name| format!("delete topic \"{name}\""));
            if settling.pending.is_empty() || !self.pause_for_controller(&mut retry).await {
                break;
            }
        }
        let settled = settling.finish().into_iter().map(|(name, result)| {
            let was_there = result
                .and_then(|was_there| was_there.then_some(()).ok_or(AdminError::NoSuchTopic(name.clone())));
            (name, was_there)
        });
        settled.collect()
    }

    /// Whether each topic was there to be deleted: that it was not is an answer, and no reason to ask again.
    async fn try_delete(&self, names: &[&TopicName], uncertain: bool) -> Answers<TopicName, bool> {
        let state = |name: &&TopicName| DeleteTopicState {
            name: Some(name.as_str().to_owned()),
            topic_id: Uuid::ZERO,
        };
        let request = DeleteTopicsRequest {
            topics: names.iter().map(state).collect(),
            topic_names: names.iter().map(|name| name.as_str().to_owned()).collect(),
            timeout_ms: self.timeout_ms(),
        };
        let response = self.client.call(Destination::Controller, &request).await?;
        let results = response.responses.iter().filter_map(|topic| {
            let name = TopicName::new(topic.name.as_deref()?).ok()?;
            let result = match ErrorCode::from_code(topic.error_code) {
                ErrorCode::UnknownTopicOrPartition => Ok(uncertain),
                _ => Refusal::check(topic.error_code, topic.error_message.as_deref()).map(|()| true),
            };
            Some((name, result))
        });
        Ok(results.collect())
    }

    /// Every topic of the cluster, internal ones included, in order of their names.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>, AdminError> {
        let view = self.ask_topics("list the topics", None).await?;
        let topics = view.topics().iter().filter(|(_, topic)| topic.error.is_none());
        let listings = topics.map(|(name, topic)| TopicListing {
            name: name.clone(),
            id: topic.id,
            internal: topic.internal,
            partitions: topic.partitions.len(),
            replication_factor: topic
                .partitions
                .values()
                .map(|partition| partition.replicas.len())
                .max()
                .unwrap_or(0),
        });
        Ok(listings.collect())
    }

    /// One topic and its partitions.
    pub async fn describe_topic(&self, topic: &TopicName) -> Result<TopicDescription, AdminError> {
        let mut results = self.describe_topics(std::slice::from_ref(topic)).await?;
        let nothing = || Err(AdminError::NoSuchTopic(topic.clone()));
        results.remove(topic).unwrap_or_else(nothing)
    }

    /// These topics and their partitions.
    pub async fn describe_topics(
        &self,
        topics: &[TopicName],
    ) -> Result<Results<TopicName, TopicDescription>, AdminError> {
        let view = self.ask_topics("describe topics", Some(topics)).await?;
        let results = topics.iter().map(|name| {
            let described = match view.topic(name) {
                None => Err(AdminError::NoSuchTopic(name.clone())),
                Some(topic) => describe(name, topic),
            };
            (name.clone(), described)
        });
        Ok(results.collect())
    }

    /// Asks for some topics or all, apart from the topics that the client uses.
    async fn ask_topics(
        &self,
        action: &str,
        topics: Option<&[TopicName]>,
    ) -> Result<ClusterView, AdminError> {
        let request = MetadataRequest {
            topics: topics.map(|topics| topics.iter().map(crate::client::by_name).collect()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        retrying!(self.client, async {
            let response = self.client.call(Destination::Any, &request).await;
            let response = response.map_err(AdminError::call(action))?;
            let error = ErrorCode::from_code(response.error_code);
            error.ok().map_err(|error| AdminError::refused(action, error))?;
            Ok(ClusterView::default().updated(&response, topics, Monotonic::ORIGIN))
        })
    }

    /// How long a broker may take to change something.
    pub(super) fn timeout_ms(&self) -> i32 {
        i32::try_from(self.client.config().request_timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let config = |(name, value): (&String, &String)| CreatableTopicConfig {
        name: name.clone(),
        value: Some(value.clone()),
    };
    CreatableTopic {
        name: topic.name.as_str().to_owned(),
        num_partitions: topic.partitions.unwrap_or(-1),
        replication_factor: topic.replication_factor.unwrap_or(-1),
        assignments: Vec::new(),
        configs: topic.configs.iter().map(config).collect(),
    }
}

/// An error that says that the work is done already is none if an earlier try may have done it.
pub(super) fn done_before(
    result: Result<(), Refusal>,
    uncertain: bool,
    done: ErrorCode,
) -> Result<(), Refusal> {
    match result {
        Err(refusal) if uncertain && refusal.error == done => Ok(()),
        result => result,
    }
}

fn describe(name: &TopicName, topic: &TopicView) -> Result<TopicDescription, AdminError> {
    match topic.error {
        None => {}
        Some(ErrorCode::UnknownTopicOrPartition) => return Err(AdminError::NoSuchTopic(name.clone())),
        Some(error) => return Err(AdminError::refused(format!("describe topic \"{name}\""), error)),
    }
    let partitions = topic.partitions.iter().map(|(id, partition)| PartitionDescription {
        partition: *id,
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        replicas: partition.replicas.clone(),
        in_sync: partition.in_sync.clone(),
    });
    Ok(TopicDescription {
        name: name.clone(),
        id: topic.id,
        internal: topic.internal,
        partitions: partitions.collect(),
    })
}
