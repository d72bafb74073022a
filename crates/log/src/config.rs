//! What can be set for a partition.

/// Settings of a log. Names and defaults are those of Kafka's topic configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// True if batches or segments may be missing in between, because the log is or was compacted. Else recovery takes
    /// a gap for damage.
    pub compacted: bool,
    /// How large a batch may be once decompressed, where a lookup has to open one.
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
            max_uncompressed_bytes: 256 << 20,
        }
    }
}
