//! The suite `topologies`: our runtime and Kafka Streams over the same prefilled topics of Apache Kafka, at least once, to the
//! same ends.
//!
//! Invariants: within a round ours and all of its peers run over the same topics; what came out of a peer is what came out of
//! ours, or the suite fails: every record, or the last one of each key where a cache holds others back. A run counts only once
//! it has committed all that it read.

mod plot;
mod programs;
mod workload;

use std::collections::BTreeMap;

use anyhow::Context;

use super::Bench;
use super::load::Sample;
use super::results::{Table, cpu, median, megabytes, middle, ratio, thousands};
use super::server::{Kind, Mode, Server};
use crate::usage::Usage;
use plot::{Series, svg};
use programs::{BATCH_BYTES, Digest, Job, LINGER_MS, PARTITIONS, Run, THREADS, WARM, compile};
use workload::{Store, Variant, Workload};

/// How long before now the first records are.
const AGE_MS: u64 = 6 * 60 * 60 * 1_000;

/// The runs of a workload.
#[derive(Debug, Default)]
struct Runs {
    ours: BTreeMap<Store, Vec<Run>>,
    peers: BTreeMap<Variant, Vec<Run>>,
}

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    compile(bench)?;
    // The threads of an instance come into its group together, so that no task moves, with its state, while it runs.
    let properties = "group.initial.rebalance.delay.ms=1000\n";
    let server = Server::start_with(Kind::Kafka, Mode::Os, &bench.place, properties)?;
    let workloads = workload::all(bench.quick);
    let mut all = Vec::new();
    for (number, workload) in workloads.iter().enumerate().filter(|(_, one)| bench.is_wanted(&one.name)) {
        println!("{}", workload.name);
        let now_ms = std::time::UNIX_EPOCH.elapsed()?.as_millis() as u64;
        let prefix = format!("bench-{now_ms}-{number}-");
        let job = Job { bootstrap: &server.bootstrap, workload, prefix: &prefix, number: 0 };
        job.fill(bench, now_ms - AGE_MS)?;
        let mut runs = Runs::default();
        for round in 1..=bench.rounds {
            println!(" round {round} of {}", bench.rounds);
            runs.round(bench, &Job { number: round * 100, ..job })?;
        }
        job.clean_up_all(bench)?;
        all.push((workload, runs));
    }
    let picture = bench.place.folder.join("topologies.svg");
    // That of an earlier run is not this one's.
    let _ = std::fs::remove_file(&picture);
    if let Some(svg) = svg(&series(&all)) {
        std::fs::write(&picture, svg).with_context(|| format!("cannot write {}", picture.display()))?;
        println!("cost per record over keys: {}", picture.display());
    }
    Ok(vec![table(&all, bench.quick), starts(&all)])
}

impl Runs {
    /// Ours and its peers, one after the other.
    fn round(&mut self, bench: &Bench<'_>, job: &Job<'_>) -> anyhow::Result<()> {
        let mut job = *job;
        let mut expected = None;
        for store in job.workload.stores() {
            let run = job.run_ours(bench, store)?;
            let digest = job.digest(bench)?;
            tell(&format!("ours{}", Variant { store, cache: false }.words()), &run, &digest);
            check(job.workload, *expected.get_or_insert(digest), digest, true)?;
            self.ours.entry(store).or_default().push(run);
            job.clean_up(bench)?;
            job.number += 1;
        }
        let expected = expected.context("nothing of ours ran")?;
        for variant in job.workload.peers {
            let run = job.run_peer(bench, *variant, expected.changelogs > 0)?;
            let digest = job.digest(bench)?;
            tell(&format!("Kafka Streams{}", variant.words()), &run, &digest);
            check(job.workload, expected, digest, !variant.cache)?;
            self.peers.entry(*variant).or_default().push(run);
            job.clean_up(bench)?;
            job.number += 1;
        }
        Ok(())
    }
}

