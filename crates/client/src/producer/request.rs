//! Produce requests made of batches, and what their answers say about each batch.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_model::{ErrorCode, Offset, Timestamp, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use headwater_wire::protocol::Records;

use super::config::Acks;
use super::machine::{Outgoing, Verdict, Written};

/// From this version on, topics are named by their ids.
const BY_TOPIC_ID: i16 = 13;

/// A request with these batches, and the highest version that it may be sent in.
pub(super) fn encode(
    batches: &mut [Outgoing],
    transactional_id: Option<&str>,
    acks: Acks,
    timeout: Duration,
) -> (ProduceRequest, i16) {
    let mut topics: BTreeMap<(TopicName, Uuid), Vec<PartitionProduceData>> = BTreeMap::new();
    for batch in batches.iter_mut() {
        let records = batch.payload.encode(&batch.meta);
        let data = PartitionProduceData { index: batch.partition.0, records: Some(Records::from(records)) };
        topics.entry((batch.topic.clone(), batch.topic_id)).or_default().push(data);
    }
    let all_have_ids = topics.keys().all(|(_, id)| !id.is_zero());
    let topic_data = topics.into_iter().map(|((name, topic_id), partition_data)| TopicProduceData {
        name: name.as_str().to_owned(),
        topic_id,
        partition_data,
    });
    let request = ProduceRequest {
        transactional_id: transactional_id.map(str::to_owned),
        acks: acks.code(),
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        topic_data: topic_data.collect(),
    };
    (request, if all_have_ids { i16::MAX } else { BY_TOPIC_ID - 1 })
}

/// The verdict on each batch, in their order.
pub(super) fn verdicts(batches: &[Outgoing], response: &ProduceResponse) -> Vec<Verdict> {
    let of = |batch: &Outgoing| {
        let at = TopicPartition::new(batch.topic.clone(), batch.partition);
        match answer_to(batch, response) {
            Some(answer) => verdict(&at, answer),
            // A broker that leaves a batch out says nothing about it.
            None => Verdict::of_code(&at, ErrorCode::UnknownServerError, None, UNKNOWN),
        }
    };
    batches.iter().map(of).collect()
}

/// A batch that is written who knows where.
pub(super) const UNKNOWN: Written = Written { base_offset: None, log_append_time: None };

fn answer_to<'a>(batch: &Outgoing, response: &'a ProduceResponse) -> Option<&'a PartitionProduceResponse> {
    let is_topic =
        |name: &str, id: Uuid| name == batch.topic.as_str() || (!id.is_zero() && id == batch.topic_id);
    let topic = response.responses.iter().find(|topic| is_topic(&topic.name, topic.topic_id))?;
    topic.partition_responses.iter().find(|partition| partition.index == batch.partition.0)
}

fn verdict(at: &TopicPartition, answer: &PartitionProduceResponse) -> Verdict {
    let written = Written {
        base_offset: Some(Offset(answer.base_offset)).filter(|offset| offset.0 >= 0),
        log_append_time: Some(Timestamp(answer.log_append_time_ms)).filter(|time| time.0 >= 0),
    };
    let first_record = answer.record_errors.iter().find_map(|error| error.batch_index_error_message.clone());
    let message = answer.error_message.clone().or(first_record);
    Verdict::of_code(at, ErrorCode::from_code(answer.error_code), message, written)
}
