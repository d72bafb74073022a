//! The settings of groups by the names that Kafka's `server.properties` has for them.
//!
//! Owns: the names, and how a value is read and shown.

use std::time::Duration;

use headwater_coordinator::GroupsConfig;

use super::BrokerConfig;

/// What a value means.
enum Field {
    Milliseconds(fn(&mut GroupsConfig) -> &mut Duration),
    Minutes(fn(&mut GroupsConfig) -> &mut Duration),
    Count(fn(&mut GroupsConfig) -> &mut usize),
}

const SETTINGS: &[(&str, Field)] = &[
    (
        "group.consumer.heartbeat.interval.ms",
        Field::Milliseconds(|groups| &mut groups.consumer_heartbeat_interval),
    ),
    ("group.consumer.session.timeout.ms", Field::Milliseconds(|groups| &mut groups.consumer_session_timeout)),
    ("group.initial.rebalance.delay.ms", Field::Milliseconds(|groups| &mut groups.initial_rebalance_delay)),
    ("group.max.session.timeout.ms", Field::Milliseconds(|groups| &mut groups.max_session_timeout)),
    ("group.max.size", Field::Count(|groups| &mut groups.max_group_size)),
    ("group.min.session.timeout.ms", Field::Milliseconds(|groups| &mut groups.min_session_timeout)),
    ("offset.metadata.max.bytes", Field::Count(|groups| &mut groups.max_offset_metadata_bytes)),
    (
        "offsets.retention.check.interval.ms",
        Field::Milliseconds(|groups| &mut groups.retention_check_interval),
    ),
    ("offsets.retention.minutes", Field::Minutes(|groups| &mut groups.offsets_retention)),
];

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
        "the value \"{value}\" of the setting \"{name}\" is invalid: it must be a whole number of at least {least}"
    )]
    Invalid {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// The least value.
        least: u32,
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
    SETTINGS.iter().map(|(name, _)| *name).collect()
}

impl BrokerConfig {
    /// Gives a setting of groups by Kafka's name, such as `group.consumer.session.timeout.ms`.
    pub fn set_for_groups(&mut self, name: &str, value: &str) -> Result<(), GroupSettingError> {
        let known = SETTINGS.iter().find(|(known, _)| *known == name);
        let (_, field) = known.ok_or_else(|| GroupSettingError::Unknown { name: name.to_owned() })?;
        // A delay may be none; time and room for nobody would be a broker that serves nobody.
        let least = u32::from(name != "group.initial.rebalance.delay.ms");
        let number = value.trim().parse::<u32>().ok().filter(|number| *number >= least);
        let number = number.ok_or_else(|| GroupSettingError::Invalid {
            name: name.to_owned(),
            value: value.to_owned(),
            least,
        })?;
        let groups = &mut self.groups;
        match field {
            Field::Milliseconds(of) => *of(groups) = Duration::from_millis(u64::from(number)),
            Field::Minutes(of) => *of(groups) = Duration::from_mins(u64::from(number)),
            Field::Count(of) => *of(groups) = number as usize,
        }
        Ok(())
    }

    /// That members can live with the times that they are given.
    pub(crate) fn check_group_times(&self) -> Result<(), GroupSettingError> {
        let groups = &self.groups;
        if groups.consumer_heartbeat_interval >= groups.consumer_session_timeout {
            let less = "group.consumer.heartbeat.interval.ms";
            return Err(GroupSettingError::Order { less, more: "group.consumer.session.timeout.ms" });
        }
        if groups.min_session_timeout >= groups.max_session_timeout {
            let less = "group.min.session.timeout.ms";
            return Err(GroupSettingError::Order { less, more: "group.max.session.timeout.ms" });
        }
        Ok(())
    }

    /// Each of these settings with its value, by name.
    pub(crate) fn group_settings(&self) -> Vec<(&'static str, String)> {
        let mut groups = self.groups.clone();
        let mut value = |field: &Field| match field {
            Field::Milliseconds(of) => of(&mut groups).as_millis().to_string(),
            Field::Minutes(of) => (of(&mut groups).as_secs() / 60).to_string(),
            Field::Count(of) => of(&mut groups).to_string(),
        };
        SETTINGS.iter().map(|(name, field)| (*name, value(field))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_shown() {
        let mut config = BrokerConfig::default();
        for (number, (name, _)) in (7..).zip(config.group_settings()) {
            config.set_for_groups(name, &format!(" {number}")).unwrap();
        }
        let shown: Vec<String> = config.group_settings().into_iter().map(|(_, value)| value).collect();
        let given: Vec<String> = (7..).take(shown.len()).map(|number: u32| number.to_string()).collect();
        assert_eq!(shown, given);
        assert_eq!(config.groups.offsets_retention, Duration::from_mins(15));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let mut config = BrokerConfig::default();
        let refused = config.set_for_groups("group.share.size", "7").unwrap_err().to_string();
        assert!(refused.contains("group.share.size") && refused.contains("group.max.size"), "{refused}");
        for value in ["", "many", "-1", "0", "99999999999"] {
            let refused = config.set_for_groups("group.max.size", value).unwrap_err();
            assert!(refused.to_string().contains("at least 1"), "{refused}");
        }
        config.set_for_groups("group.initial.rebalance.delay.ms", "0").unwrap();
        config.check_group_times().unwrap();
        for (name, value) in
            [("group.consumer.session.timeout.ms", "5000"), ("group.min.session.timeout.ms", "1800000")]
        {
            let mut config = BrokerConfig::default();
            config.set_for_groups(name, value).unwrap();
            let refused = config.check_group_times().unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains("below"), "{refused}");
        }
        assert_eq!(config.groups, GroupsConfig::default());
    }
}
