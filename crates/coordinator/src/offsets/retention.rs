//! Offsets that nobody has used for long expire (KIP-211), and so do empty groups without offsets.

use std::collections::BTreeSet;

use headwater_model::{Timestamp, TopicName, TopicPartition};

use crate::effects::Turn;
use crate::group::{Group, Kind};
use crate::{CommittedOffset, GroupState, Topics};

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
    pub(crate) fn expire_offsets(&mut self, turn: &mut Turn<'_>, topics: Option<&Topics>) {
        let now = turn.now.wall;
        let retention_ms = i64::try_from(turn.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
        let ages = self.how_offsets_age(topics);
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
        // A share group is kept for what its members have acknowledged.
        if self.is_idle() && self.is_stored() && self.offsets.is_empty() && !self.is_share() {
            self.forget(turn);
        }
    }

    fn how_offsets_age(&self, topics: Option<&Topics>) -> Ages {
        let unless_consumed = || self.consumed_topics(topics).map_or(Ages::Never, Ages::FromCommit);
        let Kind::Classic(classic) = &self.kind else {
            return unless_consumed();
        };
        match classic.state() {
            _ if classic.protocol_type().is_none() => Ages::FromCommit(BTreeSet::new()),
            GroupState::Empty => Ages::FromEmpty(classic.state_since()),
            GroupState::Stable => unless_consumed(),
            _ => Ages::Never,
        }
    }
}
