//! `headwater app check`: its exit codes and outputs.

use std::path::Path;
use std::process::{Command, Output};

/// The lock of an application that copies a topic, with these steps and this guarantee.
fn lock(guarantee: &str, steps: &str) -> String {
    format!(
        "format = 1\napplication = \"copier\"\nguarantee = \"{guarantee}\"\n\n[[sub-topology]]\nnumber = 0\n\
         steps = [{steps}]\n\n[[sub-topology.source]]\ntopic = \"in\"\nas = \"stream\"\n"
    )
}

fn check(folder: &Path, options: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_headwater");
    let mut command = Command::new(program);
    command.args(["app", "check", "old.lock", "new.lock"]).args(options).current_dir(folder);
    command.output().unwrap()
}

fn folder(old: &str, new: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.lock"), old).unwrap();
    std::fs::write(folder.path().join("new.lock"), new).unwrap();
    folder
}

#[test]
fn a_rolling_update_ends_with_0_and_a_full_stop_with_3() {
    let old = lock("at least once", "\"stream in\"");
    let locks = folder(&old, &lock("at least once", "\"stream in\", \"  filter\""));
    let rolling = check(locks.path(), &[]);
    let text = String::from_utf8(rolling.stdout).unwrap();
    assert_eq!(rolling.status.code(), Some(0), "{text}");
    assert!(text.starts_with("copier: rolling update safe\n") && text.contains("+ filter"), "{text}");

    let locks = folder(&old, &lock("exactly once", "\"stream in\""));
    let stopped = check(locks.path(), &["--output", "json"]);
    assert_eq!(stopped.status.code(), Some(3));
    let checked: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!((checked["verdict"].as_str(), checked["rolling"].as_bool()), (Some("full-stop"), Some(false)));
}

#[test]
fn a_file_that_is_no_lock_ends_with_1_and_names_file_and_line() {
    let old = lock("at least once", "\"stream in\"");
    let locks = folder(&old, &old.replace("as = \"stream\"", "as = \"queue\""));
    let failed = check(locks.path(), &[]);
    assert_eq!(failed.status.code(), Some(1));
    let error = String::from_utf8(failed.stderr).unwrap();
    let expected = "error: new.lock is no topology.lock: line 11: the field \"as\" must be \"stream\", \"table\" or \
                    \"repartition\"\n";
    assert_eq!(error, expected);
}
