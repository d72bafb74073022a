//! Settings that a group has of its own, by Kafka's names (KIP-848, KIP-932, KIP-1071, KIP-1191, KIP-1240).
//!
//! Owns: the table of them, the rules for changes, the typed form ([`GroupSettings`]). Pure.
//!
//! Invariants: what a group does not set is the broker's; a value outside of the broker's bounds is refused, and one that was
//! set under other bounds counts as the nearest within them. The broker's own value is within them, whatever they are.
//!
//! Deviation from Kafka: assignments are made with heartbeats, at once, so that the intervals between them are kept and have
//! no effect.
//!
//! Does not know: which groups there are.

use std::time::Duration;

use headwater_coordinator::{MemberTimes, ShareSettings, StreamsSettings, Times};
use headwater_model::{ErrorCode, TopicName};

use crate::config::BrokerConfig;
use crate::metadata::Settings;
use crate::share::MOST_RECORD_LOCKS;
use crate::topics::change::{Operation, SettingChange};

/// Where a share group begins to read a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareOffsetReset {
    /// At the first record that there is.
    Earliest,
    /// At the next one that is written.
    Latest,
    /// At the first one that is no older than this.
    ByDuration(Duration),
}

impl ShareOffsetReset {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            _ => duration(text.strip_prefix("by_duration:")?).map(Self::ByDuration),
        }
    }
}

/// Where a share group tells of records that it could not process (KIP-1191).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetterTopic {
    pub(crate) name: TopicName,
    /// With their keys and values.
    pub(crate) copies: bool,
}

/// The settings that are in force for a group: its own over the broker's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSettings {
    consumer: Times,
    share: Times,
    streams: Times,
    share_delivery_limit: u32,
    share_record_locks: u32,
    share_lock_duration: Duration,
    /// Where a share group begins to read a partition.
    pub share_offset_reset: ShareOffsetReset,
    /// A share group is given what transactions have written only once they are committed.
    pub share_reads_committed: bool,
    /// A member of a share group may lengthen the time for which it has records.
    pub share_renewals: bool,
    dead_letter_topic: Option<TopicName>,
    dead_letter_copies: bool,
    streams_standbys: u32,
    streams_delay: Duration,
    /// Of the broker, which groups do not set.
    rest_of_streams: StreamsSettings,
}

impl GroupSettings {
    /// Those of a group that has none of its own.
    pub(crate) fn of_broker(config: &BrokerConfig) -> Self {
        let times = config.groups.member_times();
        let (share, streams) = (&config.share_partitions.settings, &config.groups.streams);
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            consumer: times.consumer,
            share: times.share,
            streams: Times {
                session_timeout: streams.session_timeout,
                heartbeat_interval: streams.heartbeat_interval,
            },
            share_delivery_limit: u32::from(share.delivery_limit),
            share_record_locks: count(share.max_record_locks),
            share_lock_duration: share.lock_duration,
            share_offset_reset: ShareOffsetReset::Latest,
            share_reads_committed: false,
            share_renewals: true,
            dead_letter_topic: None,
            dead_letter_copies: false,
            streams_standbys: count(streams.standby_replicas as u64),
            streams_delay: streams.initial_rebalance_delay,
            rest_of_streams: streams.clone(),
        }
    }

    /// Those of a group with settings of its own that passed [`check`], once.
    pub(crate) fn new(own: &Settings, config: &BrokerConfig) -> Self {
        let broker = Self::of_broker(config);
        let mut settings = broker.clone();
        for (definition, value) in own.iter().filter_map(|(name, value)| Some((definition(name)?, value))) {
            definition.kind.put(&mut settings, value, definition.bounds(&broker, config));
        }
        settings
    }

    /// How often members are to be heard of.
    pub fn member_times(&self) -> MemberTimes {
        MemberTimes { consumer: self.consumer, share: self.share }
    }

    /// What becomes of what a share group acquires.
    pub fn share_partitions(&self) -> ShareSettings {
        ShareSettings {
            lock_duration: self.share_lock_duration,
            delivery_limit: u16::try_from(self.share_delivery_limit).unwrap_or(u16::MAX),
            max_record_locks: u64::from(self.share_record_locks).min(MOST_RECORD_LOCKS),
            dead_letters: self.dead_letter_topic.is_some(),
        }
    }

    /// Where a share group tells of records that it could not process, if it does.
    pub(crate) fn dead_letters(&self) -> Option<DeadLetterTopic> {
        let name = self.dead_letter_topic.clone()?;
        Some(DeadLetterTopic { name, copies: self.dead_letter_copies })
    }

    /// What holds for a streams group.
    pub fn streams(&self) -> StreamsSettings {
        StreamsSettings {
            session_timeout: self.streams.session_timeout,
            heartbeat_interval: self.streams.heartbeat_interval,
            standby_replicas: self.streams_standbys as usize,
            initial_rebalance_delay: self.streams_delay,
            ..self.rest_of_streams.clone()
        }
    }
}

