//! The share-partitions of one shard: what has become of records, in all share groups that the shard coordinates.
//!
//! [`crate::Groups`] says which members there are and what they consume from; here is what they have acquired and
//! acknowledged. A command goes in with the time and a [`Token`]; out come [`SharePartitionEffects`]: the changes to
//! append, the replies to send once these are durable, and what is to be written to dead-letter topics once they are. When
//! it is written, [`SharePartitions::dead_lettered`] says so.
//!
//! # Invariants
//! - What the module `share_partition` says of one holds of each.
//! - Every token is answered once, by its command.
//! - Replaying every change, in the order of its log, gives what is durable: what was acquired is available again.
//! - What may be missing in a dead-letter topic is said again by [`SharePartitions::loaded`]: it may be written twice, and
//!   is never lost.
//!
//! # What is not here
//! Members, and who may do what: the caller tells of members that are gone ([`SharePartitions::release`]) and of groups and
//! topics that are ([`SharePartitions::forget`]), and asks [`crate::Groups::check_share_alteration`] before it alters.

mod commands;
mod effects;
mod load;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{Monotonic, Offset, PartitionId, Uuid};

use crate::share_partition::{SharePartition, Step};
use crate::{DescribedSharePartition, GroupId, Now, ShareSettings, ShareStateChange};

pub use commands::{MemberGone, SharePartitionsGone};
pub use effects::{DeadLetters, SharePartitionChange, SharePartitionEffects, SharePartitionReply};

/// Limits that hold for every share-partition of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharePartitionsConfig {
    /// The rules of groups that have none of their own.
    pub settings: ShareSettings,
    /// After how many updates the whole state is recorded (Kafka's
    /// `share.coordinator.snapshot.update.records.per.snapshot`).
    pub updates_per_snapshot: u16,
    /// The greatest number of share-partitions.
    pub max_partitions: usize,
}

impl Default for SharePartitionsConfig {
    fn default() -> Self {
        Self { settings: ShareSettings::default(), updates_per_snapshot: 500, max_partitions: 100_000 }
    }
}

/// A partition of a topic in a share group. A topic that is made anew under its old name has another id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharePartitionId {
    /// The group.
    pub group: GroupId,
    /// The topic.
    pub topic: Uuid,
    /// The partition.
    pub partition: PartitionId,
}

/// What is kept of a share-partition.
#[derive(Debug, Default)]
struct Kept {
    /// None if there are only records that are left of it.
    state: Option<SharePartition>,
    /// The slots of updates that the log has records of.
    slots: BTreeSet<u16>,
    /// Under which moment it stands in the order of deadlines.
    registered: Option<Monotonic>,
}

/// The share-partitions of one shard.
#[derive(Debug)]
pub struct SharePartitions {
    config: SharePartitionsConfig,
    /// Of groups that have rules of their own.
    settings: BTreeMap<GroupId, ShareSettings>,
    partitions: BTreeMap<SharePartitionId, Kept>,
    /// Each share-partition with a deadline once, at that moment.
    deadlines: BTreeSet<(Monotonic, SharePartitionId)>,
}

impl SharePartitions {
    /// None yet: replay the log, then say that it is [`SharePartitions::loaded`].
    pub fn new(config: SharePartitionsConfig) -> Self {
        Self { config, settings: BTreeMap::new(), partitions: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// These are the rules of a group from now on; none if it has none of its own. They are not recorded here.
    pub fn set_settings(&mut self, group: &GroupId, settings: Option<ShareSettings>) {
        match settings {
            Some(settings) => drop(self.settings.insert(group.clone(), settings)),
            None => drop(self.settings.remove(group)),
        }
    }

    /// The rules of a group.
    pub fn settings(&self, group: &GroupId) -> &ShareSettings {
        self.settings.get(group).unwrap_or(&self.config.settings)
    }

    /// A share-partition as it stands. None if it has not begun: what its group reads first decides where it does.
    pub fn describe(&self, id: &SharePartitionId) -> Option<DescribedSharePartition> {
        Some(self.partitions.get(id)?.state.as_ref()?.describe())
    }

    /// All of a group, by topic and partition.
    pub fn describe_group(
        &self,
        group: &GroupId,
    ) -> impl Iterator<Item = (&SharePartitionId, DescribedSharePartition)> {
        let kept = self.of_group(group);
        kept.filter_map(|(id, kept)| Some((id, kept.state.as_ref()?.describe())))
    }

    /// The topics that groups have begun to read.
    pub fn topics(&self) -> BTreeSet<Uuid> {
        self.partitions.keys().map(|id| id.topic).collect()
    }

    /// Where to read what can be acquired next. None if it has not begun, or nothing can be acquired before records are
    /// acknowledged or released: [`SharePartitionEffects::freed`] tells when.
    pub fn next_fetch_offset(&self, id: &SharePartitionId) -> Option<Offset> {
        self.partitions.get(id)?.state.as_ref()?.next_fetch_offset(self.settings(&id.group))
    }

    /// Does what is due: call it at or after [`SharePartitions::next_deadline`].
    pub fn tick(&mut self, now: Now) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        while let Some((at, _)) = self.deadlines.first()
            && *at <= now.monotonic
            && let Some((_, id)) = self.deadlines.pop_first()
        {
            if let Some(kept) = self.partitions.get_mut(&id) {
                kept.registered = None;
            }
            self.step(&mut effects, now, &id, SharePartition::expire);
        }
        effects
    }

    /// When [`SharePartitions::tick`] is to be called next.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn of_group(&self, group: &GroupId) -> impl Iterator<Item = (&SharePartitionId, &Kept)> {
        let first =
            SharePartitionId { group: group.clone(), topic: Uuid::ZERO, partition: PartitionId(i32::MIN) };
        let group = group.clone();
        self.partitions.range(first..).take_while(move |(id, _)| id.group == group)
    }

    /// Does something with a share-partition. None if it has not begun.
    fn step<T>(
        &mut self,
        effects: &mut SharePartitionEffects,
        now: Now,
        id: &SharePartitionId,
        act: impl FnOnce(&mut SharePartition, &mut Step<'_>) -> T,
    ) -> Option<T> {
        let kept = self.partitions.get_mut(id)?;
        let settings = self.settings.get(&id.group).unwrap_or(&self.config.settings);
        let mut step = Step::new(now.monotonic, settings, self.config.updates_per_snapshot);
        let outcome = act(kept.state.as_mut()?, &mut step);
        if let Some(change) = step.change {
            if let ShareStateChange::Update { slot, .. } = &change {
                kept.slots.insert(*slot);
            }
            effects.records.push(SharePartitionChange { id: id.clone(), change });
        }
        effects.bury(id, step.dead);
        if step.frees {
            effects.freed.insert(id.clone());
        }
        self.settle(id);
        Some(outcome)
    }

    /// After a command: brings the share-partition's place in the order of deadlines up to date.
    fn settle(&mut self, id: &SharePartitionId) {
        let Some(kept) = self.partitions.get_mut(id) else {
            return;
        };
        let deadline = kept.state.as_ref().and_then(SharePartition::next_deadline);
        if deadline == kept.registered {
            return;
        }
        if let Some(registered) = std::mem::replace(&mut kept.registered, deadline) {
            self.deadlines.remove(&(registered, id.clone()));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id.clone()));
        }
    }
}
