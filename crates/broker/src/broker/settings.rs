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

/// All settings, by name.
pub(crate) fn broker_settings(config: &BrokerConfig) -> Vec<BrokerSetting> {
    let defaults = BrokerConfig::default();
    let own = |name: &str, config_type, value: String, default: String| BrokerSetting {
        name: name.to_owned(),
        source: if value == default { Source::Default } else { Source::Broker },
        value,
        config_type,
    };
    let flush = |durability| match durability {
        Durability::Fsync => "1".to_owned(),
        Durability::Os => i64::MAX.to_string(),
    };
    let mut settings = vec![
        own(
            "auto.create.topics.enable",
            BOOLEAN,
            config.auto_create_topics.to_string(),
            defaults.auto_create_topics.to_string(),
        ),
        own("broker.id", INT, config.node_id.to_string(), defaults.node_id.to_string()),
        own("node.id", INT, config.node_id.to_string(), defaults.node_id.to_string()),
        own(
            "connections.max.idle.ms",
            LONG,
            config.limits.max_idle.as_millis().to_string(),
            defaults.limits.max_idle.as_millis().to_string(),
        ),
        own("default.replication.factor", INT, "1".to_owned(), "1".to_owned()),
        own("delete.topic.enable", BOOLEAN, "true".to_owned(), "true".to_owned()),
        own(
            "fetch.max.bytes",
            INT,
            config.limits.max_fetch_bytes.to_string(),
            defaults.limits.max_fetch_bytes.to_string(),
        ),
        own(
            "log.dirs",
            STRING,
            config.data_dir.display().to_string(),
            defaults.data_dir.display().to_string(),
        ),
        own(
            "log.retention.check.interval.ms",
            LONG,
            config.retention_check_interval.as_millis().to_string(),
            defaults.retention_check_interval.as_millis().to_string(),
        ),
        own(
            "max.connections",
            INT,
            config.limits.max_connections.to_string(),
            defaults.limits.max_connections.to_string(),
        ),
        own(
            "num.partitions",
            INT,
            config.default_partitions.to_string(),
            defaults.default_partitions.to_string(),
        ),
        own(
            "socket.request.max.bytes",
            INT,
            config.limits.max_request_bytes.to_string(),
            defaults.limits.max_request_bytes.to_string(),
        ),
    ];
    settings.extend(group_settings(config, &defaults));
    for definition in DEFINITIONS {
        let given = config.topic_defaults.get(definition.name);
        let value = match (given, definition.name) {
            (Some(value), _) => value.clone(),
            // What makes a record count as written is the broker's to say.
            (None, "flush.messages") => flush(config.durability),
            (None, _) => definition.default.to_owned(),
        };
        settings.push(BrokerSetting {
            name: definition.broker_name.to_owned(),
            value,
            source: if given.is_some() { Source::Broker } else { Source::Default },
            config_type: definition.kind.config_type(),
        });
    }
    settings.sort_by(|left, right| left.name.cmp(&right.name));
    settings
}

fn group_settings(config: &BrokerConfig, defaults: &BrokerConfig) -> Vec<BrokerSetting> {
    let values = |config: &BrokerConfig| {
        let groups = &config.groups;
        let ms = |duration: Duration| duration.as_millis().to_string();
        [
            ("group.initial.rebalance.delay.ms", INT, ms(groups.initial_rebalance_delay)),
            ("group.max.session.timeout.ms", INT, ms(groups.max_session_timeout)),
            ("group.max.size", INT, groups.max_group_size.to_string()),
            ("group.min.session.timeout.ms", INT, ms(groups.min_session_timeout)),
            ("offset.metadata.max.bytes", INT, groups.max_offset_metadata_bytes.to_string()),
            ("offsets.retention.check.interval.ms", LONG, ms(groups.retention_check_interval)),
            ("offsets.retention.minutes", INT, (groups.offsets_retention.as_secs() / 60).to_string()),
            ("offsets.topic.num.partitions", INT, config.group_partitions.to_string()),
        ]
    };
    let settings = values(config).into_iter().zip(values(defaults));
    let setting = |((name, config_type, value), (_, _, default)): ((&str, i8, String), (_, _, String))| {
        let source = if value == default { Source::Default } else { Source::Broker };
        BrokerSetting { name: name.to_owned(), value, source, config_type }
    };
    settings.map(setting).collect()
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
