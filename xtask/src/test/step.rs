//! The steps: what each runs, what its output says, and how long it may take.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::counts::{Counts, Runner};
use super::process::{Outcome, clock, now, run_logged};
use super::setup::Setup;
use super::summary::{Report, Summary};

/// The step that builds what the end-to-end tests drive.
pub(super) const BINARY: &str = "release";

/// A part of the tests that runs and is counted by itself.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// What it should take on two cores with nothing built yet. Beyond three times this it is killed.
    pub(super) budget_min: u64,
    runs: Runs,
}

enum Runs {
    /// This program, with these arguments.
    Xtask(&'static [&'static str]),
    Cargo(Runner, &'static [&'static str]),
    /// pytest in `tests/e2e`, with these arguments.
    Pytest(&'static [&'static str]),
}

pub(super) const STEPS: [Step; 8] = [
    Step {
        name: "tidy",
        about: "arrows between crates, file rules, generated code, formatting",
        budget_min: 1,
        runs: Runs::Xtask(&["tidy"]),
    },
    Step {
        name: "clippy",
        about: "the lints, over every target",
        budget_min: 2,
        runs: Runs::Cargo(Runner::Whole, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "build",
        about: "the Rust tests, built",
        budget_min: 8,
        runs: Runs::Cargo(Runner::Whole, &["test", "--workspace", "--no-run"]),
    },
    Step {
        name: "rust",
        about: "the Rust tests: tables, properties, crashes, simulation",
        budget_min: 2,
        runs: Runs::Cargo(Runner::Cargo, &["test", "--workspace", "--no-fail-fast"]),
    },
    Step {
        name: BINARY,
        about: "the binary, as people run it",
        budget_min: 3,
        runs: Runs::Cargo(Runner::Whole, &["build", "--release"]),
    },
    Step {
        name: "clients",
        about: "other people's clients in five languages, Kafka Streams, Kafka Connect and Kafka's tools on our broker; failures",
        budget_min: 5,
        // Most of the time they wait for sessions to end and processes to start.
        runs: Runs::Pytest(&["clients", "--cluster", "headwater", "-n", "4"]),
    },
    Step {
        name: "kafka",
        about: "our client, command line and flights over Apache Kafka, with brokers killed; topologies against Kafka Streams",
        budget_min: 13,
        runs: Runs::Pytest(&[
            "clients/test_command_line.py",
            "flights",
            "rust",
            "streams",
            "--cluster",
            "kafka",
        ]),
    },
    Step {
        name: "flights",
        about: "the board against SQL, January and the year, and transactions of our client, with SIGKILL in the middle",
        budget_min: 4,
        runs: Runs::Pytest(&["flights", "rust", "--cluster", "headwater"]),
    },
];

impl Step {
    pub(super) fn is_python(&self) -> bool {
        matches!(self.runs, Runs::Pytest(_))
    }

    /// Runs the step and enters its outcome into the summary. An error is one of this program, not of a test.
    pub(super) fn run(&self, root: &Path, setup: &Setup, summary: &mut Summary) -> anyhow::Result<()> {
        println!("{}: {} (budget {} min)", self.name, self.about, self.budget_min);
        let Some((runner, command)) = self.command(root, setup)? else {
            println!("  {}: skipped: its set-up failed", self.name);
            summary.skip(self.name);
            return Ok(());
        };
        let log = setup.folder.join(format!("{}.log", self.name));
        let started = now();
        let outcome = run_logged(self.name, command, &log, Duration::from_secs(self.budget_min * 3 * 60))?;
        let counts = count(runner, &outcome);
        if counts.failed > 0 {
            print_end(&outcome.output);
            let ending = if outcome.ending.is_empty() { "it ran no test" } else { &outcome.ending };
            println!("  {}: FAILED ({ending}); all of it is in {}", self.name, log.display());
        }
        let took = started.elapsed();
        println!(
            "  {}: {} passed, {} failed, {} skipped, {}",
            self.name,
            counts.passed,
            counts.failed,
            counts.skipped,
            clock(took)
        );
        let budget = Duration::from_secs(self.budget_min * 60);
        let skips_matter = runner == Runner::Pytest;
        if skips_matter {
            for reason in outcome.output.lines().filter(|line| line.starts_with("SKIPPED ")) {
                println!("  {}: {reason}", self.name);
            }
        }
        summary.enter(Report { name: self.name, counts, took, budget, skips_matter });
        Ok(())
    }

    /// The command, or none where its set-up failed.
    fn command(&self, root: &Path, setup: &Setup) -> anyhow::Result<Option<(Runner, Command)>> {
        let (runner, mut command) = match self.runs {
            Runs::Xtask(arguments) => {
                let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
                command.args(arguments).current_dir(root);
                (Runner::Whole, command)
            }
            Runs::Cargo(runner, arguments) => {
                let mut command = Command::new("cargo");
                command.args(arguments).current_dir(root);
                (runner, command)
            }
            Runs::Pytest(arguments) => {
                let Some(pytest) = &setup.pytest else { return Ok(None) };
                let mut command = Command::new(pytest);
                command.args(["--verbose", "--color=no", "--durations=10"]).args(arguments);
                command.current_dir(root.join("tests/e2e"));
                (Runner::Pytest, command)
            }
        };
        command.envs([
            ("CARGO_TERM_COLOR", "never"),
            ("PYTHONUNBUFFERED", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ]);
        Ok(Some((runner, command)))
    }
}

/// What the closing lines say, made to agree with how the command ended.
fn count(runner: Runner, outcome: &Outcome) -> Counts {
    let mut counts = runner.read(&outcome.output);
    if runner == Runner::Whole {
        counts.passed = u64::from(outcome.succeeded);
    }
    let ran_none = counts.passed + counts.failed == 0;
    if counts.failed == 0 && (!outcome.succeeded || ran_none) {
        counts.failed = 1;
    }
    counts
}

fn print_end(output: &str) {
    const LINES: usize = 60;
    let skipped = output.lines().count().saturating_sub(LINES);
    for line in output.lines().skip(skipped) {
        println!("    | {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(succeeded: bool, output: &str) -> Outcome {
        Outcome { succeeded, ending: String::new(), output: output.to_owned() }
    }

    #[test]
    fn a_runner_that_failed_without_a_failed_test_has_failed() {
        let compile_error = outcome(false, "error: could not compile `x`\n");
        assert_eq!(count(Runner::Cargo, &compile_error).failed, 1);
        let crashed = outcome(false, "=== 3 passed in 1.00s ===\n");
        assert_eq!(count(Runner::Pytest, &crashed), Counts { passed: 3, failed: 1, skipped: 0 });
    }

    #[test]
    fn a_runner_that_ran_no_test_has_failed() {
        assert_eq!(count(Runner::Pytest, &outcome(true, "=== 4 skipped in 1.00s ===\n")).failed, 1);
        assert_eq!(count(Runner::Cargo, &outcome(true, "")).failed, 1);
    }

    #[test]
    fn a_whole_command_is_one_test() {
        assert_eq!(count(Runner::Whole, &outcome(true, "")), Counts { passed: 1, failed: 0, skipped: 0 });
        assert_eq!(count(Runner::Whole, &outcome(false, "")), Counts { passed: 0, failed: 1, skipped: 0 });
    }
}
