//! One member of a streams group.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::streams::reconciliation::StreamsCurrent;
use crate::streams::request::StreamsHeartbeat;
use crate::streams::tasks::{AssignedTasks, Task};

/// Where a member answers questions about its state (Kafka's `application.server`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How far a task's state has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOffset {
    /// The task.
    pub task: Task,
    /// The sum of the offsets in its changelogs.
    pub offset: i64,
}

/// What a member has said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamsMember {
    /// Where it runs.
    pub rack: Option<String>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may take to give tasks back.
    pub rebalance_timeout: Duration,
    /// The version of the topology that it has.
    pub topology_epoch: i32,
    /// The process that it is a thread of: its members share what is on disk.
    pub process: String,
    /// Where it answers questions about its state.
    pub endpoint: Option<Endpoint>,
    /// What else is to be known of where it runs. (Nothing is assigned by it, as in Kafka up to 4.3.)
    pub tags: BTreeMap<String, String>,
}

/// Nobody is waited for less long, whatever is asked for: there would be no time to answer.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

impl StreamsMember {
    /// How long the member is waited for.
    pub(super) fn rebalance_wait(&self) -> Duration {
        self.rebalance_timeout.max(SHORTEST_WAIT)
    }

    /// With what the member says now.
    pub(super) fn updated(&self, beat: &StreamsHeartbeat) -> Self {
        let mut updated = self.clone();
        if beat.rack.is_some() {
            updated.rack.clone_from(&beat.rack);
        }
        if let Some(timeout) = beat.rebalance_timeout {
            updated.rebalance_timeout = timeout;
        }
        if let Some(topology) = &beat.topology {
            updated.topology_epoch = topology.epoch;
        }
        if let Some(process) = &beat.process {
            updated.process.clone_from(process);
        }
        // One that does not tell its process is one by itself.
        if updated.process.is_empty() {
            beat.member.as_str().clone_into(&mut updated.process);
        }
        if beat.endpoint.is_some() {
            updated.endpoint.clone_from(&beat.endpoint);
        }
        if let Some(tags) = &beat.tags {
            updated.tags = tags.iter().cloned().collect();
        }
        updated.client_id.clone_from(&beat.client_id);
        updated.client_host.clone_from(&beat.client_host);
        updated
    }

    /// Whether its tasks would be the same, for all that it says.
    pub(super) fn works_alike(&self, other: &Self) -> bool {
        let Self { rack, topology_epoch, process, tags, .. } = self;
        (rack, process, tags) == (&other.rack, &other.process, &other.tags)
            && *topology_epoch == other.topology_epoch
    }
}

/// A member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) said: StreamsMember,
    /// What it is to work on; none before that was computed for the first time.
    pub(super) target: Option<AssignedTasks>,
    pub(super) current: StreamsCurrent,
    /// The epoch since which it has each task that it processes, as far as that was seen; not durable.
    pub(super) since: BTreeMap<Task, i32>,
    /// What it last told of its tasks' state, and of its changelogs' ends; not durable.
    pub(super) offsets: Vec<TaskOffset>,
    pub(super) end_offsets: Vec<TaskOffset>,
}

impl Member {
    pub(super) fn joining() -> Self {
        Self::with(StreamsMember::default(), None, StreamsCurrent::joining())
    }

    pub(super) fn with(said: StreamsMember, target: Option<AssignedTasks>, current: StreamsCurrent) -> Self {
        Self { said, target, current, since: BTreeMap::new(), offsets: Vec::new(), end_offsets: Vec::new() }
    }

    /// It goes on to work on this.
    pub(super) fn advance(&mut self, next: StreamsCurrent) {
        let (assigned, revoking) = (&next.assigned.active, &next.revoking.active);
        self.since.retain(|task, _| assigned.contains(task) || revoking.contains(task));
        for task in assigned.iter() {
            self.since.entry(task).or_insert(next.epoch);
        }
        self.current = next;
    }

    /// Begins anew with nothing in its hands.
    pub(super) fn begin_anew(&mut self) {
        self.current = StreamsCurrent::joining();
        self.since.clear();
    }
}
