//! The state that the metadata events add up to.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{LeaderEpoch, TopicName, Uuid};

use super::records::{Event, Settings, TopicCreated};

/// A topic that exists.
pub(crate) type TopicState = TopicCreated;

/// What the events say of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClusterState {
    pub(crate) cluster_id: Option<Uuid>,
    /// The epoch under which this start of the broker leads every partition.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Producer ids from here on were never given away.
    pub(crate) next_producer_id: i64,
    pub(crate) topics: BTreeMap<TopicName, TopicState>,
    /// Names of topics that once were and are no more: what lies in their folders is rubbish.
    pub(crate) deleted: BTreeSet<TopicName>,
    /// The settings of the groups that have their own; whether such a group exists is not known here.
    pub(crate) group_settings: BTreeMap<String, Settings>,
}

impl ClusterState {
    /// Takes in the next event.
    pub(crate) fn apply(&mut self, event: Event) {
        match event {
            Event::ClusterCreated { cluster_id } => self.cluster_id = Some(cluster_id),
            Event::BrokerStarted { leader_epoch } => self.leader_epoch = leader_epoch,
            Event::TopicCreated(topic) => {
                self.deleted.remove(&topic.name);
                self.topics.insert(topic.name.clone(), topic);
            }
            Event::TopicDeleted { topic_id } => {
                let gone = self.topics.extract_if(.., |_, topic| topic.topic_id == topic_id);
                self.deleted.extend(gone.map(|(name, _)| name));
            }
            Event::ProducerIdsReserved { next } => self.next_producer_id = self.next_producer_id.max(next),
            Event::TopicGrown { topic_id, partitions } => {
                self.change(topic_id, |topic| topic.partitions = topic.partitions.max(partitions));
            }
            Event::TopicAltered { topic_id, settings } => {
                self.change(topic_id, |topic| topic.settings = settings);
            }
            Event::GroupAltered { group, settings } if settings.is_empty() => {
                self.group_settings.remove(&group);
            }
            Event::GroupAltered { group, settings } => {
                self.group_settings.insert(group, settings);
            }
        }
    }

    fn change(&mut self, topic_id: Uuid, change: impl FnOnce(&mut TopicState)) {
        if let Some(topic) = self.topics.values_mut().find(|topic| topic.topic_id == topic_id) {
            change(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(id: u64, name: &str) -> Event {
        Event::TopicCreated(TopicCreated {
            topic_id: Uuid::from_u64_pair(0, id),
            name: TopicName::new(name).unwrap(),
            partitions: 1,
            internal: false,
            settings: BTreeMap::new(),
        })
    }

    #[test]
    fn a_topic_created_again_is_another_topic() {
        let mut state = ClusterState::default();
        let name = TopicName::new("t").unwrap();
        state.apply(created(1, "t"));
        state.apply(Event::TopicDeleted { topic_id: Uuid::from_u64_pair(0, 1) });
        assert!(state.topics.is_empty() && state.deleted.contains(&name));
        state.apply(created(2, "t"));
        state.apply(Event::TopicDeleted { topic_id: Uuid::from_u64_pair(0, 1) });
        assert_eq!(state.topics[&name].topic_id, Uuid::from_u64_pair(0, 2));
        assert!(state.deleted.is_empty());
    }

    #[test]
    fn a_topic_grows_and_is_altered_by_id_and_never_shrinks() {
        let mut state = ClusterState::default();
        let name = TopicName::new("t").unwrap();
        let id = Uuid::from_u64_pair(0, 1);
        state.apply(created(1, "t"));
        state.apply(Event::TopicGrown { topic_id: id, partitions: 5 });
        state.apply(Event::TopicGrown { topic_id: id, partitions: 2 });
        state.apply(Event::TopicGrown { topic_id: Uuid::from_u64_pair(0, 2), partitions: 9 });
        let settings = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
        state.apply(Event::TopicAltered { topic_id: id, settings: settings.clone() });
        assert_eq!((state.topics[&name].partitions, &state.topics[&name].settings), (5, &settings));
    }

    #[test]
    fn a_group_has_settings_as_long_as_it_has_some_of_its_own() {
        let mut state = ClusterState::default();
        let altered = |settings| Event::GroupAltered { group: "g".to_owned(), settings };
        let settings = BTreeMap::from([("share.session.timeout.ms".to_owned(), "50000".to_owned())]);
        state.apply(altered(settings.clone()));
        assert_eq!(state.group_settings["g"], settings);
        state.apply(altered(BTreeMap::new()));
        assert!(state.group_settings.is_empty());
    }

    #[test]
    fn reserved_producer_ids_never_fall() {
        let mut state = ClusterState::default();
        state.apply(Event::ProducerIdsReserved { next: 2_000 });
        state.apply(Event::ProducerIdsReserved { next: 1_000 });
        assert_eq!(state.next_producer_id, 2_000);
    }
}
