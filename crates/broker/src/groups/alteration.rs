//! Keeps and changes the settings that groups have of their own.
//!
//! Owns: the settings in force, and the order of the steps of a change: the event made durable, the settings put in place,
//! the coordinators told.
//!
//! Invariants: changes take turns; the steps run to their end on a task of their own, whatever becomes of who asked. A group
//! need not exist to have settings, and keeps them when it is deleted, as in Kafka.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use headwater_coordinator::GroupId;
use tokio::sync::watch;

use super::settings::{GroupConfigError, GroupSettings, change, check};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::metadata::{Event, Settings};
use crate::topics::change::SettingChange;

/// The longest name of a group.
const LONGEST_NAME: usize = 1_024;

/// The settings of the groups that have their own.
#[derive(Debug)]
pub(crate) struct OwnSettings {
    kept: RwLock<Kept>,
    /// Those of every other group.
    of_broker: Arc<GroupSettings>,
    /// The number of the last change.
    version: watch::Sender<u64>,
    /// Held by whoever changes some, from reading them to having put the changed ones in their place.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Kept {
    by_group: BTreeMap<GroupId, Own>,
    /// The last change of each group that was changed, and the number of it.
    changes: BTreeMap<u64, GroupId>,
    changed: BTreeMap<GroupId, u64>,
}

/// What a group has set of its own, and what is therefore in force.
#[derive(Debug)]
struct Own {
    settings: Settings,
    in_force: Arc<GroupSettings>,
}

impl Own {
    fn new(settings: Settings, config: &BrokerConfig) -> Self {
        let in_force = Arc::new(GroupSettings::new(&settings, config));
        Self { settings, in_force }
    }
}

impl Kept {
    fn put(&mut self, group: GroupId, own: Own, version: u64) {
        if let Some(before) = self.changed.insert(group.clone(), version) {
            self.changes.remove(&before);
        }
        self.changes.insert(version, group.clone());
        if own.settings.is_empty() {
            self.by_group.remove(&group);
        } else {
            self.by_group.insert(group, own);
        }
    }
}

impl OwnSettings {
    /// As the events have them.
    pub(crate) fn new(groups: BTreeMap<String, Settings>, config: &BrokerConfig) -> Self {
        let mut kept = Kept::default();
        let mut version = 0;
        for (group, settings) in groups {
            version += 1;
            kept.put(GroupId::from(group), Own::new(settings, config), version);
        }
        Self {
            kept: RwLock::new(kept),
            of_broker: Arc::new(GroupSettings::of_broker(config)),
            version: watch::Sender::new(version),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Hears of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn look<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn put(&self, group: GroupId, own: Own) {
        let version = *self.version.borrow() + 1;
        self.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner).put(group, own, version);
        self.version.send_replace(version);
    }
}

/// Settings of groups that were changed, for who knows those before.
pub(crate) struct ChangedSettings {
    /// The number of the last change.
    pub(crate) version: u64,
    /// None where the group has none of its own any more.
    pub(crate) groups: Vec<(GroupId, Option<Arc<GroupSettings>>)>,
}

impl Broker {
    /// The settings that are in force for a group, whether it exists or not.
    pub fn group_settings(&self, group: &GroupId) -> Arc<GroupSettings> {
        let kept = self.own_settings();
        let own = kept.look(|kept| kept.by_group.get(group).map(|own| own.in_force.clone()));
        own.unwrap_or_else(|| kept.of_broker.clone())
    }

    /// What a group has set of its own.
    pub(crate) fn own_group_settings(&self, group: &GroupId) -> Settings {
        self.own_settings()
            .look(|kept| kept.by_group.get(group).map(|own| own.settings.clone()).unwrap_or_default())
    }

    /// The groups that have settings of their own, by name.
    pub(crate) fn groups_with_settings(&self) -> Vec<GroupId> {
        self.own_settings().look(|kept| kept.by_group.keys().cloned().collect())
    }

