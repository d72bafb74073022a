//! IncrementalAlterConfigs: some settings of a topic or a group are changed, the others stay.

use std::sync::Arc;

use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::config_change::{GROUP, Named, Refused, topic_of};
use crate::api::{Context, Meta};
use crate::topics::change::{Operation, SettingChange};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
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
    IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

async fn alter(
    context: &Context,
    named: &Named,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), Refused> {
    named.check(resource.resource_type, &resource.resource_name)?;
    let name = &resource.resource_name;
    let changes = || resource.configs.iter().map(change).collect::<Result<_, _>>();
    if resource.resource_type == GROUP {
        return Ok(context.broker.alter_group(name, changes()?, validate_only).await?);
    }
    let topic = topic_of(context, resource.resource_type, name)?;
    Ok(context.broker.alter_topic(topic, changes()?, validate_only).await?)
}

fn change(config: &AlterableConfig) -> Result<SettingChange, Refused> {
    let code = config.config_operation;
    let operation = Operation::from_code(code)
        .ok_or_else(|| Refused::invalid(format!("the operation {code} on a config is none of 0 to 3")))?;
    Ok(SettingChange { name: config.name.clone(), operation, value: config.value.clone() })
}
