//! Reads greetings as one of a group, and commits what it has read: `cargo run -p headwater --example consume [BOOTSTRAP
//! [TOPIC [GROUP]]]`. Start it twice: the two share the partitions. It ends when nothing has come for five seconds.

use std::time::Duration;

use headwater::prelude::*;

/// How large a batch may be once it is decompressed.
const LARGEST_BATCH: usize = 64 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bootstrap = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let topic = TopicName::new(&arguments.next().unwrap_or_else(|| "greetings".to_owned()))?;
    let group = arguments.next().unwrap_or_else(|| "greeters".to_owned());

    let client = Client::connect(ClientConfig::new([bootstrap])).await?;
    let consumer = client.consumer(ConsumerConfig {
        auto_offset_reset: OffsetReset::Earliest,
        ..ConsumerConfig::in_group(group)
    });
    consumer.subscribe([topic])?;
    while let Some(event) = consumer.poll_event(Duration::from_secs(5)).await? {
        match event {
            ConsumerEvent::Fetched(batches) => {
                for fetched in batches {
                    let batch = fetched.open(LARGEST_BATCH)?;
                    for record in fetched.records(&batch) {
                        let record = record?;
                        let value = String::from_utf8_lossy(record.value.unwrap_or_default());
                        println!("{} @ {}: {value}", fetched.topic_partition, record.offset);
                    }
                }
                // Everything that was handed out is done with.
                consumer.commit(consumer.positions()).await?;
            }
            ConsumerEvent::Assigned(partitions) => println!("reading {} partitions", partitions.len()),
            // Others go on from here: what is done must be committed before the next poll.
            ConsumerEvent::Revoked(_) => consumer.commit(consumer.positions()).await?,
            ConsumerEvent::Lost(_) => {}
        }
    }
    consumer.close().await;
    Ok(())
}
