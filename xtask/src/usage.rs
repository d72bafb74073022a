//! CPU time and memory of processes, from /proc. Owns how they are read; does not know what is measured.

use std::time::{Duration, Instant};

use anyhow::Context;

/// Ticks per second of the times in /proc (Linux's USER_HZ).
const TICKS: f64 = 100.0;

#[expect(clippy::disallowed_methods, reason = "a chore that measures reads the clock here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// CPU seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Usage {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }

    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }

    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs_f64(self.total())
    }
}

/// What a process has used so far.
pub(crate) fn usage(id: u32) -> anyhow::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).context("the process has ended")?;
    parse(&stat, 11).context("/proc/…/stat is malformed")
}

/// What the children of this process that have ended have used.
pub(crate) fn ended_children() -> anyhow::Result<Usage> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    parse(&stat, 13).context("/proc/self/stat is malformed")
}

/// Two times, at that field behind the name (which is in parentheses and may hold anything).
fn parse(stat: &str, field: usize) -> Option<Usage> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(field);
    let mut next = || Some(fields.next()?.parse::<f64>().ok()? / TICKS);
    Some(Usage { user: next()?, system: next()? })
}

/// A line of a process's memory, in bytes.
pub(crate) fn memory(id: u32, line: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("the process has ended")?;
    let kib = status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    Ok(kib.with_context(|| format!("/proc/…/status has no {line}"))? * 1024)
}

/// What a process has read by system calls, cached or not.
pub(crate) fn read_bytes(id: u32) -> anyhow::Result<u64> {
    let io = std::fs::read_to_string(format!("/proc/{id}/io")).context("the process has ended")?;
    let read = io.lines().find_map(|line| line.strip_prefix("rchar:")).context("/proc/…/io has no rchar")?;
    Ok(read.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_a_name_that_may_hold_anything() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 0 0 1234 56 78 9 20 0 1 0 5 6 7";
        assert_eq!(parse(stat, 11), Some(Usage { user: 12.34, system: 0.56 }));
        assert_eq!(parse(stat, 13), Some(Usage { user: 0.78, system: 0.09 }));
        assert_eq!(parse("7 (a) S 1", 11), None);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        assert!(usage(std::process::id()).unwrap().total() >= 0.0);
        assert!(memory(std::process::id(), "VmRSS:").unwrap() > 100_000);
        assert!(read_bytes(std::process::id()).unwrap() > 0);
    }
}
