//! The drivers of Rust clients (`bench/crates/conformance`), in the workspace of the peers that are measured.

use std::path::Path;
use std::process::Command;

use super::super::process::run_quietly;
use super::is_found;

/// Builds them, as the benchmarks do: nothing is built twice.
pub(super) fn build(root: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(is_found("cc", "--version"), "no C compiler: install Debian's build-essential");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "headwater-bench-conformance"]);
    cargo.current_dir(root.join("bench"));
    run_quietly(cargo)
}
