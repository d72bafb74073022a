//! Makes and removes topics.
//!
//! Owns: the order of the steps. To make one: the name is reserved, the event made durable, the logs opened, the topic put
//! into the registry. To remove one: out of the registry, the event made durable, the folders moved away.
//!
//! Invariants: the steps run to their end on a task of their own, whatever becomes of who asked; a crash between any two
//! leaves what the next start completes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use headwater_model::{PartitionId, TopicName, TopicPartition, Uuid};

use super::creation::{PlannedTopic, Rules, plan, plan_named};
use super::settings::{Layers, TopicSettings};
use super::{NewTopic, Topic, TopicError, is_hidden, is_internal};
use crate::broker::Broker;
use crate::metadata::{Event, TopicCreated};

impl Broker {
    /// Looks at the topics. The closure must be short: it holds their lock.
    pub(crate) fn topics<T>(&self, look: impl FnOnce(&super::Registry) -> T) -> T {
        look(&self.registry().read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn topics_mut<T>(&self, change: impl FnOnce(&mut super::Registry) -> T) -> T {
        let mut topics = self.registry().write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let outcome = change(&mut topics);
        self.told().announce(topics.version());
        outcome
    }

    /// A topic that clients may know of.
    pub(crate) fn visible_topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics(|topics| topics.get(name).cloned()).filter(|_| !is_hidden(name))
    }

    /// A topic that clients may know of, by id.
    pub(crate) fn visible_topic_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.topics(|topics| topics.get_by_id(id).cloned()).filter(|topic| !is_hidden(topic.name().as_str()))
    }

