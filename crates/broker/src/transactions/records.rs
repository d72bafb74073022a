//! Changes of transactions, to the records of `__transaction_state` and back.
//!
//! Invariants: what was written is read back as the same change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use headwater_coordinator::{
    Outcome, ProducerIdentity, StoredTransaction, TransactionChange, TransactionState, TransactionVersion,
    TransactionalId, TransactionsConfig,
};
use headwater_model::{PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName, TopicPartition};
use headwater_wire::internal::{
    encode_transaction_key, encode_transaction_value, parse_transaction_key, parse_transaction_value,
};
use headwater_wire::messages::transaction_log_record::{
    PartitionsSchema, TransactionLogKey, TransactionLogValue,
};

use crate::coordinator::{RecordError, records};

/// A topic of one partition, with the longest name.
const LARGEST_PARTITION: usize = 264;
/// Everything else in a record, with the longest transactional id.
const LARGEST_REST: usize = 2 * 1024;

/// The largest record.
pub(super) fn largest(config: &TransactionsConfig) -> usize {
    config.max_partitions * LARGEST_PARTITION + LARGEST_REST
}

/// The changes as batches, in order.
pub(super) fn to_batches(changes: &[TransactionChange], now: Timestamp) -> Vec<Bytes> {
    let record = |change: &TransactionChange| {
        let (id, value) = match change {
            TransactionChange::Stored(stored) => (&stored.id, Some(encode_transaction_value(&value(stored)))),
            TransactionChange::Forgotten { id } => (id, None),
        };
        let key = encode_transaction_key(&TransactionLogKey { transactional_id: id.to_string() });
        (key, value)
    };
    records::to_batches(changes.iter().map(record), now)
}

fn value(stored: &StoredTransaction) -> TransactionLogValue {
    let mut topics: BTreeMap<&TopicName, Vec<i32>> = BTreeMap::new();
    for partition in &stored.partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition.0);
    }
    let partitions = topics
        .into_iter()
        .map(|(topic, partition_ids)| PartitionsSchema { topic: topic.to_string(), partition_ids });
    // Kafka has none in the one state that no partition belongs to.
    let partitions = (stored.state != TransactionState::Empty).then(|| partitions.collect());
    TransactionLogValue {
        producer_id: stored.producer.id.0,
        previous_producer_id: stored.previous_id.map_or(-1, |id| id.0),
        next_producer_id: stored.next_id.map_or(-1, |id| id.0),
        producer_epoch: stored.producer.epoch.0,
        transaction_timeout_ms: i32::try_from(stored.timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_status: status(stored.state),
        transaction_partitions: partitions,
        transaction_last_update_timestamp_ms: stored.updated_at.0,
        transaction_start_timestamp_ms: stored.started_at.unwrap_or(Timestamp::NONE).0,
        client_transaction_version: match stored.version {
            TransactionVersion::V1 => 1,
            TransactionVersion::V2 => 2,
        },
    }
}

/// Kafka's numbers.
fn status(state: TransactionState) -> i8 {
    match state {
        TransactionState::Empty => 0,
        TransactionState::Ongoing => 1,
        TransactionState::Prepared(Outcome::Commit) => 2,
        TransactionState::Prepared(Outcome::Abort) => 3,
        TransactionState::Completed(Outcome::Commit) => 4,
        TransactionState::Completed(Outcome::Abort) => 5,
    }
}

/// The change that a record tells of.
pub(super) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<TransactionChange, RecordError> {
    let key = Bytes::copy_from_slice(key.ok_or(RecordError::NoKey)?);
    let Some(parsed) = parse_transaction_key(&key)? else {
        return Err(RecordError::UnknownKind(key.first_chunk().map_or(-1, |kind| i16::from_be_bytes(*kind))));
    };
    let id = TransactionalId::from(parsed.transactional_id);
    match value {
        None => Ok(TransactionChange::Forgotten { id }),
        Some(value) => {
            let value = parse_transaction_value(&Bytes::copy_from_slice(value))?;
            stored(id, value).map(TransactionChange::Stored)
        }
    }
}