/// What values a setting takes, and where they go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Milliseconds(fn(&mut GroupSettings) -> &mut Duration),
    Count(fn(&mut GroupSettings) -> &mut u32),
    OffsetReset,
    Isolation,
    Flag(fn(&mut GroupSettings) -> &mut bool),
    /// A topic whose name says that it has dead letters, or nothing.
    DeadLetterTopic,
    /// A length of time that is kept and has no effect.
    Interval,
}

impl Kind {
    /// The number of the type in a DescribeConfigs response.
    pub(crate) fn config_type(self) -> i8 {
        match self {
            Self::Flag(_) => 1,
            Self::OffsetReset | Self::Isolation | Self::DeadLetterTopic => 2,
            Self::Milliseconds(_) | Self::Count(_) | Self::Interval => 3,
        }
    }

    /// What the setting is, as text.
    fn show(self, mut settings: GroupSettings) -> String {
        match self {
            Self::Milliseconds(of) => of(&mut settings).as_millis().to_string(),
            Self::Count(of) => of(&mut settings).to_string(),
            Self::OffsetReset => "latest".to_owned(),
            Self::Isolation => READ_UNCOMMITTED.to_owned(),
            Self::Flag(of) => of(&mut settings).to_string(),
            Self::DeadLetterTopic => String::new(),
            Self::Interval => "0".to_owned(),
        }
    }

    /// Takes a value in; one that is none leaves what was.
    fn put(self, settings: &mut GroupSettings, value: &str, (least, most): (u32, u32)) {
        let number = || Some(value.trim().parse::<u32>().ok()?.min(most).max(least));
        match self {
            Self::Milliseconds(of) => {
                if let Some(ms) = number() {
                    *of(settings) = Duration::from_millis(u64::from(ms));
                }
            }
            Self::Count(of) => {
                if let Some(count) = number() {
                    *of(settings) = count;
                }
            }
            Self::OffsetReset => {
                if let Some(reset) = ShareOffsetReset::parse(value) {
                    settings.share_offset_reset = reset;
                }
            }
            Self::Isolation => settings.share_reads_committed = value == READ_COMMITTED,
            Self::Flag(of) => *of(settings) = value.eq_ignore_ascii_case("true"),
            Self::DeadLetterTopic => settings.dead_letter_topic = dead_letter_topic(value),
            Self::Interval => {}
        }
    }
}

/// How the names of topics for dead letters begin, so that nobody has records written into others by failing over them
/// (Kafka's default of `errors.deadletterqueue.topic.name.prefix`).
const DEAD_LETTER_PREFIX: &str = "dlq.";

fn dead_letter_topic(name: &str) -> Option<TopicName> {
    TopicName::new(name).ok().filter(|name| name.as_str().starts_with(DEAD_LETTER_PREFIX))
}

const READ_COMMITTED: &str = "read_committed";
const READ_UNCOMMITTED: &str = "read_uncommitted";

