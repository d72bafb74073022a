//! What a batch from a client must fulfil beyond being well formed: Kafka's rules for produced batches.
//!
//! Owns: the check, and the recoding of a batch where the topic's `compression.type` differs from the producer's.
//!
//! Invariants: pure. The records of a batch are opened only where a rule needs them: on compacted topics, and to recode.

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_wire::batch::{Batch, BatchBuilder, BatchError, BatchMeta, Compression, HEADER_SIZE, Header};

use super::append::AppendError;
use crate::topics::settings::{TimestampType, TopicSettings};

/// A record without key, value and headers.
const SMALLEST_RECORD: usize = 7;

/// What the rules depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) settings: &'a TopicSettings,
    pub(super) now: Timestamp,
    pub(super) may_send_zstd: bool,
    pub(super) max_uncompressed: usize,
}

/// Checks what a client produced, and gives what is to be written.
pub(super) fn admit(batches: Bytes, around: Circumstances<'_>) -> Result<Bytes, AppendError> {
    if batches.is_empty() {
        return Err(AppendError::NotOneBatch);
    }
    let batch = Batch::parse(&batches)?;
    if batch.size() != batches.len() || batch.record_count() < 1 {
        return Err(AppendError::NotOneBatch);
    }
    if batch.is_transactional() && batch.producer_id().0 < 0 {
        return Err(AppendError::NoProducer);
    }
    let compression = batch.compression()?;
    if !is_possible(&batch, compression, around.max_uncompressed) {
        return Err(AppendError::TooManyRecords);
    }
    if compression == Compression::Zstd && !around.may_send_zstd {
        return Err(AppendError::Codec(compression));
    }
    let settings = around.settings;
    if settings.timestamp_type == TimestampType::Create {
        for timestamp in [batch.max_timestamp(), batch.base_timestamp()] {
            if !settings.admits(timestamp, around.now) {
                return Err(AppendError::Timestamp { timestamp, now: around.now });
            }
        }
    }
    let recode_to = settings.compression.filter(|wanted| *wanted != compression);
    if !settings.compacted && recode_to.is_none() {
        return Ok(batches);
    }
    batch.verify_crc()?;
    let open = batch.open(around.max_uncompressed)?;
    if settings.compacted {
        for (index, record) in open.records().enumerate() {
            if record?.key.is_none() {
                return Err(AppendError::NoKey { index });
            }
        }
    }
    match recode_to {
        None => Ok(batches),
        Some(codec) => recode(&batch, &open, codec),
    }
}

/// Whether batches for such a topic may have to be opened, which takes far longer than to write them.
pub(super) fn open_batches(settings: &TopicSettings) -> bool {
    settings.compacted || settings.compression.is_some()
}

/// Whether so many records fit: a few bytes that claim to be two thousand million use up a segment's offsets, and nobody
/// can read them.
fn is_possible(batch: &Batch, compression: Compression, max_uncompressed: usize) -> bool {
    let records = match compression {
        Compression::None => batch.size().saturating_sub(HEADER_SIZE),
        _ => max_uncompressed,
    };
    usize::try_from(batch.record_count()).is_ok_and(|count| count <= records / SMALLEST_RECORD)
}

