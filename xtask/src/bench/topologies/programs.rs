//! The two programs under measurement, and the one that fills topics and looks at what came out.
//!
//! Owns: their command lines, the watch over a run. A run says `start` and `end`; in between its CPU time and the clock
//! are read from outside, the same way for both.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context;

use super::super::Bench;
use super::super::load::{output, per_million, report};
use super::workload::{Draws, Input, Store, Variant, Workload};
use crate::usage::{self, Usage};

/// Partitions of every topic, and as many tasks of each sub-topology.
pub(super) const PARTITIONS: i32 = 4;
/// Our workers, and Kafka Streams' threads.
pub(super) const THREADS: usize = 2;
/// Of both producers: ours in an application.
pub(super) const LINGER_MS: &str = "5";
pub(super) const BATCH_BYTES: &str = "131072";
/// Records by which the JVM is warmed up.
pub(super) const WARM: u64 = 500_000;

/// What both sides need to know of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) bootstrap: &'a str,
    pub(super) workload: &'a Workload,
    /// What all topics and applications of the suite's run begin with.
    pub(super) prefix: &'a str,
    /// What sets this run apart from others over the same topics.
    pub(super) number: usize,
}

/// What a run took between its `start` and its `end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub(super) records_per_second: f64,
    /// Seconds per million records.
    pub(super) cpu: Usage,
    pub(super) peak_memory_bytes: u64,
    /// CPU time before its `start`.
    pub(super) before: Usage,
}

/// What came out, as a few numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(super) struct Digest {
    pub(super) records: u64,
    pub(super) keys: u64,
    pub(super) all: u64,
    pub(super) last: u64,
    pub(super) behind: u64,
    pub(super) changelogs: u64,
}

