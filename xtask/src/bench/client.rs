//! The suite `client`: four clients under one load on both brokers, and the flights of a year.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use super::Bench;
use super::load::{Report, Sample, Shape, generate, generate_java};
use super::results::{Table, cpu, median, megabytes, middle, ratio, thousands};
use super::server::{Kind, Mode, Server, binary};
use crate::usage::{self, Usage};

const CLIENTS: [&str; 4] = ["headwater", "librdkafka", "krafka", "java"];
/// Bytes, milliseconds, bytes: of a record, of the linger, of a batch.
const SIZE: &str = "100";
const LINGER_MS: &str = "5";
const BATCH_BYTES: &str = "65536";

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let mut tables = Vec::new();
    for kind in Kind::BOTH {
        tables.push(clients(bench, kind)?);
    }
    if bench.is_wanted("flights") {
        tables.push(flights(bench)?);
    }
    Ok(tables)
}

fn clients(bench: &Bench<'_>, kind: Kind) -> anyhow::Result<Table> {
    let server = Server::start(kind, Mode::Os, &bench.place)?;
    let records = if bench.quick { 500_000 } else { 3_000_000 };
    let shape = Shape { size: 100, partitions: 6, records };
    let mut samples: [[Vec<Sample>; 2]; 4] = Default::default();
    for round in 0..=bench.rounds {
        for (client, samples) in
            CLIENTS.into_iter().zip(&mut samples).filter(|(client, _)| bench.is_wanted(client))
        {
            let topic = format!("{client}-{round}");
            server.create_topic(&bench.place, &topic, shape.partitions)?;
            let produced = produce(bench, &server, client, &topic, shape)?;
            let consumed = consume(bench, &server, client, &topic, shape)?;
            server.delete_topic(&bench.place, &topic);
            anyhow::ensure!(consumed.sum > 0, "{client} has read nothing");
            println!(
                "  {client} on {}: {} and {} CPU s per million",
                kind.name(),
                cpu(produced.sample().cpu),
                cpu(consumed.sample().cpu)
            );
            // The first round warms the broker up.
            if round > 0 {
                for (samples, report) in samples.iter_mut().zip([produced, consumed]) {
                    samples.push(report.sample());
                }
            }
        }
    }
    Ok(table(kind, &samples))
}

fn produce(
    bench: &Bench<'_>,
    server: &Server,
    client: &str,
    topic: &str,
    shape: Shape,
) -> anyhow::Result<Report> {
    if client == "java" {
        return generate_java(bench, server, topic, shape, &["produce", SIZE, LINGER_MS, BATCH_BYTES]);
    }
    let work =
        ["produce", "--size", SIZE, "--acks", "all", "--linger-ms", LINGER_MS, "--batch-bytes", BATCH_BYTES];
    generate(bench, server, client, topic, shape, &work)
}

fn consume(
    bench: &Bench<'_>,
    server: &Server,
    client: &str,
    topic: &str,
    shape: Shape,
) -> anyhow::Result<Report> {
    if client == "java" {
        return generate_java(bench, server, topic, shape, &["consume"]);
    }
    generate(bench, server, client, topic, shape, &["consume"])
}

fn table(kind: Kind, samples: &[[Vec<Sample>; 2]; 4]) -> Table {
    let medians = samples.each_ref().map(|both| both.each_ref().map(|samples| median(samples)));
    let peer = medians.get(1).copied();
    let rows = CLIENTS.iter().zip(medians).map(|(client, [produce, consume])| {
        let share = |of: usize, sample: Sample| {
            let peer = peer.and_then(|peer| peer.get(of).copied());
            peer.map_or_else(String::new, |peer| ratio(sample.cpu.total(), peer.cpu.total()))
        };
        vec![
            (*client).to_owned(),
            thousands(produce.records_per_second),
            cpu(produce.cpu),
            share(0, produce),
            thousands(consume.records_per_second),
            cpu(consume.cpu),
            share(1, consume),
            megabytes(produce.peak_memory_bytes.max(consume.peak_memory_bytes)),
        ]
    });
    let head = [
        "client",
        "produce records/s",
        "CPU s",
        "of librdkafka's",
        "consume records/s",
        "CPU s",
        "of librdkafka's",
        "peak memory",
    ];
    Table {
        title: format!("Clients on {}", kind.name()),
        note: format!(
            "100-byte records (8 of them key), 6 partitions in turn, idempotent, linger {LINGER_MS} ms, batches of \
             {BATCH_BYTES} bytes, no compression; every key and value byte is summed on the way back, checksums \
             verified. CPU is the client's, user + system, in seconds per million records."
        ),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// The year's departures through feed, broker and service, all in one process.
fn flights(bench: &Bench<'_>) -> anyhow::Result<Table> {
    let year = bench.place.root.join("../shared/data/flights.csv.gz");
    let head = ["", "events", "seconds", "CPU s", "events per CPU second", "peak memory"];
    let mut rows = Vec::new();
    if year.exists() {
        let (mut seconds, mut user, mut system, mut peak) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let mut demo = Command::new(binary(&bench.place));
            demo.args(["demo", "flights", "--until-done", "--data"]).arg(&year);
            let (took, usage, memory) = watch(demo)?;
            println!("  flights: {took:.1} s, {} CPU s, {}", cpu(usage), megabytes(memory));
            seconds.push(took);
            user.push(usage.user);
            system.push(usage.system);
            peak.push(memory as f64);
        }
        let usage = Usage { user: middle(user), system: middle(system) };
        rows.push(vec![
            "flights of 2013".to_owned(),
            FLIGHTS.to_string(),
            format!("{:.1}", middle(seconds)),
            cpu(usage),
            thousands(FLIGHTS as f64 / usage.total()),
            megabytes(middle(peak) as u64),
        ]);
    }
    Ok(Table {
        title: "The flights demo over the whole year".to_owned(),
        note: "Broker, feed and service in one process; records durable before they count.".to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows,
    })
}

/// Departures in the file.
const FLIGHTS: u64 = 336_776;

/// Runs a command to its end: seconds, CPU, peak memory.
fn watch(mut command: Command) -> anyhow::Result<(f64, Usage, u64)> {
    let (before, started) = (usage::ended_children()?, usage::now());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // Gone between the two looks: the last one counts.
        peak = usage::memory(child.id(), "VmHWM:").unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(10));
    };
    let seconds = started.elapsed().as_secs_f64();
    status.success().then_some(()).context("the demo failed")?;
    Ok((seconds, usage::ended_children()?.since(before), peak))
}
