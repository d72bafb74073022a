//! The suite `groups`: what a change of members costs a consumer group (KIP-848), what heartbeats cost the broker, and what
//! share groups do (KIP-932).

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use anyhow::Context;

use super::Bench;
use super::broker::topic;
use super::load::{Shape, generate, generate_ours, generator, report};
use super::results::{Figures, Table};
use super::server::{Kind, Mode, Server, settle};
use crate::usage::Usage;

/// Of both brokers, in milliseconds.
const HEARTBEAT: f64 = 1_000.0;
const SESSION: f64 = 6_000.0;
const PARTITIONS: i32 = 300;
/// Of the topic that a share group reads.
const SHARED_PARTITIONS: i32 = 4;

/// What the load generator says of changes of members, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
struct Rebalances {
    join_first_ms: f64,
    join_last_ms: f64,
    leave_first_ms: f64,
    leave_last_ms: f64,
    death_first_ms: f64,
    death_last_ms: f64,
}

/// What it says of heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
struct Heartbeats {
    heartbeats: u64,
    seconds: f64,
}

/// What it says of a share group.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
struct Share {
    records: u64,
    seconds: f64,
    p50_us: u64,
    p99_us: u64,
}

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let properties = format!(
        "group.consumer.min.session.timeout.ms={SESSION}\ngroup.consumer.session.timeout.ms={SESSION}\n\
         group.consumer.min.heartbeat.interval.ms={HEARTBEAT}\ngroup.consumer.heartbeat.interval.ms={HEARTBEAT}\n\
         group.initial.rebalance.delay.ms=0\n\
         share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n"
    );
    let start = |kind| Server::start_with(kind, Mode::Os, &bench.place, &properties);
    let [kafka, headwater] = Kind::BOTH.map(start);
    let servers = [kafka?, headwater?];
    let [mut changes, mut heartbeats, mut shares] = [(); 3].map(|()| Figures::default());
    for number in 1..=bench.rounds {
        println!("round {number} of {}", bench.rounds);
        for members in [3, 50, 299] {
            if bench.is_wanted(&format!("{members} members")) {
                rebalances(bench, &servers, members, &mut changes)?;
                cost_of_heartbeats(bench, &servers, members, &mut heartbeats)?;
            }
        }
        if bench.is_wanted("share group") {
            share_group(bench, &servers, &mut shares)?;
        }
    }
    Ok(vec![
        changes.table("When members come and go", &changes_note()),
        heartbeats.table("What heartbeats cost", &heartbeats_note()),
        shares.table("Share groups", &shares_note()),
    ])
}

fn rebalances(
    bench: &Bench<'_>,
    servers: &[Server; 2],
    members: u32,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let shape = Shape { size: 100, partitions: PARTITIONS, records: PARTITIONS as u64 };
    let (members_text, changes) = (members.to_string(), if bench.quick { "1" } else { "3" });
    let work = ["rebalance", "--members", &members_text, "--changes", changes];
    topic(servers, bench, PARTITIONS, |topic| {
        for server in servers {
            generate(bench, server, "headwater", topic, shape, &["produce"])?;
            settle(server)?;
            let took: Rebalances = generate_ours(bench, server, topic, shape, &work)?;
            for (what, took, known) in [
                ("join, first partition", took.join_first_ms, 0.0),
                ("join, last partition", took.join_last_ms, HEARTBEAT),
                ("leave, first partition", took.leave_first_ms, 0.0),
                ("leave, last partition", took.leave_last_ms, HEARTBEAT),
                ("death, first partition", took.death_first_ms, SESSION),
                ("death, last partition", took.death_last_ms, SESSION),
            ] {
                let beyond = if known > 0.0 { format!(", beyond {known} ms") } else { String::new() };
                let name = format!("{members} members: {what}{beyond}");
                figures.add(server.kind, &name, "ms", &[took - known]);
            }
        }
        Ok(())
    })
}

