//! `cargo xtask nightly <part>`: the long forms of suites whose quick forms `cargo xtask test` runs.
//!
//! Owns: what the parts are, and how long each is made. A failing part prints the seed or the case by itself.
//!
//! Does not know: what the suites prove.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;

/// Options of this chore.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which part
    #[arg(value_enum)]
    part: Part,
    /// How many seeds or cases, instead of the part's own number
    #[arg(long)]
    runs: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    /// Client and broker simulated together: 20,000 seeds
    Simulation,
    /// The log against its models, power losses and faults: 150 times the quick form
    Log,
}

impl Part {
    /// The variable that says how long, and the number that it is set to.
    fn length(self) -> (&'static str, u64) {
        match self {
            Self::Simulation => ("HEADWATER_SEEDS", 20_000),
            Self::Log => ("HEADWATER_TEST_SCALE", 150),
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Simulation => "headwater-testkit",
            Self::Log => "headwater-log",
        }
    }
}

/// Runs a part to its end.
#[expect(clippy::disallowed_methods, reason = "a chore tells how long it took")]
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (variable, usual) = options.part.length();
    let runs = options.runs.unwrap_or(usual);
    let started = Instant::now();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--package", options.part.package()]).env(variable, runs.to_string());
    let status = cargo.status().context("cargo cannot be started")?;
    let took = started.elapsed().as_secs();
    println!("nightly {:?}: {variable}={runs}, {took} s, {status}", options.part);
    if !status.success() {
        bail!("the part failed; what it printed names the seed or the case");
    }
    Ok(())
}
