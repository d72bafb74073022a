//! An open-loop probe: how long records take from the moment when they were due to their arrival at a consumer.
//!
//! Owns: the plan of when each record is due, the sender, the consumer in the same process, and the figures. By
//! headwater's client: acks=all, idempotent, without linger.
//!
//! Invariants: when a record is due is fixed beforehand and does not depend on the ones before it; it carries that time,
//! and its latency is counted from it. So a broker (or a client) that stalls is late with every record that was due
//! meanwhile, not only with one (no coordinated omission). Every record arrives exactly once, or the run fails.
//!
//! Resolution: records are due on whole milliseconds, those of one millisecond together, and the sender sleeps until then
//! on a thread of its own. The kernel wakes it some 60 µs late, more on a busy machine. That is counted as latency, on
//! every broker alike: what is counted from the true time of sending would leave out the stalls of a machine whose broker
//! keeps the sender from running. How late the sender was is reported beside. Tokio's timer, which wakes up to a
//! millisecond late, is not used. A record has arrived when the poll that brought it returns.
//!
//! Does not know: what the broker does meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::time::{Duration, Instant};

use anyhow::Context;
use headwater_client::admin::OffsetSpec;
use headwater_client::{
    Client, ClientConfig, Consumer, ConsumerConfig, Fetched, Producer, ProducerConfig, ProducerRecord,
};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::{Records, Target};

/// In every key, so that the probe's records are told from others in the topic.
pub(crate) const PROBE: u64 = 1 << 63;
/// From connecting to the first record that is due.
const HEAD_START: Duration = Duration::from_millis(100);
/// How long a record may be missing once the last one was sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is sent when.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Latency {
    /// Records a second
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Bytes of key and value together
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// Records of so many seconds do not count
    #[arg(long, default_value_t = 5)]
    warm_up_seconds: u64,
    /// Sends no more once the standard input has ended
    #[arg(long)]
    until_end_of_input: bool,
}

/// Latencies of the records after the warm-up, in microseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    /// How many counted.
    records: u64,
    /// How many were sent.
    sent: u64,
    p50_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
    /// How late the sender began with the records of a millisecond: part of the latencies.
    sender_p99_us: u64,
    sender_max_us: u64,
}

/// What the sender did.
struct Sent {
    records: u64,
    late_us: Vec<u64>,
}

pub(crate) fn run(target: &Target, how: &Latency) -> anyhow::Result<Report> {
    let runtime = crate::runtime()?;
    let client = runtime
        .block_on(Client::connect(ClientConfig::new([target.bootstrap.clone()])))
        .context("no broker")?;
    let before = runtime.block_on(ends(&client, target))?;
    let _inside = runtime.enter();
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign(before.iter().map(|(at, end)| (at.clone(), (*end).into())))?;
    let begin = Instant::now() + HEAD_START;
    let sender = Sender {
        producer: client.producer(ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() }),
        topic: TopicName::new(&target.topic)?,
        target: target.clone(),
        how: how.clone(),
        begin,
        is_over: if how.until_end_of_input { end_of_input() } else { Arc::default() },
    };
    let handle = runtime.handle().clone();
    let (told, outcome) = mpsc::channel();
    std::thread::spawn(move || told.send(sender.run(&handle)));
    let mut arrivals = Arrivals::new(target.records);
    let sent = runtime.block_on(receive(&consumer, begin, &mut arrivals, &outcome))?;
    let after = runtime.block_on(ends(&client, target))?;
    let written: i64 = before.iter().zip(&after).map(|((_, before), (_, after))| after.0 - before.0).sum();
    anyhow::ensure!(written == sent.records as i64, "{written} records written, {} sent", sent.records);
    report(arrivals.after((how.rate * how.warm_up_seconds) as usize), sent)
}

/// Where the partitions end.
pub(crate) async fn ends(client: &Client, target: &Target) -> anyhow::Result<Vec<(TopicPartition, Offset)>> {
    let topic = TopicName::new(&target.topic)?;
    let wanted: Vec<_> = (0..target.partitions)
        .map(|partition| (TopicPartition::new(topic.clone(), PartitionId(partition)), OffsetSpec::Latest))
        .collect();
    let listed = client.admin().offsets(&wanted).await?;
    listed.into_iter().map(|(at, end)| Ok((at, end.offset.context("a partition has no end")?))).collect()
}

struct Sender {
    producer: Producer,
    topic: TopicName,
    target: Target,
    how: Latency,
    begin: Instant,
    is_over: Arc<AtomicBool>,
}

impl Sender {
    /// Sends each record when it is due, and waits until all are acknowledged.
    fn run(self, handle: &Handle) -> anyhow::Result<Sent> {
        let mut records = Records::new(self.how.size);
        let mut sent = Sent { records: 0, late_us: Vec::new() };
        let mut tick = None;
        for number in 0..self.target.records {
            let due = due(number, self.how.rate);
            if tick.replace(due) != Some(due) {
                if self.is_over.load(Ordering::Relaxed) {
                    break;
                }
                sent.late_us.push(sleep_until(self.begin + due));
            }
            let (key, value) = records.put(PROBE | number, due.as_micros() as u64);
            let partition = PartitionId((number % self.target.partitions as u64) as i32);
            let record = ProducerRecord::new(&self.topic, value).key(key).partition(partition);
            handle.block_on(self.producer.send(record))?;
            sent.records += 1;
        }
        handle.block_on(self.producer.flush())?;
        Ok(sent)
    }
}

/// When a record is due, from the beginning on: on a whole millisecond.
fn due(number: u64, rate: u64) -> Duration {
    Duration::from_millis(number * 1_000 / rate)
}

