//! The summary of a run: a line per step with its time and budget, then one line that counts the tests of all steps.

use std::time::Duration;

use super::counts::Counts;
use super::process::clock;

/// How one step came out.
pub(super) struct Report {
    pub(super) name: &'static str,
    pub(super) counts: Counts,
    pub(super) took: Duration,
    pub(super) budget: Duration,
    /// Whether a skipped test means that something could not be set up.
    pub(super) skips_matter: bool,
}

/// How all steps came out.
#[derive(Default)]
pub(super) struct Summary {
    set_up: Duration,
    reports: Vec<Report>,
    not_set_up: Vec<String>,
    not_run: Vec<&'static str>,
}

impl Summary {
    pub(super) fn enter(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// How long the set-up took; downloads are nobody's budget.
    pub(super) fn set_up_took(&mut self, took: Duration) {
        self.set_up = took;
    }

    /// A part of the set-up that failed.
    pub(super) fn skip_set_up(&mut self, name: &str, reason: &str) {
        self.not_set_up.push(format!("{name}: {reason}"));
    }

    /// A step that could not run, because its set-up failed.
    pub(super) fn skip(&mut self, name: &'static str) {
        self.not_run.push(name);
    }

    fn total(&self) -> Counts {
        let mut total = Counts { skipped: self.not_run.len() as u64, ..Counts::default() };
        for report in &self.reports {
            total += report.counts;
        }
        total
    }

    /// The closing lines; the very last one is what a reader of the log looks for.
    pub(super) fn print(&self, faults: &[String]) {
        println!();
        for line in self.lines() {
            println!("{line}");
        }
        for fault in faults {
            println!("error: {fault}");
        }
        println!("{}", self.closing());
    }

    fn closing(&self) -> String {
        let Counts { passed, failed, skipped } = self.total();
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let (mut took, mut budget) = (Duration::ZERO, Duration::ZERO);
        for report in &self.reports {
            took += report.took;
            budget += report.budget;
            lines.push(format!(
                "{:8} {:>5} passed {:>4} failed {:>4} skipped   {} of {}{}",
                report.name,
                report.counts.passed,
                report.counts.failed,
                report.counts.skipped,
                clock(report.took),
                clock(report.budget),
                over(report.took, report.budget),
            ));
        }
        lines.extend(self.not_run.iter().map(|name| format!("{name:8} skipped: its set-up failed")));
        lines.extend(self.not_set_up.iter().map(|reason| format!("skipped: {reason}")));
        let total = format!("{} of {}{}", clock(took), clock(budget), over(took, budget));
        lines.push(format!("all steps: {total} (and {} for the set-up)", clock(self.set_up)));
        lines
    }

    /// Why the run has failed: a test did, or `is_ci` and something was skipped that should have been set up.
    pub(super) fn faults(&self, is_ci: bool) -> Vec<String> {
        let mut faults = Vec::new();
        let failed: Vec<&str> =
            self.reports.iter().filter(|report| report.counts.failed > 0).map(|report| report.name).collect();
        if !failed.is_empty() {
            faults.push(format!("failed: {}", failed.join(", ")));
        }
        let left_out = self.reports.iter().any(|report| report.skips_matter && report.counts.skipped > 0);
        if is_ci && (left_out || !self.not_set_up.is_empty() || !self.not_run.is_empty()) {
            faults.push("tests were skipped, and in CI everything must be set up".to_owned());
        }
        faults
    }
}

fn over(took: Duration, budget: Duration) -> &'static str {
    if took > budget { "  over budget" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &'static str, failed: u64, skipped: u64, skips_matter: bool) -> Report {
        let counts = Counts { passed: 3, failed, skipped };
        Report { name, counts, took: Duration::from_secs(70), budget: Duration::from_mins(1), skips_matter }
    }

    #[test]
    fn the_closing_line_counts_the_tests_of_all_steps() {
        let mut summary = Summary::default();
        summary.enter(report("rust", 1, 2, false));
        summary.enter(report("clients", 0, 0, true));
        summary.skip("kafka");
        assert_eq!(summary.closing(), "6 passed, 1 failed, 3 skipped");
        let lines = summary.lines();
        assert!(lines[0].ends_with("01:10 of 01:00  over budget"), "{}", lines[0]);
    }

    #[test]
    fn a_failed_test_fails_the_run() {
        let mut summary = Summary::default();
        summary.enter(report("rust", 0, 0, false));
        assert_eq!(summary.faults(true), [""; 0]);
        summary.enter(report("clients", 1, 0, true));
        assert_eq!(summary.faults(false), ["failed: clients"]);
    }

    #[test]
    fn what_could_not_be_set_up_fails_in_ci_alone() {
        let mut set_up = Summary::default();
        set_up.skip_set_up("kcat", "not root");
        let mut not_run = Summary::default();
        not_run.skip("kafka");
        let mut skipped = Summary::default();
        skipped.enter(report("flights", 0, 1, true));
        for summary in [set_up, not_run, skipped] {
            assert_eq!(summary.faults(false), [""; 0]);
            assert_eq!(summary.faults(true).len(), 1);
        }
        let mut ignored = Summary::default();
        ignored.enter(report("rust", 0, 1, false));
        assert_eq!(ignored.faults(true), [""; 0], "an ignored Rust test says why in its source");
    }
}
