//! Record batches: what is written is read, by us and by the oracle; what is damaged is refused.

use bytes::{Bytes, BytesMut};
use headwater_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{
    self, Batch, BatchBuilder, BatchError, BatchMeta, Compression, DecompressError, Header, RecordFault,
    Retained, TimestampType, batches,
};
use kafka_protocol::records as oracle;
use proptest::prelude::*;

const LIMIT: usize = 1 << 24;

/// A record that owns its parts.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn part(most: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..most))
}

fn record() -> impl Strategy<Value = Owned> {
    let timestamp = prop_oneof![4 => 0i64..4_000_000_000_000, 1 => Just(-1), 1 => any::<i64>()];
    // Few keys, so that duplicates appear.
    let headers = prop::collection::vec(("[aé]{0,2}", part(6)), 0..4);
    (timestamp, part(40), part(200), headers).prop_map(|(timestamp, key, value, headers)| Owned {
        timestamp,
        key,
        value,
        headers,
    })
}

fn codec() -> impl Strategy<Value = Compression> {
    prop::sample::select(Compression::ALL.to_vec())
}

fn builder_of(records: &[Owned], compression: Compression) -> BatchBuilder {
    let mut builder = BatchBuilder::new(compression);
    for record in records {
        let headers: Vec<_> = record.headers.iter().map(as_header).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let bound = builder.size_with(key, value, &headers);
        builder.append(Timestamp(record.timestamp), key, value, &headers);
        assert!(builder.estimated_size() <= bound);
    }
    builder
}

fn as_header((key, value): &(String, Option<Vec<u8>>)) -> Header<'_> {
    Header { key, value: value.as_deref() }
}

fn build(records: &[Owned], compression: Compression, meta: &BatchMeta) -> Bytes {
    builder_of(records, compression).build(meta)
}

fn read(batch: &Batch) -> Result<Vec<(i64, Owned)>, BatchError> {
    let mut records = Vec::new();
    for record in batch.open(LIMIT)?.records() {
        let record = record?;
        let headers: Result<_, RecordFault> = record
            .headers()
            .map(|header| header.map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec))))
            .collect();
        let owned = Owned {
            timestamp: record.timestamp.0,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.map_err(|fault| BatchError::Record { index: 0, fault })?,
        };
        records.push((record.offset.0, owned));
    }
    Ok(records)
}

fn small_batch(count: usize) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for index in 0..count {
        builder.append(Timestamp(index as i64), Some(b"key"), Some(&[index as u8]), &[]);
    }
    builder.build(&BatchMeta::default())
}

