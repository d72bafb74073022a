//! The settings of groups by the names that Kafka's `server.properties` has for them.
//!
//! Owns: the names, and how a value is read and shown; [`GroupBounds`], between what a group's own settings may be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::BrokerConfig;
use crate::share::MOST_RECORD_LOCKS;

/// What a value means.
enum Field {
    Milliseconds(fn(&mut BrokerConfig) -> &mut Duration),
    Minutes(fn(&mut BrokerConfig) -> &mut Duration),
    Count(fn(&mut BrokerConfig) -> &mut usize),
    SmallCount(fn(&mut BrokerConfig) -> &mut u16),
    LargeCount(fn(&mut BrokerConfig) -> &mut u64),
}

const SETTINGS: &[(&str, Field)] = &[
    (
        "group.consumer.heartbeat.interval.ms",
        Field::Milliseconds(|config| &mut config.groups.consumer_heartbeat_interval),
    ),
    (
        "group.consumer.session.timeout.ms",
        Field::Milliseconds(|config| &mut config.groups.consumer_session_timeout),
    ),
    (
        "group.initial.rebalance.delay.ms",
        Field::Milliseconds(|config| &mut config.groups.initial_rebalance_delay),
    ),
    ("group.max.session.timeout.ms", Field::Milliseconds(|config| &mut config.groups.max_session_timeout)),
    ("group.max.size", Field::Count(|config| &mut config.groups.max_group_size)),
    ("group.min.session.timeout.ms", Field::Milliseconds(|config| &mut config.groups.min_session_timeout)),
    (
        "group.share.delivery.count.limit",
        Field::SmallCount(|config| &mut config.share_partitions.settings.delivery_limit),
    ),
    (
        "group.share.heartbeat.interval.ms",
        Field::Milliseconds(|config| &mut config.groups.share_heartbeat_interval),
    ),
    ("group.share.max.size", Field::Count(|config| &mut config.groups.max_share_group_size)),
    (
        "group.share.partition.max.record.locks",
        Field::LargeCount(|config| &mut config.share_partitions.settings.max_record_locks),
    ),
    (
        "group.share.record.lock.duration.ms",
        Field::Milliseconds(|config| &mut config.share_partitions.settings.lock_duration),
    ),
    (
        "group.share.session.timeout.ms",
        Field::Milliseconds(|config| &mut config.groups.share_session_timeout),
    ),
    (
        "group.streams.heartbeat.interval.ms",
        Field::Milliseconds(|config| &mut config.groups.streams.heartbeat_interval),
    ),
    (
        "group.streams.initial.rebalance.delay.ms",
        Field::Milliseconds(|config| &mut config.groups.streams.initial_rebalance_delay),
    ),
    (
        "group.streams.num.standby.replicas",
        Field::Count(|config| &mut config.groups.streams.standby_replicas),
    ),
    (
        "group.streams.session.timeout.ms",
        Field::Milliseconds(|config| &mut config.groups.streams.session_timeout),
    ),
    ("offset.metadata.max.bytes", Field::Count(|config| &mut config.groups.max_offset_metadata_bytes)),
    (
        "offsets.retention.check.interval.ms",
        Field::Milliseconds(|config| &mut config.groups.retention_check_interval),
    ),
    ("offsets.retention.minutes", Field::Minutes(|config| &mut config.groups.offsets_retention)),
];

/// A delay may be none, and so may be copies; time and room for nobody would be a broker that serves nobody.
const MAY_BE_ZERO: [&str; 3] = [
    "group.initial.rebalance.delay.ms",
    "group.streams.initial.rebalance.delay.ms",
    "group.streams.num.standby.replicas",
];

