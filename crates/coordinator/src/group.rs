//! One group: its members and its committed offsets.

use std::collections::BTreeSet;

use headwater_model::{Monotonic, TopicName};

use crate::classic::Classic;
use crate::effects::Turn;
use crate::offsets::Offsets;
use crate::subscription::subscribed_topics;
use crate::{Change, GroupId};

/// A group. One without members is a simple one: a place to keep offsets.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) classic: Classic,
    pub(crate) offsets: Offsets,
    /// Under which moment the group stands in the order of deadlines.
    pub(crate) registered: Option<Monotonic>,
}

impl Group {
    pub(crate) fn new(id: GroupId) -> Self {
        Self { classic: Classic::new(id.clone()), offsets: Offsets::default(), registered: None, id }
    }

    /// Nothing to remember it for.
    pub(crate) fn is_vacant(&self) -> bool {
        self.classic.is_vacant() && self.offsets.is_empty()
    }

    /// Drops the durable record of an empty group, so that it becomes vacant once its offsets are gone.
    pub(crate) fn forget(&mut self, turn: &mut Turn<'_>) {
        if self.classic.is_stored() {
            turn.record(Change::GroupForgotten { group: self.id.clone() });
        }
        self.classic = Classic::new(self.id.clone());
    }

    /// The topics that members consume. None if there are members that do not tell in Kafka's way.
    pub(crate) fn consumed_topics(&self) -> Option<BTreeSet<TopicName>> {
        let mut consumed = BTreeSet::new();
        for (_, member) in self.classic.members() {
            if !self.classic.is_consumer_group() {
                return None;
            }
            for protocol in &member.protocols {
                let topics = subscribed_topics(&protocol.metadata)?;
                consumed.extend(topics.into_iter().filter_map(|topic| TopicName::new(topic).ok()));
            }
        }
        Some(consumed)
    }
}
