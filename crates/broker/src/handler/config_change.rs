//! What AlterConfigs and IncrementalAlterConfigs share: whose settings can be changed, and what is said where they cannot.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, TopicName};

use crate::api::Context;
use crate::groups::settings::GroupConfigError;
use crate::topics::TopicError;

pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const GROUP: i8 = 32;

/// Why settings are not changed, for the client.
pub(super) struct Refused {
    pub(super) error: ErrorCode,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { error: ErrorCode::InvalidRequest, message: message.into() }
    }
}

impl From<TopicError> for Refused {
    fn from(error: TopicError) -> Self {
        Self { error: error.code(), message: error.to_string() }
    }
}

impl From<GroupConfigError> for Refused {
    fn from(error: GroupConfigError) -> Self {
        Self { error: error.code(), message: error.to_string() }
    }
}

/// How often each resource is named; naming one twice is an error.
#[derive(Default)]
pub(super) struct Named(BTreeMap<(i8, String), usize>);

impl Named {
    pub(super) fn new<'a>(resources: impl IntoIterator<Item = (i8, &'a str)>) -> Self {
        let mut named = Self::default();
        for (kind, name) in resources {
            *named.0.entry((kind, name.to_owned())).or_default() += 1;
        }
        named
    }

    pub(super) fn check(&self, kind: i8, name: &str) -> Result<(), Refused> {
        match self.0.get(&(kind, name.to_owned())) {
            Some(2..) => Err(Refused::invalid("each resource must appear at most once")),
            _ => Ok(()),
        }
    }
}

/// The topic that a resource stands for.
pub(super) fn topic_of(context: &Context, kind: i8, name: &str) -> Result<TopicName, Refused> {
    match kind {
        TOPIC => {
            let topic = context.broker.visible_topic(name);
            let topic = topic.ok_or_else(|| TopicError::Unknown(name.to_owned()))?;
            Ok(topic.name().clone())
        }
        BROKER => {
            let node_id = context.broker.config().node_id;
            if !name.is_empty() && name.parse() != Ok(node_id) {
                return Err(Refused::invalid(format!(
                    "this is broker {node_id}; there is no broker \"{name}\""
                )));
            }
            Err(Refused::invalid(
                "the settings of this broker cannot be changed while it runs; give them at its start",
            ))
        }
        other => Err(Refused::invalid(format!(
            "resources of type {other} have no settings here; topics ({TOPIC}), brokers ({BROKER}) and groups \
             ({GROUP}) have"
        ))),
    }
}
