//! A member of a streams group (KIP-1071), for whoever runs the tasks of a topology: the coordinator divides them.
//!
//! Owns: [`StreamsGroupMember`], the handle; the task behind it ([`driver`]), which keeps up the membership while the
//! application works; the pure [`state`] that both share under a lock.
//!
//! Invariants: the lock is never held across an await.
//!
//! Does not know: what tasks do, and how their records are read.

mod driver;
mod state;
mod topology;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{TopicPartition, Uuid};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::connector::{Connector, TcpConnector};
use crate::consumer::{
    CommitError, CommittedOffset, ConsumerGroupMetadata, GroupError, Offsets, PendingCommit,
};
use crate::membership::streams::StreamsNews;
use crate::tasks::{Endpoint, EndpointPartitions, StreamsStatus, TaskAssignment, TaskOffsets};
use driver::Shared;

pub use topology::{GroupSubtopology, GroupTopology};

/// How a [`StreamsGroupMember`] is set up. Start from [`StreamsMemberConfig::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct StreamsMemberConfig {
    /// The group: the application's id.
    pub group: String,
    /// What the application runs.
    pub topology: GroupTopology,
    /// The process that the member is part of: members of one process get no copies of each other's state.
    pub process_id: Uuid,
    /// Makes the member a static one. Apache Kafka 4.3 refuses it.
    pub group_instance_id: Option<String>,
    /// Where the member runs. Default: not told.
    pub rack: Option<String>,
    /// Where its state can be asked for. Default: nowhere.
    pub endpoint: Option<Endpoint>,
    /// What tells its place from others', for copies of state to be spread by.
    pub tags: BTreeMap<String, String>,
    /// The longest time between polls; a member that exceeds it leaves. Also how long a rebalance waits for each member.
    /// Default 5 min.
    pub max_poll_interval: Duration,
}

impl StreamsMemberConfig {
    /// A member of that group and process.
    pub fn new(group: impl Into<String>, topology: GroupTopology, process_id: Uuid) -> Self {
        Self {
            group: group.into(),
            topology,
            process_id,
            group_instance_id: None,
            rack: None,
            endpoint: None,
            tags: BTreeMap::new(),
            max_poll_interval: Duration::from_mins(5),
        }
    }
}

/// What [`StreamsGroupMember::poll_event`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamsEvent {
    /// These tasks are added to what it works on; none, if it has joined and there is nothing to do.
    Assigned(TaskAssignment),
    /// The group takes these tasks back. It may commit still; it lets go of them with its next poll, and others wait for
    /// that.
    Revoked(TaskAssignment),
    /// These tasks, all that it had, are gone, perhaps to others already: a commit would be refused.
    Lost(TaskAssignment),
    /// What there is to know of the group, instead of anything before; nothing, if all is well.
    Status(Vec<StreamsStatus>),
    /// Where the state of the group's members can be asked for, instead of anything before.
    Endpoints(Vec<EndpointPartitions>),
}

/// A member of a streams group.
///
/// A task of its own sends heartbeats, so that slow work between polls costs no membership, up to `max_poll_interval`.
#[derive(Debug)]
pub struct StreamsGroupMember<C: Connector = TcpConnector> {
    shared: Arc<Shared<C>>,
    /// `None` once closed.
    driver: Option<JoinHandle<()>>,
}

impl<C: Connector> Client<C> {
    /// Joins a streams group, in the background. Must be called within a Tokio runtime.
    pub fn streams_member(&self, config: StreamsMemberConfig) -> StreamsGroupMember<C> {
        let shared = Arc::new(Shared::new(self.clone(), config));
        let driver = tokio::spawn(driver::run(Arc::clone(&shared)));
        StreamsGroupMember { shared, driver: Some(driver) }
    }
}

impl<C: Connector> StreamsGroupMember<C> {
    /// What happened, waiting up to `wait` for it. After a failure the next poll joins again. Cancel-safe.
    pub async fn poll_event(&self, wait: Duration) -> Result<Option<StreamsEvent>, GroupError> {
        let _polling = self.shared.begin_poll();
        let Ok(news) = timeout(wait, self.shared.next()).await else {
            return Ok(None);
        };
        Ok(Some(match news {
            StreamsNews::Assigned(tasks) => StreamsEvent::Assigned(tasks),
            StreamsNews::Revoked(tasks) => StreamsEvent::Revoked(tasks),
            StreamsNews::Lost(tasks) => StreamsEvent::Lost(tasks),
            StreamsNews::Status(status) => StreamsEvent::Status(status),
            StreamsNews::Endpoints(endpoints) => StreamsEvent::Endpoints(endpoints),
            StreamsNews::Failed(error) => return Err(error),
        }))
    }

    /// The tasks that it was told to work on and has not let go of.
    pub fn tasks(&self) -> TaskAssignment {
        self.shared.look(|state| state.member.tasks().clone())
    }

    /// Who this member is in its group just now, for
    /// [`Transaction::send_offsets`](crate::Transaction::send_offsets).
    pub fn group_metadata(&self) -> Result<ConsumerGroupMetadata, CommitError> {
        let identity = self.shared.look(|state| state.member.identity()).ok_or(CommitError::Rebalancing)?;
        Ok(ConsumerGroupMetadata::new(self.shared.config.group.clone(), identity))
    }

    /// Commits offsets (each of the next record to read) for the group, as the member of its epoch. The commit is on its
    /// way when this returns; it is dropped if its task is let go of before.
    pub fn commit<O: Into<CommittedOffset>>(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, O)>,
    ) -> PendingCommit {
        let offsets: Offsets = offsets.into_iter().map(|(at, offset)| (at, offset.into())).collect();
        let (waiter, outcome) = oneshot::channel();
        let now = self.shared.now();
        self.shared.with(|state| state.commit(offsets, waiter, now));
        PendingCommit::new(outcome)
    }

    /// Tells with the next heartbeat how far the state of tasks has come. Apache Kafka 4.3 refuses who tells it.
    pub fn report(&self, offsets: TaskOffsets) {
        self.shared.with(|state| state.member.report(offsets));
    }

    /// Asks all members of the group to end: they are told by
    /// [`StreamsStatusCode::ShutdownApplication`](crate::StreamsStatusCode::ShutdownApplication).
    pub fn request_shutdown(&self) {
        self.shared.with(|state| state.member.request_shutdown());
    }

    /// Waits for commits that are under way, leaves the group and ends.
    ///
    /// A member that is dropped instead ends at once; its group notices after the session timeout.
    pub async fn close(mut self) {
        self.shared.begin_close();
        if let Some(driver) = self.driver.take() {
            // An error would mean that the runtime is shutting down.
            driver.await.unwrap_or_default();
        }
    }
}

impl<C: Connector> Drop for StreamsGroupMember<C> {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
        self.shared.release();
    }
}
