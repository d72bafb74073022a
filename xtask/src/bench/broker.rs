//! The suite `broker`: Apache Kafka and `headwater up` under Kafka's performance tools and librdkafka.

use std::collections::BTreeMap;

use super::Bench;
use super::load::{Sample, Shape, generate, generator, on_server, perf_consume, perf_produce};
use super::results::{Table, cpu, median, megabytes, middle, ratio, thousands};
use super::server::{Kind, Mode, Server};

/// Samples by row, Kafka's and ours.
pub(super) type Rows = BTreeMap<(usize, String), [Vec<Sample>; 2]>;

/// Idempotent, as clients are by default.
const ACKS_ALL: &[&str] = &["acks=all"];
const ACKS_ONE: &[&str] = &["acks=1", "enable.idempotence=false"];
/// Every record is a batch of its own, so that a flush per batch is a flush per record.
const ALONE: &[&str] = &["acks=all", "batch.size=0", "linger.ms=0"];

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let start_up = start_up(bench)?;
    let (os, memory) = measure(bench, Mode::Os, run_os)?;
    let (durable, _) = measure(bench, Mode::Durable, run_durable)?;
    Ok(vec![
        table(
            "A record counts as written once the operating system has it",
            "Kafka with its default settings beside `headwater up --durability os`. CPU is the server's, user + system, in \
             seconds per million records; the ratio below 1 is in our favour.",
            &os,
        ),
        table(
            "A record counts as written once it is on the disk",
            "Kafka with `log.flush.interval.messages=1` beside `headwater up` (`--durability fsync`, the default).",
            &durable,
        ),
        whole(&memory, &start_up),
    ])
}

