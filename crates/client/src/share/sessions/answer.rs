//! What the answers of brokers mean to their sessions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, Uuid};
use headwater_wire::messages::share_acknowledge::ShareAcknowledgeResponse;
use headwater_wire::messages::share_fetch::{AcquiredRecords, PartitionData, ShareFetchResponse};

use super::reading::{Found, Reading, Unread};
use super::{Acks, Asked, Hold, Kind, Place, Sessions, Ticket};
use crate::error::CallError;
use crate::share::acquired::{Acknowledgement, Acquired};
use crate::share::error::{AcknowledgeCause, ShareError};
use crate::share::ranges::Ranges;

/// By topic and partition, as answers name them.
type Outcomes = BTreeMap<(Uuid, i32), Result<(), AcknowledgeCause>>;

impl<W> Sessions<W> {
    /// A fetch was answered, or will not be.
    pub(crate) fn fetched(
        &mut self,
        ticket: Ticket,
        answer: Result<ShareFetchResponse, CallError>,
        now: Monotonic,
    ) {
        let Some((node, asked)) = self.answered(ticket) else {
            return;
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return self.unanswered(node, &asked, &error, now),
        };
        let error = ErrorCode::from_code(response.error_code);
        if error.is_error() {
            return self.node_refused(node, asked, error, response.error_message, now);
        }
        let mut outcomes = Outcomes::new();
        let mut read = Vec::new();
        for topic in response.responses {
            for data in topic.partitions {
                let outcome = refusal(data.acknowledge_error_code, data.acknowledge_error_message.as_ref());
                outcomes.insert((topic.topic_id, data.partition_index), outcome);
                read.push((topic.topic_id, data));
            }
        }
        let is_lost = self.is_lost(node, &asked);
        let Asked { epoch, places, acks, .. } = asked;
        self.note_stale(&acks, &outcomes);
        self.settle(node, &acks, |place| outcome(&outcomes, place));
        self.goes_on(node, epoch);
        let by_id: BTreeMap<(Uuid, i32), &Place> =
            places.iter().map(|place| ((place.id, place.at.partition.0), place)).collect();
        let lock = milliseconds(response.acquisition_lock_timeout_ms);
        for (id, data) in read {
            match by_id.get(&(id, data.partition_index)) {
                // It was acquired by a session that was given up, and is there all the same.
                Some(place) if is_lost => self.give_back(node, place, &data.acquired_records, now),
                Some(place) => self.partition_fetched(node, place, data, (now, lock)),
                None => {}
            }
        }
        if let Some(session) = self.nodes.get_mut(&node) {
            session.known = places;
        }
    }

    /// Acknowledgements were answered, or will not be.
    pub(crate) fn acknowledged(
        &mut self,
        ticket: Ticket,
        answer: Result<ShareAcknowledgeResponse, CallError>,
        now: Monotonic,
    ) {
        let Some((node, asked)) = self.answered(ticket) else {
            return;
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return self.unanswered(node, &asked, &error, now),
        };
        let error = ErrorCode::from_code(response.error_code);
        if error.is_error() {
            return self.node_refused(node, asked, error, response.error_message, now);
        }
        let topics = response.responses.iter();
        let partitions = topics.flat_map(|topic| topic.partitions.iter().map(|data| (topic.topic_id, data)));
        let outcomes: Outcomes = partitions
            .map(|(id, data)| {
                ((id, data.partition_index), refusal(data.error_code, data.error_message.as_ref()))
            })
            .collect();
        let is_lost = self.is_lost(node, &asked);
        if !is_lost {
            self.goes_on(node, asked.epoch);
            let lock = milliseconds(response.acquisition_lock_timeout_ms);
            self.renew(&asked.acks, &outcomes, now + lock);
        }
        self.note_stale(&asked.acks, &outcomes);
        self.settle(node, &asked.acks, |place| outcome(&outcomes, place));
        if asked.ends && !is_lost {
            self.lose(node, now);
        }
    }

