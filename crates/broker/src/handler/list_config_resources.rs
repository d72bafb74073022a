//! ListConfigResources: what there are settings of (KIP-1142).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use super::config_change::{BROKER, GROUP, TOPIC};
use crate::api::{Context, Meta};
use crate::topics::is_hidden;

const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const TYPES: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];
/// Before, it was about client metrics alone, of which there are none here.
const FIRST_VERSION_WITH_TYPES: i16 = 1;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    if meta.version < FIRST_VERSION_WITH_TYPES {
        return ListConfigResourcesResponse::default();
    }
    let mut types = BTreeSet::from_iter(request.resource_types);
    if types.is_empty() {
        types.extend(TYPES);
    }
    if !types.iter().all(|wanted| TYPES.contains(wanted)) {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return ListConfigResourcesResponse { error_code, ..Default::default() };
    }
    let listed = types.into_iter().flat_map(|resource_type| {
        let resource = move |resource_name| ConfigResource { resource_name, resource_type };
        names(&context, resource_type).into_iter().map(resource)
    });
    ListConfigResourcesResponse { config_resources: listed.collect(), ..Default::default() }
}

fn names(context: &Context, resource_type: i8) -> Vec<String> {
    let broker = &context.broker;
    match resource_type {
        TOPIC => broker.topics(|topics| {
            let names = topics.all().map(|topic| topic.name().to_string());
            names.filter(|name| !is_hidden(name)).collect()
        }),
        BROKER | BROKER_LOGGER => vec![broker.config().node_id.to_string()],
        GROUP => broker.groups_with_settings().iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}
