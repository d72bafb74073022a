//! ConsumerGroupHeartbeat: what a member says, and what can be said of that without looking at the group.

use std::time::Duration;

use headwater_model::ErrorCode;

use crate::consumer::{Refused, patterns};
use crate::membership::{AWAY, Owned};
use crate::{Assignor, GroupId, GroupsConfig, InstanceId, MemberId, Partitions};

/// The epoch with which a member joins, or joins again with nothing in its hands.
pub(super) const JOINS: i32 = 0;
/// The epoch with which a member leaves.
pub(super) const LEAVES: i32 = -1;

/// A member's heartbeat. What is not said is as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerHeartbeat {
    /// The group.
    pub group: GroupId,
    /// The member's id; none if it wants one to be made.
    pub member: Option<MemberId>,
    /// Members make their ids themselves (from version 1).
    pub requires_member: bool,
    /// The member's epoch: 0 joins, -1 leaves, -2 leaves for a while.
    pub epoch: i32,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// Where it runs.
    pub rack: Option<String>,
    /// How long it may take to give partitions back.
    pub rebalance_timeout: Option<Duration>,
    /// The names of the topics that it subscribes to.
    pub topics: Option<Vec<String>>,
    /// The regular expression of the names of further topics (from version 1); the empty one is none.
    pub pattern: Option<String>,
    /// The assignor that it would like.
    pub assignor: Option<String>,
    /// What it works on.
    pub owned: Option<Partitions>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
}

impl ConsumerHeartbeat {
    pub(super) fn joins(&self) -> bool {
        self.epoch == JOINS
    }

    pub(super) fn leaves(&self) -> bool {
        self.epoch == LEAVES || self.epoch == AWAY
    }

    /// Says everything that a heartbeat can say, as after an error: it wants to hear everything too.
    pub(super) fn is_full(&self) -> bool {
        let subscribes = self.topics.is_some() || self.pattern.is_some();
        self.joins() || (self.rebalance_timeout.is_some() && subscribes && self.owned.is_some())
    }

    pub(super) fn owned(&self) -> Owned<'_> {
        self.owned.as_ref().map_or(Owned::Unsaid, Owned::These)
    }

    /// What can be said without looking at the group.
    pub(super) fn check(&self, config: &GroupsConfig) -> Result<(), Refused> {
        self.check_names()?;
        self.check_epoch()?;
        if let Some(assignor) = &self.assignor {
            check_assignor(assignor, config)?;
        }
        if self.said_bytes() > config.max_member_metadata_bytes {
            return Err(Refused::invalid("The member says too much of itself."));
        }
        match self.pattern.as_deref() {
            None | Some("") => Ok(()),
            Some(pattern) => patterns::check(pattern),
        }
    }

    fn check_names(&self) -> Result<(), Refused> {
        let is_blank = |text: &str| text.trim().is_empty();
        if is_blank(self.group.as_str()) {
            return Err(Refused::invalid("GroupId can't be empty."));
        }
        if !self.group.is_legal() {
            return Err(ErrorCode::InvalidGroupId.into());
        }
        if self.instance.as_ref().is_some_and(|instance| is_blank(instance.as_str())) {
            return Err(Refused::invalid("InstanceId can't be empty."));
        }
        if self.rack.as_deref().is_some_and(is_blank) {
            return Err(Refused::invalid("RackId can't be empty."));
        }
        let needs_member = self.requires_member || !self.joins();
        if needs_member && self.member.as_ref().is_none_or(|member| is_blank(member.as_str())) {
            return Err(Refused::invalid("MemberId can't be empty."));
        }
        Ok(())
    }

    fn check_epoch(&self) -> Result<(), Refused> {
        match self.epoch {
            JOINS if self.rebalance_timeout.is_none() => {
                Err(Refused::invalid("RebalanceTimeoutMs must be provided in first request."))
            }
            JOINS if self.owned.as_ref().is_none_or(|owned| !owned.is_empty()) => {
                Err(Refused::invalid("TopicPartitions must be empty when (re-)joining."))
            }
            JOINS if self.topics.is_none() && self.pattern.is_none() => Err(Refused::invalid(
                "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
            )),
            AWAY if self.instance.is_none() => Err(Refused::invalid("InstanceId can't be null.")),
            ..AWAY => Err(Refused::invalid("MemberEpoch is invalid.")),
            _ => Ok(()),
        }
    }

    fn said_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let topics = self.topics.iter().flatten().map(String::len).sum::<usize>();
        let ids = self.member.as_ref().map_or(0, |member| member.as_str().len())
            + self.instance.as_ref().map_or(0, |instance| instance.as_str().len());
        ids + topics + text(&self.rack) + text(&self.pattern) + self.client_id.len() + self.client_host.len()
    }
}

fn check_assignor(name: &str, config: &GroupsConfig) -> Result<(), Refused> {
    if Assignor::named(name).is_some_and(|assignor| config.consumer_assignors.contains(&assignor)) {
        return Ok(());
    }
    let supported: Vec<&str> = config.consumer_assignors.iter().map(|assignor| assignor.name()).collect();
    let message =
        format!("ServerAssignor {name} is not supported. Supported assignors: {}.", supported.join(", "));
    Err(Refused::new(ErrorCode::UnsupportedAssignor, message))
}
