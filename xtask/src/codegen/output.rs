//! Files to be written, or compared with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// Rust files by their paths.
pub(crate) struct Output {
    root: PathBuf,
    files: BTreeMap<PathBuf, String>,
}

impl Output {
    /// No files; paths will be relative to `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), files: BTreeMap::new() }
    }

    /// Adds a file, not formatted yet.
    pub(crate) fn add(&mut self, path: &str, text: String) {
        self.files.insert(self.root.join(path), text);
    }

    /// Writes the files that differ, and removes from `folders` what is not among them.
    pub(crate) fn write(&self, folders: &[&str]) -> anyhow::Result<()> {
        for (path, text) in &self.files {
            let formatted = self.rustfmt(text).with_context(|| format!("for {}", path.display()))?;
            if fs::read_to_string(path).ok().as_ref() != Some(&formatted) {
                fs::create_dir_all(path.parent().context("a path with a folder")?)?;
                fs::write(path, formatted)?;
                println!("wrote {}", path.display());
            }
        }
        for path in self.leftovers(folders)? {
            fs::remove_file(&path)?;
            println!("removed {}", path.display());
        }
        Ok(())
    }

    /// Fails, naming them, if there are files that [`Output::write`] would change.
    pub(crate) fn check(&self, folders: &[&str]) -> anyhow::Result<()> {
        let mut stale = self.leftovers(folders)?;
        for (path, text) in &self.files {
            if fs::read_to_string(path).ok() != Some(self.rustfmt(text)?) {
                stale.insert(path.clone());
            }
        }
        if stale.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = stale.iter().map(|path| path.display().to_string()).collect();
        bail!("out of date, run `cargo xtask codegen`:\n  {}", names.join("\n  "));
    }

    /// Files of `folders` that are not among these.
    fn leftovers(&self, folders: &[&str]) -> anyhow::Result<BTreeSet<PathBuf>> {
        let mut leftovers = BTreeSet::new();
        for folder in folders {
            let Ok(entries) = self.root.join(folder).read_dir() else {
                continue;
            };
            for entry in entries {
                let path = entry?.path();
                if !self.files.contains_key(&path) {
                    leftovers.insert(path);
                }
            }
        }
        Ok(leftovers)
    }

    fn rustfmt(&self, text: &str) -> anyhow::Result<String> {
        let mut formatter = Command::new("rustfmt")
            .args(["--edition", "2024", "--config-path"])
            .arg(&self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start rustfmt")?;
        // rustfmt reads everything before it writes anything.
        formatter.stdin.take().context("rustfmt's input is a pipe")?.write_all(text.as_bytes())?;
        let output = formatter.wait_with_output()?;
        ensure!(output.status.success(), "rustfmt refused:\n{text}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
