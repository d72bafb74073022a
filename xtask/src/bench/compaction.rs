//! The suite `compaction`: how fast a topic with few keys is compacted, and how long appends wait meanwhile.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Bench;
use super::latency::Probe;
use super::load::{Shape, generate, generate_ours, generator, report};
use super::results::{Figures, Table};
use super::server::{Kind, Mode, Server, settle};
use crate::usage::{self, Usage};

const TOPIC: &str = "compaction";
/// Both look every two seconds whether something is to be compacted: ours always, Kafka by this.
const AS_OFTEN: &str = "log.cleaner.backoff.ms=2000\n";
/// How often files and the process are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// So much is read between two looks by a compaction, and by nothing else that goes on.
const BEGINS: u64 = 1 << 20;
/// The compaction is over once files have not changed for so long.
const REST: Duration = Duration::from_secs(3);
/// Longer than any compaction should take.
const LONGEST: Duration = Duration::from_mins(10);
/// Records a second of the probe.
const RATE: u64 = 100;

/// What the topic is filled with.
#[derive(Debug, Clone, Copy)]
struct Fill {
    shape: Shape,
    keys: u64,
    segment_bytes: u64,
}

/// One compaction.
#[derive(Debug, Clone, Copy)]
struct Took {
    seconds: f64,
    cpu: Usage,
}

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let few = if bench.quick { 10 } else { 1 };
    let fill = Fill {
        shape: Shape { size: 250, partitions: 1, records: 4_000_000 / few },
        keys: 1_000_000 / few,
        segment_bytes: (100 << 20) / few,
    };
    let mut figures = Figures::default();
    for round in 1..=bench.rounds {
        println!("round {round} of {}", bench.rounds);
        for kind in Kind::BOTH {
            once(bench, kind, fill, &mut figures)?;
        }
    }
    Ok(vec![figures.table("Compaction of a topic with few keys", &note(fill))])
}

fn note(fill: Fill) -> String {
    format!(
        "{} records of {} bytes in one partition, {} keys of 8 bytes in no order, batches of 64 KiB, not compressed, \
         segments of {} MiB; Kafka with its default settings but `log.cleaner.backoff.ms=2000`, as often as ours looks, \
         beside `headwater up --durability os`. The topic is filled, then altered to `cleanup.policy=compact` with \
         `min.cleanable.dirty.ratio=0.01`. From the first megabyte that the server reads until the size of its closed \
         segments changes no more; rate and CPU (the server's, user + system) by the size of what was compacted. What is \
         left is read back: the newest record of each key, and all of the last segment. Meanwhile the latency probe writes \
         {RATE} records a second to the same partition; its latency is from when a record was due to its arrival at a consumer.",
        fill.shape.records,
        fill.shape.size,
        fill.keys,
        fill.segment_bytes >> 20,
    )
}

/// Fills, has it compacted, checks what is left.
fn once(bench: &Bench<'_>, kind: Kind, fill: Fill, figures: &mut Figures) -> anyhow::Result<()> {
    let server = Server::start_with(kind, Mode::Os, &bench.place, AS_OFTEN)?;
    let segment = format!("segment.bytes={}", fill.segment_bytes);
    server
        .topic(&bench.place, &["create", TOPIC, "--config", &segment, "--config", "cleanup.policy=delete"])?;
    let (size, keys) = (fill.shape.size.to_string(), fill.keys.to_string());
    generate(bench, &server, "headwater", TOPIC, fill.shape, &["produce", "--size", &size, "--keys", &keys])?;
    settle(&server)?;
    let folder = server.partition_folder(TOPIC, 0);
    let before = Files::of(&folder)?;
    let probe = start_probe(bench, &server)?;
    std::thread::sleep(Duration::from_secs(3));
    let policy = ["cleanup.policy=compact", "min.cleanable.dirty.ratio=0.01", "min.compaction.lag.ms=0"];
    let settings = policy.iter().flat_map(|setting| ["--config", setting]);
    server.topic(&bench.place, &["alter", TOPIC].into_iter().chain(settings).collect::<Vec<_>>())?;
    // A quarter more than the newest of each key: headers of batches that hold few records.
    let took = watch(&server, &folder, fill.keys * fill.shape.size as u64 * 5 / 4)?;
    let probe = end_probe(probe)?;
    let after = Files::of(&folder)?;
    let active = after.active.to_string();
    let left: Left =
        generate_ours(bench, &server, TOPIC, fill.shape, &["left", "--keys", &keys, "--active", &active])?;
    anyhow::ensure!(left.compacted <= fill.keys, "{} records are left", left.compacted);
    let gigabytes = before.closed_bytes as f64 / 1e9;
    figures.add(kind, "rate", "MB/s", &[gigabytes * 1e3 / took.seconds]);
    figures.add(kind, "CPU per GB", "s", &[took.cpu.user / gigabytes, took.cpu.system / gigabytes]);
    figures.add(kind, "size before", "MB", &[before.closed_bytes as f64 / 1e6]);
    figures.add(kind, "size after", "MB", &[after.closed_bytes as f64 / 1e6]);
    figures.add(kind, "records appended meanwhile: p50", "ms", &[probe.p50_us / 1e3]);
    figures.add(kind, "records appended meanwhile: p99", "ms", &[probe.p99_us / 1e3]);
    figures.add(kind, "records appended meanwhile: longest", "ms", &[probe.max_us / 1e3]);
    figures.add(kind, "of it the sender's lateness, longest", "ms", &[probe.sender_max_us / 1e3]);
    Ok(())
}