/// The same batch with bytes changed and, so that the change gets past the checksum, a new one.
fn tampered(batch: &Bytes, change: impl FnOnce(&mut Vec<u8>)) -> Batch {
    let mut bytes = batch.to_vec();
    change(&mut bytes);
    let length = (bytes.len() - 12) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    Batch::parse(&Bytes::from(bytes)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_appended_is_read_with_every_codec(
        records in prop::collection::vec(record(), 1..20),
        compression in codec(),
        base_offset in 0i64..1_000_000_000_000,
    ) {
        // A delta between timestamps has 64 bits, so that times must be less than that apart.
        prop_assume!(records.iter().all(|record| record.timestamp.checked_sub(records[0].timestamp).is_some()));
        let meta = BatchMeta {
            base_offset: Offset(base_offset),
            leader_epoch: LeaderEpoch(3),
            producer_id: ProducerId(9),
            producer_epoch: ProducerEpoch(2),
            base_sequence: 77,
            is_transactional: true,
            ..BatchMeta::default()
        };
        let batch = Batch::parse(&build(&records, compression, &meta)).unwrap();
        batch.verify_crc().unwrap();
        batch.check_dense().unwrap();
        prop_assert_eq!(batch.compression().unwrap(), compression);
        prop_assert_eq!(batch.base_offset(), Offset(base_offset));
        prop_assert_eq!(batch.next_offset(), Offset(base_offset + records.len() as i64));
        prop_assert_eq!(batch.leader_epoch(), LeaderEpoch(3));
        prop_assert_eq!((batch.producer_id(), batch.producer_epoch()), (ProducerId(9), ProducerEpoch(2)));
        prop_assert_eq!((batch.base_sequence(), batch.last_sequence()), (77, 76 + records.len() as i32));
        prop_assert!(batch.is_transactional() && !batch.is_control());
        let greatest = records.iter().map(|record| record.timestamp).max();
        prop_assert_eq!(Some(batch.max_timestamp().0), greatest);
        let expected: Vec<_> = (base_offset..).zip(records).collect();
        prop_assert_eq!(read(&batch).unwrap(), expected);
    }

    #[test]
    fn the_oracle_reads_what_we_write(records in prop::collection::vec(oracle_record(), 1..20)) {
        let records: Vec<_> = (0..).zip(records).map(|(offset, record)| at(record, offset)).collect();
        let ours: Vec<_> = records.iter().map(of_oracle).collect();
        let meta = BatchMeta { leader_epoch: LeaderEpoch(0), ..BatchMeta::default() };
        let mut bytes = build(&ours, Compression::None, &meta);
        let set = oracle::RecordBatchDecoder::decode(&mut bytes).unwrap();
        prop_assert_eq!(set.records.len(), records.len());
        for (read, wrote) in set.records.iter().zip(&records) {
            prop_assert_eq!(read.offset, wrote.offset);
            prop_assert_eq!(of_oracle(read), of_oracle(wrote));
        }
    }

    #[test]
    fn we_read_what_the_oracle_writes(records in prop::collection::vec(oracle_record(), 1..20)) {
        let records: Vec<_> = (0..).zip(records).map(|(offset, record)| at(record, offset)).collect();
        let mut bytes = BytesMut::new();
        let options = oracle::RecordEncodeOptions { version: 2, compression: oracle::Compression::None };
        oracle::RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
        let read: Vec<_> = batches(bytes.freeze())
            .flat_map(|batch| {
                let batch = batch.unwrap();
                batch.verify_crc().unwrap();
                read(&batch).unwrap()
            })
            .collect();
        let wrote: Vec<_> = records.iter().map(|record| (record.offset, of_oracle(record))).collect();
        prop_assert_eq!(read, wrote);
    }

    #[test]
    fn the_checksum_catches_every_flip_that_it_covers(
        records in prop::collection::vec(record(), 1..4),
        compression in codec(),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut bytes = build(&records, compression, &BatchMeta::default()).to_vec();
        let covered = bytes.len() - 17;
        bytes[17 + at.index(covered)] ^= 1 << bit;
        let refused = Batch::parse(&Bytes::from(bytes)).and_then(|batch| batch.verify_crc());
        prop_assert!(refused.is_err());
    }

    #[test]
    fn changed_bytes_never_panic(
        records in prop::collection::vec(record(), 1..6),
        compression in codec(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut bytes = build(&records, compression, &BatchMeta::default()).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(keep.index(2 * bytes.len()));
        for batch in batches(Bytes::from(bytes)).flatten() {
            let _ = (batch.verify_crc(), batch.next_offset(), batch.last_sequence(), batch.check_dense());
            let _ = read(&batch);
        }
    }

    #[test]
    fn noise_behind_a_header_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200), count: i32) {
        let batch = tampered(&small_batch(1), |bytes| {
            bytes.truncate(batch::HEADER_SIZE);
            bytes.extend_from_slice(&noise);
            bytes[57..61].copy_from_slice(&(count & i32::MAX).to_be_bytes());
            bytes[23..27].copy_from_slice(&i32::MAX.to_be_bytes());
        });
        if let Ok(records) = read(&batch) {
            prop_assert!(records.len() * 7 <= noise.len());
        }
    }

    #[test]
    fn a_batch_cut_off_at_the_end_is_left_out_silently(counts in prop::collection::vec(1usize..5, 1..4), cut in 1usize..80) {
        let parts: Vec<_> = counts.iter().map(|count| small_batch(*count)).collect();
        let mut bytes = parts.concat();
        let cut = cut.min(parts.last().unwrap().len());
        bytes.truncate(bytes.len() - cut);
        let read: Vec<_> = batches(Bytes::from(bytes)).map(|batch| batch.unwrap().bytes().clone()).collect();
        prop_assert_eq!(&read[..], &parts[..parts.len() - 1]);
    }
}

