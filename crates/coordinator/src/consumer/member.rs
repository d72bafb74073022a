//! One member of a consumer group.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::consumer::ConsumerHeartbeat;
use crate::{ClassicSide, Current, InstanceId, Partitions};

/// What a member has said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// Where it runs.
    pub rack: Option<String>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may take to give partitions back.
    pub rebalance_timeout: Duration,
    /// The names of the topics that it subscribes to, whether they exist or not.
    pub topics: BTreeSet<String>,
    /// The regular expression of the names of further topics.
    pub pattern: Option<String>,
    /// The assignor that it would like.
    pub assignor: Option<String>,
    /// What else it has said, if it speaks the classic protocol.
    pub classic: Option<ClassicSide>,
}

/// Nobody is waited for less long, whatever is asked for: there would be no time to answer.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

impl Subscription {
    /// How long the member is waited for.
    pub(super) fn rebalance_wait(&self) -> Duration {
        self.rebalance_timeout.max(SHORTEST_WAIT)
    }

    /// With what the member says now.
    pub(super) fn updated(&self, beat: &ConsumerHeartbeat) -> Self {
        let mut updated = self.clone();
        let ConsumerHeartbeat { instance, rack, rebalance_timeout, topics, pattern, assignor, .. } = beat;
        if instance.is_some() {
            updated.instance.clone_from(instance);
        }
        if rack.is_some() {
            updated.rack.clone_from(rack);
        }
        if let Some(timeout) = rebalance_timeout {
            updated.rebalance_timeout = *timeout;
        }
        if let Some(topics) = topics {
            updated.topics = topics.iter().cloned().collect();
        }
        if let Some(pattern) = pattern {
            updated.pattern = Some(pattern.clone()).filter(|pattern| !pattern.is_empty());
        }
        if assignor.is_some() {
            updated.assignor.clone_from(assignor);
        }
        updated.classic = None;
        updated.client_id.clone_from(&beat.client_id);
        updated.client_host.clone_from(&beat.client_host);
        updated
    }

    /// Whether the same topics are asked for.
    pub(super) fn wants_the_same(&self, other: &Self) -> bool {
        self.topics == other.topics && self.pattern == other.pattern
    }
}

/// A member, or a static one that may be away.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) subscription: Subscription,
    /// What it is to work on; none before that was computed for the first time.
    pub(super) target: Option<Partitions>,
    pub(super) current: Current,
}

impl Member {
    pub(super) fn joining() -> Self {
        Self { subscription: Subscription::default(), target: None, current: Current::joining() }
    }
}
