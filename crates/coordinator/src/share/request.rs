//! ShareGroupHeartbeat: what a member says, and what can be said of that without looking at the group.

use headwater_model::ErrorCode;

use crate::{GroupId, GroupsConfig, MemberId, Refused};

/// The epoch with which a member joins, or joins again with nothing in its hands.
const JOINS: i32 = 0;
/// The epoch with which a member leaves.
const LEAVES: i32 = -1;

/// A member's heartbeat. What is not said is as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareHeartbeat {
    /// The group.
    pub group: GroupId,
    /// The member's id, which it has made itself.
    pub member: MemberId,
    /// The member's epoch: 0 joins, -1 leaves.
    pub epoch: i32,
    /// Where it runs.
    pub rack: Option<String>,
    /// The names of the topics that it subscribes to.
    pub topics: Option<Vec<String>>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
}

impl ShareHeartbeat {
    pub(super) fn joins(&self) -> bool {
        self.epoch == JOINS
    }

    pub(super) fn leaves(&self) -> bool {
        self.epoch == LEAVES
    }

    /// Says everything that a heartbeat can say, as after an error: it wants to hear everything too.
    pub(super) fn is_full(&self) -> bool {
        self.joins() || self.topics.is_some()
    }

    /// What can be said without looking at the group.
    pub(super) fn check(&self, config: &GroupsConfig) -> Result<(), Refused> {
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
        if self.epoch < LEAVES {
            return Err(Refused::invalid("MemberEpoch is invalid."));
        }
        if self.joins() && self.topics.as_ref().is_none_or(Vec::is_empty) {
            return Err(Refused::invalid("SubscribedTopicNames must be set in first request."));
        }
        if self.said_bytes() > config.max_member_metadata_bytes {
            return Err(Refused::invalid("The member says too much of itself."));
        }
        Ok(())
    }

    fn said_bytes(&self) -> usize {
        let topics = self.topics.iter().flatten().map(String::len).sum::<usize>();
        let rack = self.rack.as_ref().map_or(0, String::len);
        self.member.as_str().len() + topics + rack + self.client_id.len() + self.client_host.len()
    }
}
