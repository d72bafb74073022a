//! EndTxn: a producer commits or aborts. From version 5 on it gets its next epoch by it.

use std::sync::Arc;

use headwater_coordinator::{EndTransaction, Outcome, TransactionVersion};
use headwater_wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};

use super::transactions::{identity, known_to, version_from};
use crate::api::{Context, Meta};

const FIRST_VERSION_WITH_FENCING: i16 = 2;
const FIRST_VERSION_WITH_EPOCHS: i16 = 5;

pub(crate) async fn handle(context: Arc<Context>, meta: Meta, request: EndTxnRequest) -> EndTxnResponse {
    let version = version_from(meta.version, FIRST_VERSION_WITH_EPOCHS);
    let end = EndTransaction {
        id: request.transactional_id.into(),
        producer: identity(request.producer_id, request.producer_epoch),
        outcome: if request.committed { Outcome::Commit } else { Outcome::Abort },
        version,
    };
    match context.broker.end_transaction(end).await {
        Ok(next) if version == TransactionVersion::V2 => {
            EndTxnResponse { producer_id: next.id.0, producer_epoch: next.epoch.0, ..Default::default() }
        }
        Ok(_) => EndTxnResponse { producer_id: -1, producer_epoch: -1, ..Default::default() },
        Err(error) => EndTxnResponse {
            error_code: known_to(meta.version >= FIRST_VERSION_WITH_FENCING, error).code(),
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        },
    }
}
