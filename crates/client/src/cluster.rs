//! What is known about the cluster: its brokers, and the topics in use with the leaders of their partitions. Pure.
//!
//! Owns: [`ClusterView`], and how an answer of the cluster changes it.
//!
//! Invariants: a leader is never replaced by one of an older epoch, unless the topic was made anew (its id changed):
//! answers of different brokers may overtake each other.
//!
//! Does not know: when to ask, whom, or how.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, LeaderEpoch, Monotonic, PartitionId, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use crate::config::Address;

/// The cluster as last heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClusterView {
    controller: Option<i32>,
    brokers: BTreeMap<i32, BrokerView>,
    topics: BTreeMap<TopicName, TopicView>,
}

/// A broker that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokerView {
    pub(crate) address: Address,
}

/// A topic in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicView {
    /// [`Uuid::ZERO`] on clusters without topic ids.
    pub(crate) id: Uuid,
    pub(crate) internal: bool,
    /// Why there are no (current) partitions, as the cluster said when last asked.
    pub(crate) error: Option<ErrorCode>,
    pub(crate) partitions: BTreeMap<PartitionId, PartitionView>,
    /// When the cluster was last asked.
    pub(crate) refreshed: Monotonic,
}

/// A partition of a topic in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionView {
    /// The broker that leads it, if any does just now.
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: Option<LeaderEpoch>,
    pub(crate) replicas: Vec<i32>,
    pub(crate) in_sync: Vec<i32>,
}

impl ClusterView {
    /// The broker to send changes to.
    pub(crate) fn controller(&self) -> Option<i32> {
        self.controller
    }

    pub(crate) fn brokers(&self) -> &BTreeMap<i32, BrokerView> {
        &self.brokers
    }

    pub(crate) fn broker(&self, id: i32) -> Option<&BrokerView> {
        self.brokers.get(&id)
    }

    pub(crate) fn topics(&self) -> &BTreeMap<TopicName, TopicView> {
        &self.topics
    }

    pub(crate) fn topic(&self, name: &TopicName) -> Option<&TopicView> {
        self.topics.get(name)
    }

    /// The topic's id, on clusters that have ids.
    pub(crate) fn topic_id(&self, name: &TopicName) -> Option<Uuid> {
        self.topic(name).map(|topic| topic.id).filter(|id| !id.is_zero())
    }

    /// The topic's partitions, in order; empty if it is not known.
    pub(crate) fn partitions(&self, name: &TopicName) -> impl Iterator<Item = PartitionId> + '_ {
        self.topic(name).into_iter().flat_map(|topic| topic.partitions.keys().copied())
    }

    pub(crate) fn partition(&self, at: &TopicPartition) -> Option<&PartitionView> {
        self.topic(&at.topic)?.partitions.get(&at.partition)
    }

    /// The broker that leads a partition, if it is known and lives.
    pub(crate) fn leader(&self, at: &TopicPartition) -> Option<i32> {
        let leader = self.partition(at)?.leader?;
        self.brokers.contains_key(&leader).then_some(leader)
    }

    /// The view after an answer to a question about `asked` topics, or about all.
    #[must_use]
    pub(crate) fn updated(
        &self,
        response: &MetadataResponse,
        asked: Option<&[TopicName]>,
        now: Monotonic,
    ) -> Self {
        let mut next = Self {
            controller: Some(response.controller_id).filter(|id| *id >= 0),
            brokers: response.brokers.iter().filter_map(broker).collect(),
            topics: self.topics.clone(),
        };
        match asked {
            Some(names) => names.iter().for_each(|name| drop(next.topics.remove(name))),
            None => next.topics.clear(),
        }
        for topic in &response.topics {
            let Some(name) = topic.name.as_deref().and_then(|name| TopicName::new(name).ok()) else {
                continue;
            };
            let known = self.topics.get(&name);
            next.topics.insert(name, topic_view(topic, known, now));
        }
        next
    }
}

fn broker(broker: &MetadataResponseBroker) -> Option<(i32, BrokerView)> {
    let address = Address { host: broker.host.clone(), port: u16::try_from(broker.port).ok()? };
    Some((broker.node_id, BrokerView { address }))
}

fn topic_view(topic: &MetadataResponseTopic, known: Option<&TopicView>, now: Monotonic) -> TopicView {
    let error = ErrorCode::from_code(topic.error_code);
    if error.is_error() {
        // A passing trouble takes nothing away from what is known; a topic that is gone is gone.
        let kept = known.filter(|_| error.is_retriable() && error != ErrorCode::UnknownTopicOrPartition);
        return TopicView {
            id: kept.map_or(topic.topic_id, |kept| kept.id),
            internal: topic.is_internal,
            error: Some(error),
            partitions: kept.map(|kept| kept.partitions.clone()).unwrap_or_default(),
            refreshed: now,
        };
    }
    let same = known.filter(|known| known.id == topic.topic_id);
    let partitions = topic.partitions.iter().map(|partition| {
        let id = PartitionId(partition.partition_index);
        let known = same.and_then(|topic| topic.partitions.get(&id));
        (id, partition_view(partition, known))
    });
    TopicView {
        id: topic.topic_id,
        internal: topic.is_internal,
        error: None,
        partitions: partitions.collect(),
        refreshed: now,
    }
}

