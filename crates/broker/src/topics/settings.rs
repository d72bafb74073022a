//! Settings of a topic: Kafka's names, defaults and rules.
//!
//! Owns: the table of known settings, the check of values at creation, the typed form that the broker works with.
//!
//! Invariants: every name and default is Kafka 4's; a value that passed [`check`] has a typed form.
//!
//! Does not know: what the settings do to a log.
//!
//! Deviations from Kafka: `min.insync.replicas` above 1 is kept but not enforced (there is one
//! replica, by decision); the tiered storage, replication throttle and preallocation settings are kept and have no effect;
//! compression levels are kept, and the codecs' own defaults are used.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, Timestamp};
use headwater_wire::batch::Compression;

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    Int { min: i64, max: i64 },
    Long { min: i64 },
    Ratio,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    List,
}

impl Kind {
    /// The number of the type in a DescribeConfigs response.
    pub(crate) fn config_type(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::OneOf(_) => 2,
            Self::Int { .. } => 3,
            Self::Long { .. } => 5,
            Self::Ratio => 6,
            Self::ListOf(_) | Self::List => 7,
        }
    }
}

/// A setting that topics have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Definition {
    /// Kafka's name of it on a topic.
    pub(crate) name: &'static str,
    /// Kafka's name of the broker's default for it.
    pub(crate) broker_name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
}

const fn define(
    name: &'static str,
    broker_name: &'static str,
    kind: Kind,
    default: &'static str,
) -> Definition {
    Definition { name, broker_name, kind, default }
}

const LONG_MAX: &str = "9223372036854775807";
const fn int(min: i64) -> Kind {
    Kind::Int { min, max: i32::MAX as i64 }
}
const fn long(min: i64) -> Kind {
    Kind::Long { min }
}

/// Every setting of a topic, by name.
pub(crate) const DEFINITIONS: &[Definition] = &[
    define("cleanup.policy", "log.cleanup.policy", Kind::ListOf(&["compact", "delete"]), "delete"),
    define("compression.gzip.level", "compression.gzip.level", Kind::Int { min: -1, max: 9 }, "-1"),
    define("compression.lz4.level", "compression.lz4.level", Kind::Int { min: 1, max: 17 }, "9"),
    define("compression.type", "compression.type", Kind::OneOf(COMPRESSION_TYPES), "producer"),
    define("compression.zstd.level", "compression.zstd.level", Kind::Int { min: -131_072, max: 22 }, "3"),
    define("delete.retention.ms", "log.cleaner.delete.retention.ms", long(0), "86400000"),
    define(
        "errors.deadletterqueue.group.enable",
        "errors.deadletterqueue.group.enable",
        Kind::Boolean,
        "false",
    ),
    define("file.delete.delay.ms", "log.segment.delete.delay.ms", long(0), "60000"),
    define("flush.messages", "log.flush.interval.messages", long(1), LONG_MAX),
    define("flush.ms", "log.flush.interval.ms", long(0), LONG_MAX),
    define(
        "follower.replication.throttled.replicas",
        "follower.replication.throttled.replicas",
        Kind::List,
        "",
    ),
    define("index.interval.bytes", "log.index.interval.bytes", int(0), "4096"),
    define("leader.replication.throttled.replicas", "leader.replication.throttled.replicas", Kind::List, ""),
    define("local.retention.bytes", "log.local.retention.bytes", long(-2), "-2"),
    define("local.retention.ms", "log.local.retention.ms", long(-2), "-2"),
    define("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", long(1), LONG_MAX),
    define("max.message.bytes", "message.max.bytes", int(0), "1048588"),
    define("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", long(0), "3600000"),
    define("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", long(0), LONG_MAX),
    define("message.timestamp.type", "log.message.timestamp.type", Kind::OneOf(TIMESTAMP_TYPES), CREATE_TIME),
    define("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", Kind::Ratio, "0.5"),
    define("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", long(0), "0"),
    define("min.insync.replicas", "min.insync.replicas", int(1), "1"),
    define("preallocate", "log.preallocate", Kind::Boolean, "false"),
    define("remote.log.copy.disable", "remote.log.copy.disable", Kind::Boolean, "false"),
    define("remote.log.delete.on.disable", "remote.log.delete.on.disable", Kind::Boolean, "false"),
    define("remote.storage.enable", "remote.storage.enable", Kind::OneOf(&["false"]), "false"),
    define("retention.bytes", "log.retention.bytes", long(i64::MIN), "-1"),
    define("retention.ms", "log.retention.ms", long(-1), "604800000"),
    define("segment.bytes", "log.segment.bytes", int(1_048_576), "1073741824"),
    define("segment.index.bytes", "log.index.size.max.bytes", int(4), "10485760"),
    define("segment.jitter.ms", "log.roll.jitter.ms", long(0), "0"),
    define("segment.ms", "log.roll.ms", long(1), "604800000"),
    define("unclean.leader.election.enable", "unclean.leader.election.enable", Kind::Boolean, "false"),
];

