//! FindCoordinator: which broker coordinates a group, or a transactional id. There is one broker.

use std::sync::Arc;

use headwater_coordinator::{Groups, Transactions};
use headwater_model::ErrorCode;
use headwater_wire::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};

use crate::api::{Context, Meta};

const FIRST_VERSION_WITH_MANY_KEYS: i16 = 4;
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let found = match request.key_type {
        GROUP => context.broker.start_coordination::<Groups>("").await,
        TRANSACTION => context.broker.start_coordination::<Transactions>("").await,
        _ => Err(ErrorCode::InvalidRequest),
    };
    let found = found.map(|_| ());
    if meta.version >= FIRST_VERSION_WITH_MANY_KEYS {
        let keys = request.coordinator_keys.into_iter();
        let coordinators = keys.map(|key| coordinator(&context, key, found)).collect();
        return FindCoordinatorResponse { coordinators, ..Default::default() };
    }
    let only = coordinator(&context, request.key, found);
    FindCoordinatorResponse {
        error_code: only.error_code,
        error_message: only.error_message,
        node_id: only.node_id,
        host: only.host,
        port: only.port,
        ..Default::default()
    }
}

fn coordinator(context: &Context, key: String, found: Result<(), ErrorCode>) -> Coordinator {
    match found {
        Ok(()) => {
            let here = context.advertised();
            Coordinator {
                key,
                node_id: context.broker.config().node_id,
                host: here.host,
                port: i32::from(here.port),
                ..Default::default()
            }
        }
        Err(error) => Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code: error.code(),
            error_message: Some(error.message().to_owned()),
            ..Default::default()
        },
    }
}
