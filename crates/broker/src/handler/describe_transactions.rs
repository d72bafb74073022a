//! DescribeTransactions: how transactional ids stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_coordinator::{StoredTransaction, TransactionalId, Transactions};
use headwater_model::{ErrorCode, Timestamp, TopicName};
use headwater_wire::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};

use crate::api::{Context, Meta};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let mut transaction_states = Vec::with_capacity(request.transactional_ids.len());
    for transactional_id in request.transactional_ids {
        transaction_states.push(match find(&context, &transactional_id).await {
            Ok(stored) => described(&stored),
            Err(error) => {
                TransactionState { transactional_id, error_code: error.code(), ..Default::default() }
            }
        });
    }
    DescribeTransactionsResponse { transaction_states, ..Default::default() }
}

async fn find(context: &Context, id: &str) -> Result<StoredTransaction, ErrorCode> {
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let wanted = TransactionalId::new(id);
    let look = move |transactions: &Transactions| transactions.get(&wanted).cloned();
    context.broker.look_at(id, look).await?.ok_or(ErrorCode::TransactionalIdNotFound)
}

fn described(stored: &StoredTransaction) -> TransactionState {
    let mut topics: BTreeMap<&TopicName, Vec<i32>> = BTreeMap::new();
    for partition in &stored.partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition.0);
    }
    let topics =
        topics.into_iter().map(|(name, partitions)| TopicData { topic: name.to_string(), partitions });
    TransactionState {
        error_code: 0,
        transactional_id: stored.id.to_string(),
        transaction_state: stored.state.name().to_owned(),
        transaction_timeout_ms: i32::try_from(stored.timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_start_time_ms: stored.started_at.unwrap_or(Timestamp::NONE).0,
        producer_id: stored.producer.id.0,
        producer_epoch: stored.producer.epoch.0,
        topics: topics.collect(),
    }
}
