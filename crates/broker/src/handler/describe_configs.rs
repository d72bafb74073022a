//! DescribeConfigs of topics, of groups and of the broker.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::GroupId;
use headwater_model::ErrorCode;
use headwater_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

use super::config_change::{BROKER, GROUP, TOPIC};
use crate::api::{Context, Meta};
use crate::broker::settings::broker_settings;
use crate::config::BrokerConfig;
use crate::groups::settings as groups;
use crate::metadata::Settings;
use crate::topics::settings::{DEFINITIONS, Definition, Layers, Source};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    // Each is answered once, however often it is asked for.
    let mut seen = BTreeSet::new();
    let results = request
        .resources
        .iter()
        .filter(|resource| seen.insert((resource.resource_type, &resource.resource_name)))
        .map(|resource| match describe(&context, resource, request.include_synonyms) {
            Ok(configs) => DescribeConfigsResult { configs, ..result_for(resource) },
            Err((error, message)) => DescribeConfigsResult {
                error_code: error.code(),
                error_message: Some(message),
                ..result_for(resource)
            },
        })
        .collect();
    DescribeConfigsResponse { results, ..Default::default() }
}

fn result_for(resource: &DescribeConfigsResource) -> DescribeConfigsResult {
    DescribeConfigsResult {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}

fn describe(
    context: &Context,
    resource: &DescribeConfigsResource,
    synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, (ErrorCode, String)> {
    let broker = &context.broker;
    let keys = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
    let wanted = |name: &str| keys.is_none_or(|keys| keys.iter().any(|key| key == name));
    let name = &resource.resource_name;
    match resource.resource_type {
        TOPIC => {
            let topic = broker.visible_topic(name).ok_or_else(|| {
                (ErrorCode::UnknownTopicOrPartition, format!("the topic \"{name}\" does not exist"))
            })?;
            let layers = broker.layers(&topic.state.settings);
            let definitions = DEFINITIONS.iter().filter(|definition| wanted(definition.name));
            Ok(definitions.map(|definition| topic_config(layers, definition, synonyms)).collect())
        }
        BROKER => {
            let node_id = broker.config().node_id;
            if !name.is_empty() && name.parse() != Ok(node_id) {
                return Err((
                    ErrorCode::InvalidRequest,
                    format!("this is broker {node_id}; there is no broker \"{name}\" in the cluster"),
                ));
            }
            let settings =
                broker_settings(broker.config()).into_iter().filter(|setting| wanted(&setting.name));
            Ok(settings
                .map(|setting| DescribeConfigsResourceResult {
                    name: setting.name,
                    value: Some(setting.value),
                    read_only: true,
                    config_source: setting.source as i8,
                    config_type: setting.config_type,
                    ..Default::default()
                })
                .collect())
        }
        GROUP if name.is_empty() => {
            Err((ErrorCode::InvalidRequest, "the name of a group must not be empty".to_owned()))
        }
        GROUP => {
            let own = broker.own_group_settings(&GroupId::new(name));
            let definitions = groups::DEFINITIONS.iter().filter(|definition| wanted(definition.name));
            let described =
                definitions.map(|definition| group_config(broker.config(), &own, definition, synonyms));
            Ok(described.collect())
        }
        other => Err((
            ErrorCode::InvalidRequest,
            format!(
                "resources of type {other} have no configuration here; topics ({TOPIC}), brokers ({BROKER}) and \
                 groups ({GROUP}) have"
            ),
        )),
    }
}

fn group_config(
    config: &BrokerConfig,
    own: &Settings,
    definition: &groups::Definition,
    with_synonyms: bool,
) -> DescribeConfigsResourceResult {
    let (own, default) = (own.get(definition.name), definition.default(config));
    let of_broker = if default == definition.default(&BrokerConfig::default()) {
        Source::Default
    } else {
        Source::Broker
    };
    let own_synonym = own.map(|value| (definition.name, value, Source::Group));
    let broker_name = definition.broker_name.unwrap_or(definition.name);
    let layers = own_synonym.into_iter().chain([(broker_name, &default, of_broker)]);
    let synonyms = layers.filter(|_| with_synonyms).map(|(name, value, source)| DescribeConfigsSynonym {
        name: name.to_owned(),
        value: Some(value.clone()),
        source: source as i8,
    });
    DescribeConfigsResourceResult {
        name: definition.name.to_owned(),
        read_only: false,
        config_source: own.map_or(of_broker, |_| Source::Group) as i8,
        synonyms: synonyms.collect(),
        config_type: definition.kind.config_type(),
        value: Some(own.unwrap_or(&default).clone()),
        ..Default::default()
    }
}

fn topic_config(
    layers: Layers<'_>,
    definition: &Definition,
    with_synonyms: bool,
) -> DescribeConfigsResourceResult {
    let (value, source) = layers.get(definition);
    let mut synonyms = Vec::new();
    if with_synonyms {
        let synonym = |name: &str, value: &str, source: Source| DescribeConfigsSynonym {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source: source as i8,
        };
        if let Some(own) = layers.own.get(definition.name) {
            synonyms.push(synonym(definition.name, own, Source::Topic));
        }
        if let Some(broker) = layers.broker.get(definition.name) {
            synonyms.push(synonym(definition.broker_name, broker, Source::Broker));
        }
        synonyms.push(synonym(definition.broker_name, definition.default, Source::Default));
    }
    DescribeConfigsResourceResult {
        name: definition.name.to_owned(),
        value: Some(value.to_owned()),
        read_only: false,
        config_source: source as i8,
        is_sensitive: false,
        synonyms,
        config_type: definition.kind.config_type(),
        documentation: None,
    }
}
