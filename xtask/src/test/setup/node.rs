//! The Node clients, and the Node that runs them, all from npm's registry (`tests/node/package-lock.json`).
//!
//! Packages that are plain JavaScript are one part; those that compile something are another, so that a machine
//! without a compiler still runs the first.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::super::process::run_quietly;
use super::stamp::{Stamp, remove};
use super::{debian, is_found};

const LOCK: &str = "package-lock.json";

/// Installs what the lock file names into `node/node_modules`, and runs none of the packages' own scripts.
pub(super) fn set_up(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let wanted = root.join("tests/node");
    let made = folder.join("node");
    let stamp = Stamp::new(&wanted.join(LOCK), made.join("made-from"))?;
    if stamp.is_current() {
        return Ok(());
    }
    anyhow::ensure!(is_found("npm", "--version"), "no npm to fetch the Node clients with: install npm");
    remove(&made)?;
    std::fs::create_dir_all(&made).with_context(|| format!("cannot create {}", made.display()))?;
    for name in ["package.json", LOCK, ".npmrc"] {
        std::fs::copy(wanted.join(name), made.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--loglevel=error"]).current_dir(&made);
    run_quietly(npm)?;
    stamp.set()
}

/// Compiles the packages that are bindings of C libraries, with the headers of the Node that was installed.
pub(super) fn compile(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let made = folder.join("node");
    let stamp = Stamp::new(&root.join("tests/node").join(LOCK), made.join("compiled-from"))?;
    if stamp.is_current() {
        return Ok(());
    }
    let modules = made.join("node_modules");
    let node =
        std::fs::canonicalize(modules.join(".bin/node")).context("the Node clients are not installed")?;
    let headers = node.ancestors().nth(2).context("node lies in bin")?;
    anyhow::ensure!(is_found("c++", "--version"), "no C++ compiler: install Debian's build-essential");
    if !is_found("pkg-config", "libzstd") {
        // librdkafka is built without zstd where its headers are missing.
        debian::install("libzstd-dev")?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(modules.join(".bin")).chain(std::env::split_paths(&path));
    let mut npm = Command::new("npm");
    npm.args(["rebuild", "--loglevel=error"]).current_dir(&made);
    npm.env("PATH", std::env::join_paths(path)?);
    // The sources that the packages bring, and the machine's libraries: nothing from anywhere else.
    npm.env("npm_config_build_from_source", "true").env("npm_config_nodedir", headers);
    npm.env("CKJS_LINKING", "dynamic");
    run_quietly(npm)?;
    stamp.set()
}
