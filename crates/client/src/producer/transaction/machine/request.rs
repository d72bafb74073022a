//! The requests of a transactional producer, and the versions that they go out in.

use std::ops::RangeInclusive;

use headwater_model::TopicPartition;
use headwater_wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use headwater_wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic,
};
use headwater_wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use headwater_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use headwater_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
};

use super::{Offsets, Step, TransactionMachine, TransactionVersion};
use crate::error::CallError;

/// A request that is due.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: TransactionRequest,
    /// Its coordinator is to be looked up again.
    pub(crate) lookup: bool,
}

/// All go to the transaction's coordinator, but for the offsets, which go to their group's.
#[derive(Debug)]
pub(crate) enum TransactionRequest {
    InitProducerId(InitProducerIdRequest),
    AddPartitions(AddPartitionsToTxnRequest),
    AddOffsets(AddOffsetsToTxnRequest),
    CommitOffsets(TxnOffsetCommitRequest, TransactionVersion),
    End(EndTxnRequest, TransactionVersion),
}

/// The answer to one.
#[derive(Debug)]
pub(crate) enum TransactionAnswer {
    InitProducerId(Result<InitProducerIdResponse, CallError>),
    AddPartitions(Result<AddPartitionsToTxnResponse, CallError>),
    AddOffsets(Result<AddOffsetsToTxnResponse, CallError>),
    CommitOffsets(Result<TxnOffsetCommitResponse, CallError>),
    End(Result<EndTxnResponse, CallError>),
}

impl TransactionVersion {
    /// The versions of Produce: from 12 on, brokers add the partition to the transaction by themselves.
    pub(crate) fn of_produce(self) -> RangeInclusive<i16> {
        match self {
            Self::V1 => 0..=11,
            Self::V2 => 12..=i16::MAX,
        }
    }

    /// The versions of TxnOffsetCommit: from 5 on as with Produce; from 6 on topics are named by ids.
    pub(crate) fn of_txn_offset_commit(self) -> RangeInclusive<i16> {
        match self {
            Self::V1 => 0..=4,
            Self::V2 => 5..=5,
        }
    }

    /// The versions of EndTxn: from 5 on it raises the epoch.
    pub(crate) fn of_end_txn(self) -> RangeInclusive<i16> {
        match self {
            Self::V1 => 0..=4,
            Self::V2 => 5..=i16::MAX,
        }
    }
}

/// The last version that takes a single transaction; later ones are for brokers.
pub(crate) const LAST_ADD_PARTITIONS: i16 = 3;

impl TransactionMachine {
    /// The request of a step; none before there is a producer id to send it under.
    pub(super) fn request(&self, step: &Step) -> Option<TransactionRequest> {
        let transactional_id = self.rules.transactional_id.to_string();
        let known = self.identity.map(|(id, epoch)| (id.0, epoch.0));
        if matches!(step, Step::Identify) {
            let (producer_id, producer_epoch) = known.unwrap_or((-1, -1));
            return Some(TransactionRequest::InitProducerId(InitProducerIdRequest {
                transactional_id: Some(transactional_id),
                transaction_timeout_ms: i32::try_from(self.rules.timeout.as_millis()).unwrap_or(i32::MAX),
                producer_id,
                producer_epoch,
            }));
        }
        let (producer_id, producer_epoch) = known?;
        match step {
            Step::Identify => None,
            Step::AddPartitions(partitions) => {
                let topics = by_topic(partitions.iter().map(|at| (at, at.partition.0)));
                let topics = topics.map(|(name, partitions)| AddPartitionsToTxnTopic { name, partitions });
                Some(TransactionRequest::AddPartitions(AddPartitionsToTxnRequest {
                    v3_and_below_transactional_id: transactional_id,
                    v3_and_below_producer_id: producer_id,
                    v3_and_below_producer_epoch: producer_epoch,
                    v3_and_below_topics: topics.collect(),
                    ..Default::default()
                }))
            }
            Step::AddGroup(group) => Some(TransactionRequest::AddOffsets(AddOffsetsToTxnRequest {
                transactional_id,
                producer_id,
                producer_epoch,
                group_id: group.clone(),
            })),
            Step::CommitOffsets => {
                let request = TxnOffsetCommitRequest {
                    transactional_id,
                    producer_id,
                    producer_epoch,
                    ..commit_of(self.offsets.front()?)
                };
                Some(TransactionRequest::CommitOffsets(request, self.version))
            }
            Step::End { commit } => Some(TransactionRequest::End(
                EndTxnRequest { transactional_id, producer_id, producer_epoch, committed: *commit },
                self.version,
            )),
        }
    }
}

/// The request without its producer.
fn commit_of(Offsets { offsets, group, .. }: &Offsets) -> TxnOffsetCommitRequest {
    let partitions = offsets.iter().map(|(at, committed)| {
        let partition = TxnOffsetCommitRequestPartition {
            partition_index: at.partition.0,
            committed_offset: committed.offset.0,
            committed_leader_epoch: committed.leader_epoch.map_or(-1, |epoch| epoch.0),
            committed_metadata: Some(committed.metadata.clone()),
        };
        (at, partition)
    });
    let topics = by_topic(partitions).map(|(name, partitions)| TxnOffsetCommitRequestTopic {
        name,
        partitions,
        ..Default::default()
    });
    TxnOffsetCommitRequest {
        group_id: group.group.clone(),
        generation_id_or_member_epoch: group.generation,
        member_id: group.member_id.clone(),
        group_instance_id: group.instance_id.clone(),
        topics: topics.collect(),
        ..Default::default()
    }
}

/// What belongs to partitions, which come in order, put together by topic.
fn by_topic<'a, P>(
    partitions: impl Iterator<Item = (&'a TopicPartition, P)>,
) -> impl Iterator<Item = (String, Vec<P>)> {
    let mut topics: Vec<(&str, Vec<P>)> = Vec::new();
    for (at, partition) in partitions {
        match topics.last_mut().filter(|(name, _)| *name == at.topic.as_str()) {
            Some((_, partitions)) => partitions.push(partition),
            None => topics.push((at.topic.as_str(), vec![partition])),
        }
    }
    topics.into_iter().map(|(name, partitions)| (name.to_owned(), partitions))
}
