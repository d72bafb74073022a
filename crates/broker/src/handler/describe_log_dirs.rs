//! DescribeLogDirs: how large the partitions are, and how much room is left.

use std::sync::Arc;

use headwater_model::PartitionId;
use headwater_wire::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

use crate::api::{Context, Meta};
use crate::topics::{Topic, is_hidden};

/// Every partition lies in the one data folder.
pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let broker = &context.broker;
    let topics = match request.topics {
        None => {
            let all: Vec<_> = broker.topics(|topics| topics.all().cloned().collect());
            let visible = all.iter().filter(|topic| !is_hidden(topic.name().as_str()));
            visible.map(|topic| describe(topic, 0..topic.state.partitions)).collect()
        }
        Some(asked) => asked
            .into_iter()
            .filter_map(|asked| Some(describe(&*broker.visible_topic(&asked.topic)?, asked.partitions)))
            .collect(),
    };
    let room = broker.room().await;
    DescribeLogDirsResponse {
        results: vec![DescribeLogDirsResult {
            log_dir: broker.config().data_dir.display().to_string(),
            topics,
            total_bytes: room.map_or(-1, |room| bytes(room.total_bytes)),
            usable_bytes: room.map_or(-1, |room| bytes(room.usable_bytes)),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Partitions that are not there or offline are left out, as in Kafka.
fn describe(topic: &Topic, partitions: impl IntoIterator<Item = i32>) -> DescribeLogDirsTopic {
    let partitions = partitions.into_iter().filter_map(|number| {
        let partition = topic.partition(PartitionId(number))?;
        Some(DescribeLogDirsPartition {
            partition_index: number,
            partition_size: bytes(partition.size_bytes()),
            ..Default::default()
        })
    });
    DescribeLogDirsTopic { name: topic.name().to_string(), partitions: partitions.collect() }
}