const COMPRESSION_TYPES: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const TIMESTAMP_TYPES: &[&str] = &[CREATE_TIME, "LogAppendTime"];
const CREATE_TIME: &str = "CreateTime";

/// Why a setting was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No setting of that name exists.
    #[error("unknown topic config \"{0}\"")]
    Unknown(String),
    /// A setting was given without a value.
    #[error("the topic config \"{0}\" has no value")]
    Missing(String),
    /// Something was added to or taken from what is no list.
    #[error("nothing can be added to or taken from the topic config \"{0}\": it is not a list")]
    NoList(String),
    /// The value does not fit.
    #[error("the value \"{value}\" of the topic config \"{name}\" is invalid: it must be {expected}")]
    Invalid {
        /// The setting.
        name: String,
        /// Its refused value.
        value: String,
        /// What it takes.
        expected: String,
    },
}

impl SettingError {
    /// The code for clients.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidConfig
    }
}

/// The setting of that name.
pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// Checks one setting by Kafka's rules.
pub(crate) fn check(name: &str, value: &str) -> Result<(), SettingError> {
    let Some(definition) = definition(name) else {
        return Err(SettingError::Unknown(name.to_owned()));
    };
    let invalid =
        |expected: String| SettingError::Invalid { name: name.to_owned(), value: value.to_owned(), expected };
    let trimmed = value.trim();
    let fits = match definition.kind {
        Kind::Boolean => trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false"),
        Kind::Int { min, max } => trimmed.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number)),
        Kind::Long { min } => trimmed.parse::<i64>().is_ok_and(|number| number >= min),
        Kind::Ratio => trimmed.parse::<f64>().is_ok_and(|ratio| (0.0..=1.0).contains(&ratio)),
        Kind::OneOf(allowed) => allowed.contains(&trimmed),
        Kind::ListOf(allowed) => trimmed.split(',').all(|item| allowed.contains(&item.trim())),
        Kind::List => true,
    };
    if fits {
        return Ok(());
    }
    Err(invalid(match definition.kind {
        Kind::Boolean => "true or false".to_owned(),
        Kind::Int { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Long { min } => format!("a whole number of at least {min}"),
        Kind::Ratio => "a number from 0 to 1".to_owned(),
        Kind::OneOf(allowed) => format!("one of {}", allowed.join(", ")),
        Kind::ListOf(allowed) => format!("a list of {}", allowed.join(", ")),
        Kind::List => "a list".to_owned(),
    }))
}

/// Checks settings given with values that may be missing, as a CreateTopics request has them.
pub(crate) fn check_all<'a>(
    settings: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<BTreeMap<String, String>, SettingError> {
    let mut checked = BTreeMap::new();
    for (name, value) in settings {
        if definition(name).is_none() {
            return Err(SettingError::Unknown(name.to_owned()));
        }
        let Some(value) = value else {
            return Err(SettingError::Missing(name.to_owned()));
        };
        check(name, value)?;
        checked.insert(name.to_owned(), value.trim().to_owned());
    }
    Ok(checked)
}

/// Where the value of a setting comes from; numbered as in a DescribeConfigs response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Topic = 1,
    Broker = 4,
    Default = 5,
    Group = 8,
}

/// The settings of one topic: its own, over the broker's, over Kafka's defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub(crate) own: &'a BTreeMap<String, String>,
    pub(crate) broker: &'a BTreeMap<String, String>,
}

impl<'a> Layers<'a> {
    /// The value in force, and where it comes from.
    pub(crate) fn get(&self, definition: &Definition) -> (&'a str, Source) {
        let from = |layer: &'a BTreeMap<String, String>| layer.get(definition.name).map(String::as_str);
        match (from(self.own), from(self.broker)) {
            (Some(value), _) => (value, Source::Topic),
            (None, Some(value)) => (value, Source::Broker),
            (None, None) => (definition.default, Source::Default),
        }
    }

    fn text(&self, name: &str) -> &'a str {
        definition(name).map_or("", |definition| self.get(definition).0)
    }

    fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }
}

/// Who gives a record its timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampType {
    Create,
    LogAppend,
}

/// The settings of a topic that the broker acts upon.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopicSettings {
    pub(crate) compacted: bool,
    /// True where old segments are deleted.
    pub(crate) deleted: bool,
    pub(crate) min_cleanable_dirty_ratio: f64,
    pub(crate) min_compaction_lag_ms: i64,
    pub(crate) max_compaction_lag_ms: i64,
    pub(crate) delete_retention_ms: i64,
    pub(crate) retention_ms: Option<i64>,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) segment_bytes: u64,
    pub(crate) segment_ms: i64,
    pub(crate) segment_index_bytes: u64,
    pub(crate) index_interval_bytes: u64,
    pub(crate) max_message_bytes: usize,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) timestamp_before_max_ms: i64,
    pub(crate) timestamp_after_max_ms: i64,
    /// `None`: as the producer chose.
    pub(crate) compression: Option<Compression>,
    pub(crate) file_delete_delay_ms: i64,
}

