//! OffsetCommit: remembers how far a group has come.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{CommitOffsets, OffsetToCommit, Reply};
use headwater_model::ErrorCode;
use headwater_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};

use super::groups::{AskedOffset, Partitions, named, sort_out, topic_name};
use crate::api::{Context, Meta};
use crate::groups::Command;

const FIRST_VERSION_WITH_MEMBER_EPOCHS: i16 = 9;
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 10;

/// Offsets of partitions that do not exist are refused one by one; the others go to the coordinator.
pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let by_id = meta.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let mut offsets = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        topics.push(sorted(&context, by_id, topic, &mut offsets));
    }
    let commit = CommitOffsets {
        group: request.group_id.into(),
        member: named(request.member_id),
        instance: request.group_instance_id.map(Into::into),
        generation: request.generation_id_or_member_epoch,
        retention: u64::try_from(request.retention_time_ms).ok().map(Duration::from_millis),
        offsets,
        within: None,
    };
    let mut outcomes = commit_all(&context, commit).await.into_iter();
    let mut answer = |known: Option<ErrorCode>| {
        let outcome = known.or_else(|| outcomes.next()).unwrap_or(ErrorCode::UnknownServerError);
        for_client(outcome, meta.version)
    };
    let response = |topic: SortedTopic| OffsetCommitResponseTopic {
        partitions: topic
            .partitions
            .into_iter()
            .map(|(partition_index, known)| OffsetCommitResponsePartition {
                partition_index,
                error_code: answer(known).code(),
            })
            .collect(),
        ..topic.response
    };
    OffsetCommitResponse { topics: topics.into_iter().map(response).collect(), ..Default::default() }
}

/// What a client of this version understands.
fn for_client(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        ErrorCode::GroupIdNotFound if version < FIRST_VERSION_WITH_MEMBER_EPOCHS => {
            ErrorCode::IllegalGeneration
        }
        ErrorCode::StaleMemberEpoch if version < FIRST_VERSION_WITH_MEMBER_EPOCHS => {
            ErrorCode::UnsupportedVersion
        }
        other => other,
    }
}

/// A topic of the request.
struct SortedTopic {
    response: OffsetCommitResponseTopic,
    partitions: Partitions,
}

fn sorted(
    context: &Context,
    by_id: bool,
    topic: OffsetCommitRequestTopic,
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
        OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, ..Default::default() };
    SortedTopic { response, partitions }
}

/// An outcome for each offset.
async fn commit_all(context: &Context, commit: CommitOffsets) -> Vec<ErrorCode> {
    let count = commit.offsets.len();
    if count == 0 {
        return Vec::new();
    }
    match context.broker.coordinate(Command::Commit(commit)).await {
        Ok(Reply::CommitOffsets(outcomes)) => outcomes,
        Ok(_) => vec![ErrorCode::UnknownServerError; count],
        Err(error) => vec![error; count],
    }
}
