//! krafka, with records enqueued one behind the other and large polls.

use std::time::Duration;

use ::krafka::consumer::AutoOffsetReset;
use ::krafka::producer::Acks;
use ::krafka::{Kafka, Record};

use crate::{Produce, Records, Stopped, Target, start, sum};

/// Records of a poll: its default of 500 costs it several times as much.
const POLL: i32 = 50_000;

pub(crate) fn produce(target: &Target, how: &Produce) -> anyhow::Result<Stopped> {
    crate::runtime()?.block_on(async {
        let kafka = Kafka::builder(target.bootstrap.clone()).connect().await?;
        let all = how.acks == "all";
        let producer = kafka
            .producer()
            .acks(if all { Acks::All } else { Acks::Leader })
            .idempotent(all)
            .linger(Duration::from_millis(how.linger_ms))
            .batch_size(how.batch_bytes)
            .buffer_memory(32 << 20)
            .build()
            .await?;
        producer.partitions_for(&target.topic).await?;
        let mut records = Records::of(how);
        let watch = start()?;
        for number in 0..target.records {
            let (key, value) = records.get(number);
            let mut record = Record::new(target.topic.clone(), value.to_vec()).key(key.to_vec());
            record.partition = Some((number % target.partitions as u64) as i32);
            drop(producer.enqueue(record).await?);
        }
        producer.flush().await?;
        watch.stop()
    })
}

pub(crate) fn consume(target: &Target) -> anyhow::Result<(Stopped, u64)> {
    crate::runtime()?.block_on(async {
        let kafka = Kafka::builder(target.bootstrap.clone()).connect().await?;
        let consumer = kafka
            .consumer_without_group()
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .fetch_max_bytes(16 << 20)
            .max_partition_fetch_bytes(1 << 20)
            .max_poll_records(POLL)
            .build()
            .await?;
        let watch = start()?;
        consumer.assign(&target.topic, (0..target.partitions).collect()).await?;
        let (mut seen, mut total) = (0, 0);
        while seen < target.records {
            for record in consumer.poll(Duration::from_secs(1)).await? {
                let of = |bytes: Option<&[u8]>| bytes.map_or(0, sum);
                total += of(record.key.as_deref()) + of(record.value.as_deref());
                seen += 1;
            }
        }
        Ok((watch.stop()?, total))
    })
}
