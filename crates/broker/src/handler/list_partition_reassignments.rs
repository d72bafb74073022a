//! ListPartitionReassignments: on one broker no partition is ever moved.

use std::sync::Arc;

use headwater_wire::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::api::{Context, Meta};

pub(crate) async fn handle(
    _: Arc<Context>,
    _: Meta,
    _: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default()
}