/// The bounds with Kafka's values.
const BOUNDS: &[(&str, u32)] = &[
    ("group.consumer.max.heartbeat.interval.ms", 15_000),
    ("group.consumer.max.session.timeout.ms", 60_000),
    ("group.consumer.min.heartbeat.interval.ms", 5_000),
    ("group.consumer.min.session.timeout.ms", 45_000),
    ("group.share.max.delivery.count.limit", 10),
    ("group.share.max.heartbeat.interval.ms", 15_000),
    ("group.share.max.partition.max.record.locks", 4_000),
    ("group.share.max.record.lock.duration.ms", 60_000),
    ("group.share.max.session.timeout.ms", 60_000),
    ("group.share.min.delivery.count.limit", 2),
    ("group.share.min.heartbeat.interval.ms", 5_000),
    ("group.share.min.partition.max.record.locks", 100),
    ("group.share.min.record.lock.duration.ms", 15_000),
    ("group.share.min.session.timeout.ms", 45_000),
    ("group.streams.max.heartbeat.interval.ms", 15_000),
    ("group.streams.max.session.timeout.ms", 60_000),
    ("group.streams.max.standby.replicas", 2),
    ("group.streams.min.heartbeat.interval.ms", 5_000),
    ("group.streams.min.session.timeout.ms", 45_000),
];

/// Between what a group's own settings may be, by Kafka's names. The broker's own value is always allowed, also where it is
/// out of these bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupBounds {
    given: BTreeMap<&'static str, u32>,
}

impl GroupBounds {
    /// The bound of that name.
    pub(crate) fn get(&self, name: &str) -> Option<u32> {
        let default = || BOUNDS.iter().find(|(known, _)| *known == name).map(|(_, bound)| *bound);
        self.given.get(name).copied().or_else(default)
    }
}

/// Why a setting cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupSettingError {
    /// No setting of that name can be given.
    #[error("no setting \"{name}\" of groups can be given; there are {known}", known = names().join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The value does not fit.
    #[error(
        "the value \"{value}\" of the setting \"{name}\" is invalid: it must be a whole number from {least} to {most}"
    )]
    Invalid {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// The least value.
        least: u32,
        /// The greatest.
        most: u32,
    },
    /// Two settings do not go together.
    #[error("the setting \"{less}\" has to be below \"{more}\"")]
    Order {
        /// The one that has to be less.
        less: &'static str,
        /// The one that has to be more.
        more: &'static str,
    },
}

fn names() -> Vec<&'static str> {
    let settings = SETTINGS.iter().map(|(name, _)| *name);
    let mut names: Vec<&str> = settings.chain(BOUNDS.iter().map(|(name, _)| *name)).collect();
    names.sort_unstable();
    names
}

