//! Filling a topic: keys drawn from a number of them, uniformly or not, in the partitions that they belong to.
//!
//! A record's key is eight bytes. Its value is 92, of which the first eight are the record's number. Each record is of a
//! millisecond later than the one before.

use std::time::Duration;

use headwater_client::{Client, ProducerConfig, ProducerRecord};
use headwater_model::{Timestamp, TopicName};

use crate::topics::{self, Create};

/// Bytes of a value.
const VALUE: usize = 92;

/// With what to fill it.
#[derive(Debug, clap::Args)]
pub(crate) struct Fill {
    #[command(flatten)]
    topic: Create,
    #[arg(long)]
    records: u64,
    /// How many different keys are drawn from
    #[arg(long)]
    keys: u64,
    /// Low keys come much more often than high ones
    #[arg(long)]
    skewed: bool,
    /// Every key once, in their order, before any comes again
    #[arg(long, conflicts_with = "skewed")]
    in_turn: bool,
    /// The time of the first record, in milliseconds since 1970
    #[arg(long)]
    from_ms: i64,
}

impl Fill {
    /// The key of that record.
    fn key(&self, number: u64) -> u64 {
        if self.in_turn {
            return number % self.keys;
        }
        let drawn = mixed(number);
        if self.skewed { skewed(drawn, self.keys) } else { drawn % self.keys }
    }
}

pub(crate) async fn run(client: &Client, how: &Fill) -> anyhow::Result<()> {
    anyhow::ensure!(how.keys > 0, "there must be keys to draw from");
    topics::create(client, &how.topic).await?;
    let producer = client.producer(ProducerConfig {
        linger: Duration::from_millis(5),
        batch_size: 64 << 10,
        ..ProducerConfig::default()
    });
    let topic = TopicName::new(&how.topic.topic)?;
    let mut value = noise();
    for number in 0..how.records {
        let key = how.key(number).to_be_bytes();
        value[..8].copy_from_slice(&number.to_be_bytes());
        let record = ProducerRecord::new(&topic, &value).key(&key);
        producer.send(record.timestamp(Timestamp(how.from_ms + number as i64))).await?;
    }
    producer.flush().await?;
    Ok(producer.close().await?)
}

/// Bytes that do not repeat soon.
fn noise() -> [u8; VALUE] {
    let mut value = [0; VALUE];
    for (number, byte) in (0..).zip(&mut value) {
        *byte = (mixed(number) >> 56) as u8;
    }
    value
}

/// SplitMix64.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// By the fourth power: a tenth of the keys comes in more than half of the draws.
fn skewed(drawn: u64, keys: u64) -> u64 {
    let part = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
    ((part.powi(4) * keys as f64) as u64).min(keys - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_skewed_keys_comes_in_more_than_half_of_the_draws() {
        let draws: Vec<u64> = (0..10_000).map(|number| skewed(mixed(number), 1_000)).collect();
        let low = draws.iter().filter(|key| **key < 100).count();
        assert!((5_400..5_900).contains(&low), "{low}");
        assert!(draws.iter().all(|key| *key < 1_000));
        assert_eq!(skewed(u64::MAX, 1_000), 999);
    }

    #[test]
    fn values_begin_with_a_place_for_the_number_and_do_not_repeat_soon() {
        let value = noise();
        assert!(
            value
                .windows(4)
                .enumerate()
                .all(|(at, part)| { !value[at + 1..].windows(4).any(|other| other == part) })
        );
    }
}
