//! The heartbeats that a member of a streams group sends.

use std::collections::BTreeMap;

use headwater_wire::messages::streams_group_heartbeat::{
    KeyValue, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatRequestEndpoint,
    StreamsGroupHeartbeatRequestTaskIds, TaskOffset,
};

use super::{Shutdown, StreamsMember};
use crate::membership::GroupRequest;
use crate::membership::heart::{LEAVES, LEAVES_FOR_A_WHILE};
use crate::tasks::{TaskId, Tasks};

impl StreamsMember {
    /// Leaves, if the coordinator may know us.
    pub(super) fn say_goodbye(&mut self) {
        if self.heart.is_known() {
            let epoch = if self.config.instance_id.is_some() { LEAVES_FOR_A_WHILE } else { LEAVES };
            let request = StreamsGroupHeartbeatRequest { member_epoch: epoch, ..self.who_we_are() };
            let ticket = self.outbox.send(GroupRequest::StreamsLeave(Box::new(request)));
            self.heart.leaving(ticket);
        }
    }

    /// What the coordinator does not know yet; everything if it may know nothing.
    pub(super) fn heartbeat(&mut self) -> StreamsGroupHeartbeatRequest {
        let mut request = self.who_we_are();
        let joins = self.heart.epoch() == 0;
        let everything = joins || !self.told.everything;
        if joins {
            request.topology = Some(self.config.topology.clone());
        }
        if everything {
            self.say_who_does_not_change(&mut request);
        }
        if everything || self.told.acknowledge {
            request.active_tasks = Some(ids(&self.owned.active));
            request.standby_tasks = Some(ids(&self.owned.standby));
            request.warmup_tasks = Some(ids(&self.owned.warm_up));
            self.told.unsettled = true;
        }
        if let Some(offsets) = self.offsets.take() {
            request.task_offsets = Some(positions(&offsets.reached));
            request.task_end_offsets = Some(positions(&offsets.ends));
        }
        if self.shutdown != Shutdown::No {
            request.shutdown_application = true;
            self.shutdown = Shutdown::Told;
        }
        self.told.everything = true;
        self.told.acknowledge = false;
        request
    }

    fn say_who_does_not_change(&self, request: &mut StreamsGroupHeartbeatRequest) {
        let config = &self.config;
        request.rack_id.clone_from(&config.rack);
        request.rebalance_timeout_ms =
            i32::try_from(config.max_poll_interval.as_millis()).unwrap_or(i32::MAX);
        request.process_id = Some(config.process_id.clone());
        request.user_endpoint = config.endpoint.as_ref().map(|endpoint| {
            StreamsGroupHeartbeatRequestEndpoint { host: endpoint.host.clone(), port: endpoint.port }
        });
        let tags = config.tags.iter();
        let tags = tags.map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() });
        request.client_tags = Some(tags.collect());
    }

    fn who_we_are(&self) -> StreamsGroupHeartbeatRequest {
        StreamsGroupHeartbeatRequest {
            group_id: self.config.group.clone(),
            member_id: self.heart.member_id().to_owned(),
            member_epoch: self.heart.epoch(),
            endpoint_information_epoch: self.endpoint_epoch,
            instance_id: self.config.instance_id.clone(),
            ..Default::default()
        }
    }
}

fn ids(tasks: &Tasks) -> Vec<StreamsGroupHeartbeatRequestTaskIds> {
    let mut by_subtopology: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for task in tasks {
        by_subtopology.entry(&task.subtopology).or_default().push(task.partition.0);
    }
    let ids = by_subtopology.into_iter().map(|(subtopology, partitions)| {
        let subtopology_id = subtopology.to_owned();
        StreamsGroupHeartbeatRequestTaskIds { subtopology_id, partitions }
    });
    ids.collect()
}

fn positions(offsets: &BTreeMap<TaskId, i64>) -> Vec<TaskOffset> {
    let offsets = offsets.iter().map(|(task, offset)| TaskOffset {
        subtopology_id: task.subtopology.clone(),
        partition: task.partition.0,
        offset: *offset,
    });
    offsets.collect()
}
