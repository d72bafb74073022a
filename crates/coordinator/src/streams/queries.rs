//! StreamsGroupDescribe: a streams group as seen from outside.

use crate::group::Kind;
use crate::streams::member::Member;
use crate::streams::{
    AssignedTasks, InternalTopic, Layout, Streams, StreamsCurrent, StreamsMember, StreamsTopology, TaskOffset,
};
use crate::{GroupId, GroupState, Groups, MemberId};

/// A streams group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedStreamsGroup {
    /// The group.
    pub group: GroupId,
    /// Its state.
    pub state: GroupState,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch of its target assignment.
    pub assignment_epoch: i32,
    /// Its topology, the internal topics with the partitions that were worked out, if they were. None if it never had
    /// members.
    pub topology: Option<StreamsTopology>,
    /// Its members, by id.
    pub members: Vec<DescribedStreamsMember>,
}

/// A member of a streams group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedStreamsMember {
    /// The member.
    pub member: MemberId,
    /// What it has said of itself.
    pub said: StreamsMember,
    /// What it works on.
    pub current: StreamsCurrent,
    /// What it is to work on.
    pub target: AssignedTasks,
    /// How far the state of its tasks has come, as it last told.
    pub task_offsets: Vec<TaskOffset>,
    /// Where the changelogs of its tasks end, as it last told.
    pub task_end_offsets: Vec<TaskOffset>,
}

impl Groups {
    /// A streams group in detail. None if there is no group of that name, or it is of another kind.
    pub fn describe_streams_group(&self, group: &GroupId) -> Option<DescribedStreamsGroup> {
        let Kind::Streams(streams) = &self.groups.get(group)?.kind else {
            return None;
        };
        Some(DescribedStreamsGroup {
            group: group.clone(),
            state: streams.state(),
            epoch: streams.epoch,
            assignment_epoch: streams.target_epoch,
            topology: streams.described_topology(),
            members: streams.describe_members(),
        })
    }
}

impl Streams {
    fn described_topology(&self) -> Option<StreamsTopology> {
        let mut topology = self.topology.clone()?;
        // Without members nobody finds out what the topology comes to.
        let Some(Layout { internal, .. }) = self.layout().filter(|_| !self.is_empty()) else {
            return Some(topology);
        };
        let counted = |topic: &mut InternalTopic| {
            topic.partitions = internal.get(&topic.name).copied().unwrap_or(topic.partitions);
        };
        for subtopology in &mut topology.subtopologies {
            subtopology.repartition_sources.iter_mut().for_each(counted);
            subtopology.changelogs.iter_mut().for_each(counted);
        }
        Some(topology)
    }

    fn describe_members(&self) -> Vec<DescribedStreamsMember> {
        let described = |(id, member): (&MemberId, &Member)| DescribedStreamsMember {
            member: id.clone(),
            said: member.said.clone(),
            current: member.current.clone(),
            target: member.target.clone().unwrap_or_default(),
            task_offsets: member.offsets.clone(),
            task_end_offsets: member.end_offsets.clone(),
        };
        self.members.iter().map(described).collect()
    }
}
