//! ShareAcknowledge: a member of a share group says what has become of records (KIP-932).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_coordinator::Refused;
use headwater_model::{ErrorCode, PartitionId, Uuid};
use headwater_wire::messages::share_acknowledge::{
    PartitionData, ShareAcknowledgeRequest, ShareAcknowledgeResponse, ShareAcknowledgeTopicResponse,
};

use super::share::{
    FIRST_VERSION_WITH_RENEWAL, Outcomes, Said, acknowledge, key, lock_timeout, proceed, release_if_closed,
};
use crate::api::{Context, Meta};
use crate::share::sessions::OPENS;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ShareAcknowledgeRequest,
) -> ShareAcknowledgeResponse {
    match serve(&context, &meta, request).await {
        Ok(response) => response,
        Err(refused) => ShareAcknowledgeResponse {
            error_code: refused.error.code(),
            error_message: Some(refused.message),
            ..Default::default()
        },
    }
}

async fn serve(
    context: &Context,
    meta: &Meta,
    request: ShareAcknowledgeRequest,
) -> Result<ShareAcknowledgeResponse, Refused> {
    let epoch = request.share_session_epoch;
    let key = key(request.group_id, request.member_id)?;
    if epoch == OPENS {
        return Err(ErrorCode::InvalidShareSessionEpoch.into());
    }
    proceed(context, &key, epoch, BTreeSet::new(), &BTreeSet::new()).await?;
    let mut said = Vec::new();
    for topic in request.topics {
        for partition in topic.partitions {
            said.extend(partition.acknowledgement_batches.into_iter().map(|batch| Said {
                place: (topic.topic_id, PartitionId(partition.partition_index)),
                first: batch.first_offset,
                last: batch.last_offset,
                types: batch.acknowledge_types,
            }));
        }
    }
    let settings = context.broker.group_settings(&key.group);
    let may_renew = meta.version >= FIRST_VERSION_WITH_RENEWAL && settings.share_renewals;
    let outcomes = acknowledge(context, &key, may_renew, said).await;
    let acquisition_lock_timeout_ms = lock_timeout(&settings);
    release_if_closed(context, key, epoch).await;
    Ok(ShareAcknowledgeResponse {
        acquisition_lock_timeout_ms,
        responses: by_topic(outcomes),
        ..Default::default()
    })
}

fn by_topic(outcomes: Outcomes) -> Vec<ShareAcknowledgeTopicResponse> {
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    for ((topic, partition), outcome) in outcomes {
        let mut answer = PartitionData { partition_index: partition.0, ..Default::default() };
        if let Err(refused) = outcome {
            answer.error_code = refused.error.code();
            answer.error_message = Some(refused.message);
        }
        topics.entry(topic).or_default().push(answer);
    }
    let response = |(topic_id, partitions)| ShareAcknowledgeTopicResponse { topic_id, partitions };
    topics.into_iter().map(response).collect()
}
