//! What a compaction has left, read back and compared with what must be left.
//!
//! Owns: which key a record of a fill with few keys has, and the check: below the segment that was not compacted each key
//! has its newest record and no other; from there on nothing is missing.
//!
//! Does not know: how long it took.

use std::time::Duration;

use anyhow::Context;
use headwater_client::{Client, ClientConfig, ConsumerConfig, StartAt};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};
use serde::Serialize;

use crate::latency::ends;
use crate::{Target, latency};

/// Where to look.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Left {
    /// Of how many keys the topic was filled
    #[arg(long)]
    keys: u64,
    /// The first offset that was not compacted: of the last segment
    #[arg(long)]
    active: u64,
}

/// What was found to be right.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// In the compacted part: as many as there are keys in it.
    compacted: u64,
    /// After it.
    after: u64,
}

/// The key of that record of a fill: every key comes again and again, in no order.
pub(crate) fn key(number: u64, keys: u64) -> u64 {
    // SplitMix64.
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % keys
}

/// Reads the one partition from its first record to its end.
pub(crate) fn run(target: &Target, how: &Left) -> anyhow::Result<Report> {
    anyhow::ensure!(target.partitions == 1, "records are numbered by their offsets: one partition");
    crate::runtime()?.block_on(async {
        let client = Client::connect(ClientConfig::new([target.bootstrap.clone()])).await?;
        let end = ends(&client, target).await?.first().map_or(Offset::ZERO, |(_, end)| *end).0 as u64;
        let consumer = client.consumer(ConsumerConfig::default());
        let topic = TopicName::new(&target.topic)?;
        consumer.assign([(TopicPartition::new(topic, PartitionId(0)), StartAt::Earliest)])?;
        let mut expected = Expected::new(target.records, how, end);
        while expected.before(end) {
            let batches = consumer.poll(Duration::from_secs(10)).await?;
            anyhow::ensure!(!batches.is_empty(), "no record for a long time");
            for fetched in batches {
                let batch = fetched.open(64 << 20)?;
                for record in fetched.records(&batch) {
                    let record = record?;
                    let key = record.key.and_then(<[u8]>::first_chunk).context("a record has no key")?;
                    expected.take(record.offset.0 as u64, u64::from_be_bytes(*key))?;
                }
            }
        }
        Ok(expected.report)
    })
}

/// The records that are still to come, in their order.
struct Expected {
    offsets: std::iter::Peekable<Box<dyn Iterator<Item = u64>>>,
    filled: u64,
    keys: u64,
    active: u64,
    report: Report,
}

impl Expected {
    fn new(filled: u64, how: &Left, end: u64) -> Self {
        let (keys, active) = (how.keys, how.active);
        let mut newest = vec![None; keys as usize];
        for number in 0..active.min(filled) {
            newest[key(number, keys) as usize] = Some(number);
        }
        let mut compacted: Vec<u64> = newest.into_iter().flatten().collect();
        compacted.sort_unstable();
        let all: Box<dyn Iterator<Item = u64>> = Box::new(compacted.into_iter().chain(active..end));
        let report = Report { compacted: 0, after: 0 };
        Self { offsets: all.peekable(), filled, keys, active, report }
    }

    fn before(&mut self, end: u64) -> bool {
        self.offsets.peek().is_some_and(|next| *next < end)
    }

    fn take(&mut self, offset: u64, found: u64) -> anyhow::Result<()> {
        let expected = self.offsets.next();
        if expected.is_none() {
            // Written since.
            return Ok(());
        }
        anyhow::ensure!(expected == Some(offset), "expected offset {expected:?}, found {offset}");
        let right =
            if offset < self.filled { found == key(offset, self.keys) } else { found & latency::PROBE != 0 };
        anyhow::ensure!(right, "key {found} at offset {offset}");
        let count = if offset < self.active { &mut self.report.compacted } else { &mut self.report.after };
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_again_and_again_in_no_order() {
        let keys: Vec<u64> = (0..1_000).map(|number| key(number, 10)).collect();
        assert!((0..10).all(|key| keys.iter().filter(|found| **found == key).count() > 50));
        assert!(keys.windows(2).any(|pair| pair[1] != (pair[0] + 1) % 10));
    }

    #[test]
    fn older_records_of_a_key_must_be_gone_and_newer_ones_there() {
        let (keys, active, end) = (3, 20, 23);
        let mut expected = Expected::new(22, &Left { keys, active }, end);
        let newest = |wanted| (0..active).rev().find(|number| key(*number, keys) == wanted).unwrap();
        let mut left: Vec<u64> = (0..keys).map(newest).collect();
        left.sort_unstable();
        assert!(Expected::new(22, &Left { keys, active }, end).take(0, key(0, keys)).is_err());
        for offset in left.into_iter().chain([20, 21]) {
            assert!(expected.before(end));
            expected.take(offset, key(offset, keys)).unwrap();
        }
        expected.take(22, latency::PROBE | 7).unwrap();
        assert!(!expected.before(end));
        assert_eq!((expected.report.compacted, expected.report.after), (3, 3));
    }
}
