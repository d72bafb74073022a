//! kcat, from Debian's packages where there is none.

use super::{debian, is_found};

/// Installs it unless it is there.
pub(super) fn set_up() -> anyhow::Result<()> {
    if is_found("kcat", "-V") {
        return Ok(());
    }
    debian::install("kcat")?;
    anyhow::ensure!(is_found("kcat", "-V"), "apt-get did not bring kcat");
    Ok(())
}
