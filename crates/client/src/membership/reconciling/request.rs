//! The heartbeats that a member sends.

use headwater_model::{Monotonic, TopicName};
use headwater_wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
};

use super::{Phase, ReconcilingMember, Subscription};
use crate::membership::GroupRequest;
use crate::membership::heart::{LEAVES, LEAVES_FOR_A_WHILE};

impl ReconcilingMember {
    pub(super) fn send_join(&mut self) {
        self.known = true;
        let request = self.heartbeat();
        let ticket = self.outbox.send(GroupRequest::ConsumerHeartbeat(request));
        self.phase = Phase::Joining { ticket };
    }

    pub(super) fn send_heartbeat(&mut self, now: Monotonic) {
        let request = self.heartbeat();
        let ticket = self.outbox.send(GroupRequest::ConsumerHeartbeat(request));
        self.phase = Phase::Member { next: now + self.interval, waiting: Some(ticket) };
    }

    /// Leaves, if the coordinator may know us.
    pub(super) fn say_goodbye(&mut self) {
        if std::mem::take(&mut self.known) {
            let epoch = if self.config.instance_id.is_some() { LEAVES_FOR_A_WHILE } else { LEAVES };
            let request = ConsumerGroupHeartbeatRequest { member_epoch: epoch, ..self.who_we_are() };
            self.farewell = Some(self.outbox.send(GroupRequest::ConsumerLeave(request)));
        }
        self.epoch = 0;
    }

    /// What the coordinator does not know yet; everything if it may know nothing.
    fn heartbeat(&mut self) -> ConsumerGroupHeartbeatRequest {
        let everything = self.told.subscription.is_none() || self.epoch == 0;
        let mut request = self.who_we_are();
        if everything {
            request.rack_id.clone_from(&self.config.rack);
            request.server_assignor.clone_from(&self.config.server_assignor);
            request.rebalance_timeout_ms =
                i32::try_from(self.config.max_poll_interval.as_millis()).unwrap_or(i32::MAX);
        }
        if everything || self.told.subscription.as_ref() != Some(&self.subscription) {
            let (topics, pattern) = match &self.subscription {
                Subscription::Nothing => (Vec::new(), ""),
                Subscription::Topics(topics) => (topics.iter().map(text).collect(), ""),
                Subscription::Matching(pattern) => (Vec::new(), pattern.as_str()),
            };
            request.subscribed_topic_names = Some(topics);
            // An empty one takes back what a member of this instance id may have had before.
            request.subscribed_topic_regex = Some(pattern.to_owned());
        }
        if everything || self.told.acknowledge {
            let owned = self.partitions.by_id().into_iter();
            let owned = owned.map(|(topic_id, partitions)| ConsumerGroupHeartbeatRequestTopicPartitions {
                topic_id,
                partitions: partitions.into_iter().map(|partition| partition.0).collect(),
            });
            request.topic_partitions = Some(owned.collect());
            self.told.unsettled = true;
        }
        self.told.subscription = Some(self.subscription.clone());
        self.told.acknowledge = false;
        request
    }

    fn who_we_are(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.config.group.clone(),
            member_id: self.member_id.clone(),
            member_epoch: self.epoch,
            instance_id: self.config.instance_id.clone(),
            ..Default::default()
        }
    }
}

fn text(topic: &TopicName) -> String {
    topic.as_str().to_owned()
}
