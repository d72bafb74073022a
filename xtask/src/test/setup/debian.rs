//! Debian's packages, for what the registries of the languages do not have.

use std::process::Command;

use anyhow::Context;

use super::super::process::run_quietly;
use super::is_found;

/// Installs a package, which wants root.
pub(super) fn install(package: &str) -> anyhow::Result<()> {
    let advice = || format!("install Debian's package {package}");
    anyhow::ensure!(is_found("apt-get", "--version"), "no apt-get: {}", advice());
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run_quietly(apt).with_context(|| format!("{} (apt-get wants root)", advice()))?;
    }
    Ok(())
}