/// A setting that groups have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    /// Kafka's name of it on a group.
    pub(crate) name: &'static str,
    /// Kafka's name of the broker's value for it.
    pub(crate) broker_name: Option<&'static str>,
    pub(crate) kind: Kind,
    /// The least value that there is.
    least: u32,
    /// Kafka's names of the broker's bounds.
    bounds: (Option<&'static str>, Option<&'static str>),
}

impl Definition {
    /// The broker's value, as text.
    pub(crate) fn default(&self, config: &BrokerConfig) -> String {
        self.kind.show(GroupSettings::of_broker(config))
    }

    /// The least and the greatest value.
    fn bounds(&self, broker: &GroupSettings, config: &BrokerConfig) -> (u32, u32) {
        let bound = |name: Option<&str>| name.and_then(|name| config.group_bounds.get(name));
        let own = self.kind.show(broker.clone()).parse::<u32>().ok();
        let least = bound(self.bounds.0).unwrap_or(0);
        let most = bound(self.bounds.1).unwrap_or(i32::MAX.unsigned_abs());
        (own.unwrap_or(least).min(least).max(self.least), own.unwrap_or(most).max(most))
    }
}

macro_rules! bounded {
    ($name:literal, $kind:expr, $least:literal, $broker:literal, $min:literal, $max:literal) => {
        Definition {
            name: $name,
            broker_name: Some($broker),
            kind: $kind,
            least: $least,
            bounds: (Some($min), Some($max)),
        }
    };
}

const fn plain(name: &'static str, broker_name: Option<&'static str>, kind: Kind) -> Definition {
    Definition { name, broker_name, kind, least: 0, bounds: (None, None) }
}

/// Every setting of a group, by name.
pub(crate) const DEFINITIONS: &[Definition] = &[
    plain("consumer.assignment.interval.ms", None, Kind::Interval),
    bounded!(
        "consumer.heartbeat.interval.ms",
        Kind::Milliseconds(|group| &mut group.consumer.heartbeat_interval),
        1,
        "group.consumer.heartbeat.interval.ms",
        "group.consumer.min.heartbeat.interval.ms",
        "group.consumer.max.heartbeat.interval.ms"
    ),
    bounded!(
        "consumer.session.timeout.ms",
        Kind::Milliseconds(|group| &mut group.consumer.session_timeout),
        1,
        "group.consumer.session.timeout.ms",
        "group.consumer.min.session.timeout.ms",
        "group.consumer.max.session.timeout.ms"
    ),
    plain(
        "errors.deadletterqueue.copy.record.enable",
        None,
        Kind::Flag(|group| &mut group.dead_letter_copies),
    ),
    plain("errors.deadletterqueue.topic.name", None, Kind::DeadLetterTopic),
    plain("share.assignment.interval.ms", None, Kind::Interval),
    plain("share.auto.offset.reset", None, Kind::OffsetReset),
    bounded!(
        "share.delivery.count.limit",
        Kind::Count(|group| &mut group.share_delivery_limit),
        2,
        "group.share.delivery.count.limit",
        "group.share.min.delivery.count.limit",
        "group.share.max.delivery.count.limit"
    ),
    bounded!(
        "share.heartbeat.interval.ms",
        Kind::Milliseconds(|group| &mut group.share.heartbeat_interval),
        1,
        "group.share.heartbeat.interval.ms",
        "group.share.min.heartbeat.interval.ms",
        "group.share.max.heartbeat.interval.ms"
    ),
    plain("share.isolation.level", None, Kind::Isolation),
    bounded!(
        "share.partition.max.record.locks",
        Kind::Count(|group| &mut group.share_record_locks),
        100,
        "group.share.partition.max.record.locks",
        "group.share.min.partition.max.record.locks",
        "group.share.max.partition.max.record.locks"
    ),
    bounded!(
        "share.record.lock.duration.ms",
        Kind::Milliseconds(|group| &mut group.share_lock_duration),
        1000,
        "group.share.record.lock.duration.ms",
        "group.share.min.record.lock.duration.ms",
        "group.share.max.record.lock.duration.ms"
    ),
    plain("share.renew.acknowledge.enable", None, Kind::Flag(|group| &mut group.share_renewals)),
    bounded!(
        "share.session.timeout.ms",
        Kind::Milliseconds(|group| &mut group.share.session_timeout),
        1,
        "group.share.session.timeout.ms",
        "group.share.min.session.timeout.ms",
        "group.share.max.session.timeout.ms"
    ),
    plain("streams.assignment.interval.ms", None, Kind::Interval),
    bounded!(
        "streams.heartbeat.interval.ms",
        Kind::Milliseconds(|group| &mut group.streams.heartbeat_interval),
        1,
        "group.streams.heartbeat.interval.ms",
        "group.streams.min.heartbeat.interval.ms",
        "group.streams.max.heartbeat.interval.ms"
    ),
    plain(
        "streams.initial.rebalance.delay.ms",
        Some("group.streams.initial.rebalance.delay.ms"),
        Kind::Milliseconds(|group| &mut group.streams_delay),
    ),
    Definition {
        name: "streams.num.standby.replicas",
        broker_name: Some("group.streams.num.standby.replicas"),
        kind: Kind::Count(|group| &mut group.streams_standbys),
        least: 0,
        bounds: (None, Some("group.streams.max.standby.replicas")),
    },
    bounded!(
        "streams.session.timeout.ms",
        Kind::Milliseconds(|group| &mut group.streams.session_timeout),
        1,
        "group.streams.session.timeout.ms",
        "group.streams.min.session.timeout.ms",
        "group.streams.max.session.timeout.ms"
    ),
];

