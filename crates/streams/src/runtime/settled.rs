//! When a stage has been worked off up to its bounds: by this instance, and by others of the application.
//!
//! What this instance has, its workers tell. Of what others have (or had, if they have died and their group does not
//! know yet), the group's committed offsets tell: an offset is committed only after all results of the records before it
//! are acknowledged.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use headwater_client::{Client, Connector};
use headwater_model::{Offset, TopicPartition};
use tokio::time::timeout;

use super::error::StreamsError;
use super::progress::Shared;
use crate::topology::{Plan, SubTopology, TaskId, Topology};

/// How often the group is asked how far others are.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Settled<C> {
    pub(super) client: Client<C>,
    pub(super) topology: Topology,
    pub(super) plan: Plan,
    pub(super) shared: Arc<Shared>,
}

impl<C: Connector> Settled<C> {
    /// Completes when a stage has been worked off up to the bounds that there are now. Cancel-safe.
    pub(super) async fn worked_off(&self, stage: &Range<usize>) -> Result<(), StreamsError> {
        let mut changes = self.shared.changes();
        loop {
            changes.borrow_and_update();
            if let Some(own) = self.shared.own_done(stage) {
                let tasks = stage.clone().flat_map(|sub_topology| self.plan.tasks(sub_topology));
                let others: Vec<_> = tasks.filter(|task| !own.contains(task)).collect();
                if others.is_empty() || self.are_committed(&others).await? {
                    return Ok(());
                }
            }
            // Others tell nothing, so look again after a while.
            let _ = timeout(ASK_AGAIN, changes.changed()).await;
        }
    }

    /// True if the group has committed all inputs of these tasks up to their bounds.
    async fn are_committed(&self, tasks: &[TaskId]) -> Result<bool, StreamsError> {
        let committed = self.client.admin().group_offsets(self.topology.application_id()).await?;
        let bounds = self.shared.bounds();
        let is_done = |at: TopicPartition| {
            let bound = bounds.end(&at).unwrap_or_default();
            let position = committed.get(&at).map_or(Offset::ZERO, |committed| committed.offset);
            position >= bound
        };
        Ok(tasks.iter().flat_map(|task| self.inputs(*task)).all(is_done))
    }

    fn inputs(&self, task: TaskId) -> Vec<TopicPartition> {
        let sub_topology = self.topology.sub_topologies().get(task.sub_topology);
        let sources = sub_topology.into_iter().flat_map(SubTopology::sources);
        sources.map(|source| TopicPartition::new(source.topic.clone(), task.partition)).collect()
    }
}
