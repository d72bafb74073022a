//! What a member is told in answer to a heartbeat.

use std::time::Duration;

use crate::MemberId;
use crate::streams::configuration::Configuration;
use crate::streams::endpoints::EndpointPartitions;
use crate::streams::status::{StatusCode, StreamsStatus};
use crate::streams::{AssignedTasks, MissingTopic, Streams, StreamsCurrent, StreamsHeartbeat};

/// What a member is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsAnswer {
    /// The member.
    pub member: MemberId,
    /// Its epoch.
    pub epoch: i32,
    /// When to send the next heartbeat; zero to one that leaves.
    pub heartbeat_interval: Duration,
    /// How far behind a copy may be to count as caught up.
    pub acceptable_recovery_lag: i64,
    /// How often to tell how far tasks' state has come.
    pub task_offset_interval: Duration,
    /// What else there is to know of the group.
    pub status: Vec<StreamsStatus>,
    /// What to work on, if that is news.
    pub tasks: Option<AssignedTasks>,
    /// The number of what is known of endpoints.
    pub endpoint_epoch: i32,
    /// What is known of endpoints, if that is news.
    pub endpoints: Option<Vec<EndpointPartitions>>,
    /// Not for the member: internal topics that whoever passes the answer on is to make, in the member's name. They are
    /// named in every answer as long as they are missing.
    pub to_create: Vec<MissingTopic>,
}

impl StreamsAnswer {
    /// To a member that has left.
    pub(super) fn goodbye(beat: &StreamsHeartbeat) -> Self {
        Self {
            member: beat.member.clone(),
            epoch: beat.epoch,
            heartbeat_interval: Duration::ZERO,
            acceptable_recovery_lag: 0,
            task_offset_interval: Duration::ZERO,
            status: Vec::new(),
            tasks: None,
            endpoint_epoch: beat.endpoint_epoch,
            endpoints: None,
            to_create: Vec::new(),
        }
    }
}

impl Streams {
    /// What the member is told after its heartbeat; `before` is what it worked on until then.
    pub(super) fn answer(&self, beat: &StreamsHeartbeat, before: Option<&StreamsCurrent>) -> StreamsAnswer {
        let joining = StreamsCurrent::joining();
        let current = self.members.get(&beat.member).map_or(&joining, |member| &member.current);
        // One that comes with an older epoch has missed an answer.
        let knows =
            |before: &StreamsCurrent| before.epoch == beat.epoch && before.assigned == current.assigned;
        let is_news = beat.is_full() || !before.is_some_and(knows);
        let endpoints_are_news = beat.endpoint_epoch != self.endpoint_epoch;
        StreamsAnswer {
            member: beat.member.clone(),
            epoch: current.epoch,
            heartbeat_interval: self.next_heartbeat(current),
            acceptable_recovery_lag: self.settings.acceptable_recovery_lag,
            task_offset_interval: self.settings.task_offset_interval,
            status: self.status(&beat.member),
            tasks: is_news.then(|| current.assigned.clone()),
            endpoint_epoch: self.endpoint_epoch,
            endpoints: endpoints_are_news.then(|| self.endpoints()),
            to_create: self.configuration.as_ref().map(Configuration::missing).unwrap_or_default().to_vec(),
        }
    }

    /// When the member is to be heard of next. Kafka's clients wait two intervals for source topics that are missing, and
    /// end: they are told the whole interval then.
    fn next_heartbeat(&self, current: &StreamsCurrent) -> Duration {
        let interval = self.settings.heartbeat_interval;
        if self.layout().is_some() { current.state.next_heartbeat(interval) } else { interval }
    }

    fn status(&self, member: &MemberId) -> Vec<StreamsStatus> {
        let delayed = self.delayed_until.map(|_| StreamsStatus {
            code: StatusCode::AssignmentDelayed,
            detail: "Assignment delayed due to the configured initial rebalance delay.".to_owned(),
        });
        let configuration = self.configuration.as_ref().and_then(Configuration::status);
        let shutdown = self.shutdown_by.as_ref().map(|requester| StreamsStatus {
            code: StatusCode::ShutdownApplication,
            detail: format!(
                "Streams group member {requester} encountered a fatal error and requested a shutdown for the entire \
                 application."
            ),
        });
        [self.stale_topology(member), delayed, configuration, shutdown].into_iter().flatten().collect()
    }

    fn stale_topology(&self, member: &MemberId) -> Option<StreamsStatus> {
        let known = self.topology.as_ref()?.epoch;
        let said = self.members.get(member)?.said.topology_epoch;
        let detail =
            format!("The member's topology epoch {said} is behind the group's topology epoch {known}.");
        (said < known).then_some(StreamsStatus { code: StatusCode::StaleTopology, detail })
    }
}