fn oracle_record() -> impl Strategy<Value = oracle::Record> {
    (record(), 0i64..4_000_000_000_000).prop_map(|(owned, timestamp)| oracle::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: oracle::TimestampType::Creation,
        offset: 0,
        sequence: -1,
        timestamp,
        key: owned.key.map(Bytes::from),
        value: owned.value.map(Bytes::from),
        headers: owned
            .headers
            .into_iter()
            .map(|(key, value)| {
                (kafka_protocol::protocol::StrBytes::from_string(key), value.map(Bytes::from))
            })
            .collect(),
    })
}

/// The oracle groups records into a batch by the distance of sequence and offset.
fn at(mut record: oracle::Record, offset: i64) -> oracle::Record {
    record.offset = offset;
    record.sequence = offset as i32 - 1;
    record
}

fn of_oracle(record: &oracle::Record) -> Owned {
    Owned {
        timestamp: record.timestamp,
        key: record.key.as_ref().map(|key| key.to_vec()),
        value: record.value.as_ref().map(|value| value.to_vec()),
        headers: record
            .headers
            .iter()
            .map(|(key, value)| (key.to_string(), value.as_ref().map(|value| value.to_vec())))
            .collect(),
    }
}

#[test]
fn duplicate_and_null_headers_keep_their_order() {
    let headers = [("a", Some("1")), ("b", None), ("a", None), ("", Some("")), ("a", Some("2"))];
    let headers: Vec<_> = headers
        .iter()
        .map(|(key, value)| (String::from(*key), value.map(|value| value.as_bytes().to_vec())))
        .collect();
    let record = Owned { timestamp: 5, key: None, value: None, headers };
    let batch = Batch::parse(&build(std::slice::from_ref(&record), Compression::None, &BatchMeta::default()));
    assert_eq!(read(&batch.unwrap()).unwrap(), [(0, record)]);
}

#[test]
fn a_bomb_is_refused() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(Timestamp(0), None, Some(&vec![0; 1 << 20]), &[]);
    let size = builder.estimated_size() - batch::HEADER_SIZE;
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let mut builder = BatchBuilder::new(compression);
        builder.append(Timestamp(0), None, Some(&vec![0; 1 << 20]), &[]);
        let batch = Batch::parse(&builder.build(&BatchMeta::default())).unwrap();
        assert!(batch.size() < size / 10);
        assert!(batch.open(size).is_ok());
        let refused = batch.open(size - 1);
        assert!(
            matches!(refused, Err(BatchError::Decompress(DecompressError::TooLarge { .. }))),
            "{compression}: {refused:?}"
        );
    }
}

#[test]
fn records_that_the_header_does_not_count_are_an_error() {
    let two = small_batch(2);
    let with_count = |count: i32| tampered(&two, |bytes| bytes[57..61].copy_from_slice(&count.to_be_bytes()));
    assert!(matches!(read(&with_count(1)), Err(BatchError::TrailingBytes(_))));
    assert!(matches!(
        read(&with_count(3)),
        Err(BatchError::Record { index: 2, fault: RecordFault::Truncated })
    ));
    assert!(matches!(
        with_count(3).check_dense(),
        Err(BatchError::OffsetsNotDense { record_count: 3, offsets: 2 })
    ));
    let garbage = tampered(&two, |bytes| bytes.push(0));
    assert!(matches!(read(&garbage), Err(BatchError::TrailingBytes(1))));
}

#[test]
fn impossible_headers_are_refused() {
    let change = |at: usize, value: &[u8]| {
        let mut bytes = small_batch(1).to_vec();
        bytes[at..at + value.len()].copy_from_slice(value);
        Batch::parse(&Bytes::from(bytes))
    };
    assert!(matches!(change(16, &[1]), Err(BatchError::UnsupportedMagic(1))));
    assert!(matches!(change(8, &48i32.to_be_bytes()), Err(BatchError::LengthTooSmall(48))));
    assert!(matches!(change(8, &(-1i32).to_be_bytes()), Err(BatchError::LengthTooSmall(-1))));
    assert!(matches!(change(8, &i32::MAX.to_be_bytes()), Err(BatchError::Incomplete { .. })));
    assert!(matches!(change(23, &(-1i32).to_be_bytes()), Err(BatchError::ImpossibleHeader { .. })));
    assert!(matches!(change(57, &(-1i32).to_be_bytes()), Err(BatchError::ImpossibleHeader { .. })));
    assert!(matches!(change(0, &i64::MAX.to_be_bytes()), Err(BatchError::ImpossibleHeader { .. })));
    assert!(matches!(
        change(21, &5i16.to_be_bytes()).unwrap().compression(),
        Err(BatchError::UnknownCodec(5))
    ));
}

