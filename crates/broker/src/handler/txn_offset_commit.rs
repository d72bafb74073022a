//! TxnOffsetCommit: remembers how far a group has come, once the producer's transaction is committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{
    AddPartitions, CommitOffsets, Groups, OffsetToCommit, ProducerIdentity, Reply, TransactionVersion,
    TransactionalId, WithinTransaction,
};
use headwater_model::ErrorCode;
use headwater_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::groups::{AskedOffset, Partitions, named, sort_out, topic_name};
use super::transactions::{identity, version_from};
use crate::api::{Context, Meta};
use crate::groups::Command;

const FIRST_VERSION_WITH_ABORTABLE: i16 = 4;
/// From this version on, the commit makes the group's offsets part of the transaction (KIP-890).
const FIRST_VERSION_THAT_ADDS: i16 = 5;
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 6;

/// Offsets of partitions that do not exist are refused one by one; the others go to the coordinator.
pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let by_id = meta.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let id = request.transactional_id;
    let producer = identity(request.producer_id, request.producer_epoch);
    let mut offsets = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        topics.push(sorted(&context, by_id, topic, &mut offsets));
    }
    let count = offsets.len();
    let commit = CommitOffsets {
        group: request.group_id.into(),
        member: named(request.member_id),
        instance: request.group_instance_id.map(Into::into),
        generation: request.generation_id_or_member_epoch,
        retention: None,
        offsets,
        within: None,
    };
    let outcomes = if count == 0 {
        Vec::new()
    } else {
        let version = version_from(meta.version, FIRST_VERSION_THAT_ADDS);
        let within = Within { id: id.into(), producer, version };
        commit_within(&context, &within, commit).await.unwrap_or_else(|error| vec![error; count])
    };
    let mut outcomes = outcomes.into_iter();
    let mut answer = |known: Option<ErrorCode>| {
        let outcome = known.or_else(|| outcomes.next()).unwrap_or(ErrorCode::UnknownServerError);
        for_client(outcome, meta.version).code()
    };
    let response = |topic: SortedTopic| TxnOffsetCommitResponseTopic {
        partitions: topic
            .partitions
            .into_iter()
            .map(|(partition_index, known)| TxnOffsetCommitResponsePartition {
                partition_index,
                error_code: answer(known),
            })
            .collect(),
        ..topic.response
    };
    TxnOffsetCommitResponse { topics: topics.into_iter().map(response).collect(), ..Default::default() }
}

/// Whose transaction the commit is part of.
struct Within {
    id: TransactionalId,
    producer: ProducerIdentity,
    version: TransactionVersion,
}

/// An outcome for each offset, or an error for all.
async fn commit_within(
    context: &Context,
    within: &Within,
    commit: CommitOffsets,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    let broker = &context.broker;
    let Within { id, producer, version } = within;
    let partition = broker.offsets_partition(&commit.group).await?;
    if *version == TransactionVersion::V2 {
        let (id, partitions) = (id.clone(), BTreeSet::from([partition.clone()]));
        broker
            .add_to_transaction(AddPartitions { id, producer: *producer, partitions, version: *version })
            .await?;
    }
    // From here on the end of the transaction is noticed.
    let verified = broker.look_at_group(&commit.group, Groups::ends_seen).await?;
    for outcome in broker.verify_transaction(id, *producer, vec![partition]).await? {
        outcome?;
    }
    let within = Some(WithinTransaction { producer: *producer, verified });
    match broker.coordinate(Command::Commit(CommitOffsets { within, ..commit })).await? {
        Reply::CommitOffsets(outcomes) => Ok(outcomes),
        _ => Err(ErrorCode::UnknownServerError),
    }
}

/// What a client of this version understands.
fn for_client(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        // As Kafka says it: of the other one Java's producer does not know that aborting helps.
        ErrorCode::StaleMemberEpoch => ErrorCode::IllegalGeneration,
        ErrorCode::TransactionAbortable if version < FIRST_VERSION_WITH_ABORTABLE => {
            ErrorCode::InvalidTxnState
        }
        // Older clients know only the group coordinator's reasons to try again.
        ErrorCode::ConcurrentTransactions if version < FIRST_VERSION_THAT_ADDS => {
            ErrorCode::CoordinatorLoadInProgress
        }
        other => other,
    }
}

/// A topic of the request.
struct SortedTopic {
    response: TxnOffsetCommitResponseTopic,
    partitions: Partitions,
}

fn sorted(
    context: &Context,
    by_id: bool,
    topic: TxnOffsetCommitRequestTopic,
    offsets: &mut Vec<OffsetToCommit>,
) -> SortedTopic {
    let name = topic_name(context, by_id, &topic.name, topic.topic_id);
    let asked = topic.partitions.into_iter().map(|asked| AskedOffset {
        partition_index: asked.partition_index,
        offset: asked.committed_offset,
        leader_epoch: asked.committed_leader_epoch,
        metadata: asked.committed_metadata,
    });
    let partitions = sort_out(context, &name, asked, offsets);
    let response =
        TxnOffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, ..Default::default() };
    SortedTopic { response, partitions }
}
