//! The rules for changing a topic, as Kafka has them.
//!
//! Owns: what a wish for more partitions or for other settings comes to. Pure.

use headwater_model::TopicName;

use super::TopicError;
use super::creation::Rules;
use super::settings::{self, Kind, Layers, SettingError};
use crate::metadata::{Settings, TopicState};

/// A wish for more partitions.
#[derive(Debug, Clone)]
pub(crate) struct Growth {
    pub(crate) topic: TopicName,
    /// Of all partitions, old and new.
    pub(crate) count: i32,
    /// Brokers of each new partition, if placed by hand.
    pub(crate) assignments: Option<Vec<Vec<i32>>>,
}

/// How many partitions are added.
pub(crate) fn plan_growth(wish: &Growth, current: i32, rules: &Rules<'_>) -> Result<i32, TopicError> {
    let (given, max) = (wish.count, rules.max_partitions_per_topic);
    if given <= current {
        return Err(TopicError::NoIncrease { current, given });
    }
    if given > max {
        return Err(TopicError::Partitions { given, max });
    }
    let added = given - current;
    if let Some(placed) = &wish.assignments {
        if placed.len() != added.unsigned_abs() as usize {
            return Err(TopicError::Placed { added, placed: placed.len() });
        }
        if placed.iter().any(|brokers| brokers.as_slice() != [rules.node_id]) {
            return Err(TopicError::Assignment(rules.node_id));
        }
    }
    if rules.partitions_taken.saturating_add(added.unsigned_abs() as usize) > rules.max_partitions {
        return Err(TopicError::TooManyPartitions(rules.max_partitions));
    }
    Ok(added)
}

/// What is done to one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Set,
    Delete,
    Append,
    Subtract,
}

impl Operation {
    /// Kafka's codes.
    pub(crate) fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// A wish for another value of one setting.
#[derive(Debug, Clone)]
pub(crate) struct SettingChange {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) value: Option<String>,
}

/// A topic's own settings after some changes.
pub(crate) fn change_settings(
    state: &TopicState,
    changes: &[SettingChange],
    broker: &Settings,
) -> Result<Settings, TopicError> {
    let mut names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.windows(2).find_map(|pair| pair.first_chunk().filter(|[a, b]| a == b)) {
        return Err(TopicError::Change(format!("the config \"{name}\" is given more than once")));
    }
    let mut changed = state.settings.clone();
    for change in changes {
        let name = change.name.as_str();
        if change.operation == Operation::Delete {
            // What was set by an older version can always be taken back.
            if changed.remove(name).is_none() && settings::definition(name).is_none() {
                return Err(SettingError::Unknown(name.to_owned()).into());
            }
            continue;
        }
        let value = new_value(change, Layers { own: &changed, broker })?;
        settings::check(name, &value)?;
        changed.insert(name.to_owned(), value);
    }
    Ok(changed)
}

