//! What can be set for a partition.

/// Settings of a log. Names and defaults are those of Kafka's topic configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    /// `segment.bytes`: the size at which a new segment is begun.
    pub segment_bytes: u32,
    /// `segment.ms`: how far the timestamps within a segment may be apart, from its first batch's to the next.
    pub segment_ms: i64,
    /// `segment.index.bytes`: the size of an index at which a new segment is begun.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: about how many bytes of batches an index entry stands for.
    pub index_interval_bytes: u32,
    /// `max.message.bytes`: the largest batch accepted.
    pub max_message_bytes: u32,
    /// `retention.ms`: how old the newest record of a segment may become; `None` for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`: how large the log may become; `None` without limit.
    pub retention_bytes: Option<u64>,
    /// `producer.id.expiration.ms`: how long an idle producer's sequences are remembered.
    pub producer_expiry_ms: i64,
    /// True if `cleanup.policy` has `compact`: the log is compacted, and batches or segments may be missing in between.
    /// Else recovery takes a gap for damage, unless a file in the folder says that the log was compacted once.
    pub compacted: bool,
    /// `min.cleanable.dirty.ratio`: which part of the log, in bytes, must be dirty to make a compaction worth it; 0 to 1.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: a segment with a record younger than this is not compacted, nor are those after it.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: once a record that was never compacted is older than this, a compaction is worth it.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: how long tombstones and markers stay after a compaction has first seen them.
    pub delete_retention_ms: i64,
    /// `log.cleaner.dedupe.buffer.size`: the most memory for the newest offsets of keys, in bytes; 24 and some for each.
    /// What does not fit is left to the next compaction.
    pub dedupe_buffer_bytes: usize,
    /// How large a batch may be once decompressed, where a lookup or a compaction has to open one.
    pub max_uncompressed_bytes: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;
        Self {
            segment_bytes: 1 << 30,
            segment_ms: WEEK_MS,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            retention_ms: Some(WEEK_MS),
            retention_bytes: None,
            producer_expiry_ms: 24 * 60 * 60 * 1000,
            compacted: false,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 24 * 60 * 60 * 1000,
            dedupe_buffer_bytes: 128 << 20,
            max_uncompressed_bytes: 256 << 20,
        }
    }
}
