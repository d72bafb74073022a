//! A member's wish for records: where a group begins, and the waiting until there are some.
//!
//! Invariants: a member waits no longer than it wants to, and costs nothing until there is news.
//!
//! Does not know: the protocol.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{AcquireMode, GroupId, MemberId, SharePartitionId};
use headwater_model::{ErrorCode, Offset};
use tokio::time::Instant;

use super::sessions::{Place, SessionKey};
use super::{Ask, Command, Reply, Taken};
use crate::broker::Broker;
use crate::fetch::Watch;
use crate::groups::settings::ShareOffsetReset;
use crate::partition::{Isolation, OffsetSpec, Partition};
use crate::storage::lock;

/// What a member wants.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) group: GroupId,
    pub(crate) member: MemberId,
    pub(crate) isolation: Isolation,
    pub(crate) mode: AcquireMode,
    pub(crate) max_records: u64,
    pub(crate) batch_size: u64,
    pub(crate) max_bytes: usize,
    pub(crate) max_wait: Duration,
}

/// What it gets of a partition.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) place: Place,
    pub(crate) outcome: Result<Taken, ErrorCode>,
}

impl Got {
    pub(crate) fn is_news(&self) -> bool {
        self.outcome.is_err() || has_records(&self.outcome)
    }

    fn is_full(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|taken| taken.is_full)
    }
}

impl Broker {
    /// Acquires records for a member, and waits for some as long as there are none; no longer than until `hurry` completes.
    pub(crate) async fn share_fetch(
        &self,
        wish: Wish,
        places: &[Place],
        hurry: impl Future<Output = ()>,
    ) -> Vec<Got> {
        let mut hurry = std::pin::pin!(hurry);
        let wish = Arc::new(wish);
        let deadline = Instant::now() + wish.max_wait;
        let mut freed = self.share().freed.subscribe();
        let mut shutdown = self.subscribe_to_shutdown();
        let mut watch: Option<Watch> = None;
        loop {
            freed.borrow_and_update();
            let (partitions, missing) = self.find_shared(&wish, places);
            let watched: Vec<Arc<Partition>> = partitions.iter().map(|(_, found)| found.clone()).collect();
            let seen = visible_bytes(&watched);
            let got = self.acquire_once(&wish, partitions, missing).await;
            if got.iter().any(Got::is_news) || wish.max_wait.is_zero() {
                return got;
            }
            if *shutdown.borrow() || Instant::now() >= deadline {
                return got;
            }
            // Where no more may be acquired new records are no news.
            let may_acquire = !got.iter().all(Got::is_full);
            let watch = watch.get_or_insert_with(|| Watch::new(watched.clone()));
            if may_acquire && visible_bytes(&watched) != seen {
                // It came before it was watched for.
                continue;
            }
            tokio::select! {
                biased;
                Ok(()) = shutdown.changed() => return got,
                () = &mut hurry => return got,
                () = tokio::time::sleep_until(deadline) => return got,
                Ok(()) = freed.changed() => {}
                () = watch.news(), if may_acquire => {}
            }
        }
    }

    /// The partitions that there are, and the others.
    fn find_shared(
        &self,
        wish: &Wish,
        places: &[Place],
    ) -> (Vec<(SharePartitionId, Arc<Partition>)>, Vec<Got>) {
        let (mut partitions, mut missing) = (Vec::with_capacity(places.len()), Vec::new());
        for place in places {
            let (topic, partition) = *place;
            let found = self.visible_topic_by_id(topic).ok_or(ErrorCode::UnknownTopicId);
            match found.and_then(|topic| topic.serving(partition).cloned()) {
                Ok(found) => {
                    partitions
                        .push((SharePartitionId { group: wish.group.clone(), topic, partition }, found));
                }
                Err(error) => missing.push(Got { place: *place, outcome: Err(error) }),
            }
        }
        (partitions, missing)
    }

