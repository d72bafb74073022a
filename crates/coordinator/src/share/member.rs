//! One member of a share group.

use std::collections::BTreeSet;

use crate::Partitions;
use crate::share::ShareHeartbeat;

/// What a member has said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShareSubscription {
    /// Where it runs.
    pub rack: Option<String>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The names of the topics that it subscribes to, whether they exist or not.
    pub topics: BTreeSet<String>,
}

impl ShareSubscription {
    /// With what the member says now.
    pub(super) fn updated(&self, beat: &ShareHeartbeat) -> Self {
        let said = |topics: &Vec<String>| topics.iter().cloned().collect();
        Self {
            rack: beat.rack.clone().or_else(|| self.rack.clone()),
            client_id: beat.client_id.clone(),
            client_host: beat.client_host.clone(),
            topics: beat.topics.as_ref().map_or_else(|| self.topics.clone(), said),
        }
    }
}

/// What a member works on, as far as the coordinator has told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShareCurrent {
    /// Its epoch: 0 before it has been assigned anything.
    pub epoch: i32,
    /// The epoch that it may still come with, because it missed an answer.
    pub previous_epoch: i32,
    /// What it works on, or will once it has the answer.
    pub assigned: Partitions,
}

impl ShareCurrent {
    /// Whether a member comes with an epoch that it can have: its own, or the one that it had before the last answer, if
    /// that got lost.
    pub(super) fn accepts(&self, epoch: i32) -> bool {
        epoch == self.epoch || epoch == self.previous_epoch
    }
}

/// A member.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) subscription: ShareSubscription,
    /// What it is to work on; none before that was computed for the first time.
    pub(super) target: Option<Partitions>,
    pub(super) current: ShareCurrent,
}
