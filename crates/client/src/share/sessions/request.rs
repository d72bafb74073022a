//! The requests of a share session.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::Uuid;
use headwater_wire::messages::share_acknowledge::{
    self, AcknowledgePartition, AcknowledgeTopic, ShareAcknowledgeRequest,
};
use headwater_wire::messages::share_fetch::{
    self, FetchPartition, FetchTopic, ForgottenTopic, ShareFetchRequest,
};

use super::{Acks, Kind, Place, SessionsConfig};
use crate::share::ranges::Ranges;

/// The epoch that ends a session.
const FINAL_EPOCH: i32 = -1;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) config: &'a SessionsConfig,
    pub(super) member_id: &'a str,
    pub(super) epoch: i32,
}

impl Who<'_> {
    /// Asks for records of what the session knows, with `added` and without `forgotten`.
    pub(super) fn fetch<'p>(
        &self,
        added: impl Iterator<Item = &'p Place>,
        forgotten: impl Iterator<Item = &'p Place>,
        acks: &Acks,
    ) -> ShareFetchRequest {
        let mut topics: BTreeMap<Uuid, BTreeMap<i32, Vec<_>>> = BTreeMap::new();
        for place in added {
            topics.entry(place.id).or_default().entry(place.at.partition.0).or_default();
        }
        for (place, ranges) in acks {
            let batches = runs(ranges).map(|(first_offset, last_offset, acknowledge_types)| {
                share_fetch::AcknowledgementBatch { first_offset, last_offset, acknowledge_types }
            });
            let partitions = topics.entry(place.id).or_default();
            partitions.entry(place.at.partition.0).or_default().extend(batches);
        }
        let mut gone: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        for place in forgotten {
            gone.entry(place.id).or_default().push(place.at.partition.0);
        }
        let partition = |(partition_index, acknowledgement_batches)| FetchPartition {
            partition_index,
            acknowledgement_batches,
        };
        let topic = |(topic_id, partitions): (_, BTreeMap<_, _>)| FetchTopic {
            topic_id,
            partitions: partitions.into_iter().map(partition).collect(),
        };
        let config = self.config;
        ShareFetchRequest {
            group_id: Some(config.group.clone()),
            member_id: Some(self.member_id.to_owned()),
            share_session_epoch: self.epoch,
            max_wait_ms: i32::try_from(config.max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: size(config.min_bytes),
            max_bytes: size(config.max_bytes),
            max_records: config.max_records,
            batch_size: config.max_records,
            share_acquire_mode: 0,
            is_renew_ack: false,
            topics: topics.into_iter().map(topic).collect(),
            forgotten_topics_data: gone
                .into_iter()
                .map(|(topic_id, partitions)| ForgottenTopic { topic_id, partitions })
                .collect(),
        }
    }

    /// Tells what became of records.
    pub(super) fn acknowledge(&self, acks: &Acks, is_renew_ack: bool) -> ShareAcknowledgeRequest {
        let mut topics: BTreeMap<Uuid, Vec<AcknowledgePartition>> = BTreeMap::new();
        for (place, ranges) in acks {
            let batches = runs(ranges).map(|(first_offset, last_offset, acknowledge_types)| {
                share_acknowledge::AcknowledgementBatch { first_offset, last_offset, acknowledge_types }
            });
            topics.entry(place.id).or_default().push(AcknowledgePartition {
                partition_index: place.at.partition.0,
                acknowledgement_batches: batches.collect(),
            });
        }
        let topics =
            topics.into_iter().map(|(topic_id, partitions)| AcknowledgeTopic { topic_id, partitions });
        ShareAcknowledgeRequest {
            group_id: Some(self.config.group.clone()),
            member_id: Some(self.member_id.to_owned()),
            share_session_epoch: self.epoch,
            is_renew_ack,
            topics: topics.collect(),
        }
    }

    /// The same, and ends the session: what was acquired and is not acknowledged is released.
    pub(super) fn end(&self, acks: &Acks) -> ShareAcknowledgeRequest {
        ShareAcknowledgeRequest { share_session_epoch: FINAL_EPOCH, ..self.acknowledge(acks, false) }
    }
}

/// Ranges as the wire has them: one kind for all their offsets.
fn runs(ranges: &Ranges<Kind>) -> impl Iterator<Item = (i64, i64, Vec<i8>)> {
    ranges.iter().map(|(first, last, kind)| (first, last, vec![kind.code()]))
}

fn size(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// Places that `from` has and `than` has not.
pub(super) fn beyond<'a>(
    from: &'a BTreeSet<Place>,
    than: &'a BTreeSet<Place>,
) -> impl Iterator<Item = &'a Place> {
    from.difference(than)
}