impl Job<'_> {
    fn application(&self) -> String {
        format!("{}app-{}", self.prefix, self.number)
    }

    fn output(&self) -> String {
        format!("{}out-{}", self.prefix, self.number)
    }

    fn input(&self, input: &Input) -> String {
        format!("{}{}", self.prefix, input.name)
    }

    fn inputs(&self) -> String {
        self.workload.inputs.iter().map(|input| self.input(input)).collect::<Vec<_>>().join(",")
    }

    /// Fills the inputs.
    pub(super) fn fill(&self, bench: &Bench<'_>, from_ms: u64) -> anyhow::Result<()> {
        for input in &self.workload.inputs {
            let mut command = self.ours(bench, "fill");
            command.args(["--topic", &self.input(input), "--partitions", &PARTITIONS.to_string()]);
            command.args(["--records", &input.records.to_string(), "--keys", &input.keys.to_string()]);
            command.args(["--from-ms", &(from_ms + input.later_ms).to_string()]);
            match input.draws {
                Draws::Uniformly => {}
                Draws::Skewed => drop(command.arg("--skewed")),
                Draws::InTurn => drop(command.arg("--in-turn")),
            }
            output(command)?;
        }
        Ok(())
    }

    /// Runs ours.
    pub(super) fn run_ours(&self, bench: &Bench<'_>, store: Store) -> anyhow::Result<Run> {
        self.create(bench, &self.output())?;
        let mut command = self.ours(bench, "run");
        command.args(["--application", &self.application(), "--topology", self.workload.topology]);
        command.args(["--workers", &THREADS.to_string()]);
        command.args(["--commit-ms", &self.workload.commit_ms.to_string()]);
        command.args(["--inputs", &self.inputs(), "--output", &self.output()]);
        let state = state(bench);
        if store == Store::OnDisk {
            command.arg("--state-dir").arg(&state);
            if let Some(mebibytes) = self.workload.state_memory_mib {
                command.args(["--state-memory-mib", &mebibytes.to_string()]);
            }
        }
        let run = watch(command, &bench.place.folder.join("topologies-ours.log"), self.workload.records());
        let _ = std::fs::remove_dir_all(state);
        run
    }

    /// Runs Kafka Streams, whose stores have changelogs if ours have.
    pub(super) fn run_peer(
        &self,
        bench: &Bench<'_>,
        variant: Variant,
        has_changelogs: bool,
    ) -> anyhow::Result<Run> {
        let warm = format!("{}warm-{}", self.prefix, self.number);
        self.create(bench, &self.output())?;
        self.create(bench, &warm)?;
        let state = state(bench);
        let mut command = self.peer(bench, variant);
        command.arg(format!("state={}", state.display()));
        command.arg(format!("changelogs={}", if has_changelogs { "on" } else { "off" }));
        command.arg(format!("warm-output={warm}")).arg(format!("warm-application={warm}"));
        let run = watch(command, &bench.place.folder.join("topologies-peer.log"), self.workload.records());
        let _ = std::fs::remove_dir_all(state);
        run
    }

    fn peer(&self, bench: &Bench<'_>, variant: Variant) -> Command {
        let workload = self.workload;
        let mut command = Command::new("java");
        // Ten million keys in memory need more.
        let heap = if workload.records() > 5_000_000 { "-Xmx4g" } else { "-Xmx1g" };
        command.args([heap, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
        command.arg(format!("{}:{}/*", classes(bench).display(), bench.place.libs.display()));
        command.args(["Topologies", &format!("bootstrap={}", self.bootstrap)]);
        let warm = WARM.min(workload.processed());
        for (name, value) in [
            ("application", self.application()),
            ("topology", workload.topology.to_owned()),
            ("inputs", self.inputs()),
            ("output", self.output()),
            ("records", workload.processed().to_string()),
            ("warm", warm.to_string()),
            ("partitions", PARTITIONS.to_string()),
            ("threads", THREADS.to_string()),
            ("commit-ms", workload.commit_ms.to_string()),
            ("linger-ms", LINGER_MS.to_owned()),
            ("batch-bytes", BATCH_BYTES.to_owned()),
            ("store", if variant.store == Store::OnDisk { "disk" } else { "memory" }.to_owned()),
            ("cache", if variant.cache { "on" } else { "off" }.to_owned()),
        ] {
            command.arg(format!("{name}={value}"));
        }
        command
    }

    /// What came out of this run, which must have committed all that it read.
    pub(super) fn digest(&self, bench: &Bench<'_>) -> anyhow::Result<Digest> {
        let mut command = self.ours(bench, "digest");
        command.args(["--topic", &self.output(), "--application", &self.application()]);
        command.args(["--inputs", &self.inputs()]);
        let digest: Digest = report(&output(command)?)?;
        let behind = digest.behind;
        anyhow::ensure!(behind == 0, "{}: {behind} records are not committed", self.workload.name);
        Ok(digest)
    }

    /// Removes what this run made, apart from the inputs.
    pub(super) fn clean_up(&self, bench: &Bench<'_>) -> anyhow::Result<()> {
        for beginning in ["app-", "out-", "warm-"] {
            self.delete(bench, &format!("{}{beginning}", self.prefix))?;
        }
        Ok(())
    }

    /// Removes everything.
    pub(super) fn clean_up_all(&self, bench: &Bench<'_>) -> anyhow::Result<()> {
        self.delete(bench, self.prefix)
    }

    fn create(&self, bench: &Bench<'_>, topic: &str) -> anyhow::Result<()> {
        let mut command = self.ours(bench, "create");
        command.args(["--topic", topic, "--partitions", &PARTITIONS.to_string()]);
        output(command).map(drop)
    }

    fn delete(&self, bench: &Bench<'_>, beginning: &str) -> anyhow::Result<()> {
        let mut command = self.ours(bench, "delete");
        command.args(["--beginning", beginning]);
        output(command).map(drop)
    }

    fn ours(&self, bench: &Bench<'_>, work: &str) -> Command {
        let mut command = Command::new(bench.place.root.join("bench/target/release/topologies"));
        command.args(["--bootstrap", self.bootstrap, work]);
        command
    }
}

/// Compiles the peer.
pub(super) fn compile(bench: &Bench<'_>) -> anyhow::Result<()> {
    let classes = classes(bench);
    std::fs::create_dir_all(&classes)?;
    let mut javac = Command::new("javac");
    javac.arg("-d").arg(&classes).arg("-cp").arg(format!("{}/*", bench.place.libs.display()));
    javac.arg(bench.place.root.join("bench/java/Topologies.java"));
    output(javac).map(drop)
}

/// Where a run keeps its stores.
fn state(bench: &Bench<'_>) -> PathBuf {
    bench.place.folder.join("topologies-state")
}

fn classes(bench: &Bench<'_>) -> PathBuf {
    bench.place.folder.join("classes")
}

/// A process that is killed when it is dropped, unless it has ended.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end, and reads what it used between its `start` and its `end`.
fn watch(mut command: Command, log: &Path, records: u64) -> anyhow::Result<Run> {
    let program = command.get_program().to_string_lossy().into_owned();
    let errors = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn();
    let mut child = Guarded(child.with_context(|| format!("cannot start {program}"))?);
    let id = child.0.id();
    let mut said = BufReader::new(child.0.stdout.take().context("no output")?).lines();
    let failed = |word| format!("{program} did not come to its {word}: see {}", log.display());
    wait_for("start", &mut said).with_context(|| failed("start"))?;
    let (started, before) = (usage::now(), usage::usage(id)?);
    wait_for("end", &mut said).with_context(|| failed("end"))?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), usage::usage(id)?.since(before));
    let peak_memory_bytes = usage::memory(id, "VmHWM:")?;
    drop(child.0.stdin.take());
    anyhow::ensure!(child.0.wait()?.success(), "{program} failed: see {}", log.display());
    let records_per_second = records as f64 / seconds;
    Ok(Run { records_per_second, cpu: per_million(cpu, records), peak_memory_bytes, before })
}

fn wait_for(word: &str, said: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<()> {
    let line = said.next().transpose()?;
    anyhow::ensure!(line.as_deref() == Some(word), "it said {line:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn log() -> PathBuf {
        std::env::temp_dir().join(format!("watched-{}.log", std::process::id()))
    }

    #[test]
    fn a_program_is_watched_between_its_start_and_its_end() {
        let run = watch(shell("echo start; sleep 0.2; echo end; read over || true"), &log(), 1_000).unwrap();
        assert!((1_000.0..=5_000.0).contains(&run.records_per_second), "{run:?}");
        assert!(run.peak_memory_bytes > 100_000, "{run:?}");
    }

    #[test]
    fn a_program_that_does_not_come_to_its_end_has_failed() {
        let failed = watch(shell("echo start; exit 3"), &log(), 1).unwrap_err();
        assert!(format!("{failed:#}").contains("did not come to its end"), "{failed:#}");
        let failed = watch(shell("echo start; echo end; read over; exit 3"), &log(), 1).unwrap_err();
        assert!(format!("{failed:#}").contains("failed: see"), "{failed:#}");
    }
}
