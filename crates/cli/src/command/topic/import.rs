//! `headwater topic import`: no cluster is asked, for none may run on the folder.

use std::path::PathBuf;
use std::sync::Arc;

use headwater_broker::{BrokerConfig, ImportedPartition, TopicImport, import_topic};
use headwater_log::{Disk, RealDisk};
use headwater_model::{Entropy, SystemClock};
use serde::Serialize;

use crate::arguments::Format;
use crate::output;

#[derive(Serialize)]
struct Imported<'a> {
    topic: &'a str,
    partition: i32,
    start_offset: i64,
    end_offset: i64,
    bytes: u64,
}

pub(super) fn run(import: &TopicImport, data_dir: PathBuf, format: Format) -> anyhow::Result<()> {
    let config = BrokerConfig { data_dir, ..BrokerConfig::default() };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new());
    let partitions = import_topic(&config, import, &disk, &SystemClock::new(), Entropy::from_system())?;
    match format {
        Format::Json => partitions.into_iter().try_for_each(|one| {
            let ImportedPartition { partition, start, end, size_bytes } = one;
            let topic = import.topic.as_str();
            output::json_line(&Imported {
                topic,
                partition,
                start_offset: start,
                end_offset: end,
                bytes: size_bytes,
            })
        }),
        Format::Text => {
            output::line(format_args!("took in topic {}; every record was checked", import.topic))?;
            output::table(
                ["PARTITION", "START", "END", "BYTES"],
                partitions.iter().map(|one| {
                    [
                        one.partition.to_string(),
                        one.start.to_string(),
                        one.end.to_string(),
                        one.size_bytes.to_string(),
                    ]
                }),
            )
        }
    }
}
