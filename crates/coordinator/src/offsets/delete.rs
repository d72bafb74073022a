//! OffsetDelete, and the end of offsets whose topics have been deleted.

use std::collections::BTreeSet;

use headwater_model::{ErrorCode, TopicName, TopicPartition};

use crate::effects::Turn;
use crate::group::{Group, Kind};
use crate::{Effects, GroupId, Groups, Now, Reply, Token};

/// A request to forget offsets.
#[derive(Debug, Clone, PartialEq)]
pub struct DeleteOffsets {
    /// The group.
    pub group: GroupId,
    /// The partitions.
    pub partitions: Vec<TopicPartition>,
}

impl Groups {
    /// Forgets offsets of partitions that the group does not consume.
    pub fn delete_offsets(&mut self, now: Now, token: Token, delete: &DeleteOffsets) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let outcome = match self.groups.get_mut(&delete.group) {
            None => Err(ErrorCode::GroupIdNotFound),
            Some(group) => {
                let consumed = group.consumed_topics(self.topics.as_deref());
                group.delete_offsets(&mut turn, &delete.partitions, consumed)
            }
        };
        turn.reply(token, Reply::DeleteOffsets(outcome));
        let effects = turn.effects;
        self.settle(&delete.group);
        effects
    }

    /// Forgets the offsets of topics that have been deleted, in all groups.
    pub fn forget_topics(&mut self, now: Now, topics: &BTreeSet<TopicName>) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let mut touched = Vec::new();
        for (id, group) in &mut self.groups {
            group.forget_offsets(&mut turn, |partition| topics.contains(&partition.topic));
            touched.push(id.clone());
        }
        let effects = turn.effects;
        for id in touched {
            self.settle(&id);
        }
        effects
    }
}

impl Group {
    fn delete_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        partitions: &[TopicPartition],
        consumed: Option<BTreeSet<TopicName>>,
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let consumed = match (&self.kind, consumed) {
            (Kind::Classic(classic), _) if !classic.is_empty() && !classic.is_consumer_group() => {
                return Err(ErrorCode::NonEmptyGroup);
            }
            (Kind::Share(_), _) => return Err(ErrorCode::GroupIdNotFound),
            (Kind::Consumer(_), None) => return Err(ErrorCode::CoordinatorLoadInProgress),
            (_, consumed) => consumed.unwrap_or_default(),
        };
        let outcomes = partitions.iter().map(|partition| {
            if consumed.contains(&partition.topic) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            }
        });
        let outcomes = outcomes.collect();
        let forgotten: BTreeSet<&TopicPartition> =
            partitions.iter().filter(|partition| !consumed.contains(&partition.topic)).collect();
        self.forget_offsets(turn, |partition| forgotten.contains(partition));
        Ok(outcomes)
    }
}