/// The setting of that name.
pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// Why settings of a group are not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupConfigError {
    #[error("unknown group config \"{0}\"")]
    Unknown(String),
    #[error("the value \"{value}\" of the group config \"{name}\" is invalid: it must be {expected}")]
    Invalid { name: &'static str, value: String, expected: String },
    #[error("the group config \"{more}\" must be greater than \"{less}\"")]
    Order { less: &'static str, more: &'static str },
    #[error("nothing can be added to or taken from the group config \"{0}\": it is not a list")]
    NoList(String),
    #[error("the group config \"{0}\" has no value")]
    Missing(String),
    #[error("the group config \"{0}\" is given more than once")]
    Twice(String),
    #[error("the name of a group must not be empty")]
    NoName,
    #[error("the name of a group must not have more than {0} bytes")]
    LongName(usize),
    #[error("at most {0} groups may have settings of their own")]
    TooMany(usize),
    #[error("the broker cannot write its metadata log; its own log says why")]
    Storage,
}

impl GroupConfigError {
    /// The code for clients.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) | Self::Invalid { .. } | Self::Order { .. } | Self::NoList(_) => {
                ErrorCode::InvalidConfig
            }
            Self::Missing(_) | Self::Twice(_) | Self::NoName => ErrorCode::InvalidRequest,
            Self::LongName(_) => ErrorCode::InvalidGroupId,
            Self::TooMany(_) => ErrorCode::PolicyViolation,
            Self::Storage => ErrorCode::KafkaStorageError,
        }
    }
}

/// Checks the settings that a group is to have of its own, by Kafka's rules.
pub(crate) fn check(own: &Settings, config: &BrokerConfig) -> Result<(), GroupConfigError> {
    let broker = GroupSettings::of_broker(config);
    for (name, value) in own {
        let definition = definition(name).ok_or_else(|| GroupConfigError::Unknown(name.clone()))?;
        check_value(definition, value, definition.bounds(&broker, config))?;
    }
    let settings = GroupSettings::new(own, config);
    let kinds = [
        (settings.consumer, "consumer.heartbeat.interval.ms", "consumer.session.timeout.ms"),
        (settings.share, "share.heartbeat.interval.ms", "share.session.timeout.ms"),
        (settings.streams, "streams.heartbeat.interval.ms", "streams.session.timeout.ms"),
    ];
    match kinds.into_iter().find(|(times, _, _)| times.session_timeout <= times.heartbeat_interval) {
        Some((_, less, more)) => Err(GroupConfigError::Order { less, more }),
        None => Ok(()),
    }
}