fn partition_view(partition: &MetadataResponsePartition, known: Option<&PartitionView>) -> PartitionView {
    let epoch = Some(LeaderEpoch(partition.leader_epoch)).filter(|epoch| epoch.0 >= 0);
    if let Some(known) = known
        && let (Some(new), Some(old)) = (epoch, known.leader_epoch)
        && new < old
    {
        return known.clone();
    }
    PartitionView {
        leader: Some(partition.leader_id).filter(|id| *id >= 0),
        leader_epoch: epoch,
        replicas: partition.replica_nodes.clone(),
        in_sync: partition.isr_nodes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic::ORIGIN;

    fn name(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    fn response(topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
        let broker = |node_id| MetadataResponseBroker {
            node_id,
            host: "h".to_owned(),
            port: 9092,
            ..Default::default()
        };
        MetadataResponse {
            brokers: vec![broker(1), broker(2)],
            controller_id: 1,
            topics,
            ..Default::default()
        }
    }

    fn topic(name: &str, id: u8, error: ErrorCode, leaders: &[(i32, i32)]) -> MetadataResponseTopic {
        let partitions = (0..).zip(leaders).map(|(partition_index, (leader_id, leader_epoch))| {
            MetadataResponsePartition {
                partition_index,
                leader_id: *leader_id,
                leader_epoch: *leader_epoch,
                ..Default::default()
            }
        });
        MetadataResponseTopic {
            name: Some(name.to_owned()),
            topic_id: Uuid::from_bytes([id; 16]),
            error_code: error.code(),
            partitions: partitions.collect(),
            ..Default::default()
        }
    }

    /// The leaders of topic `t` after answers, one after the other.
    fn leaders(answers: &[MetadataResponseTopic]) -> Vec<Option<i32>> {
        let t = name("t");
        let mut view = ClusterView::default();
        for answer in answers {
            view = view.updated(&response(vec![answer.clone()]), Some(std::slice::from_ref(&t)), NOW);
        }
        view.partitions(&t).map(|partition| view.leader(&TopicPartition::new(t.clone(), partition))).collect()
    }

    #[test]
    fn a_leader_gives_way_only_to_one_of_the_same_epoch_or_a_newer() {
        let known = topic("t", 1, ErrorCode::None, &[(1, 5), (1, 5), (1, -1)]);
        let later = topic("t", 1, ErrorCode::None, &[(2, 4), (2, 6), (2, -1)]);
        assert_eq!(leaders(&[known, later]), [Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn a_topic_made_anew_starts_its_epochs_anew() {
        let known = topic("t", 1, ErrorCode::None, &[(1, 5)]);
        let anew = topic("t", 2, ErrorCode::None, &[(2, 0)]);
        assert_eq!(leaders(&[known, anew]), [Some(2)]);
    }

    #[test]
    fn a_passing_trouble_keeps_what_is_known_and_an_unknown_topic_does_not() {
        let known = topic("t", 1, ErrorCode::None, &[(1, 5)]);
        let passing = topic("t", 1, ErrorCode::LeaderNotAvailable, &[]);
        let unknown = topic("t", 0, ErrorCode::UnknownTopicOrPartition, &[]);
        assert_eq!(leaders(&[known.clone(), passing]), [Some(1)]);
        assert_eq!(leaders(&[known, unknown]), []);
    }

    #[test]
    fn a_leader_that_is_missing_or_no_live_broker_is_none() {
        assert_eq!(leaders(&[topic("t", 1, ErrorCode::None, &[(-1, 0), (7, 0)])]), [None, None]);
    }

    #[test]
    fn topics_that_were_not_asked_about_stay() {
        let both = response(vec![
            topic("a", 1, ErrorCode::None, &[(1, 0)]),
            topic("b", 2, ErrorCode::None, &[(1, 0)]),
        ]);
        let view = ClusterView::default().updated(&both, None, NOW);
        let without_a = view.updated(&response(vec![]), Some(&[name("a")]), NOW);
        assert_eq!(without_a.topics().keys().collect::<Vec<_>>(), [&name("b")]);
        assert_eq!(without_a.topic_id(&name("b")), Some(Uuid::from_bytes([2; 16])));
        assert!(without_a.updated(&response(vec![]), None, NOW).topics().is_empty());
    }
}
