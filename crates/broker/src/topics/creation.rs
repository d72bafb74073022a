//! The rules for a new topic, as Kafka has them.
//!
//! Owns: the check of a wish against what exists and what is allowed; [`NameIndex`], which names are free. Pure.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, InvalidName, TopicName};

use super::is_internal;
use super::settings::{self, SettingError};

/// A topic that somebody wishes for.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    /// -1 for the broker's default.
    pub(crate) partitions: i32,
    /// -1 for the broker's default.
    pub(crate) replication_factor: i16,
    /// Brokers of each partition, if placed by hand.
    pub(crate) assignments: Vec<(i32, Vec<i32>)>,
    pub(crate) settings: Vec<(String, Option<String>)>,
}

/// A topic that can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTopic {
    pub(crate) name: TopicName,
    pub(crate) partitions: i32,
    pub(crate) settings: BTreeMap<String, String>,
    /// The factor asked for, where it is above 1 and was accepted nevertheless.
    pub(crate) replicas_not_made: Option<i16>,
}

/// What new topics are checked against.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) names: &'a NameIndex,
    pub(crate) partitions_taken: usize,
    pub(crate) max_partitions: usize,
    pub(crate) max_partitions_per_topic: i32,
    pub(crate) default_partitions: i32,
    pub(crate) node_id: i32,
    pub(crate) accept_replication_factors: bool,
}

/// Names that cannot be taken. Looking one up does not depend on how many there are.
#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    /// By the name with `_` for each `.`: two names that differ by these alone cannot both be taken.
    by_plain: BTreeMap<String, TopicName>,
}

impl NameIndex {
    pub(crate) fn take(&mut self, name: TopicName) {
        self.by_plain.entry(plain(name.as_str())).or_insert(name);
    }

    pub(crate) fn free(&mut self, name: &TopicName) {
        let plain = plain(name.as_str());
        if self.by_plain.get(&plain) == Some(name) {
            self.by_plain.remove(&plain);
        }
    }

    /// The name that is taken and stands in the way of this one.
    fn in_the_way(&self, name: &str) -> Option<&TopicName> {
        self.by_plain.get(&plain(name))
    }
}

impl<'a> FromIterator<&'a TopicName> for NameIndex {
    fn from_iter<I: IntoIterator<Item = &'a TopicName>>(names: I) -> Self {
        let mut index = Self::default();
        names.into_iter().for_each(|name| index.take(name.clone()));
        index
    }
}

fn plain(name: &str) -> String {
    name.replace('.', "_")
}

/// Why a topic is not made, removed or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The name is illegal.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The name belongs to the broker.
    #[error("the topic \"{0}\" is internal: only the broker creates, writes and deletes it")]
    Internal(String),
    /// The name is in use.
    #[error("the topic \"{0}\" exists already")]
    Exists(String),
    /// The name differs from another only by `.` and `_`, which collide in metrics.
    #[error(
        "the topic \"{name}\" collides with the existing topic \"{existing}\" ('.' and '_' count as equal)"
    )]
    Collides {
        /// The name wished for.
        name: String,
        /// The other one.
        existing: String,
    },
    /// No topic of that name.
    #[error("the topic \"{0}\" does not exist")]
    Unknown(String),
    /// A setting was refused.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The number of partitions is out of range.
    #[error("the number of partitions must be from 1 to {max}, or -1 for the default; {given} was given")]
    Partitions {
        /// The number given.
        given: i32,
        /// The greatest.
        max: i32,
    },
    /// A topic has at least as many partitions already.
    #[error("the topic has {current} partitions already: {given} would not be an increase")]
    NoIncrease {
        /// What it has.
        current: i32,
        /// The number given.
        given: i32,
    },
    /// Placement by hand does not fit the number of new partitions.
    #[error("{added} partitions are added, and {placed} were placed by hand")]
    Placed {
        /// New ones.
        added: i32,
        /// Placed ones.
        placed: usize,
    },
    /// A request for a change contradicts itself.
    #[error("{0}")]
    Change(String),
    /// The broker has as many partitions as it may have.
    #[error("the broker may have at most {0} partitions in all")]
    TooManyPartitions(usize),
    /// The replication factor is out of range.
    #[error(
        "the replication factor must be 1, or -1 for the default, since this cluster has one broker; {0} was given"
    )]
    ReplicationFactor(i16),
    /// Placement by hand contradicts the numbers.
    #[error(
        "partitions were assigned by hand, so the number of partitions and the replication factor must be -1"
    )]
    AssignmentAndNumbers,
    /// Placement by hand is not possible so.
    #[error("partitions must be assigned from 0 on without gaps, each to broker {0} alone")]
    Assignment(i32),
    /// The metadata log cannot be written.
    #[error("the broker cannot write its metadata log; its own log says why")]
    Storage,
}

