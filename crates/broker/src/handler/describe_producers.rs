//! DescribeProducers: who has written to partitions of late, and who has a transaction open there.

use std::sync::Arc;

use headwater_log::ProducerState as State;
use headwater_model::{ErrorCode, PartitionId};
use headwater_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};

use crate::api::{Context, Meta};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for index in topic.partition_indexes {
            partitions.push(match producers(&context, &topic.name, index).await {
                Ok(active_producers) => {
                    PartitionResponse { partition_index: index, active_producers, ..Default::default() }
                }
                Err(error) => PartitionResponse {
                    partition_index: index,
                    error_code: error.code(),
                    error_message: Some(error.message().to_owned()),
                    ..Default::default()
                },
            });
        }
        topics.push(TopicResponse { name: topic.name, partitions });
    }
    DescribeProducersResponse { topics, ..Default::default() }
}

async fn producers(context: &Context, topic: &str, index: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    let topic = context.broker.visible_topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.serving(PartitionId(index))?.clone();
    let states = context.broker.storage().call(move || partition.producers()).await;
    Ok(states.ok_or(ErrorCode::KafkaStorageError)?.into_iter().map(described).collect())
}

fn described(state: State) -> ProducerState {
    ProducerState {
        producer_id: state.id.0,
        producer_epoch: i32::from(state.epoch.0),
        last_sequence: state.last_sequence.unwrap_or(-1),
        last_timestamp: state.last_seen.0,
        // There is one coordinator, which never moves.
        coordinator_epoch: 0,
        current_txn_start_offset: state.transaction_start.map_or(-1, |offset| offset.0),
    }
}
