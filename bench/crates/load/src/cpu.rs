//! Time, CPU time and memory of this process, from /proc.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::Report;

/// Ticks per second of the times in /proc (Linux's USER_HZ).
const TICKS: f64 = 100.0;

/// Started at the first record.
pub(crate) struct Stopwatch {
    at: Instant,
    user: u64,
    system: u64,
}

/// From the first record to the last.
pub(crate) struct Elapsed {
    time: Duration,
    user: u64,
    system: u64,
}

impl Stopwatch {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (user, system) = ticks()?;
        Ok(Self { at: Instant::now(), user, system })
    }

    pub(crate) fn stop(self) -> anyhow::Result<Elapsed> {
        let (user, system) = ticks()?;
        Ok(Elapsed { time: self.at.elapsed(), user: user - self.user, system: system - self.system })
    }
}

impl Elapsed {
    pub(crate) fn report(&self, records: u64, sum: u64) -> anyhow::Result<Report> {
        Ok(Report {
            records,
            seconds: self.time.as_secs_f64(),
            user_seconds: self.user as f64 / TICKS,
            system_seconds: self.system as f64 / TICKS,
            peak_memory_bytes: peak_memory()?,
            sum,
        })
    }
}

fn ticks() -> anyhow::Result<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which may hold anything, in parentheses: state is field 3, utime 14, stime 15.
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat has no name")?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse);
    let mut next =
        || fields.next().context("/proc/self/stat is short")?.context("no number in /proc/self/stat");
    Ok((next()?, next()?))
}

fn peak_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024)
}
