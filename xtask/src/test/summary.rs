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
    pub(super) fn print(&self) {
        println!();
        for line in self.lines() {
            println!("{line}");
        }
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
        let Counts { passed, failed, skipped } = self.total();
        lines.push(format!("{passed} passed, {failed} failed, {skipped} skipped"));
        lines
    }

    /// An error if a test failed, or if `is_ci` and something was skipped that should have been set up.
    pub(super) fn verdict(&self, is_ci: bool) -> anyhow::Result<()> {
        let failed: Vec<&str> =
            self.reports.iter().filter(|report| report.counts.failed > 0).map(|report| report.name).collect();
        anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
        let left_out = self.reports.iter().any(|report| report.skips_matter && report.counts.skipped > 0);
        let is_incomplete = left_out || !self.not_set_up.is_empty() || !self.not_run.is_empty();
        anyhow::ensure!(!(is_ci && is_incomplete), "tests were skipped, and in CI everything must be set up");
        Ok(())
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
    fn the_last_line_counts_the_tests_of_all_steps() {
        let mut summary = Summary::default();
        summary.enter(report("rust", 1, 2, false));
        summary.enter(report("clients", 0, 0, true));
        summary.skip("kafka");
        let lines = summary.lines();
        assert_eq!(lines.last().unwrap(), "6 passed, 1 failed, 3 skipped");
        assert!(lines[0].ends_with("01:10 of 01:00  over budget"), "{}", lines[0]);
    }

    #[test]
    fn a_failed_test_fails_the_run() {
        let mut summary = Summary::default();
        summary.enter(report("rust", 0, 0, false));
        assert!(summary.verdict(true).is_ok());
        summary.enter(report("clients", 1, 0, true));
        assert!(summary.verdict(false).is_err());
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
            assert!(summary.verdict(false).is_ok());
            assert!(summary.verdict(true).is_err());
        }
        let mut ignored = Summary::default();
        ignored.enter(report("rust", 0, 1, false));
        assert!(ignored.verdict(true).is_ok(), "an ignored Rust test says why in its source");
    }
}
