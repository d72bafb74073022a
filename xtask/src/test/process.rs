//! Commands: run to their end with their output in a log, progress on the terminal, and a limit to their time.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

/// How often a running command is looked at, and how often it is spoken of.
const LOOK: Duration = Duration::from_millis(200);
const SPEAK: Duration = Duration::from_secs(15);

#[expect(clippy::disallowed_methods, reason = "a chore that times commands reads the clock here")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// How a logged command ended.
pub(super) struct Outcome {
    /// Whether it ended by itself, in time, and well.
    pub(super) succeeded: bool,
    /// In words, if it did not.
    pub(super) ending: String,
    /// Everything that it printed.
    pub(super) output: String,
}

/// Runs a command with all its output in the file `log`; prints a line now and then while it runs, and each line that
/// speaks of a failure at once. A command over `limit` is killed with everything that it started.
pub(super) fn run_logged(
    name: &str,
    mut command: Command,
    log: &Path,
    limit: Duration,
) -> anyhow::Result<Outcome> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let started = now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let mut tail = Tail::open(log)?;
    let mut spoken = started;
    let mut last = String::new();
    let ending = loop {
        let status = child.try_wait()?;
        for line in tail.lines(status.is_some())? {
            if speaks_of_failure(&line) {
                println!("  {name}: {line}");
            }
            last = line;
        }
        if let Some(status) = status {
            break (!status.success()).then(|| describe(status));
        }
        if started.elapsed() > limit {
            kill_tree(&mut child);
            break Some(format!("killed after {} minutes", limit.as_secs() / 60));
        }
        if spoken.elapsed() > SPEAK {
            println!("  {name}: {} {}", clock(started.elapsed()), shorten(&last));
            spoken = now();
        }
        std::thread::sleep(LOOK);
    };
    Ok(Outcome { succeeded: ending.is_none(), ending: ending.unwrap_or_default(), output: tail.seen })
}

/// Runs a command of the set-up; the error is its own last words.
pub(super) fn run_quietly(mut command: Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    anyhow::bail!("{program}: {}: {}", describe(output.status), last.trim())
}

/// Minutes and seconds.
pub(super) fn clock(time: Duration) -> String {
    format!("{:02}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

fn describe(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

fn speaks_of_failure(line: &str) -> bool {
    let is_pytest = line.contains(" FAILED ") || line.contains(" ERROR ");
    let is_cargo = line.starts_with("error") || (line.starts_with("test ") && line.ends_with(" FAILED"));
    is_pytest || is_cargo
}

fn shorten(line: &str) -> String {
    const WIDTH: usize = 90;
    let line = line.trim();
    if line.chars().count() <= WIDTH {
        line.to_owned()
    } else {
        line.chars().take(WIDTH - 1).chain(['…']).collect()
    }
}

/// Follows a file that another process appends to.
struct Tail {
    file: File,
    seen: String,
    rest: Vec<u8>,
}

impl Tail {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, seen: String::new(), rest: Vec::new() })
    }

    /// The lines completed since the last look; at the end, the incomplete one too.
    fn lines(&mut self, is_end: bool) -> anyhow::Result<Vec<String>> {
        self.file.read_to_end(&mut self.rest)?;
        if is_end && self.rest.last().is_some_and(|byte| *byte != b'\n') {
            self.rest.push(b'\n');
        }
        let complete = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let taken: Vec<u8> = self.rest.drain(..complete).collect();
        let text = String::from_utf8_lossy(&taken);
        self.seen.push_str(&text);
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// Kills a command and whatever it started, by their ids: a hanging test would otherwise outlive its runner.
fn kill_tree(child: &mut Child) {
    let mut found = vec![child.id()];
    let mut index = 0;
    while let Some(parent) = found.get(index).copied() {
        found.extend(children_of(parent));
        index += 1;
    }
    for id in found {
        // One that has ended by now needs no killing.
        let _ = Command::new("kill").arg("-KILL").arg(id.to_string()).stderr(Stdio::null()).status();
    }
    let _ = child.wait();
}

fn children_of(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn log(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("headwater-xtask-{}-{name}.log", std::process::id()))
    }

    #[test]
    fn the_whole_output_is_kept_and_the_exit_code_told() {
        let log = log("kept");
        let outcome =
            run_logged("x", shell("echo one; echo two >&2; printf three; exit 3"), &log, SPEAK).unwrap();
        assert_eq!(outcome.output, "one\ntwo\nthree\n");
        assert_eq!((outcome.succeeded, outcome.ending.as_str()), (false, "exit code 3"));
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_command_over_its_limit_is_killed_with_its_children() {
        let log = log("limit");
        let script = "sleep 300 & echo $!; wait";
        let outcome = run_logged("x", shell(script), &log, Duration::from_millis(300)).unwrap();
        assert!(!outcome.succeeded && outcome.ending.starts_with("killed"), "{}", outcome.ending);
        let sleeper = outcome.output.trim().to_owned();
        let is_gone = || {
            let state = std::fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z")
        };
        // The signal is delivered when the process is next scheduled.
        let deadline = now() + Duration::from_secs(10);
        while !is_gone() && now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(is_gone());
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_quiet_command_fails_with_its_last_words() {
        let error = run_quietly(shell("echo first; echo last >&2; exit 1")).unwrap_err();
        assert_eq!(error.to_string(), "sh: exit code 1: last");
    }
}
