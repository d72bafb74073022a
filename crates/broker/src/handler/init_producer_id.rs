//! InitProducerId: an identity for an idempotent producer.

use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::api::{Context, Meta};

/// A producer without transactional id always gets a new id with epoch 0, whatever it had before, as in Kafka.
pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let refused = |error: ErrorCode| InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    match request.transactional_id {
        None => {}
        Some(id) if id.is_empty() => return refused(ErrorCode::InvalidRequest),
        Some(_) => {
            tracing::warn!(peer = %context.peer, "refused a transactional producer: transactions are not served yet");
            return refused(ErrorCode::InvalidRequest);
        }
    }
    match context.broker.new_producer_id().await {
        Ok(id) => InitProducerIdResponse { producer_id: id.0, producer_epoch: 0, ..Default::default() },
        Err(_) => refused(ErrorCode::KafkaStorageError),
    }
}
