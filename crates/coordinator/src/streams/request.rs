//! StreamsGroupHeartbeat: what a member says, and what can be said of that without looking at the group.

use std::time::Duration;

use headwater_model::ErrorCode;

use crate::streams::member::{Endpoint, TaskOffset};
use crate::streams::reconciliation::OwnedTasks;
use crate::streams::tasks::{AssignedTasks, Tasks};
use crate::streams::topology::StreamsTopology;
use crate::{GroupId, GroupsConfig, InstanceId, MemberId, Refused};

/// The epoch with which a member joins, or joins again with nothing in its hands.
const JOINS: i32 = 0;
/// The epoch with which a member leaves.
const LEAVES: i32 = -1;
/// The least epoch that means something: of static members that leave for a while, which are not served.
const LEAST: i32 = -2;

/// A member's heartbeat. What is not said is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsHeartbeat {
    /// The group.
    pub group: GroupId,
    /// The member's id, which it makes itself.
    pub member: MemberId,
    /// The member's epoch: 0 joins, -1 leaves.
    pub epoch: i32,
    /// The last number of what it knows of other members' endpoints; -1 if it knows nothing.
    pub endpoint_epoch: i32,
    /// Its instance id. Static members are not served, as in Kafka up to 4.3.
    pub instance: Option<InstanceId>,
    /// Where it runs.
    pub rack: Option<String>,
    /// How long it may take to give tasks back.
    pub rebalance_timeout: Option<Duration>,
    /// The topology, when it joins.
    pub topology: Option<StreamsTopology>,
    /// The tasks that it processes.
    pub active: Option<Tasks>,
    /// The tasks whose state it keeps a copy of.
    pub standby: Option<Tasks>,
    /// The tasks that it warms up for. They are not served, as in Kafka up to 4.3.
    pub warmup: Option<Tasks>,
    /// The process that it is a thread of.
    pub process: Option<String>,
    /// Where it answers questions about its state.
    pub endpoint: Option<Endpoint>,
    /// What else is to be known of where it runs: keys and values.
    pub tags: Option<Vec<(String, String)>>,
    /// How far the state of its tasks has come. (Kafka refuses these up to 4.3.)
    pub task_offsets: Option<Vec<TaskOffset>>,
    /// Where the changelogs of its tasks end. (Kafka refuses these up to 4.3.)
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    /// All members are to end.
    pub shutdown_application: bool,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
}

impl StreamsHeartbeat {
    pub(super) fn joins(&self) -> bool {
        self.epoch == JOINS
    }

    pub(super) fn leaves(&self) -> bool {
        self.epoch == LEAVES
    }

    /// The tasks that it works on, if it says so.
    pub(super) fn owned_tasks(&self) -> Option<AssignedTasks> {
        let (active, standby) = (self.active.clone()?, self.standby.clone()?);
        Some(AssignedTasks { active, standby })
    }

    /// Says everything that a heartbeat can say, as after an error: it wants to hear everything too.
    pub(super) fn is_full(&self) -> bool {
        self.joins() || (self.rebalance_timeout.is_some() && self.active.is_some())
    }

    /// What can be said without looking at the group.
    pub(super) fn check(&self, config: &GroupsConfig) -> Result<(), Refused> {
        self.check_features()?;
        self.check_names()?;
        self.check_epoch()?;
        let tasks = [&self.active, &self.standby, &self.warmup];
        if tasks.iter().any(|tasks| tasks.is_some()) && tasks.iter().any(|tasks| tasks.is_none()) {
            return Err(Refused::invalid("If one task-type is non-null, all must be non-null."));
        }
        if !self.joins() && self.topology.is_some() {
            return Err(Refused::invalid("Topology can only be provided when (re-)joining."));
        }
        if self.said_bytes() > config.max_member_metadata_bytes {
            return Err(Refused::invalid("The member says too much of itself."));
        }
        self.topology.as_ref().map_or(Ok(()), StreamsTopology::check)
    }

    fn check_features(&self) -> Result<(), Refused> {
        if self.instance.is_some() {
            return Err(Refused::invalid("Static membership is not yet supported."));
        }
        if self.warmup.as_ref().is_some_and(|tasks| !tasks.is_empty()) {
            return Err(Refused::invalid("WarmupTasks are not supported yet."));
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), Refused> {
        let is_blank = |text: &str| text.trim().is_empty();
        if is_blank(self.member.as_str()) {
            return Err(Refused::invalid("MemberId can't be empty."));
        }
        if is_blank(self.group.as_str()) {
            return Err(Refused::invalid("GroupId can't be empty."));
        }
        if !self.group.is_legal() {
            return Err(ErrorCode::InvalidGroupId.into());
        }
        if self.rack.as_deref().is_some_and(is_blank) {
            return Err(Refused::invalid("RackId can't be empty."));
        }
        Ok(())
    }

    fn check_epoch(&self) -> Result<(), Refused> {
        let is_none = |tasks: &Option<Tasks>| tasks.as_ref().is_some_and(Tasks::is_empty);
        let message = match self.epoch {
            JOINS if self.rebalance_timeout.is_none() => {
                "RebalanceTimeoutMs must be provided in first request.".to_owned()
            }
            JOINS if !is_none(&self.active) => "ActiveTasks must be empty when (re-)joining.".to_owned(),
            JOINS if !is_none(&self.standby) => "StandbyTasks must be empty when (re-)joining.".to_owned(),
            JOINS if !is_none(&self.warmup) => "WarmupTasks must be empty when (re-)joining.".to_owned(),
            JOINS if self.topology.is_none() => "Topology must be non-null when (re-)joining.".to_owned(),
            LEAST => "InstanceId can't be null.".to_owned(),
            epoch if epoch < LEAST => {
                format!("MemberEpoch is {epoch}, but must be greater than or equal to -2.")
            }
            _ => return Ok(()),
        };
        Err(Refused::invalid(message))
    }

    fn said_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let tags = self.tags.iter().flatten().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        let offsets = self.task_offsets.iter().chain(&self.task_end_offsets).flatten();
        let offsets = offsets.map(|offset| offset.task.subtopology.as_str().len() + 12).sum::<usize>();
        let endpoint = self.endpoint.as_ref().map_or(0, |endpoint| endpoint.host.len());
        let topology = self.topology.as_ref().map_or(0, StreamsTopology::said_bytes);
        let names = self.member.as_str().len() + self.client_id.len() + self.client_host.len();
        names + tags + offsets + endpoint + topology + text(&self.rack) + text(&self.process)
    }
}

/// As the machine of reconciliation reads it.
pub(super) fn owned(tasks: Option<&AssignedTasks>) -> OwnedTasks<'_> {
    tasks.map_or(OwnedTasks::Unsaid, OwnedTasks::These)
}