fn check_value(
    definition: &Definition,
    value: &str,
    (least, most): (u32, u32),
) -> Result<(), GroupConfigError> {
    let (fits, expected) = match definition.kind {
        Kind::Milliseconds(_) | Kind::Count(_) | Kind::Interval => (
            value.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number)),
            format!("a whole number from {least} to {most}"),
        ),
        Kind::OffsetReset => (
            ShareOffsetReset::parse(value).is_some(),
            "earliest, latest, or by_duration:PnDTnHnMn.nS with a duration that is not negative".to_owned(),
        ),
        Kind::Isolation => (
            [READ_COMMITTED, READ_UNCOMMITTED].contains(&value),
            format!("{READ_COMMITTED} or {READ_UNCOMMITTED}"),
        ),
        Kind::DeadLetterTopic => (
            value.is_empty() || dead_letter_topic(value).is_some(),
            format!("the name of a topic that begins with {DEAD_LETTER_PREFIX}, or nothing"),
        ),
        Kind::Flag(_) => (
            value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            "true or false".to_owned(),
        ),
    };
    if fits {
        return Ok(());
    }
    Err(GroupConfigError::Invalid { name: definition.name, value: value.to_owned(), expected })
}

/// A group's own settings after some changes, unchecked.
pub(crate) fn change(own: &Settings, changes: &[SettingChange]) -> Result<Settings, GroupConfigError> {
    let mut changed = own.clone();
    let mut named = std::collections::BTreeSet::new();
    for change in changes {
        let name = &change.name;
        if !named.insert(name) {
            return Err(GroupConfigError::Twice(name.clone()));
        }
        if definition(name).is_none() && !own.contains_key(name) {
            return Err(GroupConfigError::Unknown(name.clone()));
        }
        match (change.operation, &change.value) {
            (Operation::Delete, _) => drop(changed.remove(name)),
            (Operation::Append | Operation::Subtract, _) => {
                return Err(GroupConfigError::NoList(name.clone()));
            }
            (Operation::Set, None) => return Err(GroupConfigError::Missing(name.clone())),
            (Operation::Set, Some(value)) => {
                changed.insert(name.clone(), value.trim().to_owned());
            }
        }
    }
    Ok(changed)
}

/// A duration as ISO 8601 writes it, of days and less, and not negative.
fn duration(text: &str) -> Option<Duration> {
    let text = text.to_ascii_uppercase();
    let (days, clock) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (text.strip_prefix('P')?, ""),
    };
    let mut seconds = 0_u64;
    let mut nanos = 0;
    let mut anything = false;
    let mut rest = days;
    for (unit, length) in [('D', 86_400_u64), ('T', 0), ('H', 3_600), ('M', 60)] {
        if unit == 'T' {
            if !rest.is_empty() {
                return None;
            }
            rest = clock;
        } else if let Some((number, behind)) = rest.split_once(unit) {
            seconds = seconds.checked_add(whole(number)?.checked_mul(length)?)?;
            anything = true;
            rest = behind;
        }
    }
    if let Some(number) = rest.strip_suffix('S') {
        let (number, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.len() > 9 {
            return None;
        }
        seconds = seconds.checked_add(whole(number)?)?;
        nanos = u32::try_from(whole(&format!("{fraction:0<9}"))?).ok()?;
    } else if !rest.is_empty() || !anything {
        return None;
    }
    // No longer than Java's.
    (seconds <= i64::MAX.unsigned_abs()).then(|| Duration::new(seconds, nanos))
}

