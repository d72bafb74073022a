//! The driver protocol of the end-to-end tests (`tests/README.md`): arguments in, JSON lines in, JSON lines out.
//!
//! Owns: the words and the lines. Does not know any client.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// What every driver's member of a group has.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// What every driver's member of a group has.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// What every driver's member of a group has.
pub const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// What every driver's transactions have.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How many records a copier takes into a transaction at most.
pub const RECORDS_PER_TRANSACTION: usize = 20;
/// A copier gives up every so many-th transaction.
pub const ABORTED_EVERY: usize = 3;
/// How long anything that is asked once may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What a driver is told to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Job {
    /// Creates the topic, and ends when it is known.
    Create {
        /// How many partitions it gets.
        partitions: i32,
    },
    /// Produces what standard input has.
    Produce {
        /// `none`, `gzip`, `snappy`, `lz4` or `zstd`.
        codec: String,
        /// Whether under a producer id.
        idempotent: bool,
    },
    /// Consumes in a group until SIGTERM.
    Consume {
        /// The group's id.
        group: String,
    },
    /// Reads from a time on, to the ends as they are at the start.
    Read {
        /// Milliseconds since 1970.
        timestamp_ms: i64,
    },
    /// Copies exactly once until SIGTERM.
    Copy {
        /// The topic that the copies go to.
        target: String,
        /// The group that reads.
        group: String,
        /// The producer's, and the group's member's.
        transactional_id: String,
    },
}

/// A command of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Where the cluster is.
    pub bootstrap: String,
    /// The one topic, or the one that is read.
    pub topic: String,
    /// What to do with it.
    pub job: Job,
}

impl Command {
    /// The one that this program was started with.
    pub fn from_arguments() -> anyhow::Result<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Self::parse(&words)
    }

    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let (bootstrap, topic, job) = match *words {
            [bootstrap, "create", topic, partitions] => {
                (bootstrap, topic, Job::Create { partitions: partitions.parse()? })
            }
            [bootstrap, "produce", topic, codec, mode @ ("idempotent" | "plain")] => {
                (bootstrap, topic, Job::Produce { codec: codec.to_owned(), idempotent: mode == "idempotent" })
            }
            [bootstrap, "consume", topic, group] => {
                (bootstrap, topic, Job::Consume { group: group.to_owned() })
            }
            [bootstrap, "read", topic, timestamp_ms] => {
                (bootstrap, topic, Job::Read { timestamp_ms: timestamp_ms.parse()? })
            }
            [bootstrap, "copy", topic, target, group, transactional_id] => {
                let [target, group, transactional_id] = [target, group, transactional_id].map(str::to_owned);
                (bootstrap, topic, Job::Copy { target, group, transactional_id })
            }
            _ => anyhow::bail!("no such command: {}", words.join(" ")),
        };
        Ok(Self { bootstrap: bootstrap.to_owned(), topic: topic.to_owned(), job })
    }
}

/// A record to produce.
#[derive(Debug, Deserialize)]
pub struct ToSend {
    /// Where to; without one the client chooses.
    pub partition: Option<i32>,
    /// Its key, or null.
    pub key: Option<String>,
    /// Its value, or null.
    pub value: Option<String>,
    /// Names and values, in order.
    pub headers: Vec<(String, Option<String>)>,
    /// Milliseconds since 1970; without one it is now.
    pub timestamp: Option<i64>,
}

/// The records on standard input.
pub fn records() -> impl Iterator<Item = anyhow::Result<ToSend>> {
    std::io::stdin()
        .lock()
        .lines()
        .map(|line| serde_json::from_str(&line?).context("a line that is no record"))
}

/// A record that was acknowledged.
#[derive(Debug, Serialize)]
pub struct Acknowledged {
    /// Where it lies.
    pub partition: i32,
    /// Where in the partition.
    pub offset: i64,
}

/// A record that was consumed.
#[derive(Debug, Serialize)]
pub struct Seen<'a> {
    /// Where it lies.
    pub partition: i32,
    /// Where in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its key, or null.
    pub key: Option<&'a str>,
    /// Its value, or null.
    pub value: Option<&'a str>,
    /// Names and values, in order.
    pub headers: Vec<(&'a str, Option<&'a str>)>,
}

/// How a copier's transaction ended, and how many records were in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// With its records and offsets.
    Committed(usize),
    /// Without.
    Aborted(usize),
}

/// Prints a line at once.
pub fn print(line: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Bytes as the text that they must be.
pub fn text(data: Option<&[u8]>) -> anyhow::Result<Option<&str>> {
    data.map(std::str::from_utf8).transpose().context("bytes that are no text")
}
