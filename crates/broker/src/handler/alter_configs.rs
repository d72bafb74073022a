//! AlterConfigs: all settings of a topic or a group are replaced. (Superseded in Kafka by IncrementalAlterConfigs; old clients send it.)

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_wire::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use super::config_change::{GROUP, Named, Refused, topic_of};
use crate::api::{Context, Meta};
use crate::topics::TopicError;
use crate::topics::settings::check_all;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let named =
        Named::new(request.resources.iter().map(|one| (one.resource_type, one.resource_name.as_str())));
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let refused = alter(&context, &named, &resource, request.validate_only).await.err();
        responses.push(AlterConfigsResourceResponse {
            error_code: refused.as_ref().map_or(0, |refused| refused.error.code()),
            error_message: refused.map(|refused| refused.message),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name,
        });
    }
    AlterConfigsResponse { responses, ..Default::default() }
}

async fn alter(
    context: &Context,
    named: &Named,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), Refused> {
    named.check(resource.resource_type, &resource.resource_name)?;
    let name = &resource.resource_name;
    let topic = match resource.resource_type {
        GROUP => None,
        other => Some(topic_of(context, other, name)?),
    };
    let mut names = BTreeSet::new();
    for config in &resource.configs {
        if !names.insert(config.name.as_str()) {
            return Err(Refused::invalid(format!("the config \"{}\" is given more than once", config.name)));
        }
        if config.value.is_none() {
            return Err(Refused::invalid(format!("the config \"{}\" has no value", config.name)));
        }
    }
    let Some(topic) = topic else {
        let settings = resource
            .configs
            .iter()
            .filter_map(|config| Some((config.name.clone(), config.value.as_ref()?.trim().to_owned())));
        return Ok(context.broker.replace_group_settings(name, settings.collect(), validate_only).await?);
    };
    let given = resource.configs.iter().map(|config| (config.name.as_str(), config.value.as_deref()));
    let settings = check_all(given).map_err(TopicError::from)?;
    Ok(context.broker.replace_settings(topic, settings, validate_only).await?)
}
