//! `headwater app check`: what a new version of a topology means for its update.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use headwater::streams::lock::{Effect, Finding, Report, TopologyLock, compare};
use serde::Serialize;

use crate::arguments::{App, Format};
use crate::output;

pub(super) fn run(command: &App) -> anyhow::Result<ExitCode> {
    match command {
        App::Check { old, new, output } => {
            let report = compare(&read(old)?, &read(new)?);
            match output.output {
                Format::Json => output::json_line(&Checked::of(&report))?,
                Format::Text => output::line(report.to_string().trim_end())?,
            }
            Ok(ExitCode::from(exit_code(report.verdict())))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<TopologyLock> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| format!("{} is no topology.lock", path.display()))
}

/// 1 is any error, and 2 a command line that is wrong.
fn exit_code(verdict: Effect) -> u8 {
    match verdict {
        Effect::Rolling => 0,
        Effect::FullStop => 3,
        Effect::CheckSerdes => 4,
        Effect::LosesRecords => 5,
        Effect::BreaksState => 6,
        Effect::NewApplication => 7,
    }
}

#[derive(Serialize)]
struct Checked<'a> {
    application: &'a str,
    verdict: &'static str,
    rolling: bool,
    findings: Vec<Found<'a>>,
    work_off: Vec<&'a str>,
    reset: Vec<&'a str>,
    unused: Vec<&'a str>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Found<'a> {
    effect: &'static str,
    part: &'a str,
    change: &'a str,
    reason: &'a str,
}

impl<'a> Checked<'a> {
    fn of(report: &'a Report) -> Self {
        let findings = report.findings.iter().map(|Finding { effect, part, change, reason, .. }| Found {
            effect: effect.word(),
            part,
            change,
            reason,
        });
        Self {
            application: &report.application_id,
            verdict: report.verdict().word(),
            rolling: report.is_rolling(),
            findings: findings.collect(),
            work_off: report.work_off(),
            reset: report.reset(),
            unused: report.unused(),
            steps: report.steps(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::expect;

    use super::*;

    const HEAD: &str = "format = 1\napplication = \"board\"\nguarantee = \"at least once\"\n";

    fn lock(size_ms: i64) -> TopologyLock {
        let part = "[[sub-topology]]\nnumber = 0\nsteps = [\"stream flights\", \"  count hours\"]\n";
        let source = "[[sub-topology.source]]\ntopic = \"flights\"\nas = \"stream\"\n";
        let store = format!(
            "[[sub-topology.store]]\nname = \"hours\"\nholds = \"tumbling windows\"\nsize-ms = {size_ms}\n\
             backed-by = \"board-hours-changelog\"\n"
        );
        [HEAD, part, source, &store].concat().parse().unwrap()
    }

    #[test]
    fn programs_get_the_verdict_the_findings_and_the_topics() {
        let report = compare(&lock(1_000), &lock(2_000));
        let json = serde_json::to_string_pretty(&Checked::of(&report)).unwrap();
        expect![[r#"
            {
              "application": "board",
              "verdict": "breaks-state",
              "rolling": false,
              "findings": [
                {
                  "effect": "breaks-state",
                  "part": "store hours",
                  "change": "size 1s -> 2s",
                  "reason": "a window is kept by its start: those that are kept would be taken for windows of the new size, with the records of the old"
                }
              ],
              "work_off": [],
              "reset": [
                "board-hours-changelog"
              ],
              "unused": [],
              "steps": [
                "stop all instances",
                "headwater topic delete board-hours-changelog",
                "delete what instances keep of these stores on their disks",
                "only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets board --to-earliest`; else they begin empty where the positions are",
                "start the new version"
              ]
            }"#]]
        .assert_eq(&json);
    }

    #[test]
    fn each_verdict_has_an_exit_code_that_no_error_has() {
        let codes: BTreeSet<_> = Effect::ALL.into_iter().map(exit_code).collect();
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), [0, 3, 4, 5, 6, 7]);
        assert_eq!(exit_code(Effect::Rolling), 0);
    }

    #[test]
    fn a_file_that_is_no_lock_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("topology.lock");
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.starts_with(&format!("cannot read {}", path.display())), "{error}");
        fs::write(&path, format!("{HEAD}[[colours]]\n")).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        let expected = format!(
            "{} is no topology.lock: line 4: there is no part [[colours]] in this format",
            path.display()
        );
        assert_eq!(error, expected);
    }
}
