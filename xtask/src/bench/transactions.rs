//! The suite `transactions`: Kafka's own copier from topic to topic, exactly once, on Apache Kafka and `headwater up`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::Context;

use super::Bench;
use super::broker::{Rows, measure, row, table, topic};
use super::load::{Shape, java, on_server, perf_produce};
use super::results::Table;
use super::server::{Mode, Server};
use crate::usage;

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let (os, _) = measure(bench, Mode::Os, round)?;
    let (durable, _) = measure(bench, Mode::Durable, round)?;
    let note = |sides: &str| {
        format!(
            "{sides} One `TransactionalMessageCopier` reads a partition and writes to another topic; each transaction takes \
             the group's offset with it. 100-byte records. CPU is the server's, user + system, in seconds per million \
             records."
        )
    };
    Ok(vec![
        table(
            "A transaction is decided once the operating system has it",
            &note("Kafka with its default settings beside `headwater up --durability os`."),
            &os,
        ),
        table(
            "A transaction is decided once it is on the disk",
            &note("Kafka with `log.flush.interval.messages=1` beside `headwater up`."),
            &durable,
        ),
    ])
}

fn round(bench: &Bench<'_>, servers: &[Server; 2], rows: &mut Rows) -> anyhow::Result<()> {
    let few = if bench.quick { 10 } else { 1 };
    for (each, transactions) in [(10, 2_000), (100, 1_500), (1_000, 500)] {
        let shape = Shape { size: 100, partitions: 1, records: each * transactions / few };
        topic(servers, bench, 1, |from| {
            for server in servers {
                perf_produce(bench, server, from, shape, &["acks=1", "enable.idempotence=false"])?;
            }
            topic(servers, bench, 1, |to| {
                row(rows, bench, servers, &format!("copy, {each} records in a transaction"), |server| {
                    on_server(server, shape, || copy(bench, server, [from, to], shape, each))
                })
            })
        })?;
    }
    Ok(())
}

/// Records per second, from the first that were copied to the last.
fn copy(
    bench: &Bench<'_>,
    server: &Server,
    [from, to]: [&str; 2],
    shape: Shape,
    each: u64,
) -> anyhow::Result<f64> {
    let mut command = java(bench, "org.apache.kafka.tools.TransactionalMessageCopier");
    command.args(["--broker-list", &server.bootstrap, "--input-topic", from, "--input-partition", "0"]);
    command.args(["--output-topic", to, "--transactional-id", to, "--consumer-group", to]);
    command.args(["--max-messages", &shape.records.to_string()]);
    command.args(["--transaction-size", &each.to_string(), "--use-group-metadata"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the copier")?;
    let said = child.stdout.take().context("the copier says nothing")?;
    let mut progress = Vec::new();
    for line in BufReader::new(said).lines() {
        if let Some(copied) = copied(&line?) {
            progress.push((usage::now(), copied));
        }
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "the copier: {status}");
    let (Some((began, before)), Some((ended, after))) = (progress.first(), progress.last()) else {
        anyhow::bail!("the copier told of no progress");
    };
    Ok((after - before) / ended.duration_since(*began).as_secs_f64())
}

/// How many records the copier has copied, where a line says so.
fn copied(line: &str) -> Option<f64> {
    if !line.contains("ProcessLoop") {
        return None;
    }
    let (_, rest) = line.split_once("\"totalProcessed\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_the_copiers_lines() {
        let line = "{\"progress\":\"x\",\"totalProcessed\":1200,\"stage\":\"ProcessLoop\",\"remaining\":5}";
        assert_eq!(copied(line), Some(1_200.0));
        assert_eq!(copied("{\"totalProcessed\":1200,\"stage\":\"ShutdownComplete\"}"), None);
    }
}