#[test]
fn a_fault_other_than_a_cut_off_end_is_told_once() {
    let mut bytes = small_batch(1).to_vec();
    bytes[16] = 0;
    let mut faulty = batches(Bytes::from(bytes));
    assert!(matches!(faulty.next(), Some(Err(BatchError::UnsupportedMagic(0)))));
    assert!(faulty.next().is_none());
}

#[test]
fn sequences_start_again_after_the_greatest() {
    let mut builder = builder_of(&[], Compression::None);
    for _ in 0..3 {
        builder.append(Timestamp(0), None, None, &[]);
    }
    let meta = BatchMeta { base_sequence: i32::MAX - 1, ..BatchMeta::default() };
    assert_eq!(Batch::parse(&builder.build(&meta)).unwrap().last_sequence(), 0);
    assert_eq!(Batch::parse(&small_batch(3)).unwrap().last_sequence(), -1);
}

#[test]
fn assigning_a_place_keeps_the_checksum_valid() {
    let mut bytes = small_batch(3).to_vec();
    batch::assign(&mut bytes, Offset(41), LeaderEpoch(7)).unwrap();
    let batch = Batch::parse(&Bytes::from(bytes)).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!((batch.base_offset(), batch.last_offset()), (Offset(41), Offset(43)));
    assert_eq!(batch.leader_epoch(), LeaderEpoch(7));
    assert!(batch::assign(&mut [0; 15], Offset(0), LeaderEpoch(0)).is_err());
}

#[test]
fn append_time_is_the_time_of_every_record() {
    let mut bytes = small_batch(3).to_vec();
    batch::stamp_append_time(&mut bytes, Timestamp(99)).unwrap();
    let batch = Batch::parse(&Bytes::from(bytes)).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(batch.max_timestamp(), Timestamp(99));
    let open = batch.open(LIMIT).unwrap();
    assert!(open.records().all(|record| record.unwrap().timestamp == Timestamp(99)));
}

#[test]
fn offsets_that_compaction_left_are_read_and_must_rise() {
    let mut builder = BatchBuilder::new(Compression::None);
    for delta in [2, 3, 9] {
        builder.append_at(delta, Timestamp(0), None, None, &[]);
    }
    let meta = BatchMeta { base_offset: Offset(100), ..BatchMeta::default() };
    let bytes = builder.build(&meta);
    let batch = Batch::parse(&bytes).unwrap();
    let offsets: Vec<_> = read(&batch).unwrap().into_iter().map(|(offset, _)| offset).collect();
    assert_eq!(offsets, [102, 103, 109]);
    assert!(batch.check_dense().is_err());
    for last_offset_delta in [8i32, 1] {
        let beyond =
            tampered(&bytes, |bytes| bytes[23..27].copy_from_slice(&last_offset_delta.to_be_bytes()));
        assert!(matches!(
            read(&beyond),
            Err(BatchError::Record { fault: RecordFault::OffsetOutOfOrder, .. })
        ));
    }
    let twice = tampered(&bytes, |bytes| {
        let end = bytes.len();
        let last = bytes[end - 7..].to_vec();
        bytes[end - 14..end - 7].copy_from_slice(&last);
    });
    assert!(matches!(
        read(&twice),
        Err(BatchError::Record { index: 2, fault: RecordFault::OffsetOutOfOrder })
    ));
}

#[test]
fn a_part_of_a_record_is_shared_without_copying() {
    let batch = Batch::parse(&small_batch(2)).unwrap();
    let open = batch.open(LIMIT).unwrap();
    let record = open.records().next().unwrap().unwrap();
    let key = open.share(record.key.unwrap()).unwrap();
    assert_eq!(&key[..], b"key");
    assert_eq!(key.as_ptr(), record.key.unwrap().as_ptr());
    assert!(open.share(b"elsewhere").is_none());
}

#[test]
fn a_builder_is_used_again() {
    let mut builder = BatchBuilder::new(Compression::Lz4);
    let first = build_one(&mut builder);
    assert!(builder.is_empty());
    assert_eq!(first, build_one(&mut builder));
}

