//! Which batches go into the next request to which broker.

use std::collections::BTreeMap;

use headwater_model::{Monotonic, PartitionId, TopicPartition};

use super::batch::{Outgoing, Payload, RequestId};
use super::{Action, Dispatch, Machine, Place, partition_at};

impl<T: Clone> Machine<T> {
    /// Makes requests of everything that may be sent, as many as each broker may have unanswered.
    pub(super) fn dispatch(&mut self, now: Monotonic, actions: &mut Vec<Action<T>>) {
        for (node, places) in self.sendable_by_node(now) {
            while self.nodes.get(&node).is_none_or(|node| node.requests.len() < self.rules.max_in_flight) {
                let Some(dispatch) = self.request(node, &places, now) else {
                    break;
                };
                actions.push(Action::Send(dispatch));
            }
        }
    }

    fn sendable_by_node(&mut self, now: Monotonic) -> BTreeMap<i32, Vec<Place>> {
        let mut by_node: BTreeMap<i32, Vec<Place>> = BTreeMap::new();
        let mut wants_identity = false;
        for (topic, place) in self.topics.iter_mut().zip(0..) {
            for (partition, index) in topic.partitions.iter_mut().zip(0..) {
                if partition.wants_admission(&self.rules)
                    && let Some(transaction) = &mut self.transaction
                {
                    transaction.wants(TopicPartition::new(topic.name.clone(), PartitionId(index as i32)));
                    continue;
                }
                if self.rules.idempotent && !partition.number_by(self.identity) {
                    wants_identity = true;
                    continue;
                }
                if let Some(leader) = partition.leader
                    && partition.sendable(&self.rules, now, self.flush_to).is_some()
                {
                    by_node.entry(leader).or_default().push((place, index));
                }
            }
        }
        // With transactions, the identity is the coordinator's to give.
        self.identity_question.wanted = wants_identity && self.transaction.is_none();
        by_node
    }

    /// A request with at most one batch of each of these partitions, up to the limit; none if none may be sent.
    fn request(&mut self, node: i32, places: &[Place], now: Monotonic) -> Option<Dispatch> {
        let id = RequestId(self.last_request + 1);
        let start = self.nodes.entry(node).or_default().cursor % places.len().max(1);
        let mut batches = Vec::new();
        let mut taken = Vec::new();
        let mut size = 0;
        let mut looked_at = 0;
        for place in places.iter().cycle().skip(start).take(places.len()) {
            let Some(partition) = partition_at(&mut self.topics, *place) else {
                continue;
            };
            if let Some(more) = partition.sendable(&self.rules, now, self.flush_to) {
                if !batches.is_empty() && size + more > self.max_request_size {
                    break;
                }
                if let Some((meta, payload)) = partition.send(&self.rules, now, id)
                    && let Some(topic) = self.topics.get(place.0)
                {
                    size += more;
                    self.counts.batches_sent += 1;
                    self.counts.bytes_sent += more as u64;
                    self.counts.batches_repeated += u64::from(matches!(payload, Payload::Encoded { .. }));
                    taken.push(*place);
                    batches.push(Outgoing {
                        topic: topic.name.clone(),
                        topic_id: topic.id,
                        partition: PartitionId(place.1 as i32),
                        meta,
                        payload,
                    });
                }
            }
            looked_at += 1;
        }
        if batches.is_empty() {
            return None;
        }
        self.last_request = id.0;
        self.counts.requests += 1;
        let of_node = self.nodes.entry(node).or_default();
        of_node.cursor = start + looked_at;
        let follow = of_node.requests.back().copied();
        of_node.requests.push_back(id);
        self.requests.insert(id, (node, taken));
        let transaction = self.transaction.as_mut().map(|transaction| {
            transaction.batch_sent();
            transaction.version()
        });
        Some(Dispatch { id, node, follow, transaction, batches })
    }
}
