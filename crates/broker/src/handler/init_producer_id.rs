//! InitProducerId: an identity for an idempotent or transactional producer.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{InitProducer, ProducerIdentity};
use headwater_model::{ErrorCode, ProducerEpoch};
use headwater_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use super::transactions::{identity, known_to};
use crate::api::{Context, Meta};

const FIRST_VERSION_WITH_FENCING: i16 = 4;
/// Says that the producer begins.
const NOBODY: (i64, i16) = (-1, -1);

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let given = match request.transactional_id.clone() {
        None => without_transactions(&context).await,
        Some(id) => with_transactions(&context, id, &request).await,
    };
    match given {
        Ok(producer) => InitProducerIdResponse {
            producer_id: producer.id.0,
            producer_epoch: producer.epoch.0,
            ..Default::default()
        },
        Err(error) => InitProducerIdResponse {
            error_code: known_to(meta.version >= FIRST_VERSION_WITH_FENCING, error).code(),
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        },
    }
}

/// Always a new id, whatever the producer had before, as in Kafka.
async fn without_transactions(context: &Context) -> Result<ProducerIdentity, ErrorCode> {
    let id = context.broker.new_producer_id().await.map_err(|_| ErrorCode::KafkaStorageError)?;
    Ok(ProducerIdentity { id, epoch: ProducerEpoch(0) })
}

async fn with_transactions(
    context: &Context,
    id: String,
    request: &InitProducerIdRequest,
) -> Result<ProducerIdentity, ErrorCode> {
    let expected = match (request.producer_id, request.producer_epoch) {
        NOBODY => None,
        (id, epoch) if id >= 0 && epoch >= 0 => Some(identity(id, epoch)),
        _ => return Err(ErrorCode::InvalidRequest),
    };
    // What is negative is as little a time as none.
    let timeout_ms = u64::try_from(request.transaction_timeout_ms).unwrap_or(0);
    let init = InitProducer { id: id.into(), timeout: Duration::from_millis(timeout_ms), expected };
    context.broker.init_producer(init).await
}
