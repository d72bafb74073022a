//! The driver of franz-go (`tests/go`).

use std::path::Path;
use std::process::Command;

use super::super::process::run_quietly;
use super::is_found;

/// Builds it as `go/driver`; Go itself knows when that is current.
pub(super) fn build(root: &Path, folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(is_found("go", "version"), "no Go: install one that go.mod asks for, or newer");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-o"]).arg(folder.join("go/driver")).arg(".");
    go.current_dir(root.join("tests/go"));
    run_quietly(go)
}
