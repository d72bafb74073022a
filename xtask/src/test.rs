//! `cargo xtask test`: sets up and runs every test, on a fresh machine too.
//!
//! Owns: the order of the steps, what is skipped and why, and the summary, whose last line counts the tests of all
//! steps. Each step writes its whole output to `target/xtask/NAME.log` and progress lines here.
//!
//! Invariants: a step that ran no test has not passed; what cannot be set up is skipped by name, and with `CI=true`
//! that fails.

mod counts;
mod process;
mod setup;
mod step;
mod summary;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use setup::Setup;
use step::{STEPS, Step};
use summary::Summary;

/// Options of this chore.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run this step alone, and what it needs (can be given several times)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps with their budgets, and run nothing
    #[arg(long)]
    list: bool,
}

/// Runs the steps; a failed test is told by the exit code, an error is one of this program.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.list {
        for step in &STEPS {
            println!("{:8} {:>2} min  {}", step.name, step.budget_min, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let steps = choose(&options.only)?;
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");

    let mut summary = Summary::default();
    let started = process::now();
    let setup = Setup::prepare(root, steps.iter().any(|step| step.is_python()), &mut summary)?;
    summary.set_up_took(started.elapsed());
    for step in steps {
        step.run(root, &setup, &mut summary)?;
    }
    let faults = summary.faults(is_ci);
    summary.print(&faults);
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Apache Kafka's jars, for other chores.
pub(crate) fn set_up_kafka(root: &Path, folder: &Path) -> anyhow::Result<()> {
    setup::set_up_kafka(root, folder)
}

/// The steps to run, in order: all of them, or those named and what they need.
fn choose(only: &[String]) -> anyhow::Result<Vec<&'static Step>> {
    for name in only {
        let names = || STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
        anyhow::ensure!(
            STEPS.iter().any(|step| step.name == name),
            "no step is called {name}; there are: {}",
            names()
        );
    }
    let is_named = |step: &Step| only.iter().any(|name| name == step.name);
    let needs_binary = STEPS.iter().any(|step| is_named(step) && step.is_python());
    let is_chosen =
        |step: &Step| only.is_empty() || is_named(step) || (needs_binary && step.name == step::BINARY);
    Ok(STEPS.iter().filter(|step| is_chosen(step)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        choose(&only).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn without_a_choice_every_step_runs() {
        assert_eq!(names(&[]).len(), STEPS.len());
    }

    #[test]
    fn a_step_brings_the_binary_that_it_needs() {
        assert_eq!(names(&["tidy"]), ["tidy"]);
        assert_eq!(names(&["flights"]), ["release", "flights"]);
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(choose(&["nothing".to_owned()]).is_err());
    }

    #[test]
    fn the_budget_is_what_the_design_allows() {
        assert_eq!(STEPS.iter().map(|step| step.budget_min).sum::<u64>(), 38);
    }
}
