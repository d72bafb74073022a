//! The driver of Apache Kafka's Java client (`tests/java/Driver.java`).

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::super::process::run_quietly;
use super::is_found;
use super::stamp::{Stamp, remove};

/// Compiles it into `java`, against Kafka's jars.
pub(super) fn compile(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let source = root.join("tests/java/Driver.java");
    let classes = folder.join("java");
    let stamp = Stamp::new(&source, classes.join("made-from"))?;
    if stamp.is_current() {
        return Ok(());
    }
    anyhow::ensure!(is_found("javac", "-version"), "no javac: install a JDK, 17 or newer");
    remove(&classes)?;
    std::fs::create_dir_all(&classes).with_context(|| format!("cannot create {}", classes.display()))?;
    let mut javac = Command::new("javac");
    javac.arg("-Xlint:all").arg("-d").arg(&classes);
    javac.arg("-classpath").arg(format!("{}/*", folder.join("kafka/libs").display())).arg(&source);
    run_quietly(javac)?;
    stamp.set()
}