    fn answered(&mut self, ticket: Ticket) -> Option<(i32, Asked)> {
        self.nodes.iter_mut().find_map(|(node, session)| {
            let asked = session.under_way.take_if(|asked| asked.ticket == ticket)?;
            Some((*node, asked))
        })
    }

    fn is_lost(&self, node: i32, asked: &Asked) -> bool {
        self.nodes.get(&node).is_none_or(|session| session.losses != asked.losses)
    }

    /// The session has taken a request of that epoch.
    fn goes_on(&mut self, node: i32, epoch: i32) {
        if let Some(session) = self.nodes.get_mut(&node) {
            session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
            session.failures = 0;
            session.not_before = None;
        }
    }

    /// Whether the broker has heard us is not known, nor whether the session is still there: it goes with its connection.
    fn unanswered(&mut self, node: i32, asked: &Asked, error: &CallError, now: Monotonic) {
        let renews_only = asked.places.is_empty();
        let is_lost = self.is_lost(node, asked);
        self.stale.extend(asked.places.iter().chain(asked.acks.keys()).map(|place| place.at.topic.clone()));
        self.settle(node, &asked.acks, |_| Err(AcknowledgeCause::Call(error.clone())));
        if is_lost {
            return;
        }
        let unsent = matches!(error, CallError::Unsupported { .. });
        if !(unsent && renews_only) {
            self.lose(node, now);
        }
        if !error.is_retriable() && !renews_only {
            self.faults.push_back(ShareError::Call { node, source: error.clone() });
        }
        self.leave_alone(node, now);
    }

    /// The broker refuses the request as a whole.
    fn node_refused(
        &mut self,
        node: i32,
        asked: Asked,
        error: ErrorCode,
        message: Option<String>,
        now: Monotonic,
    ) {
        let is_lost = self.is_lost(node, &asked);
        let cause = AcknowledgeCause::Refused { error, message: message.clone() };
        self.settle(node, &asked.acks, |_| Err(cause.clone()));
        if is_lost {
            return;
        }
        self.lose(node, now);
        if !error.is_retriable() && !is_healed_by_joining(error) && !asked.places.is_empty() {
            self.faults.push_back(ShareError::NodeRefused { node, error, message });
        }
        self.stale.extend(asked.places.into_iter().map(|place| place.at.topic));
        // A session that is gone is opened anew at once, the first time.
        let may_open = matches!(error, ErrorCode::ShareSessionNotFound | ErrorCode::InvalidShareSessionEpoch);
        if !(may_open && asked.epoch > 0) {
            self.leave_alone(node, now);
        }
    }

    fn leave_alone(&mut self, node: i32, now: Monotonic) {
        if let Some(session) = self.nodes.get_mut(&node) {
            session.failures = session.failures.saturating_add(1);
            let delay = self.config.backoff.delay(session.failures, &mut self.entropy);
            session.not_before = Some(now + delay);
        }
    }

    fn partition_fetched(
        &mut self,
        node: i32,
        place: &Place,
        data: PartitionData,
        (now, lock): (Monotonic, Duration),
    ) {
        let error = ErrorCode::from_code(data.error_code);
        if error.is_error() {
            return self.partition_refused(place, error, data.error_message, now);
        }
        self.resting.remove(place);
        let bytes = data.records.unwrap_or_default();
        // What came over a connection is in memory; there is no file that reading could fail of.
        let bytes = bytes.to_bytes().unwrap_or_default();
        let acquired = self.not_told_yet(node, place, &data.acquired_records);
        let reading = Reading::of(&bytes, acquired, self.config.check_crcs);
        if let Some((offset, source)) = reading.fault {
            let partition = place.at.clone();
            self.faults.push_back(ShareError::Batch { partition, offset, source: Arc::new(source) });
        }
        let session = self.nodes.entry(node).or_default();
        for (first, last, why) in reading.unread {
            let kind = match why {
                Unread::Gap => Kind::Gap,
                Unread::Broken => Kind::Told(Acknowledgement::Reject),
                Unread::Cut => Kind::Told(Acknowledgement::Release),
            };
            session.tell(place.clone(), (first, last), kind, now);
        }
        for found in reading.batches {
            self.acquire(node, place, found, (now, lock));
        }
    }

