//! Counts keys in one task, without a cluster: what its store costs, and what of it the disk sees.
//!
//! `cargo run --release --example count -- --keys 2500000 --records 2500000 --folder /tmp/state` in `bench/` is one of four
//! tasks over 10 million keys with `state_memory` at its default; without `--folder` the store is in memory. Changes are
//! taken with each commit, as for a changelog, and thrown away.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use headwater_model::{Monotonic, Offset, PartitionId, Timestamp};
use headwater_schema::{bytes, serdes};
use headwater_streams::{Guarantee, StatePlace, Step, Task, TaskConfig, TaskId, Topology};
use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records of a batch.
const BATCH: u64 = 1_000;

#[derive(Debug, Parser)]
struct Arguments {
    /// How many keys to draw from, uniformly
    #[arg(long)]
    keys: u64,
    #[arg(long)]
    records: u64,
    /// How many records lie between two commits
    #[arg(long, default_value_t = 100_000)]
    commit: u64,
    /// How many bytes the store may take in memory
    #[arg(long, default_value_t = 32 << 20)]
    memory: usize,
    /// Where the store is; in memory without
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let how = Arguments::parse();
    let mut app = Topology::builder("count").guarantee(Guarantee::AtLeastOnce);
    app.stream("in", serdes(bytes(), bytes())).group_by_key().count("counts");
    let topology = app.build()?;
    let id = TaskId { sub_topology: 0, partition: PartitionId(0) };
    let config = TaskConfig { keeps_store_writes: true, ..TaskConfig::default() };
    let globals = topology.global_stores(&config);
    let task = match &how.folder {
        Some(folder) => {
            let place = StatePlace { folder: folder.clone(), memory: how.memory };
            topology.task_on_disk(id, &globals, &config, &place)?
        }
        None => topology.task(id, &globals, &config),
    };
    let mut task = task.context("no such task")?;
    let (used, started) = (Used::now()?, now()?);
    let changes = count(&mut task, &how)?;
    report("counted", used, started)?;
    task.write_committed(now()?)?;
    drop(task);
    report("closed", used, started)?;
    println!("{changes} changes were told");
    Ok(())
}

/// Counts all records; gives how many changes a changelog would have heard of.
fn count(task: &mut Task, how: &Arguments) -> anyhow::Result<usize> {
    let (mut changes, mut uncommitted) = (0, 0);
    for number in (0..how.records).step_by(BATCH as usize) {
        task.add(0, batch(number, how.keys)?, Offset(number as i64));
        while task.step(Monotonic::from_origin(Duration::ZERO), BATCH as usize)? == Step::More {}
        task.clear_outputs();
        uncommitted += BATCH;
        if uncommitted >= how.commit || task.must_commit() || number + BATCH >= how.records {
            uncommitted = 0;
            changes += task.take_changes()?.iter().len();
            task.has_committed(now()?)?;
        }
    }
    Ok(changes)
}

fn now() -> anyhow::Result<Timestamp> {
    Ok(Timestamp(std::time::UNIX_EPOCH.elapsed()?.as_millis() as i64))
}

fn batch(from: u64, keys: u64) -> anyhow::Result<Batch> {
    let mut builder = BatchBuilder::new(Compression::None);
    for number in from..from + BATCH {
        let key = (mixed(number) % keys).to_be_bytes();
        builder.append(Timestamp(number as i64), Some(&key), Some(&[7; 92]), &[]);
    }
    let meta = BatchMeta { base_offset: Offset(from as i64), ..BatchMeta::default() };
    Ok(Batch::parse(&builder.build(&meta))?)
}

/// SplitMix64.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What this process has used: CPU in hundredths of a second, bytes that it wrote.
#[derive(Debug, Clone, Copy)]
struct Used {
    user: u64,
    system: u64,
    written: u64,
}

impl Used {
    fn now() -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let behind_name = stat.rsplit(')').next().context("no name")?;
        let mut ticks = behind_name.split_whitespace().skip(11).map(str::parse);
        let mut next = || ticks.next().context("too few numbers");
        let (user, system) = (next()??, next()??);
        let io = std::fs::read_to_string("/proc/self/io")?;
        Ok(Self { user, system, written: number_behind(&io, "wchar:")? })
    }
}

fn report(what: &str, before: Used, started: Timestamp) -> anyhow::Result<()> {
    let used = Used::now()?;
    let seconds = |ticks: u64| ticks as f64 / 100.0;
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!(
        "{what}: CPU {:.2} + {:.2} s, {:.2} s by the clock, {} MB written, peak {} MB",
        seconds(used.user - before.user),
        seconds(used.system - before.system),
        (now()?.0 - started.0) as f64 / 1_000.0,
        (used.written - before.written) / 1_000_000,
        number_behind(&status, "VmHWM:")? / 1_000,
    );
    Ok(())
}

fn number_behind(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    Ok(line.split_whitespace().next().context("no number")?.parse()?)
}
