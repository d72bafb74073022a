//! What the answers hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::{ErrorCode, Monotonic, Offset, PartitionId, TopicName, TopicPartition, Uuid};
use headwater_wire::batch::{Batch, BatchError, batches};
use headwater_wire::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use headwater_wire::messages::list_offsets::ListOffsetsResponse;

use super::isolation::AbortedTransactions;
use super::partition::{Buffered, Cursor, Spec};
use super::{Asked, AskedPartition, Fetcher, Ticket, Whom};
use crate::consumer::{CommitError, CommittedOffset, ConsumeError, Isolation, OffsetReset, Watermarks};
use crate::error::CallError;

impl Fetcher {
    /// A fetch was answered, or will not be.
    pub(crate) fn fetched(
        &mut self,
        ticket: Ticket,
        answer: Result<FetchResponse, CallError>,
        now: Monotonic,
    ) {
        let Some(asked) = self.close(ticket) else {
            return;
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                self.counts.fetches_failed += 1;
                return self.unanswered(&asked, &error, now);
            }
        };
        self.counts.fetches += 1;
        if ErrorCode::from_code(response.error_code).is_error() {
            return self.node_failed(&asked, now);
        }
        self.node_answered(&asked);
        let mut left: BTreeMap<TopicPartition, AskedPartition> =
            asked.partitions.into_iter().map(|asked| (asked.at.clone(), asked)).collect();
        for topic in response.responses {
            let Some(name) = name_of(&topic, &asked.topics) else {
                continue;
            };
            for data in topic.partitions {
                let at = TopicPartition::new(name.clone(), PartitionId(data.partition_index));
                if let Some(asked) = left.remove(&at) {
                    self.partition_fetched(&asked, data, now);
                }
            }
        }
        for asked in left.into_values() {
            self.retry_later(&asked, now);
        }
    }

    /// Offsets were told, or will not be.
    pub(crate) fn listed(
        &mut self,
        ticket: Ticket,
        answer: Result<ListOffsetsResponse, CallError>,
        now: Monotonic,
    ) {
        let Some(asked) = self.close(ticket) else {
            return;
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return self.unanswered(&asked, &error, now),
        };
        self.node_answered(&asked);
        for asked in asked.partitions {
            let topic = response.topics.iter().find(|topic| topic.name == asked.at.topic.as_str());
            let told = topic.and_then(|topic| {
                topic.partitions.iter().find(|partition| partition.partition_index == asked.at.partition.0)
            });
            match told.map(|told| (ErrorCode::from_code(told.error_code), Offset(told.offset))) {
                None => self.retry_later(&asked, now),
                Some((ErrorCode::None, offset)) => self.offset_told(&asked, offset, now),
                Some((error, _)) => self.partition_refused(&asked, error, now),
            }
        }
    }

    /// The group's offsets were told, or will not be.
    pub(crate) fn committed(
        &mut self,
        ticket: Ticket,
        answer: &Result<BTreeMap<TopicPartition, CommittedOffset>, CommitError>,
        now: Monotonic,
    ) {
        let Some(asked) = self.close(ticket) else {
            return;
        };
        for asked in &asked.partitions {
            match answer.as_ref().map(|offsets| offsets.get(&asked.at)) {
                Ok(Some(committed)) => self.offset_told(asked, committed.offset, now),
                Ok(None) => {
                    self.reset(asked, ConsumeError::NoCommittedOffset { partition: asked.at.clone() });
                }
                Err(error) if error.is_retriable() => self.retry_later(asked, now),
                Err(error) => self.break_off(asked, ConsumeError::Committed(error.clone())),
            }
        }
    }

    fn close(&mut self, ticket: Ticket) -> Option<Asked> {
        let asked = self.under_way.remove(&ticket)?;
        for asked in &asked.partitions {
            if let Some(partition) = self.partitions.get_mut(&asked.at)
                && partition.epoch == asked.epoch
            {
                partition.asked = false;
            }
        }
        Some(asked)
    }

    fn unanswered(&mut self, asked: &Asked, error: &CallError, now: Monotonic) {
        if error.is_retriable() {
            return self.node_failed(asked, now);
        }
        for asked in &asked.partitions {
            let partition = asked.at.clone();
            self.break_off(asked, ConsumeError::Call { partition, source: error.clone() });
        }
    }

    /// The broker is left alone for a while, and the leaders looked up again: it may lead nothing any more.
    fn node_failed(&mut self, asked: &Asked, now: Monotonic) {
        self.stale.extend(asked.partitions.iter().map(|asked| asked.at.topic.clone()));
        if let Whom::Leader(node) | Whom::ListingLeader(node) = asked.whom {
            let node = self.nodes.entry(node).or_default();
            node.failures = node.failures.saturating_add(1);
            node.not_before = now + self.config.backoff.delay(node.failures, &mut self.entropy);
        }
    }

    fn node_answered(&mut self, asked: &Asked) {
        if let Whom::Leader(node) | Whom::ListingLeader(node) = asked.whom {
            self.nodes.remove(&node);
        }
    }

    fn partition_fetched(&mut self, asked: &AskedPartition, data: PartitionData, now: Monotonic) {
        let error = ErrorCode::from_code(data.error_code);
        match (error, &asked.cursor) {
            (ErrorCode::None, Cursor::At(offset)) => self.read(asked, *offset, data),
            (ErrorCode::OffsetOutOfRange, Cursor::At(offset)) => {
                let (partition, offset) = (asked.at.clone(), *offset);
                self.reset(asked, ConsumeError::OffsetOutOfRange { partition, offset });
            }
            _ => self.partition_refused(asked, error, now),
        }
    }

    /// Takes in what came of a partition.
    fn read(&mut self, asked: &AskedPartition, offset: Offset, data: PartitionData) {
        let (isolation, check_crcs) = (self.config.isolation, self.config.check_crcs);
        let served = self.last_served + 1;
        let Some(partition) = self.still(asked) else {
            return;
        };
        partition.failures = 0;
        partition.watermarks = Some(Watermarks {
            log_start: Offset(data.log_start_offset.max(0)),
            high: Offset(data.high_watermark),
            // Absent where there are no transactions.
            last_stable: Offset(if data.last_stable_offset < 0 {
                data.high_watermark
            } else {
                data.last_stable_offset
            }),
        });
        let records = data.records.unwrap_or_default();
        if records.is_empty() {
            return;
        }
        let mut reading =
            Reading { offset, isolation, check_crcs, high_watermark: Offset(data.high_watermark) };
        let aborted = AbortedTransactions::new(data.aborted_transactions.as_deref().unwrap_or_default());
        // What came over a connection is in memory; there is no file that reading could fail of.
        let bytes = records.to_bytes().unwrap_or_default();
        let outcome = reading.batches(&bytes, aborted, |buffered| partition.push(buffered));
        partition.served = served;
        if let Err(source) = outcome {
            partition.cursor = Cursor::Broken(ConsumeError::Batch {
                partition: asked.at.clone(),
                offset: reading.offset,
                source: Arc::new(source),
            });
        }
        self.last_served = served;
        self.queue(&asked.at);
    }

    fn offset_told(&mut self, asked: &AskedPartition, offset: Offset, now: Monotonic) {
        let Some(partition) = self.still(asked) else {
            return;
        };
        if offset.0 >= 0 {
            partition.failures = 0;
            partition.start(offset);
            self.queue(&asked.at);
        } else if matches!(asked.cursor, Cursor::Lookup(Spec::At(_))) {
            // No record is that new.
            partition.cursor = Cursor::Lookup(Spec::Latest);
        } else {
            self.retry_later(asked, now);
        }
    }

    /// The policy says where to go on, or the fault is the application's to handle.
    fn reset(&mut self, asked: &AskedPartition, fault: ConsumeError) {
        let spec = match self.config.reset {
            OffsetReset::Earliest => Spec::Earliest,
            OffsetReset::Latest => Spec::Latest,
            OffsetReset::Fail => return self.break_off(asked, fault),
        };
        if let Some(partition) = self.still(asked) {
            tracing::info!(partition = %asked.at, to = ?spec, "{fault}: going on by the policy");
            partition.cursor = Cursor::Lookup(spec);
        }
    }

    fn partition_refused(&mut self, asked: &AskedPartition, error: ErrorCode, now: Monotonic) {
        if error.is_retriable() || error == ErrorCode::UnknownServerError {
            self.stale.insert(asked.at.topic.clone());
            self.retry_later(asked, now);
        } else {
            self.break_off(asked, ConsumeError::Refused { partition: asked.at.clone(), error });
        }
    }

    fn retry_later(&mut self, asked: &AskedPartition, now: Monotonic) {
        let Some(partition) = self.partitions.get_mut(&asked.at).filter(|p| p.epoch == asked.epoch) else {
            return;
        };
        partition.failures = partition.failures.saturating_add(1);
        partition.not_before = now + self.config.backoff.delay(partition.failures, &mut self.entropy);
    }

    fn break_off(&mut self, asked: &AskedPartition, fault: ConsumeError) {
        if let Some(partition) = self.still(asked) {
            partition.cursor = Cursor::Broken(fault);
            self.queue(&asked.at);
        }
    }

    /// The partition, if it still is where it was when this was asked.
    fn still(&mut self, asked: &AskedPartition) -> Option<&mut super::Partition> {
        let partition = self.partitions.get_mut(&asked.at)?;
        let same =
            partition.epoch == asked.epoch && partition.cursor.is_same(&asked.cursor) && !partition.frozen;
        same.then_some(partition)
    }
}