fn new_value(change: &SettingChange, layers: Layers<'_>) -> Result<String, TopicError> {
    let name = change.name.as_str();
    let definition = settings::definition(name).ok_or_else(|| SettingError::Unknown(name.to_owned()))?;
    let Some(value) = change.value.as_deref() else {
        return Err(TopicError::Change(format!("the config \"{name}\" has no value")));
    };
    if change.operation == Operation::Set {
        return Ok(value.trim().to_owned());
    }
    if !matches!(definition.kind, Kind::List | Kind::ListOf(_)) {
        return Err(SettingError::NoList(name.to_owned()).into());
    }
    let items = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let mut list = items(layers.get(definition).0);
    for item in items(value) {
        match change.operation {
            Operation::Append if !list.contains(&item) => list.push(item),
            Operation::Subtract => list.retain(|kept| *kept != item),
            _ => {}
        }
    }
    Ok(list.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_model::{ErrorCode, Uuid};

    use crate::topics::creation::NameIndex;

    fn rules(names: &NameIndex) -> Rules<'_> {
        Rules {
            names,
            partitions_taken: 90,
            max_partitions: 100,
            max_partitions_per_topic: 50,
            default_partitions: 3,
            node_id: 1,
            accept_replication_factors: true,
        }
    }

    fn growth(count: i32, assignments: Option<Vec<Vec<i32>>>) -> Result<i32, ErrorCode> {
        let topic = TopicName::new("t").unwrap();
        plan_growth(&Growth { topic, count, assignments }, 3, &rules(&NameIndex::default()))
            .map_err(|error| error.code())
    }

    #[test]
    fn topics_only_grow_and_within_the_limits() {
        assert_eq!(growth(5, None), Ok(2));
        assert_eq!(growth(13, None), Ok(10));
        for (count, error) in [
            (3, ErrorCode::InvalidPartitions),
            (2, ErrorCode::InvalidPartitions),
            (-1, ErrorCode::InvalidPartitions),
            (51, ErrorCode::InvalidPartitions),
            (i32::MAX, ErrorCode::InvalidPartitions),
            (14, ErrorCode::PolicyViolation),
        ] {
            assert_eq!(growth(count, None), Err(error), "{count}");
        }
    }

    #[test]
    fn new_partitions_placed_by_hand_are_all_here() {
        assert_eq!(growth(5, Some(vec![vec![1], vec![1]])), Ok(2));
        for placed in [vec![], vec![vec![1]], vec![vec![1], vec![2]], vec![vec![1], vec![1, 2]]] {
            assert_eq!(
                growth(5, Some(placed.clone())),
                Err(ErrorCode::InvalidReplicaAssignment),
                "{placed:?}"
            );
        }
    }

    fn state(settings: &[(&str, &str)]) -> TopicState {
        TopicState {
            topic_id: Uuid::ZERO,
            name: TopicName::new("t").unwrap(),
            partitions: 1,
            internal: false,
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }

    fn change(name: &str, operation: Operation, value: Option<&str>) -> SettingChange {
        SettingChange { name: name.to_owned(), operation, value: value.map(str::to_owned) }
    }

    fn changed(before: &[(&str, &str)], changes: &[SettingChange]) -> Result<Settings, ErrorCode> {
        change_settings(&state(before), changes, &Settings::new()).map_err(|error| error.code())
    }

    #[test]
    fn settings_are_set_and_taken_back_and_the_others_stay() {
        let before = [("retention.ms", "1"), ("segment.ms", "5")];
        let after = changed(
            &before,
            &[
                change("retention.ms", Operation::Set, Some(" 2 ")),
                change("segment.ms", Operation::Delete, None),
                change("max.message.bytes", Operation::Delete, None),
            ],
        );
        assert_eq!(after, Ok(state(&[("retention.ms", "2")]).settings));
    }

    #[test]
    fn lists_are_added_to_and_taken_from_their_value_in_force() {
        let append = |value| change("cleanup.policy", Operation::Append, Some(value));
        let subtract = |value| change("cleanup.policy", Operation::Subtract, Some(value));
        let policy = |value| Ok(state(&[("cleanup.policy", value)]).settings);
        assert_eq!(changed(&[], &[append("compact")]), policy("delete,compact"));
        assert_eq!(changed(&[], &[append("delete")]), policy("delete"));
        assert_eq!(
            changed(&[("cleanup.policy", "compact,delete")], &[subtract("delete")]),
            policy("compact")
        );
        assert_eq!(changed(&[], &[subtract("delete")]), Err(ErrorCode::InvalidConfig), "nothing is left");
    }

    #[test]
    fn what_kafka_refuses_is_refused() {
        for (case, error) in [
            (vec![change("colour", Operation::Set, Some("red"))], ErrorCode::InvalidConfig),
            (vec![change("colour", Operation::Delete, None)], ErrorCode::InvalidConfig),
            (vec![change("retention.ms", Operation::Set, Some("soon"))], ErrorCode::InvalidConfig),
            (vec![change("retention.ms", Operation::Append, Some("1"))], ErrorCode::InvalidConfig),
            (vec![change("retention.ms", Operation::Set, None)], ErrorCode::InvalidRequest),
            (vec![change("retention.ms", Operation::Delete, None); 2], ErrorCode::InvalidRequest),
        ] {
            assert_eq!(changed(&[], &case), Err(error), "{case:?}");
        }
    }
}