fn stored(id: TransactionalId, value: TransactionLogValue) -> Result<StoredTransaction, RecordError> {
    let state = match value.transaction_status {
        0 => TransactionState::Empty,
        1 => TransactionState::Ongoing,
        2 => TransactionState::Prepared(Outcome::Commit),
        3 => TransactionState::Prepared(Outcome::Abort),
        4 => TransactionState::Completed(Outcome::Commit),
        5 => TransactionState::Completed(Outcome::Abort),
        // Kafka's others (dead, about to be fenced) are never written.
        other => return Err(RecordError::UnknownState(other)),
    };
    let mut partitions = BTreeSet::new();
    for topic in value.transaction_partitions.unwrap_or_default() {
        let name = TopicName::new(&topic.topic)?;
        let ids = topic.partition_ids.into_iter();
        partitions.extend(ids.map(|id| TopicPartition::new(name.clone(), PartitionId(id))));
    }
    let known = |id: i64| (id >= 0).then_some(ProducerId(id));
    Ok(StoredTransaction {
        id,
        producer: ProducerIdentity {
            id: ProducerId(value.producer_id),
            epoch: ProducerEpoch(value.producer_epoch),
        },
        previous_id: known(value.previous_producer_id),
        next_id: known(value.next_producer_id),
        timeout: Duration::from_millis(u64::try_from(value.transaction_timeout_ms).unwrap_or(0)),
        state,
        partitions,
        started_at: Some(Timestamp(value.transaction_start_timestamp_ms)).filter(|at| at.0 >= 0),
        updated_at: Timestamp(value.transaction_last_update_timestamp_ms),
        version: if value.client_transaction_version >= 2 {
            TransactionVersion::V2
        } else {
            TransactionVersion::V1
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_wire::batch::batches;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = TransactionChange> {
        let partition = ("[a-z]{1,4}", 0..9).prop_map(|(topic, partition)| {
            TopicPartition::new(TopicName::new(&topic).unwrap(), PartitionId(partition))
        });
        let id = || prop::option::of((0..i64::MAX).prop_map(ProducerId));
        let outcome = prop::sample::select(vec![Outcome::Commit, Outcome::Abort]);
        let state = prop_oneof![
            Just(TransactionState::Ongoing),
            outcome.clone().prop_map(TransactionState::Prepared),
            outcome.prop_map(TransactionState::Completed),
        ];
        let version = prop::sample::select(vec![TransactionVersion::V1, TransactionVersion::V2]);
        let times = (prop::option::of(0..i64::MAX), any::<i64>(), 0..i32::MAX);
        let partitions = prop::collection::btree_set(partition, 0..6);
        let stored = (".{0,9}", (0..i64::MAX, any::<i16>()), id(), id(), state, partitions, version, times);
        let stored =
            stored.prop_map(|(id, producer, previous_id, next_id, state, partitions, version, times)| {
                StoredTransaction {
                    id: id.into(),
                    producer: ProducerIdentity {
                        id: ProducerId(producer.0),
                        epoch: ProducerEpoch(producer.1),
                    },
                    previous_id,
                    next_id,
                    timeout: Duration::from_millis(u64::try_from(times.2).unwrap()),
                    state,
                    partitions,
                    started_at: times.0.map(Timestamp),
                    updated_at: Timestamp(times.1),
                    version,
                }
            });
        let forgotten = ".{0,9}".prop_map(|id| TransactionChange::Forgotten { id: id.into() });
        prop_oneof![4 => stored.prop_map(TransactionChange::Stored), 1 => forgotten]
    }

    proptest! {
        #[test]
        fn changes_are_read_as_they_were_written(changes in prop::collection::vec(change(), 1..20)) {
            let mut read = Vec::new();
            for written in to_batches(&changes, Timestamp(5)) {
                for batch in batches(written) {
                    for record in batch.unwrap().open(usize::MAX).unwrap().records() {
                        let record = record.unwrap();
                        read.push(decode(record.key, record.value).unwrap());
                    }
                }
            }
            prop_assert_eq!(read, changes);
        }

        #[test]
        fn noise_gives_a_change_or_an_error(key: Option<Vec<u8>>, value: Option<Vec<u8>>) {
            let _ = decode(key.as_deref(), value.as_deref());
        }
    }

    #[test]
    fn the_largest_record_fits() {
        let config = TransactionsConfig { max_partitions: 100, ..TransactionsConfig::default() };
        let name = |number: i32| TopicName::new(&format!("{number:0>249}")).unwrap();
        let partitions = (0..100).map(|number| TopicPartition::new(name(number), PartitionId(0))).collect();
        let stored = StoredTransaction {
            id: "i".repeat(1_024).into(),
            producer: ProducerIdentity { id: ProducerId(1), epoch: ProducerEpoch(1) },
            previous_id: Some(ProducerId(1)),
            next_id: Some(ProducerId(1)),
            timeout: Duration::from_secs(1),
            state: TransactionState::Ongoing,
            partitions,
            started_at: Some(Timestamp(1)),
            updated_at: Timestamp(1),
            version: TransactionVersion::V2,
        };
        let written = to_batches(&[TransactionChange::Stored(stored)], Timestamp(5));
        assert!(written[0].len() <= largest(&config));
    }
}
