//! Where which state is to be asked for: members' endpoints with the partitions of their tasks (interactive queries).
//!
//! What is known has a number, so that members are told only what is news. It is not durable: it begins at the second
//! in which the group was loaded, so that no member knows it from before.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{PartitionId, Timestamp};

use crate::streams::Streams;
use crate::streams::configuration::Layout;
use crate::streams::member::{Endpoint, Member};
use crate::streams::tasks::Tasks;

/// The partitions of the source topics of the tasks at one endpoint, by topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPartitions {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Of the tasks that are processed there.
    pub active: BTreeMap<String, BTreeSet<PartitionId>>,
    /// Of the tasks that a copy is kept of there.
    pub standby: BTreeMap<String, BTreeSet<PartitionId>>,
}

pub(super) fn first_epoch(wall: Timestamp) -> i32 {
    (wall.0 / 1_000).rem_euclid(i64::from(i32::MAX)) as i32
}

impl Streams {
    /// What is known of endpoints is not what members were told.
    pub(super) fn endpoints_changed(&mut self) {
        self.endpoint_epoch = self.endpoint_epoch.checked_add(1).unwrap_or(0);
    }

    /// What each member with an endpoint works on, by member id.
    pub(super) fn endpoints(&self) -> Vec<EndpointPartitions> {
        let Some(layout) = self.layout() else {
            return Vec::new();
        };
        let told = |member: &Member| {
            Some(EndpointPartitions {
                endpoint: member.said.endpoint.clone()?,
                active: partitions(layout, &member.current.assigned.active),
                standby: partitions(layout, &member.current.assigned.standby),
            })
        };
        self.members.values().filter_map(told).collect()
    }
}

/// The partitions that tasks read. (A topic may have fewer than there are tasks.)
fn partitions(layout: &Layout, tasks: &Tasks) -> BTreeMap<String, BTreeSet<PartitionId>> {
    let mut by_topic: BTreeMap<String, BTreeSet<PartitionId>> = BTreeMap::new();
    for (subtopology, numbers) in tasks.by_subtopology() {
        let sources = layout.parts.get(subtopology).map(|part| &part.sources);
        for (topic, count) in sources.into_iter().flatten() {
            let there = numbers.iter().copied().filter(|number| number.0 < *count);
            by_topic.entry(topic.clone()).or_default().extend(there);
        }
    }
    by_topic.retain(|_, numbers| !numbers.is_empty());
    by_topic
}
