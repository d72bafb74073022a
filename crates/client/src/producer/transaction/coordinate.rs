//! Asking coordinators: carries out what the pure machine wants.

use std::ops::RangeInclusive;

use super::machine::{Call, LAST_ADD_PARTITIONS, TransactionAnswer, TransactionRequest, TransactionVersion};
use crate::call::{CallOptions, Destination};
use crate::client::Client;
use crate::connector::Connector;
use crate::pool::Purpose;

/// Sends the request and gives its answer.
pub(in crate::producer) async fn ask<C: Connector>(
    client: &Client<C>,
    transactional_id: &str,
    purpose: Purpose,
    call: Call,
) -> TransactionAnswer {
    let Call { request, lookup } = call;
    let coordinator = || Destination::TransactionCoordinator(transactional_id.to_owned());
    let options = |versions: RangeInclusive<i16>| CallOptions {
        purpose,
        min_version: *versions.start(),
        max_version: *versions.end(),
        ..CallOptions::default()
    };
    if lookup {
        match &request {
            TransactionRequest::CommitOffsets(request, _) => client.forget_coordinator(&request.group_id),
            _ => client.forget_transaction_coordinator(transactional_id),
        }
    }
    match request {
        TransactionRequest::InitProducerId(request) => TransactionAnswer::InitProducerId(
            client.call_with(coordinator(), options(0..=i16::MAX), &request).await,
        ),
        TransactionRequest::AddPartitions(request) => TransactionAnswer::AddPartitions(
            client.call_with(coordinator(), options(0..=LAST_ADD_PARTITIONS), &request).await,
        ),
        TransactionRequest::AddOffsets(request) => TransactionAnswer::AddOffsets(
            client.call_with(coordinator(), options(0..=i16::MAX), &request).await,
        ),
        TransactionRequest::CommitOffsets(request, version) => {
            let of_group = Destination::Coordinator(request.group_id.clone());
            let options = options(TransactionVersion::of_txn_offset_commit(version));
            TransactionAnswer::CommitOffsets(client.call_with(of_group, options, &request).await)
        }
        TransactionRequest::End(request, version) => {
            let options = options(TransactionVersion::of_end_txn(version));
            TransactionAnswer::End(client.call_with(coordinator(), options, &request).await)
        }
    }
}
