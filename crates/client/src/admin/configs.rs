//! Configurations of topics, brokers and groups.

use std::collections::BTreeMap;
use std::fmt;

use headwater_model::{ErrorCode, TopicName};
use headwater_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};

use super::{Admin, AdminError, Refusal, Results, retrying};
use crate::call::Destination;
use crate::connector::Connector;

/// What has a configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// A topic.
    Topic(TopicName),
    /// A broker.
    Broker(i32),
    /// A group of one of the newer kinds (consumer, share, streams), which need not exist yet.
    Group(String),
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic \"{name}\""),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Group(group) => write!(f, "group \"{group}\""),
        }
    }
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; `None` where it is secret or not set.
    pub value: Option<String>,
    /// True if it was not set for this very topic (or broker, or group) but comes from elsewhere.
    pub is_default: bool,
    /// True if it cannot be changed.
    pub read_only: bool,
    /// True if its value is secret.
    pub sensitive: bool,
}

impl<C: Connector> Admin<C> {
    /// The configurations of topics, brokers and groups, in order of their names.
    pub async fn describe_configs(
        &self,
        resources: &[ConfigResource],
    ) -> Results<ConfigResource, Vec<ConfigEntry>> {
        // Any broker knows those of topics and groups; only a broker itself knows its own.
        let mut by_broker: BTreeMap<Option<i32>, Vec<&ConfigResource>> = BTreeMap::new();
        for resource in resources {
            let broker = match resource {
                ConfigResource::Topic(_) | ConfigResource::Group(_) => None,
                ConfigResource::Broker(id) => Some(*id),
            };
            by_broker.entry(broker).or_default().push(resource);
        }
        let mut results = BTreeMap::new();
        for (broker, resources) in by_broker {
            let answer = retrying!(self.client, self.ask_configs(broker, &resources));
            for resource in resources {
                let result = match &answer {
                    Ok(found) => found.get(resource).cloned().unwrap_or_else(|| {
                        let action = format!("describe the configuration of {resource}");
                        Err(AdminError::refused(action, ErrorCode::UnknownServerError))
                    }),
                    Err(error) => Err(error.clone()),
                };
                results.insert(resource.clone(), result);
            }
        }
        results
    }

    async fn ask_configs(
        &self,
        broker: Option<i32>,
        resources: &[&ConfigResource],
    ) -> Result<Results<ConfigResource, Vec<ConfigEntry>>, AdminError> {
        let request = DescribeConfigsRequest {
            resources: resources.iter().map(|resource| wire_resource(resource)).collect(),
            ..Default::default()
        };
        let destination = broker.map_or(Destination::Any, Destination::Node);
        let response = self.client.call(destination, &request).await;
        let response = response.map_err(AdminError::call("describe configurations"))?;
        let results = response.results.iter().filter_map(|result| {
            let resource = *resources.iter().find(|resource| is_about(result, resource))?;
            Some((resource.clone(), entries(result, resource)))
        });
        Ok(results.collect())
    }
}

/// Kafka's `ConfigResource.Type`, and the resource's name.
pub(super) fn kind_and_name(resource: &ConfigResource) -> (i8, String) {
    match resource {
        ConfigResource::Topic(name) => (2, name.as_str().to_owned()),
        ConfigResource::Broker(id) => (4, id.to_string()),
        ConfigResource::Group(group) => (32, group.clone()),
    }
}

fn wire_resource(resource: &ConfigResource) -> DescribeConfigsResource {
    let (resource_type, resource_name) = kind_and_name(resource);
    DescribeConfigsResource { resource_type, resource_name, configuration_keys: None }
}

fn is_about(result: &DescribeConfigsResult, resource: &ConfigResource) -> bool {
    let (kind, name) = kind_and_name(resource);
    result.resource_type == kind && result.resource_name == name
}

fn entries(
    result: &DescribeConfigsResult,
    resource: &ConfigResource,
) -> Result<Vec<ConfigEntry>, AdminError> {
    if let Err(refusal) = Refusal::check(result.error_code, result.error_message.as_deref()) {
        return Err(match (refusal.error, resource) {
            (ErrorCode::UnknownTopicOrPartition, ConfigResource::Topic(name)) => {
                AdminError::NoSuchTopic(name.clone())
            }
            _ => refusal.into_error(format!("describe the configuration of {resource}")),
        });
    }
    let mut entries: Vec<ConfigEntry> = result.configs.iter().map(|config| entry(config, resource)).collect();
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(entries)
}

fn entry(config: &DescribeConfigsResourceResult, resource: &ConfigResource) -> ConfigEntry {
    // Kafka's `DescribeConfigsResponse.ConfigSource`: 1 set for the topic, 2 set for the broker at run time, 4 in its file,
    // 8 set for the group.
    let own: &[i8] = match resource {
        ConfigResource::Topic(_) => &[1],
        ConfigResource::Broker(_) => &[2, 4],
        ConfigResource::Group(_) => &[8],
    };
    ConfigEntry {
        name: config.name.clone(),
        value: config.value.clone(),
        is_default: !own.contains(&config.config_source),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
    }
}
