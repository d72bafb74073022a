//! AddPartitionsToTxn: a producer of the first kind says where it is about to write. From version 4 on brokers ask, for
//! several producers at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{AddPartitions, TransactionVersion};
use headwater_model::{ErrorCode, TopicPartition};
use headwater_wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};

use super::transactions::{identity, known_to, writable};
use crate::api::{Context, Meta};

const FIRST_VERSION_WITH_FENCING: i16 = 2;
const FIRST_VERSION_WITH_MANY: i16 = 4;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    if meta.version >= FIRST_VERSION_WITH_MANY {
        let mut results_by_transaction = Vec::with_capacity(request.transactions.len());
        for transaction in request.transactions {
            let transactional_id = transaction.transactional_id.clone();
            let topic_results = add(&context, transaction, true).await;
            results_by_transaction.push(AddPartitionsToTxnResult { transactional_id, topic_results });
        }
        return AddPartitionsToTxnResponse { results_by_transaction, ..Default::default() };
    }
    let only = AddPartitionsToTxnTransaction {
        transactional_id: request.v3_and_below_transactional_id,
        producer_id: request.v3_and_below_producer_id,
        producer_epoch: request.v3_and_below_producer_epoch,
        verify_only: false,
        topics: request.v3_and_below_topics,
    };
    let results = add(&context, only, meta.version >= FIRST_VERSION_WITH_FENCING).await;
    AddPartitionsToTxnResponse { results_by_topic_v3_and_below: results, ..Default::default() }
}

/// The outcome for each partition, in the request's order.
async fn add(
    context: &Context,
    asked: AddPartitionsToTxnTransaction,
    knows_fencing: bool,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let found: Vec<Vec<_>> = asked.topics.iter().map(|topic| find(context, topic)).collect();
    let some_missing = found.iter().flatten().any(Result::is_err);
    let outcomes = match found.iter().flatten().cloned().collect::<Result<Vec<_>, _>>() {
        Ok(partitions) => decide(context, &asked, partitions).await,
        Err(_) => Vec::new(),
    };
    let mut outcomes = outcomes.into_iter();
    let mut outcome = |found: &Result<TopicPartition, ErrorCode>| match found {
        Err(error) => *error,
        // All or none.
        Ok(_) if some_missing => ErrorCode::OperationNotAttempted,
        Ok(_) => {
            let outcome = outcomes.next().unwrap_or(Err(ErrorCode::UnknownServerError));
            known_to(knows_fencing, outcome.err().unwrap_or(ErrorCode::None))
        }
    };
    let mut results = Vec::with_capacity(asked.topics.len());
    for (topic, found) in asked.topics.into_iter().zip(&found) {
        let partitions = topic.partitions.into_iter().zip(found).map(|(partition_index, found)| {
            AddPartitionsToTxnPartitionResult { partition_index, partition_error_code: outcome(found).code() }
        });
        results.push(AddPartitionsToTxnTopicResult {
            results_by_partition: partitions.collect(),
            name: topic.name,
        });
    }
    results
}

fn find(context: &Context, topic: &AddPartitionsToTxnTopic) -> Vec<Result<TopicPartition, ErrorCode>> {
    topic.partitions.iter().map(|partition| writable(context, &topic.name, *partition)).collect()
}

/// The outcome for each partition.
async fn decide(
    context: &Context,
    asked: &AddPartitionsToTxnTransaction,
    partitions: Vec<TopicPartition>,
) -> Vec<Result<(), ErrorCode>> {
    let count = partitions.len();
    let id = asked.transactional_id.as_str().into();
    let producer = identity(asked.producer_id, asked.producer_epoch);
    if asked.verify_only {
        let verified = context.broker.verify_transaction(&id, producer, partitions).await;
        return verified.unwrap_or_else(|error| vec![Err(error); count]);
    }
    let partitions: BTreeSet<_> = partitions.into_iter().collect();
    let add = AddPartitions { id, producer, partitions, version: TransactionVersion::V1 };
    vec![context.broker.add_to_transaction(add).await; count]
}