impl TopicError {
    /// The code for clients.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Name(_) | Self::Internal(_) | Self::Collides { .. } => ErrorCode::InvalidTopicException,
            Self::Exists(_) => ErrorCode::TopicAlreadyExists,
            Self::Unknown(_) => ErrorCode::UnknownTopicOrPartition,
            Self::Setting(error) => error.code(),
            Self::Partitions { .. } | Self::NoIncrease { .. } => ErrorCode::InvalidPartitions,
            Self::TooManyPartitions(_) => ErrorCode::PolicyViolation,
            Self::ReplicationFactor(_) => ErrorCode::InvalidReplicationFactor,
            Self::AssignmentAndNumbers | Self::Change(_) => ErrorCode::InvalidRequest,
            Self::Assignment(_) | Self::Placed { .. } => ErrorCode::InvalidReplicaAssignment,
            Self::Storage => ErrorCode::KafkaStorageError,
        }
    }
}

/// Checks a wish.
pub(crate) fn plan(wish: &NewTopic, rules: &Rules<'_>) -> Result<PlannedTopic, TopicError> {
    let name = TopicName::new(&wish.name)?;
    if is_internal(&wish.name) {
        return Err(TopicError::Internal(wish.name.clone()));
    }
    plan_named(name, wish, rules)
}

/// Checks a wish of the broker's own, whose name may be internal.
pub(crate) fn plan_named(
    name: TopicName,
    wish: &NewTopic,
    rules: &Rules<'_>,
) -> Result<PlannedTopic, TopicError> {
    match rules.names.in_the_way(name.as_str()) {
        Some(same) if *same == name => return Err(TopicError::Exists(name.to_string())),
        Some(existing) => {
            return Err(TopicError::Collides { name: name.to_string(), existing: existing.to_string() });
        }
        None => {}
    }
    let settings =
        settings::check_all(wish.settings.iter().map(|(name, value)| (name.as_str(), value.as_deref())))?;
    let partitions = partitions(wish, rules)?;
    let wanted = usize::try_from(partitions).unwrap_or(usize::MAX);
    if rules.partitions_taken.saturating_add(wanted) > rules.max_partitions {
        return Err(TopicError::TooManyPartitions(rules.max_partitions));
    }
    let replicas_not_made = match wish.replication_factor {
        -1 | 1 => None,
        factor if factor > 1 && rules.accept_replication_factors => Some(factor),
        factor => return Err(TopicError::ReplicationFactor(factor)),
    };
    Ok(PlannedTopic { name, partitions, settings, replicas_not_made })
}