fn tell(who: &str, run: &Run, digest: &Digest) {
    let (rate, spent) = (thousands(run.records_per_second), cpu(run.cpu));
    let (memory, records, keys) = (megabytes(run.peak_memory_bytes), digest.records, digest.keys);
    println!("  {who}: {rate}/s, {spent} CPU s per million, {memory}; gave {records} records of {keys} keys");
}

/// Fails unless both keep changelogs or none, and the same came out: every record, in whatever order a repartition let keys come, or the last one of each key.
fn check(workload: &Workload, ours: Digest, other: Digest, record_by_record: bool) -> anyhow::Result<()> {
    let is_same = ours.keys == other.keys
        && (ours.changelogs == 0) == (other.changelogs == 0)
        && if record_by_record {
            (ours.all, ours.records) == (other.all, other.records)
        } else {
            ours.last == other.last
        };
    anyhow::ensure!(is_same, "{}: not the same came out: {ours:?} and {other:?}", workload.name);
    Ok(())
}

/// In the middle of the rounds.
fn medians(runs: &[Run]) -> Sample {
    let sample = |run: &Run| Sample {
        records_per_second: run.records_per_second,
        cpu: run.cpu,
        peak_memory_bytes: run.peak_memory_bytes,
    };
    median(&runs.iter().map(sample).collect::<Vec<_>>())
}

