//! kcat, from Debian's packages where there is none.

use std::process::Command;

use anyhow::Context;

use super::super::process::run_quietly;
use super::is_found;

/// Installs it, which wants root, unless it is there.
pub(super) fn set_up() -> anyhow::Result<()> {
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