/// How many microseconds too late it has become.
fn sleep_until(at: Instant) -> u64 {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
    at.elapsed().as_micros() as u64
}

/// True once nothing more comes in.
fn end_of_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&ended);
    std::thread::spawn(move || {
        // An error, too, is an end.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        tell.store(true, Ordering::Relaxed);
    });
    ended
}

/// Reads until all that the sender has sent is there.
async fn receive(
    consumer: &Consumer,
    begin: Instant,
    arrivals: &mut Arrivals,
    outcome: &mpsc::Receiver<anyhow::Result<Sent>>,
) -> anyhow::Result<Sent> {
    let mut done: Option<(Sent, Instant)> = None;
    loop {
        let batches = consumer.poll(Duration::from_millis(100)).await?;
        let now_us = Instant::now().saturating_duration_since(begin).as_micros() as u64;
        for fetched in batches {
            arrivals.take(&fetched, now_us)?;
        }
        if done.is_none() {
            match outcome.try_recv() {
                Ok(sent) => done = Some((sent?, Instant::now())),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => anyhow::bail!("the sender has died"),
            }
        }
        if let Some((sent, since)) = &done {
            let missing = sent.records.saturating_sub(arrivals.count);
            anyhow::ensure!(missing == 0 || since.elapsed() < PATIENCE, "{missing} records have not arrived");
        }
        if let Some((sent, _)) = done.take_if(|(sent, _)| sent.records == arrivals.count) {
            return Ok(sent);
        }
    }
}

/// The latency of each record that has come, by number, in microseconds.
struct Arrivals {
    latencies: Vec<Option<u64>>,
    count: u64,
}

impl Arrivals {
    fn new(records: u64) -> Self {
        Self { latencies: vec![None; records as usize], count: 0 }
    }

    fn take(&mut self, fetched: &Fetched, now_us: u64) -> anyhow::Result<()> {
        let batch = fetched.open(64 << 20)?;
        for record in fetched.records(&batch) {
            let record = record?;
            let number = |bytes: Option<&[u8]>| {
                bytes.and_then(|bytes| bytes.first_chunk().copied()).map(u64::from_be_bytes)
            };
            let (key, due_us) = number(record.key).zip(number(record.value)).context("a record is short")?;
            anyhow::ensure!(key & PROBE != 0, "a record of somebody else");
            self.note(key & !PROBE, now_us.saturating_sub(due_us))?;
        }
        Ok(())
    }

    fn note(&mut self, number: u64, latency_us: u64) -> anyhow::Result<()> {
        let place = self.latencies.get_mut(number as usize).context("a record that was not sent")?;
        anyhow::ensure!(place.replace(latency_us).is_none(), "record {number} has come twice");
        self.count += 1;
        Ok(())
    }

    /// Without the first ones.
    fn after(self, warm_up: usize) -> Vec<u64> {
        self.latencies.into_iter().skip(warm_up).flatten().collect()
    }
}

fn report(mut latencies: Vec<u64>, mut sent: Sent) -> anyhow::Result<Report> {
    latencies.sort_unstable();
    sent.late_us.sort_unstable();
    let of = |permille| percentile(&latencies, permille).context("no record was sent after the warm-up");
    Ok(Report {
        records: latencies.len() as u64,
        sent: sent.records,
        p50_us: of(500)?,
        p99_us: of(990)?,
        p999_us: of(999)?,
        max_us: of(1_000)?,
        sender_p99_us: percentile(&sent.late_us, 990).unwrap_or(0),
        sender_max_us: percentile(&sent.late_us, 1_000).unwrap_or(0),
    })
}

/// The least figure that so many in a thousand do not exceed (nearest rank).
fn percentile(sorted: &[u64], permille: usize) -> Option<u64> {
    let rank = (sorted.len() * permille).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let sorted: Vec<u64> = (1..=200).collect();
        let of = |permille| percentile(&sorted, permille);
        assert_eq!(
            [of(0), of(500), of(990), of(999), of(1_000)],
            [Some(1), Some(100), Some(198), Some(200), Some(200)]
        );
        assert_eq!(percentile(&[7], 500), Some(7));
        assert_eq!(percentile(&[], 500), None);
    }

    #[test]
    fn records_are_due_on_whole_milliseconds_at_the_rate_asked_for() {
        let due_ms = |number, rate| due(number, rate).as_millis();
        assert_eq!([due_ms(0, 10_000), due_ms(9, 10_000), due_ms(10, 10_000)], [0, 0, 1]);
        assert_eq!([due_ms(10_000, 10_000), due_ms(1, 50), due_ms(50, 50)], [1_000, 20, 1_000]);
    }

    #[test]
    fn a_record_that_comes_twice_or_was_not_sent_is_an_error() {
        let mut arrivals = Arrivals::new(3);
        arrivals.note(1, 10).unwrap();
        arrivals.note(2, 20).unwrap();
        assert!(arrivals.note(1, 11).is_err());
        assert!(arrivals.note(3, 11).is_err());
        assert_eq!(arrivals.count, 2);
        assert_eq!(arrivals.after(2), [20]);
    }

    #[test]
    fn a_report_needs_records_after_the_warm_up() {
        let sent = |records| Sent { records, late_us: vec![3, 1, 2] };
        assert!(report(Vec::new(), sent(0)).is_err());
        let report = report(vec![30, 10, 20], sent(5)).unwrap();
        assert_eq!((report.records, report.sent, report.p50_us, report.max_us), (3, 5, 20, 30));
        assert_eq!((report.sender_p99_us, report.sender_max_us), (3, 3));
    }
}
