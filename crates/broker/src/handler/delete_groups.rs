//! DeleteGroups.

use std::sync::Arc;

use headwater_coordinator::{GroupId, Reply, SharePartitionsGone};
use headwater_model::ErrorCode;
use headwater_wire::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};

use super::alter_share_group_offsets::check;
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
        let outcome = delete(&context, &GroupId::from(group_id.clone())).await;
        results.push(DeletableGroupResult { group_id, error_code: code(&outcome), ..Default::default() });
    }
    DeleteGroupsResponse { results, ..Default::default() }
}

async fn delete(context: &Context, group: &GroupId) -> Result<(), ErrorCode> {
    match check(context, group).await {
        // Before the group itself: one of the same name is not to go on where this one was.
        Ok(()) => context.broker.forget_share_state(group, SharePartitionsGone::Group(group.clone())).await?,
        // It is of another kind, does not exist, or is refused below.
        Err(ErrorCode::GroupIdNotFound | ErrorCode::NonEmptyGroup) => {}
        Err(error) => return Err(error),
    }
    match context.broker.coordinate(Command::DeleteGroup(group.clone())).await? {
        Reply::DeleteGroup(outcome) => outcome,
        _ => Err(ErrorCode::UnknownServerError),
    }
}