impl BrokerConfig {
    /// Gives a setting of groups by Kafka's name, such as `group.consumer.session.timeout.ms`.
    pub fn set_for_groups(&mut self, name: &str, value: &str) -> Result<(), GroupSettingError> {
        let field = SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, field)| field);
        let bound = BOUNDS.iter().find(|(known, _)| *known == name).map(|(known, _)| *known);
        if field.is_none() && bound.is_none() {
            return Err(GroupSettingError::Unknown { name: name.to_owned() });
        }
        let least = u32::from(!MAY_BE_ZERO.contains(&name));
        let most = match field {
            Some(Field::SmallCount(_)) => u32::from(u16::MAX),
            _ if name.ends_with("partition.max.record.locks") => MOST_RECORD_LOCKS as u32,
            _ => u32::MAX,
        };
        let number = value.trim().parse::<u32>().ok().filter(|number| (least..=most).contains(number));
        let number = number.ok_or_else(|| GroupSettingError::Invalid {
            name: name.to_owned(),
            value: value.to_owned(),
            least,
            most,
        })?;
        if let Some(bound) = bound {
            self.group_bounds.given.insert(bound, number);
        }
        match field {
            Some(Field::Milliseconds(of)) => *of(self) = Duration::from_millis(u64::from(number)),
            Some(Field::Minutes(of)) => *of(self) = Duration::from_mins(u64::from(number)),
            Some(Field::Count(of)) => *of(self) = number as usize,
            Some(Field::SmallCount(of)) => *of(self) = u16::try_from(number).unwrap_or(u16::MAX),
            Some(Field::LargeCount(of)) => *of(self) = u64::from(number),
            None => {}
        }
        Ok(())
    }

    /// That members can live with the times that they are given.
    pub(crate) fn check_group_times(&self) -> Result<(), GroupSettingError> {
        let (groups, streams) = (&self.groups, &self.groups.streams);
        let pairs = [
            (
                ("group.consumer.heartbeat.interval.ms", groups.consumer_heartbeat_interval),
                ("group.consumer.session.timeout.ms", groups.consumer_session_timeout),
            ),
            (
                ("group.share.heartbeat.interval.ms", groups.share_heartbeat_interval),
                ("group.share.session.timeout.ms", groups.share_session_timeout),
            ),
            (
                ("group.streams.heartbeat.interval.ms", streams.heartbeat_interval),
                ("group.streams.session.timeout.ms", streams.session_timeout),
            ),
            (
                ("group.min.session.timeout.ms", groups.min_session_timeout),
                ("group.max.session.timeout.ms", groups.max_session_timeout),
            ),
        ];
        match pairs.into_iter().find(|((_, less), (_, more))| less >= more) {
            Some(((less, _), (more, _))) => Err(GroupSettingError::Order { less, more }),
            None => Ok(()),
        }
    }

    /// Each of these settings with its value, by name.
    pub(crate) fn group_settings(&self) -> Vec<(&'static str, String)> {
        let mut config = self.clone();
        let mut value = |field: &Field| match field {
            Field::Milliseconds(of) => of(&mut config).as_millis().to_string(),
            Field::Minutes(of) => (of(&mut config).as_secs() / 60).to_string(),
            Field::Count(of) => of(&mut config).to_string(),
            Field::SmallCount(of) => of(&mut config).to_string(),
            Field::LargeCount(of) => of(&mut config).to_string(),
        };
        let settings = SETTINGS.iter().map(|(name, field)| (*name, value(field)));
        let bounds = BOUNDS
            .iter()
            .map(|(name, default)| (*name, self.group_bounds.given.get(name).unwrap_or(default).to_string()));
        settings.collect::<Vec<_>>().into_iter().chain(bounds).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_coordinator::GroupsConfig;

    #[test]
    fn what_is_given_is_shown() {
        let mut config = BrokerConfig::default();
        for (number, (name, _)) in (7..).zip(config.group_settings()) {
            config.set_for_groups(name, &format!(" {number}")).unwrap();
        }
        let shown: Vec<String> = config.group_settings().into_iter().map(|(_, value)| value).collect();
        let given: Vec<String> = (7..).take(shown.len()).map(|number: u32| number.to_string()).collect();
        assert_eq!(shown, given);
        assert_eq!(config.groups.offsets_retention, Duration::from_mins(25));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let mut config = BrokerConfig::default();
        let refused = config.set_for_groups("group.share.size", "7").unwrap_err().to_string();
        assert!(refused.contains("group.share.size") && refused.contains("group.max.size"), "{refused}");
        for value in ["", "many", "-1", "0", "99999999999"] {
            let refused = config.set_for_groups("group.max.size", value).unwrap_err();
            assert!(refused.to_string().contains("from 1 to"), "{refused}");
        }
        assert!(config.set_for_groups("group.share.delivery.count.limit", "65536").is_err());
        config.set_for_groups("group.initial.rebalance.delay.ms", "0").unwrap();
        config.check_group_times().unwrap();
        for (name, value) in [
            ("group.consumer.session.timeout.ms", "5000"),
            ("group.share.session.timeout.ms", "5000"),
            ("group.streams.heartbeat.interval.ms", "45000"),
            ("group.min.session.timeout.ms", "1800000"),
        ] {
            let mut config = BrokerConfig::default();
            config.set_for_groups(name, value).unwrap();
            let refused = config.check_group_times().unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains("below"), "{refused}");
        }
        assert_eq!(config.groups, GroupsConfig::default());
    }
}
