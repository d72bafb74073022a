//! The suite `latency`: how long records take from when they were due to their arrival, at a rate far below the limit.

use super::Bench;
use super::broker::topic;
use super::load::{Shape, generate_ours, per_million};
use super::results::{Figures, Table};
use super::server::{Kind, Mode, Server, settle};

/// What the probe says of itself.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
pub(super) struct Probe {
    pub(super) records: u64,
    pub(super) sent: u64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) max_us: f64,
    pub(super) sender_p99_us: f64,
    pub(super) sender_max_us: f64,
}

/// Records a second.
const RATE: u64 = 10_000;

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let os = measure(bench, Mode::Os)?;
    let durable = measure(bench, Mode::Durable)?;
    let note = |sides: &str| {
        format!(
            "{sides} {RATE} records of 100 bytes a second over 6 partitions in turn, acks=all, idempotent, no linger, by \
             Headwater's client; a consumer in the same process. Records are due on whole milliseconds, fixed beforehand; \
             latency is counted from then to the poll that brings the record, with what the sender was late. CPU is the \
             server's, user + system, per million records."
        )
    };
    Ok(vec![
        os.table(
            "Latency when a record counts as written once the operating system has it",
            &note("Kafka with its default settings beside `headwater up --durability os`."),
        ),
        durable.table(
            "Latency when a record counts as written once it is on the disk",
            &note("Kafka with `log.flush.interval.messages=1` beside `headwater up`."),
        ),
    ])
}

fn measure(bench: &Bench<'_>, mode: Mode) -> anyhow::Result<Figures> {
    let [kafka, headwater] = Kind::BOTH.map(|kind| Server::start(kind, mode, &bench.place));
    let servers = [kafka?, headwater?];
    let mut figures = Figures::default();
    println!("{mode:?}: warming up");
    round(bench, &servers, 2, &mut Figures::default())?;
    for number in 1..=bench.rounds {
        println!("{mode:?}: round {number} of {}", bench.rounds);
        round(bench, &servers, if bench.quick { 5 } else { 30 }, &mut figures)?;
    }
    Ok(figures)
}

fn round(
    bench: &Bench<'_>,
    servers: &[Server; 2],
    seconds: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let warm_up = if bench.quick { 2 } else { 5 };
    let shape = Shape { size: 100, partitions: 6, records: RATE * (warm_up + seconds) };
    let work = ["latency", "--rate", &RATE.to_string(), "--warm-up-seconds", &warm_up.to_string()];
    topic(servers, bench, shape.partitions, |topic| {
        for server in servers {
            settle(server)?;
            let before = server.usage()?;
            let probe: Probe = generate_ours(bench, server, topic, shape, &work)?;
            let cpu = per_million(server.usage()?.since(before), shape.records);
            anyhow::ensure!(probe.records == RATE * seconds, "{} records counted", probe.records);
            for (name, figure) in [
                ("p50", probe.p50_us),
                ("p99", probe.p99_us),
                ("p99.9", probe.p999_us),
                ("longest", probe.max_us),
                ("of it the sender's lateness, p99", probe.sender_p99_us),
                ("of it the sender's lateness, longest", probe.sender_max_us),
            ] {
                figures.add(server.kind, name, "µs", &[figure]);
            }
            figures.add(server.kind, "CPU", "s", &[cpu.user, cpu.system]);
        }
        Ok(())
    })
}