/// Reads one answer of one partition.
struct Reading {
    /// What is read next.
    offset: Offset,
    isolation: Isolation,
    check_crcs: bool,
    high_watermark: Offset,
}

impl Reading {
    /// Gives each batch, and the gaps that the application does not see, to `push`.
    fn batches(
        &mut self,
        bytes: &Bytes,
        mut aborted: AbortedTransactions,
        mut push: impl FnMut(Buffered),
    ) -> Result<(), BatchError> {
        let mut any = false;
        for batch in batches(bytes.clone()) {
            let batch = batch?;
            any = true;
            if self.check_crcs {
                batch.verify_crc()?;
            }
            let hidden = self.isolation == Isolation::ReadCommitted && aborted.hides(&batch)?;
            if batch.next_offset() <= self.offset {
                continue;
            }
            let (from, next) = (self.offset, batch.next_offset());
            let batch = (!hidden && !batch.is_control()).then_some((batch, self.high_watermark));
            push(Buffered { batch, from, next });
            self.offset = next;
        }
        // A broker cuts an answer at any byte, but not within the first batch: that would be no progress for ever.
        if any { Ok(()) } else { Batch::parse(bytes).map(drop) }
    }
}

fn name_of(topic: &FetchableTopicResponse, asked: &[(Uuid, TopicName)]) -> Option<TopicName> {
    let is_same = |(id, name): &&(Uuid, TopicName)| {
        if topic.topic.is_empty() { *id == topic.topic_id } else { name.as_str() == topic.topic }
    };
    asked.iter().find(is_same).map(|(_, name)| name.clone())
}
