//! ListGroups.

use std::sync::Arc;

use headwater_coordinator::{Groups, ListFilter};
use headwater_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use crate::api::{Context, Meta};

pub(crate) async fn handle(context: Arc<Context>, _: Meta, request: ListGroupsRequest) -> ListGroupsResponse {
    let filter = ListFilter { states: request.states_filter, types: request.types_filter };
    let listed = context.broker.look_at_all(move |groups: &Groups| groups.list(&filter)).await;
    match listed {
        Err(error) => ListGroupsResponse { error_code: error.code(), ..Default::default() },
        Ok(shards) => {
            let mut groups: Vec<_> = shards.into_iter().flatten().collect();
            groups.sort_by(|left, right| left.group.cmp(&right.group));
            let listed = groups.into_iter().map(|group| ListedGroup {
                group_id: group.group.to_string(),
                protocol_type: group.protocol_type.as_deref().unwrap_or_default().to_owned(),
                group_state: group.state.to_string(),
                group_type: group.group_type.to_owned(),
            });
            ListGroupsResponse { groups: listed.collect(), ..Default::default() }
        }
    }
}
