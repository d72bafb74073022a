//! How often members are to be heard of, which may differ from one group to another. (Of streams groups it is among the
//! rest of what may: [`crate::StreamsSettings`].)

use std::time::Duration;

use crate::{GroupId, Groups, GroupsConfig};

/// The times of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long a member may be silent.
    pub session_timeout: Duration,
    /// How often a member is to be heard of.
    pub heartbeat_interval: Duration,
}

/// The times of a group's members, by what kind of group it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberTimes {
    /// As a consumer group (Kafka's `consumer.session.timeout.ms`, `consumer.heartbeat.interval.ms`).
    pub consumer: Times,
    /// As a share group (Kafka's `share.session.timeout.ms`, `share.heartbeat.interval.ms`).
    pub share: Times,
}

impl GroupsConfig {
    /// The times of groups that have none of their own.
    pub fn member_times(&self) -> MemberTimes {
        MemberTimes {
            consumer: Times {
                session_timeout: self.consumer_session_timeout,
                heartbeat_interval: self.consumer_heartbeat_interval,
            },
            share: Times {
                session_timeout: self.share_session_timeout,
                heartbeat_interval: self.share_heartbeat_interval,
            },
        }
    }
}

impl Groups {
    /// From now on the members of a group have these times; without them they have those of [`GroupsConfig`]. They are not
    /// durable here, and count from the next heartbeat on: to be told before the log is [`Groups::loaded`], and whenever
    /// they change.
    pub fn set_member_times(&mut self, group: GroupId, times: Option<MemberTimes>) {
        match times {
            Some(times) => drop(self.member_times.insert(group, times)),
            None => drop(self.member_times.remove(&group)),
        }
    }
}
