//! What the end-to-end tests need and a fresh machine lacks: Python packages, kcat, Apache Kafka's jars.
//!
//! Everything lies under `target/xtask`, stamped with the file that it was made from, and is made again when that file
//! has changed. What cannot be set up is a skip by name, never an error.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use super::process::run_quietly;
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
            pytest = attempt("python", summary, || python(root, &folder));
            attempt("kcat", summary, kcat);
            attempt("kafka", summary, || kafka(root, &folder));
        }
        Ok(Self { folder, pytest })
    }
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

fn python(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let wanted = root.join("tests/requirements.txt");
    let venv = folder.join("venv");
    let pytest = venv.join("bin/pytest");
    let stamp = Stamp::new(&wanted, venv.join("made-from"))?;
    if !(stamp.is_current() && pytest.exists()) {
        remove(&venv)?;
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&venv);
        run_quietly(make)?;
        let mut install = Command::new(venv.join("bin/pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
        run_quietly(install)?;
        stamp.set()?;
    }
    Ok(pytest)
}

fn kcat() -> anyhow::Result<()> {
    if is_found("kcat", "-V") {
        return Ok(());
    }
    let advice = "install Debian's package kcat";
    anyhow::ensure!(is_found("apt-get", "--version"), "no kcat and no apt-get: {advice}");
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "kcat"]] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run_quietly(apt).with_context(|| format!("no kcat: {advice} (apt-get wants root)"))?;
    }
    anyhow::ensure!(is_found("kcat", "-V"), "apt-get did not bring kcat: {advice}");
    Ok(())
}

fn kafka(root: &Path, folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(is_found("java", "-version"), "no Java: install a JDK, 17 or newer");
    let wanted = root.join("tests/kafka/pom.xml");
    let libs = folder.join("kafka/libs");
    let stamp = Stamp::new(&wanted, folder.join("kafka/made-from"))?;
    if !stamp.is_current() {
        anyhow::ensure!(is_found("mvn", "--version"), "no Maven to fetch Apache Kafka with: install maven");
        remove(&libs)?;
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "--file"]).arg(&wanted);
        maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", libs.display()));
        run_quietly(maven)?;
        stamp.set()?;
    }
    Ok(())
}

fn is_found(program: &str, harmless: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(harmless).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The file that something was made from, copied beside it once it was made.
struct Stamp {
    wanted: Vec<u8>,
    path: PathBuf,
}

impl Stamp {
    fn new(made_from: &Path, path: PathBuf) -> anyhow::Result<Self> {
        let wanted =
            std::fs::read(made_from).with_context(|| format!("cannot read {}", made_from.display()))?;
        Ok(Self { wanted, path })
    }

    fn is_current(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|made_from| made_from == self.wanted)
    }

    fn set(&self) -> anyhow::Result<()> {
        std::fs::write(&self.path, &self.wanted)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}