    /// What was changed after a version; after version 0 that is all there is.
    pub(crate) fn group_settings_since(&self, version: u64) -> ChangedSettings {
        self.own_settings().look(|kept| {
            let changes = kept.changes.range(version.saturating_add(1)..);
            let in_force = |group| kept.by_group.get(group).map(|own: &Own| own.in_force.clone());
            let groups = changes.map(|(_, group)| (group.clone(), in_force(group)));
            ChangedSettings {
                version: kept.changes.last_key_value().map_or(version, |(last, _)| *last),
                groups: groups.collect(),
            }
        })
    }

    /// Changes settings of a group, all or none; with `validate_only`, only says whether that is possible.
    pub(crate) async fn alter_group(
        &self,
        group: &str,
        changes: Vec<SettingChange>,
        validate_only: bool,
    ) -> Result<(), GroupConfigError> {
        self.put_group_settings(group, validate_only, move |own| change(own, &changes)).await
    }

    /// Replaces all settings of a group.
    pub(crate) async fn replace_group_settings(
        &self,
        group: &str,
        settings: Settings,
        validate_only: bool,
    ) -> Result<(), GroupConfigError> {
        self.put_group_settings(group, validate_only, move |_| Ok(settings)).await
    }

    async fn put_group_settings(
        &self,
        group: &str,
        validate_only: bool,
        change: impl FnOnce(&Settings) -> Result<Settings, GroupConfigError> + Send + 'static,
    ) -> Result<(), GroupConfigError> {
        if group.is_empty() {
            return Err(GroupConfigError::NoName);
        }
        if group.len() > LONGEST_NAME {
            return Err(GroupConfigError::LongName(LONGEST_NAME));
        }
        let (broker, group) = (self.clone(), GroupId::new(group));
        let altered = tokio::spawn(async move {
            let _turn = broker.own_settings().turn.lock().await;
            let own = broker.own_group_settings(&group);
            let settings = change(&own)?;
            check(&settings, broker.config())?;
            broker.check_room_for_settings(own.is_empty())?;
            if validate_only || settings == own {
                return Ok(());
            }
            let event = Event::GroupAltered { group: group.as_str().to_owned(), settings: settings.clone() };
            broker.metadata().append(&[event]).await.map_err(|_| GroupConfigError::Storage)?;
            tracing::info!(%group, "altered the settings of a group");
            broker.own_settings().put(group, Own::new(settings, broker.config()));
            Ok(())
        });
        altered.await.unwrap_or(Err(GroupConfigError::Storage))
    }

    fn check_room_for_settings(&self, one_more: bool) -> Result<(), GroupConfigError> {
        let most = self.config().groups.max_groups;
        let taken = self.own_settings().look(|kept| kept.by_group.len());
        if one_more && taken >= most { Err(GroupConfigError::TooMany(most)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_each_group_is_told_to_who_does_not_know_it() {
        let config = BrokerConfig::default();
        let settings = |value: &str| Settings::from([("k".to_owned(), value.to_owned())]);
        let of = |value: &str| Own::new(settings(value), &config);
        let own = OwnSettings::new(BTreeMap::from([("a".to_owned(), settings("1"))]), &config);
        let since = |version: u64| {
            own.look(|kept| kept.changes.range(version + 1..).map(|(_, group)| group.to_string()).collect())
        };
        let names: Vec<String> = since(0);
        assert_eq!(names, ["a"]);
        own.put(GroupId::new("b"), of("1"));
        own.put(GroupId::new("a"), of("2"));
        own.put(GroupId::new("b"), Own::new(Settings::new(), &config));
        assert_eq!(since(0), ["a", "b"]);
        assert_eq!(since(3), ["b"]);
        assert_eq!(since(4), Vec::<String>::new());
        assert_eq!((*own.subscribe().borrow(), own.look(|kept| kept.by_group.len())), (4, 1));
    }
}