fn whole(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(settings: &[(&str, &str)]) -> Settings {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn checked(settings: &[(&str, &str)]) -> Result<(), ErrorCode> {
        check(&own(settings), &BrokerConfig::default()).map_err(|error| error.code())
    }

    #[test]
    fn each_setting_has_its_place_and_the_brokers_own_values_pass() {
        assert!(DEFINITIONS.is_sorted_by_key(|definition| definition.name));
        let config = BrokerConfig::default();
        for definition in DEFINITIONS {
            let value = definition.default(&config);
            let settings = own(&[(definition.name, &value)]);
            assert_eq!(check(&settings, &config), Ok(()), "{}", definition.name);
            assert_eq!(GroupSettings::new(&settings, &config), GroupSettings::of_broker(&config));
            if let Some(broker_name) = definition.broker_name {
                let shown = config.group_settings();
                assert!(shown.contains(&(broker_name, value)), "{broker_name}");
            }
            for bound in [definition.bounds.0, definition.bounds.1].into_iter().flatten() {
                assert!(config.group_bounds.get(bound).is_some(), "{bound}");
            }
        }
    }

    #[test]
    fn what_a_group_sets_counts_for_it() {
        let given = own(&[
            ("consumer.heartbeat.interval.ms", "6000"),
            ("consumer.session.timeout.ms", "46000"),
            ("errors.deadletterqueue.copy.record.enable", "TRUE"),
            ("errors.deadletterqueue.topic.name", "dlq.orders"),
            ("share.auto.offset.reset", "by_duration:PT1H"),
            ("share.delivery.count.limit", "7"),
            ("share.heartbeat.interval.ms", "7000"),
            ("share.isolation.level", "read_committed"),
            ("share.partition.max.record.locks", "300"),
            ("share.record.lock.duration.ms", "20000"),
            ("share.renew.acknowledge.enable", "false"),
            ("share.session.timeout.ms", "47000"),
            ("streams.heartbeat.interval.ms", "8000"),
            ("streams.initial.rebalance.delay.ms", "3000"),
            ("streams.num.standby.replicas", "2"),
            ("streams.session.timeout.ms", "48000"),
        ]);
        let config = BrokerConfig::default();
        assert_eq!(check(&given, &config), Ok(()));
        let settings = GroupSettings::new(&given, &config);
        let times = |heartbeat, session| Times {
            heartbeat_interval: Duration::from_secs(heartbeat),
            session_timeout: Duration::from_secs(session),
        };
        assert_eq!(settings.member_times(), MemberTimes { consumer: times(6, 46), share: times(7, 47) });
        assert_eq!(
            settings.share_partitions(),
            ShareSettings {
                lock_duration: Duration::from_secs(20),
                delivery_limit: 7,
                max_record_locks: 300,
                dead_letters: true,
            }
        );
        let name = TopicName::new("dlq.orders").unwrap();
        assert_eq!(settings.dead_letters(), Some(DeadLetterTopic { name, copies: true }));
        assert_eq!(settings.share_offset_reset, ShareOffsetReset::ByDuration(Duration::from_hours(1)));
        assert!(settings.share_reads_committed && !settings.share_renewals);
        let streams = settings.streams();
        assert_eq!((streams.heartbeat_interval.as_secs(), streams.session_timeout.as_secs()), (8, 48));
        assert_eq!((streams.initial_rebalance_delay.as_secs(), streams.standby_replicas), (3, 2));
    }

    #[test]
    fn what_kafka_refuses_is_refused() {
        for (name, value) in [
            ("consumer.colour", "red"),
            ("consumer.session.timeout.ms", "44999"),
            ("consumer.session.timeout.ms", "60001"),
            ("consumer.session.timeout.ms", "soon"),
            ("consumer.session.timeout.ms", "-1"),
            ("share.heartbeat.interval.ms", "4999"),
            ("share.delivery.count.limit", "1"),
            ("share.delivery.count.limit", "11"),
            ("share.partition.max.record.locks", "99"),
            ("share.record.lock.duration.ms", "14999"),
            ("share.auto.offset.reset", "LATEST"),
            ("share.auto.offset.reset", "by_duration:-PT1H"),
            ("share.isolation.level", "READ_COMMITTED"),
            ("share.renew.acknowledge.enable", "yes"),
            ("errors.deadletterqueue.topic.name", "orders"),
            ("errors.deadletterqueue.topic.name", "dlq.an order"),
            ("errors.deadletterqueue.copy.record.enable", "yes"),
            ("streams.num.standby.replicas", "3"),
            ("streams.initial.rebalance.delay.ms", "-1"),
            ("streams.assignment.interval.ms", "often"),
        ] {
            assert_eq!(checked(&[(name, value)]), Err(ErrorCode::InvalidConfig), "{name}={value}");
        }
    }

    #[test]
    fn members_have_time_to_be_heard_of() {
        let mut config = BrokerConfig::default();
        config.set_for_groups("group.streams.min.session.timeout.ms", "1000").unwrap();
        let given = own(&[("streams.session.timeout.ms", "5000")]);
        let refused = check(&given, &config).unwrap_err();
        assert!(matches!(refused, GroupConfigError::Order { more: "streams.session.timeout.ms", .. }));
        assert_eq!(check(&own(&[("streams.session.timeout.ms", "5001")]), &config), Ok(()));
    }

    #[test]
    fn the_brokers_own_value_is_allowed_and_what_is_out_of_bounds_counts_as_the_nearest_within() {
        let mut config = BrokerConfig::default();
        config.set_for_groups("group.streams.heartbeat.interval.ms", "100").unwrap();
        config.set_for_groups("group.streams.session.timeout.ms", "600").unwrap();
        let quick = own(&[("streams.session.timeout.ms", "600"), ("streams.heartbeat.interval.ms", "100")]);
        assert_eq!(check(&quick, &config), Ok(()));
        assert_eq!(
            GroupSettings::new(&quick, &BrokerConfig::default()).streams().session_timeout.as_secs(),
            45
        );
        let slow = own(&[("streams.session.timeout.ms", "3600000")]);
        assert_eq!(GroupSettings::new(&slow, &config).streams().session_timeout.as_secs(), 60);
    }

    #[test]
    fn changes_set_and_take_back_and_leave_the_rest() {
        let change_to = |name: &str, operation, value: Option<&str>| SettingChange {
            name: name.to_owned(),
            operation,
            value: value.map(str::to_owned),
        };
        let before = own(&[("streams.session.timeout.ms", "50000"), ("an.older.one", "1")]);
        let (set, delete) = (Operation::Set, Operation::Delete);
        let one = "streams.num.standby.replicas";
        let changes = [change_to(one, set, Some(" 1 ")), change_to("an.older.one", delete, None)];
        let after = own(&[("streams.session.timeout.ms", "50000"), (one, "1")]);
        assert_eq!(change(&before, &changes), Ok(after));
        for (changes, error) in [
            (vec![change_to(one, set, None)], ErrorCode::InvalidRequest),
            (vec![change_to(one, delete, None); 2], ErrorCode::InvalidRequest),
            (vec![change_to(one, Operation::Append, Some("1"))], ErrorCode::InvalidConfig),
            (vec![change_to("colour", delete, None)], ErrorCode::InvalidConfig),
        ] {
            assert_eq!(change(&before, &changes).map_err(|error| error.code()), Err(error), "{changes:?}");
        }
    }

    #[test]
    fn durations_are_read_as_java_does() {
        let ms = |text: &str| duration(text).map(|duration| duration.as_millis());
        for (text, expected) in [
            ("PT1H", 3_600_000),
            ("P1DT2H3M4.5S", 93_784_500),
            ("p2d", 172_800_000),
            ("PT0S", 0),
            ("PT1.S", 1_000),
        ] {
            assert_eq!(ms(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1H",
            "PT1",
            "PT1H1D",
            "PT1M1H",
            "PT-1H",
            "P1Y",
            "PT1.1234567890S",
            "PTxS",
            "PTS",
            "PTH",
            "PT.5S",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
        assert_eq!(ms("P999999999999999999D"), None, "too long");
    }
}
