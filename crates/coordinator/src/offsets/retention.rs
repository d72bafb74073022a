//! Offsets that nobody has used for long expire (KIP-211), and so do empty groups without offsets.

use std::collections::BTreeSet;

use headwater_model::{Timestamp, TopicName, TopicPartition};

use crate::CommittedOffset;
use crate::GroupState;
use crate::effects::Turn;
use crate::group::Group;

/// From when on an offset ages.
enum Ages {
    /// From its commit, except on these topics.
    FromCommit(BTreeSet<TopicName>),
    /// From when the group became empty, if that is known.
    FromEmpty(Option<Timestamp>),
    /// Not as long as the group is at work.
    Never,
}

impl Group {
    pub(crate) fn expire_offsets(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.wall;
        let retention_ms = i64::try_from(turn.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
        let ages = self.how_offsets_age();
        let has_expired = |committed: &CommittedOffset, since: Timestamp| match committed.expires_at {
            Some(expires_at) => expires_at <= now,
            None => now.ms_since(since) >= retention_ms,
        };
        let expired = |partition: &TopicPartition, committed: &CommittedOffset| match &ages {
            Ages::Never => false,
            Ages::FromCommit(consumed) => {
                !consumed.contains(&partition.topic) && has_expired(committed, committed.committed_at)
            }
            Ages::FromEmpty(since) => has_expired(committed, since.unwrap_or(committed.committed_at)),
        };
        let old = self.offsets.by_partition.iter().filter(|(partition, placed)| {
            expired(partition, &placed.committed) && !self.offsets.is_pending(partition)
        });
        let old: BTreeSet<TopicPartition> = old.map(|(partition, _)| partition.clone()).collect();
        self.forget_offsets(turn, |partition| old.contains(partition));
        if self.classic.is_idle() && self.classic.is_stored() && self.offsets.is_empty() {
            self.forget(turn);
        }
    }

    fn how_offsets_age(&self) -> Ages {
        match self.classic.state() {
            _ if self.classic.protocol_type().is_none() => Ages::FromCommit(BTreeSet::new()),
            GroupState::Empty => Ages::FromEmpty(self.classic.state_since()),
            GroupState::Stable => self.consumed_topics().map_or(Ages::Never, Ages::FromCommit),
            _ => Ages::Never,
        }
    }
}
