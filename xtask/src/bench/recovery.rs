//! The suite `recovery`: from the start of a broker that was killed to the last record of every partition.

use super::Bench;
use super::load::{Shape, generate, generator};
use super::results::{Figures, Table};
use super::server::{Kind, Mode, Server};

const TOPIC: &str = "recovery";

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let mut figures = Figures::default();
    for round in 1..=bench.rounds {
        println!("round {round} of {}", bench.rounds);
        for (mode, name) in [(Mode::Os, "os"), (Mode::Durable, "durable")] {
            if bench.is_wanted(name) {
                for kind in Kind::BOTH {
                    once(bench, kind, mode, name, &mut figures)?;
                }
            }
        }
    }
    Ok(vec![figures.table("After a kill", &note(shape(bench)))])
}

/// Less than a segment (1 GiB) in each partition, so that none was closed and synced.
fn shape(bench: &Bench<'_>) -> Shape {
    Shape { size: 1_000, partitions: 10, records: if bench.quick { 500_000 } else { 10_000_000 } }
}

/// Fills, kills, starts again, reads; then all is deleted.
fn once(bench: &Bench<'_>, kind: Kind, mode: Mode, name: &str, figures: &mut Figures) -> anyhow::Result<()> {
    let shape = shape(bench);
    let mut server = Server::start(kind, mode, &bench.place)?;
    server.create_topic(&bench.place, TOPIC, shape.partitions)?;
    let size = shape.size.to_string();
    generate(bench, &server, "headwater", TOPIC, shape, &["produce", "--size", &size])?;
    server.kill()?;
    let took = server.run_until(&mut generator(bench, &server, "headwater", TOPIC, shape, &["last"]))?;
    let (cpu, read) = (server.usage()?, server.read_bytes()?);
    figures.add(kind, &format!("{name}: start to the last record"), "s", &[took.as_secs_f64()]);
    figures.add(kind, &format!("{name}: CPU until then"), "s", &[cpu.user, cpu.system]);
    figures.add(kind, &format!("{name}: read by calls until then"), "MB", &[read as f64 / 1e6]);
    Ok(())
}

fn note(shape: Shape) -> String {
    format!(
        "{} records of {} bytes over {} partitions, {:.1} GB, in batches of 64 KiB, acks=all, idempotent; SIGKILL right \
         after the last acknowledgement; from the start of the process until a client that waits has read the last record of \
         every partition. One broker at a time, on a page cache that is warm. No segment was closed, so that both read \
         and check every batch, in both modes: Kafka all of a segment that its recovery point does not cover, Headwater all \
         of each partition's last segment; how much each has read stands below. In `durable`, \
         Headwater also syncs what it found before it serves it; in `os` it does not, as Kafka. `os`: Kafka with its \
         default settings beside `headwater up --durability os`. `durable`: Kafka with `log.flush.interval.messages=1` beside \
         `headwater up`.",
        shape.records,
        shape.size,
        shape.partitions,
        shape.records as f64 * shape.size as f64 / 1e9,
    )
}
