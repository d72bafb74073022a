//! What the end-to-end tests need and a fresh machine lacks: each part in a file of its own.
//!
//! Everything lies under `target/xtask`, stamped with the file that it was made from, and is made again when that file
//! has changed. What cannot be set up is a skip by name, never an error.

mod debian;
mod go;
mod java;
mod kafka;
mod kcat;
mod node;
mod peers;
mod python;
mod stamp;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use super::summary::Summary;

/// What is there to run tests with.
pub(super) struct Setup {
    /// `target/xtask`.
    pub(super) folder: PathBuf,
    /// The virtual environment's pytest.
    pub(super) pytest: Option<PathBuf>,
}

impl Setup {
    /// Makes the folder, and with `end_to_end` whatever the end-to-end tests need.
    pub(super) fn prepare(root: &Path, end_to_end: bool, summary: &mut Summary) -> anyhow::Result<Self> {
        let folder = root.join("target/xtask");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut pytest = None;
        if end_to_end {
            pytest = attempt("python", summary, || python::set_up(root, &folder));
            attempt("kcat", summary, kcat::set_up);
            attempt("kafka", summary, || kafka::set_up(root, &folder));
            attempt("node", summary, || node::set_up(root, &folder));
            attempt("java", summary, || java::compile(root, &folder));
            attempt("go", summary, || go::build(root, &folder));
            attempt("rust clients", summary, || peers::build(root));
            attempt("node bindings", summary, || node::compile(root, &folder));
        }
        Ok(Self { folder, pytest })
    }
}

/// Apache Kafka's jars alone.
pub(super) fn set_up_kafka(root: &Path, folder: &Path) -> anyhow::Result<()> {
    kafka::set_up(root, folder)
}

/// Runs one part of the set-up; a failure is reported as skipped by its name.
fn attempt<T>(name: &str, summary: &mut Summary, part: impl FnOnce() -> anyhow::Result<T>) -> Option<T> {
    println!("set-up: {name}");
    match part() {
        Ok(made) => Some(made),
        Err(error) => {
            println!("  {name}: skipped: {error:#}");
            summary.skip_set_up(name, &format!("{error:#}"));
            None
        }
    }
}

/// Whether a program is there, asked with an option that changes nothing.
fn is_found(program: &str, harmless: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(harmless).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
