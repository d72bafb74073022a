//! The loads: Kafka's performance tools, and the load generators of `bench/`.

use std::process::{Command, Stdio};

use anyhow::Context;
use serde::de::DeserializeOwned;

use super::Bench;
use super::server::{Server, settle};
use crate::usage::Usage;

/// What is written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) size: usize,
    pub(super) partitions: i32,
    pub(super) records: u64,
}

/// What one run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) records_per_second: f64,
    /// CPU seconds per million records: a server's or a client's, as the suite says.
    pub(super) cpu: Usage,
    pub(super) peak_memory_bytes: u64,
}

/// What a load generator says of itself.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
pub(super) struct Report {
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) user_seconds: f64,
    pub(super) system_seconds: f64,
    pub(super) peak_memory_bytes: u64,
    pub(super) sum: u64,
}

impl Report {
    /// With the client's own CPU time.
    pub(super) fn sample(&self) -> Sample {
        Sample {
            records_per_second: self.records as f64 / self.seconds,
            cpu: per_million(Usage { user: self.user_seconds, system: self.system_seconds }, self.records),
            peak_memory_bytes: self.peak_memory_bytes,
        }
    }
}

pub(super) fn per_million(usage: Usage, records: u64) -> Usage {
    let millions = records as f64 / 1e6;
    Usage { user: usage.user / millions, system: usage.system / millions }
}

/// Runs a load and gives its rate with the server's CPU time.
pub(super) fn on_server(
    server: &Server,
    shape: Shape,
    load: impl FnOnce() -> anyhow::Result<f64>,
) -> anyhow::Result<Sample> {
    settle(server)?;
    let before = server.usage()?;
    let records_per_second = load()?;
    let cpu = per_million(server.usage()?.since(before), shape.records);
    Ok(Sample { records_per_second, cpu, peak_memory_bytes: 0 })
}

/// Kafka's ProducerPerformance; records per second.
pub(super) fn perf_produce(
    bench: &Bench<'_>,
    server: &Server,
    topic: &str,
    shape: Shape,
    settings: &[&str],
) -> anyhow::Result<f64> {
    let mut command = java(bench, "org.apache.kafka.tools.ProducerPerformance");
    command.args(["--topic", topic, "--num-records", &shape.records.to_string()]);
    command.args(["--record-size", &shape.size.to_string(), "--throughput", "-1"]);
    command.args(["--bootstrap-server", &server.bootstrap, "--command-property"]).args(settings);
    produced_rate(&output(command)?).context("ProducerPerformance said no rate")
}

/// Kafka's ConsumerPerformance; records per second.
pub(super) fn perf_consume(
    bench: &Bench<'_>,
    server: &Server,
    topic: &str,
    shape: Shape,
) -> anyhow::Result<f64> {
    let mut command = java(bench, "org.apache.kafka.tools.ConsumerPerformance");
    command.args(["--bootstrap-server", &server.bootstrap, "--topic", topic, "--group", topic]);
    command.args(["--num-records", &shape.records.to_string(), "--timeout", "60000", "--hide-header"]);
    consumed_rate(&output(command)?).context("ConsumerPerformance said no rate")
}

/// A load generator of `bench/`: `work` is `produce` with its options, or `consume`.
pub(super) fn generate(
    bench: &Bench<'_>,
    server: &Server,
    client: &str,
    topic: &str,
    shape: Shape,
    work: &[&str],
) -> anyhow::Result<Report> {
    report(&output(generator(bench, server, client, topic, shape, work))?)
}

/// The same by our client, for work that has a report of its own.
pub(super) fn generate_ours<R: DeserializeOwned>(
    bench: &Bench<'_>,
    server: &Server,
    topic: &str,
    shape: Shape,
    work: &[&str],
) -> anyhow::Result<R> {
    report(&output(generator(bench, server, "headwater", topic, shape, work))?)
}

/// A load generator that was not started.
pub(super) fn generator(
    bench: &Bench<'_>,
    server: &Server,
    client: &str,
    topic: &str,
    shape: Shape,
    work: &[&str],
) -> Command {
    let mut command = Command::new(&bench.load);
    command.args(["--client", client, "--bootstrap", &server.bootstrap, "--topic", topic]);
    command
        .args(["--partitions", &shape.partitions.to_string(), "--records", &shape.records.to_string()])
        .args(work)
        .stdin(Stdio::null());
    command
}

/// Java's client under the same load.
pub(super) fn generate_java(
    bench: &Bench<'_>,
    server: &Server,
    topic: &str,
    shape: Shape,
    work: &[&str],
) -> anyhow::Result<Report> {
    let mut command = java(bench, "");
    command.arg(bench.place.root.join("bench/java/Load.java")).args([&server.bootstrap, topic]);
    command.args([&shape.partitions.to_string(), &shape.records.to_string()]).args(work);
    report(&output(command)?)
}

pub(super) fn java(bench: &Bench<'_>, main: &str) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
    command.arg(format!("{}/*", bench.place.libs.display()));
    if !main.is_empty() {
        command.arg(main);
    }
    command
}

pub(super) fn output(mut command: Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{program}: {}: {said}{errors}", output.status);
    Ok(said)
}

pub(super) fn report<R: DeserializeOwned>(said: &str) -> anyhow::Result<R> {
    let line =
        said.lines().rev().find(|line| line.starts_with('{')).context("a load generator said nothing")?;
    serde_json::from_str(line).with_context(|| format!("a load generator said {line}"))
}

/// `N records sent, R records/sec (…), …`, in the last such line.
fn produced_rate(said: &str) -> Option<f64> {
    let line = said.lines().rev().find(|line| line.contains("records sent,"))?;
    let (_, rest) = line.split_once("records sent,")?;
    rest.trim().split_once(' ')?.0.parse().ok()
}

/// Start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, …: by the time of fetching alone.
fn consumed_rate(said: &str) -> Option<f64> {
    let line = said.lines().rev().find(|line| line.matches(',').count() >= 9)?;
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let (records, fetch_ms): (f64, f64) = (fields.get(4)?.parse().ok()?, fields.get(7)?.parse().ok()?);
    Some(records / fetch_ms * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_from_the_tools_closing_lines() {
        let produced = "300000 records sent, 59988.0 records/sec (5.72 MB/sec), 2.1 ms avg latency\n\
                        500000 records sent, 71428.571429 records/sec (6.81 MB/sec), 1.10 ms avg latency, 99 ms 50th\n";
        assert_eq!(produced_rate(produced), Some(71_428.571_429));
        let consumed = "WARNING: something\n\
                        2026-11-26 14:00:00:000, 2026-11-26 14:00:02:500, 95.3674, 38.1, 1000000, 400000.0, 500, 2000, 47.7, 500000.0\n";
        assert_eq!(consumed_rate(consumed), Some(500_000.0));
        assert_eq!(produced_rate("no"), None);
    }

    #[test]
    fn a_report_becomes_figures_per_million_records() {
        let line = "noise\n{\"records\":2000000,\"seconds\":4.0,\"user_seconds\":3.0,\"system_seconds\":1.0,\
                    \"peak_memory_bytes\":5,\"sum\":7}\n";
        let sample = report::<Report>(line).unwrap().sample();
        assert!((sample.records_per_second - 500_000.0).abs() < 1e-6);
        assert_eq!(sample.cpu, Usage { user: 1.5, system: 0.5 });
    }
}
