//! How many tests ran, read from the closing lines of cargo's test runner and of pytest.

use std::ops::AddAssign;

/// Tests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Whose closing lines to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`, once per binary.
    Cargo,
    /// `=== 1 failed, 3 passed, 2 skipped in 4.20s ===`, once.
    Pytest,
    /// A command that passes or fails as a whole.
    Whole,
}

impl Runner {
    /// The sum over all closing lines of an output.
    pub(super) fn read(self, output: &str) -> Counts {
        let mut counts = Counts::default();
        for closing in output.lines().filter_map(|line| self.closing(line)) {
            for (number, outcome) in numbers(closing) {
                match outcome {
                    "passed" => counts.passed += number,
                    "failed" | "error" | "errors" => counts.failed += number,
                    "ignored" | "skipped" => counts.skipped += number,
                    _ => {}
                }
            }
        }
        counts
    }

    /// What stands in a line if it is a closing line.
    fn closing(self, line: &str) -> Option<&str> {
        match self {
            Self::Cargo => line.trim().strip_prefix("test result: ")?.split_once(". ").map(|(_, rest)| rest),
            Self::Pytest => {
                let inner = line.strip_prefix('=')?.trim_matches('=').trim();
                inner.rsplit_once(" in ").map(|(outcomes, _)| outcomes)
            }
            Self::Whole => None,
        }
    }
}

/// `3 passed; 0 failed` as numbers with their words.
fn numbers(closing: &str) -> impl Iterator<Item = (u64, &str)> {
    closing.split([',', ';']).filter_map(|part| {
        let mut words = part.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_closes_once_per_binary() {
        let output = "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; \
                      0 filtered out; finished in 0.00s\n\n   Doc-tests x\n\ntest result: FAILED. 3 passed; 1 failed; \
                      0 ignored; 0 measured; 7 filtered out; finished in 0.10s\n";
        assert_eq!(Runner::Cargo.read(output), Counts { passed: 5, failed: 1, skipped: 1 });
    }

    #[test]
    fn pytest_closes_once_and_errors_are_failures() {
        let output = "collected 9 items\n==== FAILURES ====\n____ test_a ____\n\
                      === 1 failed, 3 passed, 2 skipped, 1 deselected, 1 warning, 2 errors in 24.79s (0:00:24) ===\n";
        assert_eq!(Runner::Pytest.read(output), Counts { passed: 3, failed: 3, skipped: 2 });
        assert_eq!(Runner::Pytest.read("===== no tests ran in 0.01s =====\n"), Counts::default());
        assert_eq!(Runner::Pytest.read("1 passed in the middle\n"), Counts::default());
    }
}
