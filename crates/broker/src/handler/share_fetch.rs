//! ShareFetch: acquires records for a member of a share group, and takes what it says of others (KIP-932).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{AcquireMode, Acquired, Refused};
use headwater_model::{ErrorCode, PartitionId, Uuid};
use headwater_wire::messages::share_fetch::{
    AcquiredRecords, PartitionData, ShareFetchRequest, ShareFetchResponse, ShareFetchableTopicResponse,
};
use headwater_wire::protocol::Records;

use super::groups::not_negative;
use super::share::{
    FIRST_VERSION_WITH_RENEWAL, Said, acknowledge, key, lock_timeout, places, proceed, release_if_closed,
};
use crate::api::{Context, Meta};
use crate::groups::settings::GroupSettings;
use crate::partition::Isolation;
use crate::share::sessions::{CLOSES, OPENS, Place, SessionKey};
use crate::share::{Got, Wish};
use crate::storage::lock;

/// Whoever asks to wait longer is answered after this, with nothing.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// No more records than wanted (KIP-1206); otherwise batches are acquired whole.
const RECORD_LIMIT: i8 = 1;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    mut request: ShareFetchRequest,
) -> ShareFetchResponse {
    match serve(&context, &meta, &mut request).await {
        Ok(response) => response,
        Err(refused) => ShareFetchResponse {
            error_code: refused.error.code(),
            error_message: Some(refused.message),
            ..Default::default()
        },
    }
}

async fn serve(
    context: &Context,
    meta: &Meta,
    request: &mut ShareFetchRequest,
) -> Result<ShareFetchResponse, Refused> {
    let key = key(request.group_id.take(), request.member_id.take())?;
    let epoch = request.share_session_epoch;
    let said = said(request);
    if epoch == OPENS && !said.is_empty() {
        let message = "A request that opens a share session acknowledges nothing.".to_owned();
        return Err(Refused { error: ErrorCode::InvalidRequest, message });
    }
    let added = request.topics.iter().flat_map(|topic| {
        places(topic.topic_id, topic.partitions.iter().map(|partition| partition.partition_index))
    });
    let forgotten = request
        .forgotten_topics_data
        .iter()
        .flat_map(|topic| places(topic.topic_id, topic.partitions.iter().copied()))
        .collect();
    proceed(context, &key, epoch, added.collect(), &forgotten).await?;
    let settings = context.broker.group_settings(&key.group);
    let may_renew = meta.version >= FIRST_VERSION_WITH_RENEWAL && settings.share_renewals;
    let acknowledged = acknowledge(context, &key, may_renew, said).await;
    let mut answers: BTreeMap<Place, PartitionData> = BTreeMap::new();
    for (place, outcome) in acknowledged {
        let answer = answers.entry(place).or_insert_with(|| empty(place));
        if let Err(refused) = outcome {
            answer.acknowledge_error_code = refused.error.code();
            answer.acknowledge_error_message = Some(refused.message);
        }
    }
    let acquisition_lock_timeout_ms = lock_timeout(&settings);
    if epoch != CLOSES && !request.is_renew_ack {
        let mut wish = wish(context, &key, &settings, request);
        if !answers.is_empty() {
            // Who has something to be told does not wait.
            wish.max_wait = Duration::ZERO;
        }
        let to_read = lock(context.broker.share().sessions()).next_turn(&key);
        for got in context.broker.share_fetch(wish, &to_read, context.is_waited_for()).await {
            if epoch == OPENS || got.is_news() || answers.contains_key(&got.place) {
                fill(answers.entry(got.place).or_insert_with(|| empty(got.place)), got);
            }
        }
    }
    release_if_closed(context, key, epoch).await;
    Ok(ShareFetchResponse { acquisition_lock_timeout_ms, responses: by_topic(answers), ..Default::default() })
}

/// What a request says of records. None are left in it.
fn said(request: &mut ShareFetchRequest) -> Vec<Said> {
    let mut all = Vec::new();
    for topic in &mut request.topics {
        for partition in &mut topic.partitions {
            for batch in std::mem::take(&mut partition.acknowledgement_batches) {
                all.push(Said {
                    place: (topic.topic_id, PartitionId(partition.partition_index)),
                    first: batch.first_offset,
                    last: batch.last_offset,
                    types: batch.acknowledge_types,
                });
            }
        }
    }
    all
}

fn wish(context: &Context, key: &SessionKey, settings: &GroupSettings, request: &ShareFetchRequest) -> Wish {
    let broker = &context.broker;
    Wish {
        group: key.group.clone(),
        member: key.member.clone(),
        isolation: isolation(settings),
        mode: match request.share_acquire_mode {
            RECORD_LIMIT => AcquireMode::RecordLimit,
            _ => AcquireMode::BatchOptimized,
        },
        max_records: u64::try_from(request.max_records).unwrap_or(0),
        batch_size: u64::try_from(request.batch_size).unwrap_or(0).max(1),
        max_bytes: usize::try_from(request.max_bytes)
            .unwrap_or(0)
            .min(broker.config().limits.max_fetch_bytes),
        max_wait: not_negative(request.max_wait_ms).min(LONGEST_WAIT),
    }
}

fn isolation(settings: &GroupSettings) -> Isolation {
    if settings.share_reads_committed { Isolation::Committed } else { Isolation::Uncommitted }
}

fn empty((_, partition): Place) -> PartitionData {
    PartitionData { partition_index: partition.0, records: Some(Records::default()), ..Default::default() }
}

fn fill(answer: &mut PartitionData, got: Got) {
    match got.outcome {
        Ok(taken) => {
            answer.acquired_records = taken.acquired.iter().map(acquired).collect();
            answer.records = Some(taken.records);
        }
        Err(error) => {
            answer.error_code = error.code();
            answer.error_message = Some(error.message().to_owned());
        }
    }
}

fn acquired(acquired: &Acquired) -> AcquiredRecords {
    AcquiredRecords {
        first_offset: acquired.first.0,
        last_offset: acquired.last.0,
        delivery_count: i16::try_from(acquired.deliveries).unwrap_or(i16::MAX),
    }
}

fn by_topic(answers: BTreeMap<Place, PartitionData>) -> Vec<ShareFetchableTopicResponse> {
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    for ((topic, _), answer) in answers {
        topics.entry(topic).or_default().push(answer);
    }
    let response = |(topic_id, partitions)| ShareFetchableTopicResponse { topic_id, partitions };
    topics.into_iter().map(response).collect()
}
