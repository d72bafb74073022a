//! `cargo xtask bench <suite>`: peer and Headwater in turn, on the same machine and the same work.
//!
//! Owns: the suites, the order of rounds, the tables, and their place in `bench/RESULTS.md`.
//!
//! Invariants: each row runs on both sides within one round before the next row begins; what is printed is the median of
//! the rounds; a row that is worse than the peer's stays in the table.

mod broker;
mod client;
mod compaction;
mod groups;
mod latency;
mod load;
mod recovery;
mod results;
mod server;
mod topologies;
mod transactions;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use clap::ValueEnum;

use server::Place;

/// Options of this chore.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is measured
    #[arg(value_enum)]
    suite: Suite,
    /// Fewer records and one round, to see that it works
    #[arg(long)]
    quick: bool,
    /// How many rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only rows whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Put the tables into bench/RESULTS.md, in the place of those of the last time, and a picture beside it
    #[arg(long)]
    write: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Suite {
    /// Apache Kafka and `headwater up` under other people's clients
    Broker,
    /// Headwater's client, librdkafka, krafka and Java's, and the flights of a year
    Client,
    /// Copying from topic to topic exactly once, by Kafka's own tool
    Transactions,
    /// From when a record is due to its arrival, at a fixed rate
    Latency,
    /// From the start of a killed broker to the last record of every partition
    Recovery,
    /// The rate of compaction, and what appends wait meanwhile
    Compaction,
    /// How long partitions are without a reader when members come, leave and die; what heartbeats cost
    Groups,
    /// Topologies beside Kafka Streams, over prefilled topics of Apache Kafka
    Topologies,
}

/// What a suite needs to run.
#[derive(Debug)]
struct Bench<'a> {
    place: Place<'a>,
    /// The load generator of `bench/`.
    load: PathBuf,
    quick: bool,
    rounds: usize,
    only: &'a str,
}

impl Bench<'_> {
    fn is_wanted(&self, row: &str) -> bool {
        row.contains(self.only)
    }
}

/// Runs a suite.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let folder = root.join("target/xtask/bench");
    std::fs::create_dir_all(&folder)?;
    println!("set-up: Apache Kafka, the release binary, the load generators");
    crate::test::set_up_kafka(root, &root.join("target/xtask"))?;
    if let Suite::Topologies = options.suite {
        // Neither our broker nor other clients.
        build(&root.join("bench"), &["--package", "headwater-bench-topologies"])?;
    } else {
        build(root, &[])?;
        build(&root.join("bench"), &[])?;
    }
    let bench = Bench {
        place: Place { root, libs: root.join("target/xtask/kafka/libs"), folder },
        load: root.join("bench/target/release/load"),
        quick: options.quick,
        rounds: if options.quick { 1 } else { options.rounds },
        only: &options.only,
    };
    let (name, tables) = match options.suite {
        Suite::Broker => ("broker", broker::run(&bench)?),
        Suite::Client => ("client", client::run(&bench)?),
        Suite::Transactions => ("transactions", transactions::run(&bench)?),
        Suite::Latency => ("latency", latency::run(&bench)?),
        Suite::Recovery => ("recovery", recovery::run(&bench)?),
        Suite::Compaction => ("compaction", compaction::run(&bench)?),
        Suite::Groups => ("groups", groups::run(&bench)?),
        Suite::Topologies => ("topologies", topologies::run(&bench)?),
    };
    let section = results::section(&tables, bench.rounds)?;
    println!("\n{section}");
    if options.write {
        results::write(&root.join("bench/RESULTS.md"), name, &section)?;
        let picture = format!("{name}.svg");
        let drawn = bench.place.folder.join(&picture);
        if drawn.exists() {
            std::fs::copy(&drawn, root.join("bench").join(&picture))?;
        }
    }
    Ok(())
}

fn build(workspace: &Path, packages: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet"])
        .args(packages)
        .current_dir(workspace)
        .status()?;
    anyhow::ensure!(status.success(), "cannot build {}", workspace.display());
    Ok(())
}
