//! `cargo xtask tidy`: the arrows between crates, the file rules, generated code, formatting and lock files.
//!
//! Owns: running every check and saying, by file and line, what to do. The rules are in the modules below, each a
//! function from text to problems.

mod apis;
mod arrows;
mod files;
mod functions;
mod problem;
mod source;
mod words;

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use problem::Problem;

/// Workspaces beside the main one, whose lock files must follow its crates.
const OTHER_WORKSPACES: [&str; 2] = ["bench", "fuzz"];

/// Options of this chore.
#[derive(clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let mut problems = arrows::check_workspace(root)?;
    let files = files::list(root)?;
    problems.extend(apis::check_workspace(root, &files)?);
    for path in &files {
        let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        problems.extend(check_file(path, &text));
    }
    let generated = is_up_to_date(root, "codegen", &["codegen", "--check"], "run `cargo xtask codegen`")?;
    let formatted = is_formatted(root)?;
    let mut locked = true;
    for workspace in OTHER_WORKSPACES {
        locked &= is_locked(root, workspace)?;
    }
    // Last, so that the shortest answers are where people look.
    for problem in &problems {
        eprintln!("{problem}");
    }
    anyhow::ensure!(problems.is_empty(), "{} problems in {} files", problems.len(), files.len());
    anyhow::ensure!(generated && formatted && locked, "see above");
    println!("tidy: {} files, nothing to say", files.len());
    Ok(())
}

/// Every rule that looks at one file.
fn check_file(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = files::check(path, text);
    if is_rust(path) {
        let source = source::Source::parse(text);
        problems.extend(words::check(path, &source));
        if !files::is_generated(text) {
            problems.extend(functions::check(path, &source));
        }
    }
    problems
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Whether another chore of this program, run as a check, has nothing to say.
fn is_up_to_date(root: &Path, name: &str, arguments: &[&str], advice: &str) -> anyhow::Result<bool> {
    let this = std::env::current_exe().context("cannot find this program")?;
    let status = Command::new(this).args(arguments).current_dir(root).status()?;
    if !status.success() {
        eprintln!("{name}: what is checked in is not what would be written; {advice}");
    }
    Ok(status.success())
}

fn is_formatted(root: &Path) -> anyhow::Result<bool> {
    let status = Command::new("cargo")
        .args(["fmt", "--all", "--check", "--", "--color=never"])
        .current_dir(root)
        .status()?;
    if !status.success() {
        eprintln!("fmt: the lines above are not formatted; run `cargo fmt --all`");
    }
    Ok(status.success())
}

/// Whether a workspace's lock file names all that its crates depend on.
fn is_locked(root: &Path, workspace: &str) -> anyhow::Result<bool> {
    let status = Command::new("cargo")
        .args(["update", "--workspace", "--locked", "--quiet"])
        .current_dir(root.join(workspace))
        .status()?;
    if !status.success() {
        eprintln!("{workspace}: its Cargo.lock is behind; run `cargo update --workspace` in {workspace}/");
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_file_may_be_long_but_not_unfinished() {
        let mut text =
            String::from("//! Messages.\n//!\n//! Written by `cargo xtask codegen`; do not edit.\n");
        text.push_str("fn decode() {\n");
        text.push_str(&"    read();\n".repeat(900));
        text.push_str("}\n");
        assert_eq!(check_file("crates/a/src/b.rs", &text), []);
        text.push_str(concat!("fn encode() { tod", "o!() }\n"));
        let problems = check_file("crates/a/src/b.rs", &text);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [906]);
    }
}