    async fn acquire_once(
        &self,
        wish: &Arc<Wish>,
        partitions: Vec<(SharePartitionId, Arc<Partition>)>,
        missing: Vec<Got>,
    ) -> Vec<Got> {
        if partitions.is_empty() {
            return missing;
        }
        let mut taken = self.ask_for_records(wish, &partitions).await;
        if self.begin_all(wish, &partitions, &mut taken).await && !taken.iter().any(has_records) {
            taken = self.ask_for_records(wish, &partitions).await;
        }
        let got = partitions.into_iter().zip(taken).map(|((id, _), outcome)| Got {
            place: (id.topic, id.partition),
            outcome: outcome.map_err(for_members),
        });
        got.chain(missing).collect()
    }

    /// Begins where the group has not. True if something has begun.
    async fn begin_all(
        &self,
        wish: &Wish,
        partitions: &[(SharePartitionId, Arc<Partition>)],
        taken: &mut [Result<Taken, ErrorCode>],
    ) -> bool {
        let mut has_begun = false;
        for ((id, partition), outcome) in partitions.iter().zip(taken) {
            if matches!(outcome, Err(ErrorCode::GroupIdNotFound)) {
                *outcome = self.begin_shared(wish, id, partition).await.map(|()| Taken::default());
                has_begun |= outcome.is_ok();
            }
        }
        has_begun
    }

    async fn ask_for_records(
        &self,
        wish: &Arc<Wish>,
        partitions: &[(SharePartitionId, Arc<Partition>)],
    ) -> Vec<Result<Taken, ErrorCode>> {
        let ask = Ask { wish: wish.clone(), partitions: partitions.to_vec() };
        let failed = |error| partitions.iter().map(|_| Err(error)).collect();
        match self.ask_share(&wish.group, Command::Acquire(ask)).await {
            Ok(Reply::Acquired(taken)) => taken,
            Ok(_) => failed(ErrorCode::UnknownServerError),
            Err(error) => failed(error),
        }
    }

    /// A group reads a partition for the first time: where it begins is its setting.
    async fn begin_shared(
        &self,
        wish: &Wish,
        id: &SharePartitionId,
        partition: &Arc<Partition>,
    ) -> Result<(), ErrorCode> {
        let key = SessionKey { group: wish.group.clone(), member: wish.member.clone() };
        if !lock(self.share().sessions()).has(&key) {
            // It has gone meanwhile, and its group perhaps too: nothing begins for who is not there.
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let start = match self.group_settings(&wish.group).share_offset_reset {
            ShareOffsetReset::Earliest => partition.start_offset(),
            ShareOffsetReset::Latest => partition.high_watermark(),
            ShareOffsetReset::ByDuration(age) => {
                let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                let since = self.clock().now().plus_ms(-age);
                let found = partition.look_up(OffsetSpec::AtOrAfter(since), Isolation::Uncommitted).await?;
                found.map_or_else(|| partition.high_watermark(), |found| found.offset)
            }
        };
        let command = Command::Begin { id: id.clone(), start: start.max(Offset::ZERO) };
        match self.ask_share(&wish.group, command).await? {
            Reply::Begun(outcome) => outcome.map(|_| ()),
            _ => Err(ErrorCode::UnknownServerError),
        }
    }
}

fn has_records(outcome: &Result<Taken, ErrorCode>) -> bool {
    outcome.as_ref().is_ok_and(|taken| !taken.acquired.is_empty())
}

/// An error as members know it: others end Java's consumer. Who cannot reach the state here asks who leads, and comes again.
fn for_members(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::KafkaStorageError
        | ErrorCode::CorruptMessage
        | ErrorCode::UnknownServerError => error,
        ErrorCode::PolicyViolation => ErrorCode::UnknownServerError,
        _ => ErrorCode::NotLeaderOrFollower,
    }
}

fn visible_bytes(partitions: &[Arc<Partition>]) -> u64 {
    partitions.iter().fold(0, |sum, partition| sum.wrapping_add(partition.visible_bytes()))
}
