//! The fuzz targets under libFuzzer, on the stable compiler.
//!
//! Owns: how they are built (the compiler's own pass for coverage, that of its LLVM, over our crates and all that they
//! use), where their inputs lie. What is found is put into `crates/testkit/tests/fuzz/TARGET` by hand, where the tests of
//! every day run it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, bail};

use crate::usage;

/// The targets, a round each.
pub(super) const TARGETS: [&str; 4] = ["requests", "batches", "recovery", "internal"];

/// Counters and comparisons for libFuzzer to follow.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// An input that takes longer, in seconds, is a fault.
const SLOWEST: u64 = 25;
/// So is one that takes more memory, in megabytes.
const LARGEST: u64 = 2_048;
/// The corpus is read again at each start, so none is for less, in seconds.
const SHORTEST: u64 = 10;

/// Runs a target over what earlier runs have kept, until it has used so many seconds of CPU time: what else the machine
/// does makes it longer, not less thorough.
pub(super) fn run(root: &Path, target: &str, cpu_seconds: u64) -> anyhow::Result<ExitStatus> {
    let program = build(root)?.join(target);
    let folder = root.join("target/xtask/fuzz").join(target);
    let corpus = folder.join("corpus");
    std::fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    let seeded = Command::new(&program).arg("--seeds").arg(&corpus).status();
    if !seeded.with_context(|| format!("cannot start {}", program.display()))?.success() {
        bail!("the seeds of {target} cannot be written");
    }
    let before = usage::ended_children()?;
    let mut used = 0;
    loop {
        let seconds = cpu_seconds.saturating_sub(used).max(SHORTEST);
        let status = libfuzzer(&program, &folder, &corpus, seconds).status();
        let status = status.with_context(|| format!("cannot start {}", program.display()))?;
        used = usage::ended_children()?.since(before).duration().as_secs();
        println!("{target}: {used} of {cpu_seconds} seconds of CPU time");
        if !status.success() || used >= cpu_seconds {
            return Ok(status);
        }
    }
}

/// Runs for some seconds of clock.
fn libfuzzer(program: &Path, folder: &Path, corpus: &Path, seconds: u64) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).arg(corpus).args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={SLOWEST}"),
        format!("-rss_limit_mb={LARGEST}"),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ]);
    command
}

/// Builds all targets; gives the folder of the programs.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let target = root.join("target/fuzz");
    let mut cargo = Command::new(env!("CARGO"));
    // With a target named, the flags reach neither build scripts nor macros.
    cargo.args(["build", "--release", "--locked", "--target", &host]).current_dir(root.join("fuzz"));
    cargo.env("RUSTFLAGS", COVERAGE.join(" ")).env("CARGO_TARGET_DIR", &target);
    if !cargo.status().context("cannot start cargo")?.success() {
        bail!("the fuzz targets do not build");
    }
    Ok(target.join(host).join("release"))
}

/// The platform that this compiler builds for by itself.
fn host() -> anyhow::Result<String> {
    let asked = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&asked.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say which platform it builds for")
}