fn build_one(builder: &mut BatchBuilder) -> Bytes {
    builder.append(Timestamp(7), Some(b"key"), Some(b"value"), &[]);
    assert_eq!((builder.record_count(), builder.max_timestamp()), (1, Timestamp(7)));
    builder.build(&BatchMeta::default())
}

fn owned(batch: &Batch) -> Vec<(i64, Owned)> {
    let open = batch.open(LIMIT).unwrap();
    let record = |record: batch::Record<'_>| Owned {
        timestamp: record.timestamp.0,
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: record
            .headers()
            .map(|header| header.map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec))).unwrap())
            .collect(),
    };
    open.records().map(|found| found.map(|found| (found.offset.0, record(found))).unwrap()).collect()
}

#[test]
fn a_batch_without_records_keeps_its_place_and_its_producer() {
    let mut builder = BatchBuilder::new(Compression::Zstd);
    for _ in 0..3 {
        builder.append(Timestamp(7), Some(b"key"), None, &[]);
    }
    let meta = BatchMeta {
        base_offset: Offset(40),
        producer_id: ProducerId(5),
        producer_epoch: ProducerEpoch(2),
        base_sequence: 9,
        is_transactional: true,
        ..BatchMeta::default()
    };
    let full = Batch::parse(&builder.build(&meta)).unwrap();
    for (bytes, producer, transactional) in [
        (batch::emptied(full.header()), (5, 2, 11), true),
        (batch::placeholder(full.header()), (-1, -1, -1), false),
    ] {
        let empty = Batch::parse(&bytes).unwrap();
        empty.verify_crc().unwrap();
        assert_eq!((empty.size(), empty.record_count()), (61, 0));
        assert_eq!((empty.base_offset(), empty.last_offset()), (Offset(40), Offset(42)));
        assert_eq!((empty.max_timestamp(), empty.header().delete_horizon()), (Timestamp(7), None));
        let found = (empty.producer_id().0, empty.producer_epoch().0, empty.last_sequence());
        assert_eq!((found, empty.is_transactional()), (producer, transactional));
        assert_eq!(empty.open(0).unwrap().records().count(), 0);
    }
}

proptest! {
    #[test]
    fn what_is_retained_of_a_batch_is_as_it_was(
        records in prop::collection::vec((record(), 0i64..4_000_000_000_000, any::<bool>()), 1..12),
        codec in codec(),
        horizons in prop::collection::vec(prop::option::of(0i64..4_000_000_000_000), 1..3),
    ) {
        let all: Vec<_> = records
            .iter()
            .map(|(record, timestamp, _)| Owned { timestamp: *timestamp, ..record.clone() })
            .collect();
        let meta = BatchMeta { base_offset: Offset(100), ..BatchMeta::default() };
        let mut batch = Batch::parse(&build(&all, codec, &meta)).unwrap();
        let expected: Vec<_> = (100..)
            .zip(&all)
            .zip(&records)
            .filter(|(_, (_, _, stays))| *stays)
            .map(|((offset, record), _)| (offset, record.clone()))
            .collect();
        let mut retained = Retained::default();
        let mut horizon = None;
        for next in horizons {
            horizon = next.or(horizon);
            let stays = |offset: i64| expected.iter().any(|(kept, _)| *kept == offset);
            let open = batch.open(LIMIT).unwrap();
            retained.choose(&open, |record| stays(record.offset.0)).unwrap();
            prop_assert_eq!(retained.records() as usize, expected.len());
            let tombstones = expected.iter().filter(|(_, record)| record.value.is_none()).count();
            prop_assert_eq!(retained.tombstones() as usize, tombstones);
            let bytes = retained.rewrite(&open, horizon.map(Timestamp)).unwrap();
            let last = batch.last_offset();
            batch = Batch::parse(&bytes).unwrap();
            batch.verify_crc().unwrap();
            prop_assert_eq!(owned(&batch), expected.clone());
            prop_assert_eq!((batch.base_offset(), batch.last_offset()), (Offset(100), last));
            prop_assert_eq!(batch.header().delete_horizon(), horizon.map(Timestamp));
            let newest = expected.iter().map(|(_, record)| record.timestamp).max();
            prop_assert_eq!(batch.max_timestamp().0, newest.unwrap_or(-1));
        }
    }
}