impl TopicSettings {
    /// The typed form of settings that passed [`check`].
    pub(crate) fn new(layers: Layers<'_>) -> Self {
        let policy = layers.text("cleanup.policy");
        let has = |wanted: &str| policy.split(',').any(|item| item.trim() == wanted);
        Self {
            compacted: has("compact"),
            deleted: has("delete"),
            min_cleanable_dirty_ratio: layers.text("min.cleanable.dirty.ratio").trim().parse().unwrap_or(0.5),
            min_compaction_lag_ms: layers.number("min.compaction.lag.ms"),
            max_compaction_lag_ms: layers.number("max.compaction.lag.ms"),
            delete_retention_ms: layers.number("delete.retention.ms"),
            retention_ms: Some(layers.number("retention.ms")).filter(|ms| *ms >= 0),
            retention_bytes: u64::try_from(layers.number("retention.bytes")).ok(),
            segment_bytes: layers.number("segment.bytes").unsigned_abs(),
            segment_ms: layers.number("segment.ms"),
            segment_index_bytes: layers.number("segment.index.bytes").unsigned_abs(),
            index_interval_bytes: layers.number("index.interval.bytes").unsigned_abs(),
            max_message_bytes: usize::try_from(layers.number("max.message.bytes")).unwrap_or(0),
            timestamp_type: match layers.text("message.timestamp.type") {
                CREATE_TIME => TimestampType::Create,
                _ => TimestampType::LogAppend,
            },
            timestamp_before_max_ms: layers.number("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: layers.number("message.timestamp.after.max.ms"),
            compression: match layers.text("compression.type") {
                "uncompressed" => Some(Compression::None),
                other => other.parse().ok(),
            },
            file_delete_delay_ms: layers.number("file.delete.delay.ms"),
        }
    }

    /// True if a record of that time may be written now (Kafka's `message.timestamp.{before,after}.max.ms`).
    pub(crate) fn admits(&self, timestamp: Timestamp, now: Timestamp) -> bool {
        timestamp == Timestamp::NONE
            || (timestamp.ms_since(now) <= self.timestamp_after_max_ms
                && now.ms_since(timestamp) <= self.timestamp_before_max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_check() {
        for definition in DEFINITIONS {
            assert_eq!(check(definition.name, definition.default), Ok(()), "{}", definition.name);
        }
        assert!(DEFINITIONS.is_sorted_by_key(|definition| definition.name));
    }

    #[test]
    fn unknown_names_and_illegal_values_are_refused() {
        for (name, value) in [
            ("retention.hours", "1"),
            ("retention.ms", "soon"),
            ("retention.ms", "-2"),
            ("cleanup.policy", "keep"),
            ("cleanup.policy", ""),
            ("min.insync.replicas", "0"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("compression.type", "brotli"),
            ("message.timestamp.type", "createtime"),
            ("preallocate", "yes"),
            ("segment.bytes", "100"),
            ("max.message.bytes", "3000000000"),
            ("remote.storage.enable", "true"),
        ] {
            assert!(check(name, value).is_err(), "{name}={value}");
        }
        assert_eq!(check_all([("retention.ms", None)]), Err(SettingError::Missing("retention.ms".into())));
    }

    #[test]
    fn a_topics_own_settings_win_over_the_brokers() {
        let own = BTreeMap::from([("cleanup.policy".to_owned(), "compact, delete".to_owned())]);
        let broker = BTreeMap::from([
            ("retention.ms".to_owned(), "-1".to_owned()),
            ("cleanup.policy".to_owned(), "compact".to_owned()),
            ("compression.type".to_owned(), "zstd".to_owned()),
        ]);
        let settings = TopicSettings::new(Layers { own: &own, broker: &broker });
        assert!(settings.compacted && settings.deleted);
        assert_eq!(settings.retention_ms, None);
        assert_eq!(settings.retention_bytes, None);
        assert_eq!(settings.segment_bytes, 1 << 30);
        assert_eq!(settings.compression, Some(Compression::Zstd));
        assert_eq!(settings.timestamp_type, TimestampType::Create);
    }

    #[test]
    fn records_of_the_far_future_are_refused_and_of_the_past_admitted() {
        let none = BTreeMap::new();
        let settings = TopicSettings::new(Layers { own: &none, broker: &none });
        let now = Timestamp(1_800_000_000_000);
        assert!(settings.admits(Timestamp(0), now));
        assert!(settings.admits(Timestamp::NONE, now));
        assert!(settings.admits(now.plus_ms(3_600_000), now));
        assert!(!settings.admits(now.plus_ms(3_600_001), now));
    }
}