pub(super) fn measure(
    bench: &Bench<'_>,
    mode: Mode,
    round: fn(&Bench<'_>, &[Server; 2], &mut Rows) -> anyhow::Result<()>,
) -> anyhow::Result<(Rows, [u64; 2])> {
    let [kafka, headwater] = Kind::BOTH.map(|kind| Server::start(kind, mode, &bench.place));
    let servers = [kafka?, headwater?];
    println!("{mode:?}: warming up");
    round(
        &Bench { place: bench.place.clone(), load: bench.load.clone(), quick: true, ..*bench },
        &servers,
        &mut Rows::new(),
    )?;
    let mut rows = Rows::new();
    for number in 1..=bench.rounds {
        println!("{mode:?}: round {number} of {}", bench.rounds);
        round(bench, &servers, &mut rows)?;
    }
    let [kafka, headwater] = servers.each_ref().map(Server::resident);
    Ok((rows, [kafka?, headwater?]))
}

/// Runs a row on both, Kafka first.
pub(super) fn row(
    rows: &mut Rows,
    bench: &Bench<'_>,
    servers: &[Server; 2],
    name: &str,
    run: impl Fn(&Server) -> anyhow::Result<Sample>,
) -> anyhow::Result<()> {
    if !bench.is_wanted(name) {
        return Ok(());
    }
    let order = rows.len();
    let key = rows.keys().find(|(_, known)| known == name).cloned().unwrap_or((order, name.to_owned()));
    for (side, server) in servers.iter().enumerate() {
        let sample = run(server)?;
        println!(
            "  {name}: {}: {}/s, {} CPU s per million",
            server.kind.name(),
            thousands(sample.records_per_second),
            cpu(sample.cpu)
        );
        if let Some(samples) = rows.entry(key.clone()).or_default().get_mut(side) {
            samples.push(sample);
        }
    }
    Ok(())
}

fn shapes(bench: &Bench<'_>) -> Vec<Shape> {
    let few = if bench.quick { 5 } else { 1 };
    let shape = |size, partitions, records: u64| Shape { size, partitions, records: records / few };
    vec![
        shape(100, 1, 2_000_000),
        shape(100, 6, 2_000_000),
        shape(1_000, 1, 500_000),
        shape(1_000, 6, 500_000),
    ]
}

fn run_os(bench: &Bench<'_>, servers: &[Server; 2], rows: &mut Rows) -> anyhow::Result<()> {
    for shape in shapes(bench) {
        let about = format!("{} B, {} partitions", shape.size, shape.partitions);
        for (acks, settings) in [("1", ACKS_ONE), ("all", ACKS_ALL)] {
            let name = format!("produce acks={acks}, {about}, Java");
            let topic = topic(servers, bench, shape.partitions, |topic| {
                row(rows, bench, servers, &name, |server| {
                    on_server(server, shape, || perf_produce(bench, server, topic, shape, settings))
                })?;
                if acks == "1" {
                    return Ok(());
                }
                row(rows, bench, servers, &format!("fetch, {about}, Java"), |server| {
                    on_server(server, shape, || perf_consume(bench, server, topic, shape))
                })
            });
            topic?;
        }
        let size = shape.size.to_string();
        let work = ["produce", "--size", &size];
        topic(servers, bench, shape.partitions, |topic| {
            row(rows, bench, servers, &format!("produce acks=all, {about}, librdkafka"), |server| {
                let load = || generate(bench, server, "librdkafka", topic, shape, &work);
                on_server(server, shape, || Ok(load()?.sample().records_per_second))
            })?;
            row(rows, bench, servers, &format!("fetch, {about}, librdkafka"), |server| {
                let load = || generate(bench, server, "librdkafka", topic, shape, &["consume"]);
                on_server(server, shape, || Ok(load()?.sample().records_per_second))
            })
        })?;
    }
    Ok(())
}

fn run_durable(bench: &Bench<'_>, servers: &[Server; 2], rows: &mut Rows) -> anyhow::Result<()> {
    let few = if bench.quick { 5 } else { 1 };
    for clients in ["1", "50"] {
        let shape =
            Shape { size: 100, partitions: 6, records: if clients == "1" { 5_000 } else { 50_000 } / few };
        let name =
            format!("produce acks=all, 100 B, 6 partitions, {clients} clients that wait for each record");
        topic(servers, bench, shape.partitions, |topic| {
            row(rows, bench, servers, &name, |server| {
                let load =
                    || generate(bench, server, "headwater", topic, shape, &["crowd", "--clients", clients]);
                on_server(server, shape, || Ok(load()?.sample().records_per_second))
            })
        })?;
    }
    for partitions in [1, 6] {
        for (how, settings, records) in
            [("batches of 16 KiB", ACKS_ALL, 500_000), ("each record alone", ALONE, 20_000)]
        {
            let shape = Shape { size: 100, partitions, records: records / few };
            let name = format!("produce acks=all, 100 B, {partitions} partitions, {how}, Java");
            topic(servers, bench, partitions, |topic| {
                row(rows, bench, servers, &name, |server| {
                    on_server(server, shape, || perf_produce(bench, server, topic, shape, settings))
                })
            })?;
        }
    }
    Ok(())
}

/// A topic on both, removed afterwards.
pub(super) fn topic(
    servers: &[Server; 2],
    bench: &Bench<'_>,
    partitions: i32,
    run: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let name = format!("bench-{}", since.as_micros());
    for server in servers {
        server.create_topic(&bench.place, &name, partitions)?;
    }
    let outcome = run(&name);
    for server in servers {
        server.delete_topic(&bench.place, &name);
    }
    outcome
}

fn start_up(bench: &Bench<'_>) -> anyhow::Result<[f64; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    let shape = Shape { size: 100, partitions: 1, records: 1 };
    for _ in 0..bench.rounds {
        for (times, kind) in times.iter_mut().zip(Kind::BOTH) {
            let mut server = Server::prepare(kind, Mode::Os, &bench.place, "")?;
            let mut probe = generator(bench, &server, "headwater", "first", shape, &["first"]);
            let took = server.run_until(&mut probe)?;
            println!("  start-up: {}: {:.0} ms", kind.name(), took.as_secs_f64() * 1e3);
            times.push(took.as_secs_f64() * 1e3);
        }
    }
    Ok(times.map(middle))
}

pub(super) fn table(title: &str, note: &str, rows: &Rows) -> Table {
    let head = ["", "Kafka records/s", "ours", "ratio", "Kafka CPU s", "ours", "ratio"];
    let rows = rows.iter().map(|((_, name), [kafka, ours])| {
        let (kafka, ours) = (median(kafka), median(ours));
        vec![
            name.clone(),
            thousands(kafka.records_per_second),
            thousands(ours.records_per_second),
            ratio(ours.records_per_second, kafka.records_per_second),
            cpu(kafka.cpu),
            cpu(ours.cpu),
            ratio(ours.cpu.total(), kafka.cpu.total()),
        ]
    });
    Table {
        title: title.to_owned(),
        note: note.to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn whole(memory: &[u64; 2], start_up: &[f64; 2]) -> Table {
    let [kafka, ours] = *memory;
    let [kafka_ms, ours_ms] = *start_up;
    let rows = vec![
        vec![
            "resident memory after the runs".to_owned(),
            megabytes(kafka),
            megabytes(ours),
            ratio(ours as f64, kafka as f64),
        ],
        vec![
            "process start to first acknowledged record".to_owned(),
            format!("{kafka_ms:.0} ms"),
            format!("{ours_ms:.0} ms"),
            ratio(ours_ms, kafka_ms),
        ],
    ];
    Table {
        title: "The process as a whole".to_owned(),
        note: "Memory is that of the servers of the first table, after all its rows. The folder is formatted before Kafka starts."
            .to_owned(),
        head: ["", "Kafka", "ours", "ratio"].map(str::to_owned).to_vec(),
        rows,
    }
}