fn cost_of_heartbeats(
    bench: &Bench<'_>,
    servers: &[Server; 2],
    members: u32,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let heartbeats = if bench.quick { 10_000 } else { 100_000 };
    let shape = Shape { size: 100, partitions: PARTITIONS, records: heartbeats };
    let members_text = members.to_string();
    let connections = members.min(4).to_string();
    let work = ["heartbeats", "--members", &members_text, "--connections", &connections, "--wait"];
    topic(servers, bench, PARTITIONS, |topic| {
        for server in servers {
            let (beats, cpu) = measured::<Heartbeats>(bench, server, topic, shape, &work)?;
            let thousands = beats.heartbeats as f64 / 1e3;
            let per_thousand = [cpu.user, cpu.system].map(|seconds| seconds * 1e3 / thousands);
            let name = format!("{members} members: CPU for 1,000 heartbeats");
            figures.add(server.kind, &name, "ms", &per_thousand);
            let name = format!("{members} members: heartbeats a second");
            figures.add(server.kind, &name, "", &[beats.heartbeats as f64 / beats.seconds]);
        }
        Ok(())
    })
}

/// Runs a load that waits for a word when it is ready: what it says of itself, and what the server spent from then on.
fn measured<R: serde::de::DeserializeOwned>(
    bench: &Bench<'_>,
    server: &Server,
    topic: &str,
    shape: Shape,
    work: &[&str],
) -> anyhow::Result<(R, Usage)> {
    let mut command = generator(bench, server, "headwater", topic, shape, work);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(child.stdout.take().context("no output")?).lines();
    let ready = said.next().transpose()?;
    anyhow::ensure!(ready.as_deref() == Some("ready"), "the load generator is not ready: {ready:?}");
    settle(server)?;
    let before = server.usage()?;
    child.stdin.take().context("no input")?.write_all(b"go\n")?;
    let line = said.next().transpose()?.context("the load generator said nothing")?;
    let cpu = server.usage()?.since(before);
    anyhow::ensure!(child.wait()?.success(), "the load generator failed");
    Ok((report(&line)?, cpu))
}

fn share_group(bench: &Bench<'_>, servers: &[Server; 2], figures: &mut Figures) -> anyhow::Result<()> {
    let records = if bench.quick { 2_000 } else { 50_000 };
    let shape = Shape { size: 100, partitions: SHARED_PARTITIONS, records };
    let work = ["share", "--members", "20", "--wait"];
    topic(servers, bench, SHARED_PARTITIONS, |topic| {
        for server in servers {
            generate(bench, server, "headwater", topic, shape, &["produce"])?;
            let (share, cpu) = measured::<Share>(bench, server, topic, shape, &work)?;
            let of = |what: &str| format!("share group, 20 members: {what}");
            figures.add(server.kind, &of("records a second"), "", &[share.records as f64 / share.seconds]);
            let spent = cpu.user + cpu.system;
            figures.add(server.kind, &of("records per CPU-second"), "", &[share.records as f64 / spent]);
            let parts = [cpu.user, cpu.system].map(|seconds| seconds * 1e6 / share.records as f64);
            figures.add(server.kind, &of("CPU for 1,000,000 records"), "s", &parts);
            figures.add(server.kind, &of("p50 of an acknowledgement"), "µs", &[share.p50_us as f64]);
            figures.add(server.kind, &of("p99 of an acknowledgement"), "µs", &[share.p99_us as f64]);
        }
        Ok(())
    })
}

fn changes_note() -> String {
    format!(
        "A consumer group (KIP-848) of Headwater's clients in one process, each with connections of its own, over \
         {PARTITIONS} partitions; `uniform` assignor, heartbeats every {HEARTBEAT} ms and sessions of {SESSION} ms on both \
         brokers. One more joins, leaves in order, and dies: one whose heartbeats are written by hand is heard of once more, \
         and then no more. From then until its new owner has read the first record of a partition that changed hands, and \
         until that holds for the last of them. Changes come at any time between two heartbeats; medians of three each. From the times of the last partitions one heartbeat is taken off, after which everybody \
         can know, and from those of deaths the session timeout: what stands there is what is spent beyond. Less than \
         nothing is luck: no member's heartbeat was a whole interval away."
    )
}

fn heartbeats_note() -> String {
    "The group at rest, its members' heartbeats over four connections (three for three members), each of which sends the next \
     one when the last is answered, by requests written by hand. CPU is the server's, user + system."
        .to_owned()
}

fn shares_note() -> String {
    format!(
        "50,000 records of 100 bytes in {SHARED_PARTITIONS} partitions, read from the first one on by a share group (KIP-932) of \
         20 members, each with a connection of its own: it fetches up to 100 records, accepts each by a request of its own, \
         waits for the answer, and so on, by requests written by hand. CPU is the server's, user + system."
    )
}
