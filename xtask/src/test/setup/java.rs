//! The programs in Java (`tests/java`): the driver of Apache Kafka's client, and what is of that client alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::super::process::run_quietly;
use super::is_found;
use super::stamp::{Stamp, remove};

/// Compiles them into `java`, against Kafka's jars.
pub(super) fn compile(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let sources = sources(&root.join("tests/java"))?;
    let classes = folder.join("java");
    let stamp = Stamp::of_all(&sources, classes.join("made-from"))?;
    if stamp.is_current() {
        return Ok(());
    }
    anyhow::ensure!(is_found("javac", "-version"), "no javac: install a JDK, 17 or newer");
    remove(&classes)?;
    std::fs::create_dir_all(&classes).with_context(|| format!("cannot create {}", classes.display()))?;
    let mut javac = Command::new("javac");
    javac.arg("-Xlint:all").arg("-d").arg(&classes);
    javac.arg("-classpath").arg(format!("{}/*", folder.join("kafka/libs").display())).args(&sources);
    run_quietly(javac)?;
    stamp.set()
}

/// In the order of their names.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot_list = || format!("cannot list {}", folder.display());
    let mut sources = Vec::new();
    for entry in folder.read_dir().with_context(cannot_list)? {
        let path = entry.with_context(cannot_list)?.path();
        if path.extension().is_some_and(|extension| extension == "java") {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(sources)
}
