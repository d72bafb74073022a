//! Changes topics that exist: more partitions, other settings.
//!
//! Owns: the order of the steps. To grow one: the event made durable, the new logs opened, the grown topic put in the place of
//! the old one. To alter one: the event made durable, the partitions told, the altered topic put in its place.
//!
//! Invariants: changes and removals take turns, so none works on a topic that another one has changed meanwhile; the steps run
//! to their end on a task of their own, whatever becomes of who asked; a crash after the event leaves what the next start
//! completes. Partitions that exist go on while their topic grows.

use std::sync::Arc;

use headwater_model::TopicName;

use super::change::{Growth, SettingChange, change_settings, plan_growth};
use super::settings::{Layers, TopicSettings};
use super::{Topic, TopicError, is_internal};
use crate::broker::Broker;
use crate::metadata::{Event, Settings, TopicState};

impl Broker {
    /// Gives a topic more partitions; with `validate_only`, only says whether that is possible.
    pub(crate) async fn grow_topic(&self, wish: Growth, validate_only: bool) -> Result<(), TopicError> {
        if is_internal(wish.topic.as_str()) {
            return Err(TopicError::Internal(wish.topic.to_string()));
        }
        let broker = self.clone();
        let grown = tokio::spawn(async move {
            let _turn = broker.take_turn().await;
            broker.grow(&wish, validate_only).await
        });
        grown.await.unwrap_or(Err(TopicError::Storage))
    }

    async fn grow(&self, wish: &Growth, validate_only: bool) -> Result<(), TopicError> {
        let topic = self.existing(&wish.topic)?;
        let current = topic.state.partitions;
        self.topics_mut(|topics| {
            let added = plan_growth(wish, current, &self.rules(topics))?;
            if !validate_only {
                topics.reserve(wish.topic.clone(), added.unsigned_abs() as usize);
            }
            Ok::<_, TopicError>(())
        })?;
        if validate_only {
            return Ok(());
        }
        let grown = self.grow_reserved(&topic, wish.count).await;
        match grown {
            Ok(grown) => self.topics_mut(|topics| topics.replace(Arc::new(grown))),
            Err(error) => {
                self.topics_mut(|topics| topics.release(&wish.topic));
                return Err(error);
            }
        }
        tracing::info!(topic = %wish.topic, from = current, to = wish.count, "added partitions to a topic");
        Ok(())
    }

    async fn grow_reserved(&self, topic: &Topic, count: i32) -> Result<Topic, TopicError> {
        let current = topic.state.partitions;
        let event = Event::TopicGrown { topic_id: topic.id(), partitions: count };
        self.metadata().append(&[event]).await?;
        let state = TopicState { partitions: count, ..topic.state.clone() };
        let (broker, opening) = (self.clone(), state.clone());
        let opened = self.storage().call(move || broker.open_partitions(&opening, current..count)).await;
        let mut partitions = topic.partitions.clone();
        partitions.extend(opened.ok_or(TopicError::Storage)?);
        Ok(Topic { state, partitions })
    }

    /// Changes settings of a topic, all or none; with `validate_only`, only says whether that is possible.
    pub(crate) async fn alter_topic(
        &self,
        name: TopicName,
        changes: Vec<SettingChange>,
        validate_only: bool,
    ) -> Result<(), TopicError> {
        self.alter(name, validate_only, move |state, broker| change_settings(state, &changes, broker)).await
    }

    /// Replaces all settings of a topic.
    pub(crate) async fn replace_settings(
        &self,
        name: TopicName,
        settings: Settings,
        validate_only: bool,
    ) -> Result<(), TopicError> {
        self.alter(name, validate_only, move |_, _| Ok(settings)).await
    }

    async fn alter(
        &self,
        name: TopicName,
        validate_only: bool,
        change: impl FnOnce(&TopicState, &Settings) -> Result<Settings, TopicError> + Send + 'static,
    ) -> Result<(), TopicError> {
        let broker = self.clone();
        let altered = tokio::spawn(async move {
            let _turn = broker.take_turn().await;
            let topic = broker.existing(&name)?;
            let settings = change(&topic.state, &broker.config().topic_defaults)?;
            if validate_only || settings == topic.state.settings {
                return Ok(());
            }
            broker.put_settings(&topic, settings).await
        });
        altered.await.unwrap_or(Err(TopicError::Storage))
    }

    async fn put_settings(&self, topic: &Topic, settings: Settings) -> Result<(), TopicError> {
        let event = Event::TopicAltered { topic_id: topic.id(), settings: settings.clone() };
        self.metadata().append(&[event]).await?;
        let partitions: Vec<_> = topic.online().cloned().collect();
        let typed = TopicSettings::new(Layers { own: &settings, broker: &self.config().topic_defaults });
        let tell = move || partitions.iter().for_each(|partition| partition.set_settings(typed.clone()));
        let told = self.storage().call(tell).await;
        let state = TopicState { settings, ..topic.state.clone() };
        let altered = Topic { state, partitions: topic.partitions.clone() };
        self.topics_mut(|topics| topics.replace(Arc::new(altered)));
        tracing::info!(topic = %topic.name(), "altered the settings of a topic");
        told.ok_or(TopicError::Storage)
    }

    fn existing(&self, name: &TopicName) -> Result<Arc<Topic>, TopicError> {
        self.visible_topic(name.as_str()).ok_or_else(|| TopicError::Unknown(name.to_string()))
    }
}
