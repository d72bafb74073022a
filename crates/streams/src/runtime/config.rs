//! How an instance is set up.

use std::time::Duration;

use headwater_client::{ConsumerConfig, OffsetReset, ProducerConfig};

use crate::task::TaskConfig;

/// How an instance of an application is set up. Start from the default and change what differs.
#[derive(Debug, Clone)]
pub struct StreamsConfig {
    /// How many workers drive tasks, each a member of the group with a consumer and a producer of its own. Default 1.
    pub workers: usize,
    /// How often positions are committed, after everything that was made of the records is acknowledged. Default 1 s.
    pub commit_interval: Duration,
    /// How many bytes of an input may wait to be processed before its partition is paused. Default 4 MiB.
    pub max_buffered_bytes: usize,
    /// How tasks deal with errors and idle inputs.
    pub task: TaskConfig,
    /// How records are produced. Batches are larger by default than a producer's: up to 128 KiB.
    pub producer: ProducerConfig,
    /// How records are consumed. The group is always the application id. A `group_instance_id`, which every instance
    /// needs for itself, lets an instance that was killed go on at once when it is started again; workers add their
    /// numbers to it.
    pub consumer: ConsumerConfig,
}

impl Default for StreamsConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            commit_interval: Duration::from_secs(1),
            max_buffered_bytes: 4 << 20,
            task: TaskConfig::default(),
            producer: ProducerConfig { batch_size: 128 << 10, ..ProducerConfig::default() },
            consumer: ConsumerConfig {
                auto_offset_reset: OffsetReset::Earliest,
                ..ConsumerConfig::default()
            },
        }
    }
}