/// What was found to be left.
#[derive(Debug, serde::Deserialize)]
struct Left {
    compacted: u64,
}

/// Writes to the partition, and reads along, until it is told to end.
fn start_probe(bench: &Bench<'_>, server: &Server) -> anyhow::Result<Child> {
    let shape = Shape { size: 100, partitions: 1, records: RATE * LONGEST.as_secs() * 2 };
    let work = ["latency", "--rate", &RATE.to_string(), "--warm-up-seconds", "1", "--until-end-of-input"];
    let mut probe = generator(bench, server, "headwater", TOPIC, shape, &work);
    probe.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the probe")
}

fn end_probe(mut probe: Child) -> anyhow::Result<Probe> {
    drop(probe.stdin.take());
    let output = probe.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "the probe failed");
    report(&String::from_utf8_lossy(&output.stdout))
}

/// Waits for the compaction: it begins when much is read at once, and is over once the closed segments have come to rest
/// below a size.
fn watch(server: &Server, folder: &Path, below: u64) -> anyhow::Result<Took> {
    let deadline = usage::now() + LONGEST;
    let mut last_look = Look::at(server)?;
    let mut began = None;
    let mut changed = (0, last_look);
    loop {
        std::thread::sleep(LOOK);
        let look = Look::at(server)?;
        if began.is_none() && look.read_bytes > last_look.read_bytes + BEGINS {
            began = Some(last_look);
        }
        last_look = look;
        // Files come and go while they are listed: the next look sees what is there.
        let size = Files::of(folder).map_or(changed.0, |files| files.closed_bytes);
        if size != changed.0 {
            changed = (size, look);
        }
        let (size, end) = changed;
        if let Some(began) = began.filter(|_| size < below && look.at.duration_since(end.at) > REST) {
            let seconds = end.at.duration_since(began.at).as_secs_f64();
            return Ok(Took { seconds, cpu: end.cpu.since(began.cpu) });
        }
        anyhow::ensure!(usage::now() < deadline, "{} still has {size} bytes", server.kind.name());
    }
}

/// The process at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    read_bytes: u64,
    cpu: Usage,
}

impl Look {
    fn at(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { at: usage::now(), read_bytes: server.read_bytes()?, cpu: server.usage()? })
    }
}

/// The segments of a partition that readers see: not those that are being made or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Files {
    /// The base offset of the last segment.
    active: u64,
    /// The size of all the others.
    closed_bytes: u64,
}

impl Files {
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
            let entry = entry?;
            if let Some(base) = base(&entry.path()) {
                segments.push((base, entry.metadata()?.len()));
            }
        }
        Self::sum(segments).with_context(|| format!("no segment in {}", folder.display()))
    }

    fn sum(mut segments: Vec<(u64, u64)>) -> Option<Self> {
        segments.sort_unstable();
        let (active, _) = segments.pop()?;
        Some(Self { active, closed_bytes: segments.iter().map(|(_, bytes)| bytes).sum() })
    }
}

/// The base offset in the name of a segment's file of batches.
fn base(path: &Path) -> Option<u64> {
    let is_log = path.extension().is_some_and(|extension| extension == "log");
    path.file_stem().filter(|_| is_log)?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_files_of_batches_under_their_own_names() {
        let of = |name: &str| base(&Path::new("compaction-0").join(name));
        assert_eq!(of("00000000000000000042.log"), Some(42));
        for other in [
            "00000000000000000042.index",
            "00000000000000000042.log.deleted",
            "00000000000000000042.log.cleaned",
            "00000000000000000042.log.swap",
            "leader-epoch-checkpoint",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_last_segment_is_not_counted() {
        let files = Files::sum(vec![(7, 1), (0, 10), (3, 100)]).unwrap();
        assert_eq!(files, Files { active: 7, closed_bytes: 110 });
        assert_eq!(Files::sum(Vec::new()), None);
    }
}
