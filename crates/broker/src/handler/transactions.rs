//! What the handlers of transactions share.

use headwater_coordinator::{ProducerIdentity, TransactionVersion};
use headwater_model::{ErrorCode, PartitionId, ProducerEpoch, ProducerId, TopicName, TopicPartition};

use crate::api::Context;
use crate::topics::is_internal;

pub(super) fn identity(id: i64, epoch: i16) -> ProducerIdentity {
    ProducerIdentity { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}

/// The code for a client that may be too old to know that it can be fenced.
pub(super) fn known_to(knows_fencing: bool, error: ErrorCode) -> ErrorCode {
    if error == ErrorCode::ProducerFenced && !knows_fencing { ErrorCode::InvalidProducerEpoch } else { error }
}

/// How a client ends its transactions, by the version of a request from which on it does so in the new way.
pub(super) fn version_from(version: i16, first_of_v2: i16) -> TransactionVersion {
    if version >= first_of_v2 { TransactionVersion::V2 } else { TransactionVersion::V1 }
}

/// A partition that a producer may write to.
pub(super) fn writable(context: &Context, topic: &str, partition: i32) -> Result<TopicPartition, ErrorCode> {
    let name = TopicName::new(topic).map_err(|_| ErrorCode::UnknownTopicOrPartition)?;
    let found = context.broker.visible_topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = PartitionId(partition);
    found.slot(partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    Ok(TopicPartition::new(name, partition))
}
