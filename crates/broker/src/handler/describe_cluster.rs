//! DescribeCluster: the one broker of the cluster.

use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use super::{ALL_CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::api::{Context, Meta};

const BROKERS: i8 = 1;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    let endpoint_type = request.endpoint_type;
    if endpoint_type != BROKERS {
        return DescribeClusterResponse {
            error_code: ErrorCode::MismatchedEndpointType.code(),
            error_message: Some("this is a broker's endpoint, not a controller's".to_owned()),
            endpoint_type,
            ..Default::default()
        };
    }
    let node_id = context.broker.config().node_id;
    let here = context.advertised();
    DescribeClusterResponse {
        endpoint_type,
        cluster_id: context.broker.cluster_id().to_string(),
        controller_id: node_id,
        brokers: vec![DescribeClusterBroker {
            broker_id: node_id,
            host: here.host,
            port: i32::from(here.port),
            ..Default::default()
        }],
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            ALL_CLUSTER_OPERATIONS
        } else {
            OPERATIONS_NOT_ASKED
        },
        ..Default::default()
    }
}