    /// Any topic, internal ones included.
    pub fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics(|topics| topics.get(name).cloned())
    }

    /// True for topics that are compacted and of which nothing is deleted otherwise.
    pub(crate) fn is_kept_for_ever(&self, topic: &Topic) -> bool {
        let settings = TopicSettings::new(self.layers(&topic.state.settings));
        settings.compacted && !settings.deleted
    }

    /// A topic's settings over the broker's.
    pub(crate) fn layers<'a>(&'a self, own: &'a std::collections::BTreeMap<String, String>) -> Layers<'a> {
        Layers { own, broker: &self.config().topic_defaults }
    }

    /// What would become of a wish.
    pub(crate) fn plan_topic(&self, wish: &NewTopic) -> Result<PlannedTopic, TopicError> {
        self.topics(|topics| plan(wish, &self.rules(topics)))
    }

    /// Makes a topic.
    pub(crate) async fn create_topic(&self, wish: NewTopic) -> Result<Arc<Topic>, TopicError> {
        let planned = self.topics_mut(|topics| {
            let planned = plan(&wish, &self.rules(topics))?;
            topics.reserve(planned.name.clone(), usize::try_from(planned.partitions).unwrap_or(0));
            Ok::<_, TopicError>(planned)
        })?;
        if let Some(factor) = planned.replicas_not_made
            && !self.replicas_warned().swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                topic = %planned.name,
                factor,
                "a replication factor above 1 was asked for; this broker keeps one replica of each partition, and says so \
                 only this once"
            );
        }
        self.make(planned, false).await
    }

    /// The broker's own topic of that name, made if it does not exist.
    ///
    /// Settings are Kafka's, and count only if the topic is made now.
    pub async fn internal_topic(
        &self,
        name: &TopicName,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<Arc<Topic>, TopicError> {
        if let Some(topic) = self.topic(name.as_str()) {
            return Ok(topic);
        }
        let wish = NewTopic {
            name: name.to_string(),
            partitions,
            replication_factor: 1,
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
                .collect(),
            ..NewTopic::default()
        };
        let (broker, name) = (self.clone(), name.clone());
        // On a task of its own, in turn: who asked may be gone before it is made, and the next one waits for it.
        let made = tokio::spawn(async move { broker.make_internal(name, wish).await });
        made.await.unwrap_or(Err(TopicError::Storage))
    }

    async fn make_internal(&self, name: TopicName, wish: NewTopic) -> Result<Arc<Topic>, TopicError> {
        let _turn = self.take_turn().await;
        if let Some(topic) = self.topic(name.as_str()) {
            return Ok(topic);
        }
        let planned = self.topics_mut(|topics| {
            // What the broker cannot do without is not refused for what clients have made.
            let rules = Rules { max_partitions: usize::MAX, ..self.rules(topics) };
            let planned = plan_named(name.clone(), &wish, &rules)?;
            topics.reserve(name, usize::try_from(planned.partitions).unwrap_or(0));
            Ok::<_, TopicError>(planned)
        })?;
        self.make(planned, true).await
    }

    pub(super) fn rules<'a>(&self, topics: &'a super::Registry) -> Rules<'a> {
        let config = self.config();
        Rules {
            names: topics.names(),
            partitions_taken: topics.partition_count(),
            max_partitions: config.limits.max_partitions,
            max_partitions_per_topic: config.limits.partitions_per_topic(),
            default_partitions: config.default_partitions,
            node_id: config.node_id,
            accept_replication_factors: config.accept_replication_factors,
        }
    }

    async fn make(&self, planned: PlannedTopic, internal: bool) -> Result<Arc<Topic>, TopicError> {
        let broker = self.clone();
        let name = planned.name.clone();
        let made = tokio::spawn(async move {
            let made = broker.make_reserved(planned, internal).await;
            if made.is_err() {
                broker.topics_mut(|topics| topics.release(&name));
            }
            made
        });
        made.await.unwrap_or(Err(TopicError::Storage))
    }

    async fn make_reserved(&self, planned: PlannedTopic, internal: bool) -> Result<Arc<Topic>, TopicError> {
        let state = TopicCreated {
            topic_id: self.new_uuid(),
            name: planned.name,
            partitions: planned.partitions,
            internal,
            settings: planned.settings,
        };
        self.metadata().append(&[Event::TopicCreated(state.clone())]).await?;
        let broker = self.clone();
        let opened =
            self.storage().call(move || broker.open_topic(state)).await.ok_or(TopicError::Storage)?;
        let topic = Arc::new(opened);
        self.topics_mut(|topics| topics.insert(topic.clone()));
        tracing::info!(topic = %topic.name(), partitions = topic.partitions.len(), "created a topic");
        Ok(topic)
    }

    /// Removes a topic with its records; gives its id.
    pub(crate) async fn delete_topic(&self, name: &str) -> Result<Uuid, TopicError> {
        if is_internal(name) && self.visible_topic(name).is_some() {
            return Err(TopicError::Internal(name.to_owned()));
        }
        let topic = self.visible_topic(name).ok_or_else(|| TopicError::Unknown(name.to_owned()))?;
        let broker = self.clone();
        let removal = tokio::spawn(async move { broker.remove(topic.name()).await });
        removal.await.unwrap_or(Err(TopicError::Storage))
    }

    async fn remove(&self, name: &TopicName) -> Result<Uuid, TopicError> {
        let turn = self.take_turn().await;
        let topic = self.topics_mut(|topics| topics.begin_removal(name));
        let topic = topic.ok_or_else(|| TopicError::Unknown(name.to_string()))?;
        let id = topic.id();
        if let Err(error) = self.metadata().append(&[Event::TopicDeleted { topic_id: id }]).await {
            self.topics_mut(|topics| topics.insert(topic));
            return Err(error);
        }
        tracing::info!(topic = %name, "deleted a topic");
        let broker = self.clone();
        let moved = self.storage().call(move || broker.remove_logs(&topic)).await;
        self.topics_mut(|topics| topics.release(name));
        // The coordinators may be waiting for it, to make the topics that they begin with.
        drop(turn);
        self.forget_committed_offsets(name).await;
        self.forget_shared_topic(id).await;
        moved.map(|()| id).ok_or(TopicError::Storage)
    }

    /// The partition, if it exists and is online.
    pub fn partition(&self, id: &TopicPartition) -> Option<Arc<crate::partition::Partition>> {
        let topic = self.topic(id.topic.as_str())?;
        topic.partition(PartitionId(id.partition.0)).cloned()
    }
}