/// The same records in another codec.
fn recode(
    batch: &Batch,
    open: &headwater_wire::batch::OpenBatch,
    codec: Compression,
) -> Result<Bytes, AppendError> {
    let mut builder = BatchBuilder::new(codec);
    let mut headers: Vec<Header<'_>> = Vec::new();
    for (index, record) in (0..).zip(open.records()) {
        let record = record?;
        headers.clear();
        for header in record.headers() {
            let (key, value) = header.map_err(|fault| BatchError::Record { index, fault })?;
            headers.push(Header { key, value });
        }
        builder.append(record.timestamp, record.key, record.value, &headers);
    }
    Ok(builder.build(&BatchMeta {
        producer_id: batch.producer_id(),
        producer_epoch: batch.producer_epoch(),
        base_sequence: batch.base_sequence(),
        is_transactional: batch.is_transactional(),
        ..BatchMeta::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use headwater_model::{ErrorCode, ProducerEpoch, ProducerId};

    use crate::topics::settings::Layers;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn settings(own: &[(&str, &str)]) -> TopicSettings {
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        TopicSettings::new(Layers { own: &own, broker: &BTreeMap::new() })
    }

    fn around(settings: &TopicSettings) -> Circumstances<'_> {
        Circumstances { settings, now: NOW, may_send_zstd: true, max_uncompressed: 1 << 20 }
    }

    fn batch(codec: Compression, keys: &[Option<&[u8]>]) -> Bytes {
        let mut builder = BatchBuilder::new(codec);
        for key in keys {
            let header = Header { key: "h", value: None };
            builder.append(NOW, *key, Some(&[7; 100]), &[header, header]);
        }
        builder.build(&BatchMeta {
            producer_id: ProducerId(9),
            producer_epoch: ProducerEpoch(1),
            base_sequence: 5,
            ..BatchMeta::default()
        })
    }

    fn code(batches: &Bytes, around: Circumstances<'_>) -> ErrorCode {
        admit(batches.clone(), around).map_or_else(|error| error.code(), |_| ErrorCode::None)
    }

    #[test]
    fn exactly_one_batch_is_admitted() {
        let settings = settings(&[]);
        let one = batch(Compression::None, &[None]);
        let two = Bytes::from([one.clone(), one.clone()].concat());
        assert_eq!(code(&one, around(&settings)), ErrorCode::None);
        assert_eq!(code(&two, around(&settings)), ErrorCode::InvalidRecord);
        assert_eq!(code(&Bytes::new(), around(&settings)), ErrorCode::InvalidRecord);
        assert_eq!(code(&one.slice(..one.len() - 1), around(&settings)), ErrorCode::CorruptMessage);
    }

    #[test]
    fn more_records_than_the_bytes_can_hold_are_refused() {
        let settings = settings(&[]);
        for (codec, records) in [(Compression::None, 200), (Compression::Zstd, i32::MAX)] {
            let mut batch = batch(codec, &[None]).to_vec();
            batch[23..27].copy_from_slice(&(records - 1).to_be_bytes());
            batch[57..61].copy_from_slice(&records.to_be_bytes());
            assert_eq!(code(&Bytes::from(batch), around(&settings)), ErrorCode::InvalidRecord);
        }
    }

    #[test]
    fn a_compacted_topic_takes_no_record_without_key() {
        let settings = settings(&[("cleanup.policy", "compact")]);
        for codec in [Compression::None, Compression::Lz4] {
            assert_eq!(code(&batch(codec, &[Some(b"a"), None]), around(&settings)), ErrorCode::InvalidRecord);
            assert_eq!(code(&batch(codec, &[Some(b"a"), Some(b"")]), around(&settings)), ErrorCode::None);
        }
    }

    #[test]
    fn zstd_needs_a_client_that_knows_it() {
        let settings = settings(&[]);
        let old = Circumstances { may_send_zstd: false, ..around(&settings) };
        assert_eq!(code(&batch(Compression::Zstd, &[None]), old), ErrorCode::UnsupportedCompressionType);
        assert_eq!(code(&batch(Compression::Gzip, &[None]), old), ErrorCode::None);
    }

    #[test]
    fn a_topics_codec_wins_over_the_producers_and_changes_nothing_else() {
        let settings = settings(&[("compression.type", "zstd")]);
        let sent = batch(Compression::None, &[Some(b"a"), None, Some(b"c")]);
        let kept = admit(sent.clone(), around(&settings)).unwrap();
        assert!(kept.len() < sent.len());
        let (sent, kept) = (Batch::parse(&sent).unwrap(), Batch::parse(&kept).unwrap());
        kept.verify_crc().unwrap();
        assert_eq!(kept.compression().unwrap(), Compression::Zstd);
        assert_eq!(
            (kept.producer_id(), kept.producer_epoch(), kept.base_sequence(), kept.record_count()),
            (sent.producer_id(), sent.producer_epoch(), sent.base_sequence(), sent.record_count())
        );
        let (sent, kept) = (sent.open(1 << 20).unwrap(), kept.open(1 << 20).unwrap());
        assert_eq!(kept.records().count(), 3);
        for (left, right) in sent.records().zip(kept.records()) {
            let (left, right) = (left.unwrap(), right.unwrap());
            assert_eq!((left.key, left.value, left.timestamp), (right.key, right.value, right.timestamp));
            assert!(left.headers().map(Result::unwrap).eq(right.headers().map(Result::unwrap)));
        }
        let already = batch(Compression::Zstd, &[None]);
        assert_eq!(admit(already.clone(), around(&settings)).unwrap(), already);
    }

    #[test]
    fn a_bomb_is_refused_where_it_would_have_to_be_opened() {
        let settings = settings(&[("cleanup.policy", "compact")]);
        let mut builder = BatchBuilder::new(Compression::Zstd);
        builder.append(NOW, Some(b"k"), Some(&vec![0; 2 << 20]), &[]);
        let bomb = builder.build(&BatchMeta::default());
        assert_eq!(code(&bomb, around(&settings)), ErrorCode::CorruptMessage);
    }
}