fn table(all: &[(&Workload, Runs)], is_quick: bool) -> Table {
    let rows = all.iter().flat_map(|(workload, runs)| {
        runs.peers.iter().map(|(variant, peer)| {
            let ours = runs.ours.get(&variant.store).map(|ours| medians(ours));
            row(workload.row(*variant), &medians(peer), ours.as_ref())
        })
    });
    let head = [
        "",
        "Kafka Streams CPU s",
        "ours",
        "Kafka Streams records per CPU second",
        "ours",
        "ratio",
        "Kafka Streams records/s",
        "ours",
        "Kafka Streams peak memory",
        "ours",
    ];
    let quick = if is_quick { " A tenth of the usual records: the JVM is hardly warm." } else { "" };
    Table {
        title: "Ours and Kafka Streams on Apache Kafka".to_owned(),
        note: format!("{}{quick}", note()),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn row(name: String, peer: &Sample, ours: Option<&Sample>) -> Vec<String> {
    let per_cpu_second = |sample: &Sample| 1e6 / sample.cpu.total();
    let of_ours = |figure: &dyn Fn(&Sample) -> String| ours.map_or_else(|| "–".to_owned(), figure);
    vec![
        name,
        cpu(peer.cpu),
        of_ours(&|ours| cpu(ours.cpu)),
        thousands(per_cpu_second(peer)),
        of_ours(&|ours| thousands(per_cpu_second(ours))),
        of_ours(&|ours| ratio(per_cpu_second(ours), per_cpu_second(peer))),
        thousands(peer.records_per_second),
        of_ours(&|ours| thousands(ours.records_per_second)),
        megabytes(peer.peak_memory_bytes),
        of_ours(&|ours| megabytes(ours.peak_memory_bytes)),
    ]
}

fn note() -> String {
    format!(
        "Bounded runs at least once, a commit in a second but where a row says otherwise; topics of {PARTITIONS} partitions, \
         records of 100 bytes (8 of them key), keys drawn uniformly but where a row says otherwise; {THREADS} workers and as many threads; \
         producers with a linger of {LINGER_MS} ms and batches of {BATCH_BYTES} bytes on both sides, no compression. Kafka Streams has its \
         default settings otherwise, with the cache in front of its stores off, so that both write a record for each change, but where a row \
         says \"its cache on\", and for joins; its stores are RocksDB where a row says \"on disk\". Stores have changelogs on both \
         sides or on neither, as ours have. A record is one that came in from outside. CPU is the process's, user + system, in seconds per \
         million records: Kafka Streams' from the moment when its state is RUNNING until it has closed with everything committed, after it \
         has run the same topology over {WARM} records in the same JVM, so that classes are loaded and hot code is compiled; ours from \
         before it looks at the topics until it has ended with everything committed. What came out is compared: it is the same."
    )
}

/// What it takes until Kafka Streams is running and warm.
fn starts(all: &[(&Workload, Runs)]) -> Table {
    let total = |runs: &[Run]| -> String {
        let of = |part: fn(&Usage) -> f64| middle(runs.iter().map(|run| part(&run.before)).collect());
        cpu(Usage { user: of(|before| before.user), system: of(|before| before.system) })
    };
    let rows = all.iter().filter_map(|(workload, runs)| {
        let (variant, peer) = runs.peers.iter().next()?;
        let ours = runs.ours.get(&variant.store)?;
        Some(vec![workload.row(*variant), total(peer), total(ours)])
    });
    Table {
        title: "Before the measurement begins".to_owned(),
        note: "CPU seconds of the process, user + system, that the table above leaves out: the JVM's start and its warming up; our \
               start."
            .to_owned(),
        head: ["", "Kafka Streams", "ours"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// The lines of the plot.
fn series(all: &[(&Workload, Runs)]) -> Vec<Series> {
    let points = |runs_of: &dyn Fn(&Runs) -> Option<Vec<Run>>| -> Vec<(u64, f64)> {
        let points = all.iter().filter_map(|(workload, runs)| {
            Some((workload.plotted_keys?, medians(&runs_of(runs)?).cpu.total()))
        });
        points.collect()
    };
    let mut series = Vec::new();
    for (store, place) in [(Store::InMemory, "in memory"), (Store::OnDisk, "on disk")] {
        series.push((format!("ours, {place}"), points(&|runs| runs.ours.get(&store).cloned())));
        for (cache, with) in [(false, ""), (true, ", cache on")] {
            let variant = Variant { store, cache };
            let peers = points(&|runs| runs.peers.get(&variant).cloned());
            series.push((format!("Kafka Streams, {place}{with}"), peers));
        }
    }
    let drawn = series.into_iter().filter(|(_, points)| !points.is_empty());
    drawn.map(|(name, points)| Series { name, points }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of(seconds: f64) -> Run {
        let cpu = Usage { user: seconds, system: 0.0 };
        Run { records_per_second: 1e6 / seconds, cpu, peak_memory_bytes: 1_000_000, before: cpu }
    }

    fn digest() -> Digest {
        Digest { records: 10, keys: 2, all: 3, last: 4, behind: 0, changelogs: 0 }
    }

    #[test]
    fn what_did_not_run_on_one_side_shows_the_other_alone() {
        let workloads = workload::all(false);
        let workload = workloads.iter().find(|one| one.plotted_keys == Some(10_000)).unwrap();
        let mut runs = Runs::default();
        for variant in workload.peers {
            runs.peers.insert(*variant, vec![run_of(8.0)]);
        }
        runs.ours.insert(Store::InMemory, vec![run_of(2.0)]);
        let all = [(workload, runs)];
        let rows = table(&all, false).rows;
        assert_eq!(rows[0][3..6], ["125 k", "500 k", "4.00"]);
        assert_eq!(rows[2][2..6], ["–", "125 k", "–", "–"]);
        assert_eq!(starts(&all).rows, [["count, 10 thousand keys, in memory", "8.00 + 0.00", "2.00 + 0.00"]]);
        let series = series(&all);
        let names: Vec<_> = series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names.len(), 5);
        assert_eq!((names[0], &series[0].points), ("ours, in memory", &vec![(10_000, 2.0)]));
    }

    #[test]
    fn what_came_out_must_be_the_same() {
        let workloads = workload::all(false);
        let same = |other, each| check(&workloads[0], digest(), other, each).is_ok();
        assert!(same(digest(), true));
        let fewer = Digest { records: 5, all: 7, ..digest() };
        assert!(same(fewer, false) && !same(fewer, true));
        let in_another_order = Digest { last: 5, ..digest() };
        assert!(same(in_another_order, true) && !same(in_another_order, false));
        assert!(!same(Digest { keys: 1, ..digest() }, false));
        assert!(!same(Digest { changelogs: 1, ..digest() }, true));
    }
}
