//! Batches within transactions whose coordinator is to be asked before they are written.
//!
//! Invariants: a batch is appended only where its partition is in the producer's open transaction, and that was asked after
//! the partition took note of the question.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use headwater_coordinator::{AddPartitions, ProducerIdentity, TransactionVersion, TransactionalId};
use headwater_model::{ErrorCode, TopicPartition};
use headwater_wire::batch::BatchHeader;
use headwater_wire::protocol::Records;

use super::{FIRST_VERSION_THAT_ADDS, FIRST_VERSION_WITH_ABORTABLE, Started, plain};
use crate::broker::Broker;
use crate::partition::{Acks, Incarnation, Origin, Partition};

/// A batch that waits for its coordinator's word.
pub(super) struct Unverified {
    pub(super) partition: Arc<Partition>,
    pub(super) writer: Incarnation,
    pub(super) batches: Bytes,
    pub(super) acks: Acks,
    pub(super) may_send_zstd: bool,
}

/// Who writes, if a batch is part of a transaction. (What is not a batch is refused where it is appended.)
pub(super) fn writer(records: &Records) -> Option<Incarnation> {
    let header = BatchHeader::parse(&records.to_bytes().ok()?).ok()?;
    header.is_transactional().then_some((header.producer_id, header.producer_epoch))
}

/// Has the coordinator say of all that is unverified whether it is in the transaction, and appends what is.
pub(super) async fn enter(broker: &Broker, id: &TransactionalId, version: i16, started: Vec<&mut Started>) {
    let mut by_writer: BTreeMap<Incarnation, Vec<&mut Started>> = BTreeMap::new();
    for started in started {
        if let Started::Unverified(unverified) = started {
            by_writer.entry(unverified.writer).or_default().push(started);
        }
    }
    for ((producer, epoch), started) in by_writer {
        let producer = ProducerIdentity { id: producer, epoch };
        enter_as(broker, id, producer, version, started).await;
    }
}

async fn enter_as(
    broker: &Broker,
    id: &TransactionalId,
    producer: ProducerIdentity,
    version: i16,
    started: Vec<&mut Started>,
) {
    let partition = |started: &&mut Started| match started {
        Started::Unverified(unverified) => Some(unverified.partition.clone()),
        _ => None,
    };
    let partitions: Vec<_> = started.iter().filter_map(partition).collect();
    let names: Vec<TopicPartition> = partitions.iter().map(|partition| partition.id().clone()).collect();
    let added = if version >= FIRST_VERSION_THAT_ADDS {
        let partitions: BTreeSet<_> = names.iter().cloned().collect();
        let version = TransactionVersion::V2;
        broker.add_to_transaction(AddPartitions { id: id.clone(), producer, partitions, version }).await
    } else {
        Ok(())
    };
    // From here on the end of the transaction is noticed.
    let questions: Vec<_> =
        partitions.iter().map(|partition| partition.begin_verification(producer.id)).collect();
    let verified = match added {
        Ok(()) => broker.verify_transaction(id, producer, names).await,
        Err(error) => Err(error),
    };
    let verified = verified.unwrap_or_else(|error| vec![Err(error); questions.len()]);
    for ((started, question), verified) in started.into_iter().zip(questions).zip(verified) {
        let before = std::mem::replace(started, Started::Refused(plain(ErrorCode::UnknownServerError)));
        let Started::Unverified(unverified) = before else {
            continue;
        };
        *started = match verified {
            Ok(()) => {
                let Unverified { partition, batches, acks, may_send_zstd, .. } = unverified;
                let origin = Origin::Client { may_send_zstd, verified: Some(question.question()) };
                Started::Verified(partition.append(batches, acks, origin), question)
            }
            Err(error) => Started::Refused(plain(for_client(error, version))),
        };
    }
}

/// What a client of this version understands of the coordinator's refusal, as Kafka translates it.
fn for_client(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < FIRST_VERSION_WITH_ABORTABLE => {
            ErrorCode::InvalidTxnState
        }
        ErrorCode::ConcurrentTransactions if version >= FIRST_VERSION_THAT_ADDS => error,
        // Producers know only partitions' reasons to try again.
        ErrorCode::ConcurrentTransactions
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        other => other,
    }
}
