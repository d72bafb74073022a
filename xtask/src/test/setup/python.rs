//! The virtual environment with pytest and the Python clients (`tests/requirements.txt`).

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::process::run_quietly;
use super::stamp::{Stamp, remove};

/// Makes it, and answers where its pytest is.
pub(super) fn set_up(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
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