    /// What was acquired but for what is to be acknowledged already: its lock had ended before that was told, and what is
    /// told holds for the new lock.
    fn not_told_yet(&self, node: i32, place: &Place, acquired: &[AcquiredRecords]) -> Ranges<i16> {
        let mut ranges = Ranges::default();
        for range in acquired {
            ranges.insert(range.first_offset, range.last_offset, range.delivery_count);
        }
        let pending = self.nodes.get(&node).and_then(|session| session.pending.get(place));
        for (first, last, _) in pending.into_iter().flat_map(Ranges::iter) {
            ranges.remove(first, last);
        }
        ranges
    }

    fn give_back(&mut self, node: i32, place: &Place, acquired: &[AcquiredRecords], now: Monotonic) {
        let session = self.nodes.entry(node).or_default();
        for range in acquired {
            let release = Kind::Told(Acknowledgement::Release);
            session.tell(place.clone(), (range.first_offset, range.last_offset), release, now);
        }
    }

    fn acquire(&mut self, node: i32, place: &Place, found: Found, (now, lock): (Monotonic, Duration)) {
        let until = now + lock;
        let held = self.held.entry(place.at.clone()).or_default();
        for (first, last) in found.present {
            held.insert(first, last, Hold { node, id: place.id, until });
        }
        let acquired = Acquired {
            topic_partition: place.at.clone(),
            batch: found.batch,
            ranges: found.ranges,
            lock_timeout: lock,
            locked_until: until,
        };
        self.ready.push_back((node, acquired));
    }

    fn partition_refused(
        &mut self,
        place: &Place,
        error: ErrorCode,
        message: Option<String>,
        now: Monotonic,
    ) {
        let passes = error.is_retriable() || error == ErrorCode::UnknownServerError;
        if passes {
            self.stale.insert(place.at.topic.clone());
        } else {
            let partition = place.at.clone();
            self.faults.push_back(ShareError::Refused { partition, error, message });
        }
        let rest = self.resting.entry(place.clone()).or_default();
        rest.failures = rest.failures.saturating_add(1);
        let delay = self.config.backoff.delay(rest.failures, &mut self.entropy);
        rest.until = Some(now + delay);
    }

    /// Locks that were renewed begin anew; what could not be renewed is not ours.
    fn renew(&mut self, acks: &Acks, outcomes: &Outcomes, until: Monotonic) {
        for (place, ranges) in acks {
            let is_renewed = outcome(outcomes, place).is_ok();
            let Some(held) = self.held.get_mut(&place.at) else { continue };
            for (first, last, kind) in ranges.iter() {
                if *kind != Kind::Told(Acknowledgement::Renew) {
                    continue;
                }
                for (first, last, hold) in held.remove(first, last) {
                    if is_renewed {
                        held.insert(first, last, Hold { until, ..hold });
                    }
                }
            }
            if held.is_empty() {
                self.held.remove(&place.at);
            }
        }
    }

    /// Where acknowledgements were refused by a broker that leads no more, the leader is looked up.
    fn note_stale(&mut self, acks: &Acks, outcomes: &Outcomes) {
        for place in acks.keys() {
            if let Err(AcknowledgeCause::Refused { error, .. }) = outcome(outcomes, place)
                && error.is_retriable()
            {
                self.stale.insert(place.at.topic.clone());
            }
        }
    }
}

/// We are no member any more, which the next heartbeat finds out, and joins again.
fn is_healed_by_joining(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch | ErrorCode::GroupIdNotFound)
}

fn outcome(outcomes: &Outcomes, place: &Place) -> Result<(), AcknowledgeCause> {
    let told = outcomes.get(&(place.id, place.at.partition.0)).cloned();
    told.unwrap_or(Err(AcknowledgeCause::Refused { error: ErrorCode::UnknownServerError, message: None }))
}

fn refusal(code: i16, message: Option<&String>) -> Result<(), AcknowledgeCause> {
    let error = ErrorCode::from_code(code);
    error.ok().map_err(|error| AcknowledgeCause::Refused { error, message: message.cloned() })
}

fn milliseconds(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
