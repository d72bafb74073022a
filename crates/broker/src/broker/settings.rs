//! The broker's settings under Kafka's names, as DescribeConfigs shows them.

use std::time::Duration;

use crate::config::{BrokerConfig, Durability};
use crate::topics::settings::{DEFINITIONS, Source};

/// One setting of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokerSetting {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: Source,
    pub(crate) config_type: i8,
}

const BOOLEAN: i8 = 1;
const STRING: i8 = 2;
const INT: i8 = 3;
const LONG: i8 = 5;
const LIST: i8 = 7;

/// All settings, by name.
pub(crate) fn broker_settings(config: &BrokerConfig) -> Vec<BrokerSetting> {
    let defaults = BrokerConfig::default();
    let own = |(name, config_type, value): (&str, i8, String), (_, _, default): (&str, i8, String)| {
        let source = if value == default { Source::Default } else { Source::Broker };
        BrokerSetting { name: name.to_owned(), value, source, config_type }
    };
    let mut settings: Vec<BrokerSetting> = general(config)
        .into_iter()
        .chain(of_groups(config))
        .zip(general(&defaults).into_iter().chain(of_groups(&defaults)))
        .map(|(value, default)| own(value, default))
        .collect();
    settings.extend(DEFINITIONS.iter().map(|definition| {
        let given = config.topic_defaults.get(definition.name);
        let value = match (given, definition.name, config.durability) {
            (Some(value), _, _) => value.clone(),
            // What makes a record count as written is the broker's to say.
            (None, "flush.messages", Durability::Fsync) => "1".to_owned(),
            (None, _, _) => definition.default.to_owned(),
        };
        BrokerSetting {
            name: definition.broker_name.to_owned(),
            value,
            source: if given.is_some() { Source::Broker } else { Source::Default },
            config_type: definition.kind.config_type(),
        }
    }));
    settings.sort_by(|left, right| left.name.cmp(&right.name));
    settings
}

fn ms(duration: Duration) -> String {
    duration.as_millis().to_string()
}

fn general(config: &BrokerConfig) -> [(&'static str, i8, String); 12] {
    let limits = &config.limits;
    [
        ("auto.create.topics.enable", BOOLEAN, config.auto_create_topics.to_string()),
        ("broker.id", INT, config.node_id.to_string()),
        ("connections.max.idle.ms", LONG, ms(limits.max_idle)),
        ("default.replication.factor", INT, "1".to_owned()),
        ("delete.topic.enable", BOOLEAN, "true".to_owned()),
        ("fetch.max.bytes", INT, limits.max_fetch_bytes.to_string()),
        ("log.dirs", STRING, config.data_dir.display().to_string()),
        ("log.retention.check.interval.ms", LONG, ms(config.retention_check_interval)),
        ("max.connections", INT, limits.max_connections.to_string()),
        ("node.id", INT, config.node_id.to_string()),
        ("num.partitions", INT, config.default_partitions.to_string()),
        ("socket.request.max.bytes", INT, limits.max_request_bytes.to_string()),
    ]
}

fn of_groups(config: &BrokerConfig) -> Vec<(&'static str, i8, String)> {
    let assignors: Vec<String> = config.groups.consumer_assignors.iter().map(ToString::to_string).collect();
    let numbers = config.group_settings().into_iter().map(|(name, value)| (name, INT, value));
    let others = [
        ("group.consumer.assignors", LIST, assignors.join(",")),
        ("offsets.topic.num.partitions", INT, config.group_partitions.to_string()),
    ];
    numbers.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_appears_once() {
        let settings = broker_settings(&BrokerConfig::default());
        assert!(settings.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn what_was_configured_is_told_from_defaults() {
        let mut config = BrokerConfig { default_partitions: 7, ..BrokerConfig::default() };
        config.topic_defaults.insert("retention.ms".to_owned(), "-1".to_owned());
        let settings = broker_settings(&config);
        let get = |name: &str| settings.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(
            (get("num.partitions").value.as_str(), get("num.partitions").source),
            ("7", Source::Broker)
        );
        assert_eq!(
            (get("log.retention.ms").value.as_str(), get("log.retention.ms").source),
            ("-1", Source::Broker)
        );
        assert_eq!(get("log.cleanup.policy").source, Source::Default);
    }
}
