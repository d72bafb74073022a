//! `cargo xtask nightly <part>`: the long forms of suites whose quick forms `cargo xtask test` runs.
//!
//! Owns: what the parts are, how long each is made, and in how many rounds. A failing part prints the seed or the case by
//! itself.
//!
//! Invariants: a part that was interrupted goes on with the round that it was in; one that has ended begins anew. What came
//! of a part goes into `bench/NIGHTLY.md` by hand, as printed.
//!
//! Does not know: what the suites prove.

mod fuzz;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;

/// Options of this chore.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which part
    #[arg(value_enum)]
    part: Part,
    /// How many seeds, cases, seconds, records or deaths each round has, instead of the part's own number
    #[arg(long)]
    runs: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Client and broker simulated together: 20,000 seeds
    Simulation,
    /// The log against its models, power losses and faults: 150 times the quick form
    Log,
    /// Schedules of groups of every kind: 100,000 of each, 50 times the quick form
    Groups,
    /// Our client over three Kafka brokers that are killed and restarted, connections cut: an hour, in six rounds
    Kafka,
    /// The fuzz targets, ten CPU-minutes each
    Fuzz,
    /// Our topologies against Kafka Streams: 200,000 records each
    Topologies,
    /// The flights of the year by 7, 2 and 1 workers, on both brokers, against SQL
    Flights,
    /// The broker killed under load from other people's clients: 500 deaths, in ten rounds with a seed each
    Crash,
}

impl Part {
    /// The variable that says how long a round is, and the number that it is set to. (The fuzz targets are told by an
    /// argument.)
    fn length(self) -> (&'static str, u64) {
        match self {
            Self::Simulation => ("HEADWATER_SEEDS", 20_000),
            Self::Log => ("HEADWATER_TEST_SCALE", 150),
            Self::Groups => ("HEADWATER_TEST_SCALE", 50),
            Self::Kafka | Self::Fuzz => ("HEADWATER_TEST_SECONDS", 600),
            Self::Topologies => ("HEADWATER_TEST_RECORDS", 200_000),
            Self::Flights => ("HEADWATER_TEST_SCALE", 3),
            Self::Crash => ("HEADWATER_TEST_KILLS", 50),
        }
    }

    fn rounds(self) -> u64 {
        match self {
            Self::Simulation | Self::Log | Self::Groups | Self::Topologies | Self::Flights => 1,
            Self::Kafka => 6,
            Self::Fuzz => fuzz::TARGETS.len() as u64,
            Self::Crash => 10,
        }
    }

    fn run(self, root: &Path, round: u64, runs: u64) -> anyhow::Result<ExitStatus> {
        let cargo = |package: &str| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["test", "--package", package]).current_dir(root);
            cargo
        };
        let mut command = match self {
            Self::Simulation => cargo("headwater-testkit"),
            Self::Log => cargo("headwater-log"),
            Self::Groups => cargo("headwater-coordinator"),
            Self::Fuzz => {
                let target = usize::try_from(round).ok().and_then(|round| fuzz::TARGETS.get(round));
                return fuzz::run(root, target.context("no such round")?, runs);
            }
            Self::Kafka => pytest(root, &["--cluster", "kafka", "rust", "-k", "come_and_go"]),
            Self::Topologies => pytest(root, &["--cluster", "kafka", "streams"]),
            Self::Flights => {
                build_binary(root)?;
                pytest(root, &["--cluster", "both", "flights", "-k", "whole_year"])
            }
            Self::Crash => {
                build_binary(root)?;
                pytest(root, &["--cluster", "headwater", "clients/test_crash.py", "-k", "deaths", "-s"])
            }
        };
        command.env(self.length().0, runs.to_string());
        command.status().with_context(|| {
            format!("{} cannot be started; has `cargo xtask test` run?", command.get_program().display())
        })
    }
}

/// pytest as `cargo xtask test` has set it up.
fn pytest(root: &Path, arguments: &[&str]) -> Command {
    let mut pytest = Command::new(root.join("target/xtask/venv/bin/pytest"));
    pytest.args(arguments).current_dir(root.join("tests/e2e"));
    pytest
}

/// The binary that the end-to-end tests kill: that of these sources, not of what was built last.
fn build_binary(root: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release"]).current_dir(root);
    if !cargo.status().context("cannot start cargo")?.success() {
        bail!("the binary does not build");
    }
    Ok(())
}

/// Runs a part to its end.
#[expect(clippy::disallowed_methods, reason = "a chore tells how long it took")]
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let part = options.part;
    let (variable, usual) = part.length();
    let runs = options.runs.unwrap_or(usual);
    let progress = Progress::of(part, root)?;
    for round in progress.done()..part.rounds() {
        let started = Instant::now();
        let status = part.run(root, round, runs)?;
        let took = started.elapsed().as_secs();
        let rounds = part.rounds();
        println!("nightly {part:?}, round {} of {rounds}: {variable}={runs}, {took} s, {status}", round + 1);
        if !status.success() {
            bail!("the part failed; what it printed names the seed or the case");
        }
        progress.set(round + 1)?;
    }
    progress.clear()
}

/// How many rounds of a part are done, in a file.
struct Progress(PathBuf);

impl Progress {
    fn of(part: Part, root: &Path) -> anyhow::Result<Self> {
        let folder = root.join("target/xtask/nightly");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder.join(format!("{part:?}.rounds"))))
    }

    fn done(&self) -> u64 {
        std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn set(&self, rounds: u64) -> anyhow::Result<()> {
        std::fs::write(&self.0, rounds.to_string())
            .with_context(|| format!("cannot write {}", self.0.display()))
    }

    fn clear(&self) -> anyhow::Result<()> {
        std::fs::remove_file(&self.0).with_context(|| format!("cannot remove {}", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_on_where_it_was_interrupted_and_begins_anew_once_it_has_ended() {
        let root = std::env::temp_dir().join(format!("headwater-nightly-{}", std::process::id()));
        let progress = Progress::of(Part::Kafka, &root).unwrap();
        assert_eq!(progress.done(), 0);
        progress.set(4).unwrap();
        assert_eq!(Progress::of(Part::Kafka, &root).unwrap().done(), 4);
        assert_eq!(Progress::of(Part::Log, &root).unwrap().done(), 0);
        progress.clear().unwrap();
        assert_eq!(progress.done(), 0);
        std::fs::remove_dir_all(root).unwrap();
    }
}
