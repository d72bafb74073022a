//! Readers: whatever a record set says of itself, it gives records or an error, within the memory that it was allowed.

use bytes::{Bytes, BytesMut};
use headwater_model::{LeaderEpoch, Offset, Timestamp};
use headwater_wire::batch::{self, BatchBuilder, BatchMeta, Compression, ControlMarker, Header, batches};

/// What a batch may become when it is opened.
const MAX_UNCOMPRESSED: usize = 1 << 20;

/// The codecs, in the order in which an input's first byte names them.
pub(super) const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

pub(super) fn run(input: &[u8]) {
    read(Bytes::copy_from_slice(input));
    // As a log has it after an append, where that took it.
    let mut placed = BytesMut::from(input);
    if batch::assign(&mut placed, Offset(7), LeaderEpoch(1)).is_ok()
        && batch::stamp_append_time(&mut placed, Timestamp(9)).is_ok()
    {
        read(placed.freeze());
    }
}

/// Reads everything that can be read.
fn read(bytes: Bytes) {
    for batch in batches(bytes) {
        let Ok(batch) = batch else { return };
        let _ = (batch.verify_crc(), batch.check_dense(), batch.compression());
        let Ok(open) = batch.open(MAX_UNCOMPRESSED) else { continue };
        assert!(open.size() <= MAX_UNCOMPRESSED || matches!(batch.compression(), Ok(Compression::None)));
        let mut count = 0;
        for record in open.records() {
            let Ok(record) = record else { break };
            let _ = ControlMarker::parse(record.key);
            count += 1;
            let headers = record.headers().flatten().count();
            assert!(headers <= record.header_count());
        }
        assert!(count <= batch.record_count(), "more records than the batch counts");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = CODECS.into_iter().map(|codec| sample(codec).to_vec()).collect();
    seeds.push(seeds.concat());
    seeds
}

/// A batch of a few records of several shapes.
pub(super) fn sample(codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    let headers = [Header { key: "h", value: Some(b"1") }, Header { key: "h", value: None }];
    builder.append(Timestamp(1_000), Some(b"key"), Some(b"value value value value value"), &headers);
    builder.append(Timestamp(999), None, Some(b""), &[]);
    builder.append(Timestamp(2_000), Some(b"key"), None, &headers);
    builder.build(&BatchMeta::default())
}