fn partitions(wish: &NewTopic, rules: &Rules<'_>) -> Result<i32, TopicError> {
    let max = rules.max_partitions_per_topic;
    let count = if wish.assignments.is_empty() {
        match wish.partitions {
            -1 => rules.default_partitions,
            given => given,
        }
    } else {
        if wish.partitions != -1 || wish.replication_factor != -1 {
            return Err(TopicError::AssignmentAndNumbers);
        }
        let mut numbers: Vec<i32> = wish.assignments.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let here = wish.assignments.iter().all(|(_, brokers)| brokers.as_slice() == [rules.node_id]);
        if !here || !numbers.iter().copied().eq(0..numbers.len() as i32) {
            return Err(TopicError::Assignment(rules.node_id));
        }
        numbers.len() as i32
    };
    if (1..=max).contains(&count) { Ok(count) } else { Err(TopicError::Partitions { given: count, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    fn plan(wish: &NewTopic, rules: &Rules<'_>) -> Result<PlannedTopic, TopicError> {
        let names: NameIndex = [&name("taken"), &name("a.b")].into_iter().collect();
        super::plan(wish, &Rules { names: &names, ..*rules })
    }

    fn rules() -> Rules<'static> {
        static NONE: NameIndex = NameIndex { by_plain: BTreeMap::new() };
        Rules {
            names: &NONE,
            partitions_taken: 90,
            max_partitions: 100,
            max_partitions_per_topic: 50,
            default_partitions: 3,
            node_id: 1,
            accept_replication_factors: true,
        }
    }

    fn wish(name: &str) -> NewTopic {
        NewTopic { name: name.to_owned(), partitions: -1, replication_factor: -1, ..NewTopic::default() }
    }

    fn code(wish: &NewTopic) -> ErrorCode {
        plan(wish, &rules()).map_or_else(|error| error.code(), |_| ErrorCode::None)
    }

    #[test]
    fn defaults_are_filled_in() {
        let planned = plan(&wish("t"), &rules()).unwrap();
        assert_eq!((planned.partitions, planned.replicas_not_made), (3, None));
    }

    #[test]
    fn names_follow_kafkas_rules() {
        assert_eq!(code(&wish("")), ErrorCode::InvalidTopicException);
        assert_eq!(code(&wish("a b")), ErrorCode::InvalidTopicException);
        assert_eq!(code(&wish("a_b")), ErrorCode::InvalidTopicException);
        assert_eq!(code(&wish("__consumer_offsets")), ErrorCode::InvalidTopicException);
        assert_eq!(code(&wish("__headwater_metadata")), ErrorCode::InvalidTopicException);
        assert_eq!(code(&wish("taken")), ErrorCode::TopicAlreadyExists);
        assert_eq!(code(&wish("a.b")), ErrorCode::TopicAlreadyExists);
    }

    #[test]
    fn a_name_is_free_again_once_its_topic_is_gone_and_not_before() {
        let mut names = NameIndex::default();
        names.take(name("a.b"));
        names.take(name("a_b"));
        names.free(&name("a_b"));
        assert_eq!(names.in_the_way("a.b"), Some(&name("a.b")));
        names.free(&name("a.b"));
        assert_eq!(names.in_the_way("a_b"), None);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for (partitions, expected) in [
            (0, ErrorCode::InvalidPartitions),
            (-2, ErrorCode::InvalidPartitions),
            (51, ErrorCode::InvalidPartitions),
            (i32::MAX, ErrorCode::InvalidPartitions),
            (11, ErrorCode::PolicyViolation),
            (10, ErrorCode::None),
        ] {
            assert_eq!(code(&NewTopic { partitions, ..wish("t") }), expected, "{partitions} partitions");
        }
        for (replication_factor, expected) in [
            (0, ErrorCode::InvalidReplicationFactor),
            (-2, ErrorCode::InvalidReplicationFactor),
            (1, ErrorCode::None),
            (3, ErrorCode::None),
        ] {
            assert_eq!(code(&NewTopic { replication_factor, ..wish("t") }), expected);
        }
        let strict = Rules { accept_replication_factors: false, ..rules() };
        let error = plan(&NewTopic { replication_factor: 3, ..wish("t") }, &strict).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidReplicationFactor);
    }

    #[test]
    fn placement_by_hand_must_name_this_broker_and_leave_no_gap() {
        let placed = |assignments: Vec<(i32, Vec<i32>)>| NewTopic { assignments, ..wish("t") };
        assert_eq!(plan(&placed(vec![(1, vec![1]), (0, vec![1])]), &rules()).unwrap().partitions, 2);
        assert_eq!(code(&placed(vec![(1, vec![1])])), ErrorCode::InvalidReplicaAssignment);
        assert_eq!(code(&placed(vec![(0, vec![1]), (0, vec![1])])), ErrorCode::InvalidReplicaAssignment);
        assert_eq!(code(&placed(vec![(0, vec![2])])), ErrorCode::InvalidReplicaAssignment);
        assert_eq!(code(&placed(vec![(0, vec![])])), ErrorCode::InvalidReplicaAssignment);
        let both = NewTopic { partitions: 1, ..placed(vec![(0, vec![1])]) };
        assert_eq!(code(&both), ErrorCode::InvalidRequest);
    }
}
