//! AddOffsetsToTxn: a producer of the first kind says that it is about to commit a group's offsets.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{AddPartitions, TransactionVersion};
use headwater_model::ErrorCode;
use headwater_wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::transactions::{identity, known_to};
use crate::api::{Context, Meta};

const FIRST_VERSION_WITH_FENCING: i16 = 2;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: AddOffsetsToTxnRequest,
) -> AddOffsetsToTxnResponse {
    let error = add(&context, request).await.err().unwrap_or(ErrorCode::None);
    let error = known_to(meta.version >= FIRST_VERSION_WITH_FENCING, error);
    AddOffsetsToTxnResponse { error_code: error.code(), ..Default::default() }
}

async fn add(context: &Context, request: AddOffsetsToTxnRequest) -> Result<(), ErrorCode> {
    let partition = context.broker.offsets_partition(&request.group_id.into()).await?;
    let add = AddPartitions {
        id: request.transactional_id.into(),
        producer: identity(request.producer_id, request.producer_epoch),
        partitions: BTreeSet::from([partition]),
        version: TransactionVersion::V1,
    };
    context.broker.add_to_transaction(add).await
}
