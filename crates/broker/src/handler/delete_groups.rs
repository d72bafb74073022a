//! DeleteGroups.

use std::sync::Arc;

use headwater_coordinator::{GroupId, Reply};
use headwater_model::ErrorCode;
use headwater_wire::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};

use super::groups::code;
use crate::api::{Context, Meta};
use crate::groups::Command;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        let group = GroupId::from(group_id.clone());
        let outcome = match context.broker.coordinate(Command::DeleteGroup(group)).await {
            Ok(Reply::DeleteGroup(outcome)) => outcome,
            Ok(_) => Err(ErrorCode::UnknownServerError),
            Err(error) => Err(error),
        };
        results.push(DeletableGroupResult { group_id, error_code: code(&outcome), ..Default::default() });
    }
    DeleteGroupsResponse { results, ..Default::default() }
}
