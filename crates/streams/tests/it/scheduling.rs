//! Which record is next, over all inputs of a task; and that nothing but the records decides what comes out.

use std::collections::BTreeMap;
use std::ops::Bound::Unbounded;
use std::time::Duration;

use bytes::Bytes;
use headwater_model::{Monotonic, Offset, PartitionId, Timestamp};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    End, Record, Step, Task, TaskConfig, TaskId, TestDriver, Topology, TumblingWindows, windowed,
};
use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{app, text};

const INPUTS: [&str; 3] = ["stream", "first", "second"];

/// One sub-topology that reads three topics, in the order of [`INPUTS`], and writes down whatever it takes up.
fn three_inputs() -> Topology {
    app(|app| {
        let stream = app.stream(INPUTS[0], text());
        let tables = [app.table(INPUTS[1], text()), app.table(INPUTS[2], text())];
        stream
            .left_join("with-first", &tables[0], |record, _| record.value)
            .left_join("with-second", &tables[1], |record, _| record.value)
            .to("log", text());
        for table in tables {
            table.updates().to("log", text());
        }
    })
}

/// The order in which records of these times are taken up, as `(input, place in it)`.
fn order(times: &[Vec<i64>]) -> Vec<(usize, usize)> {
    let mut driver = TestDriver::new(&three_inputs());
    // The last input is loaded first: what decides is the time, then the order of declaration.
    for (input, times) in times.iter().enumerate().rev() {
        let records = times
            .iter()
            .enumerate()
            .map(|(place, time)| Record::new("key".to_owned(), format!("{input} {place}"), Timestamp(*time)));
        driver.load(INPUTS[input], text(), records).unwrap();
    }
    driver.run().unwrap();
    let log = driver.output("log", text()).unwrap();
    let read = |value: String| {
        let (input, place) = value.split_once(' ').unwrap();
        (input.parse().unwrap(), place.parse().unwrap())
    };
    log.into_iter().map(|record| read(record.value)).collect()
}

/// Again and again the oldest of the inputs' first records, on ties that of the first input.
fn merged(times: &[Vec<i64>]) -> Vec<(usize, usize)> {
    let mut next = vec![0; times.len()];
    let mut merged = Vec::new();
    loop {
        let heads = (0..times.len()).filter_map(|input| Some((*times[input].get(next[input])?, input)));
        let Some((_, input)) = heads.min() else {
            return merged;
        };
        merged.push((input, next[input]));
        next[input] += 1;
    }
}

fn times() -> impl Strategy<Value = Vec<Vec<i64>>> {
    vec(vec(0..20_i64, 0..12), INPUTS.len())
}

proptest! {
    #[test]
    fn inputs_in_order_of_time_are_taken_up_as_a_stable_sort_would_have_them(mut times in times()) {
        for times in &mut times {
            times.sort_unstable();
        }
        let all = times.iter().enumerate().flat_map(|(input, times)| (0..times.len()).map(move |place| (input, place)));
        let mut expected: Vec<_> = all.collect();
        expected.sort_by_key(|(input, place)| times[*input][*place]);
        prop_assert_eq!(order(&times), expected);
    }

    #[test]
    fn the_oldest_of_the_first_records_is_next_and_no_partition_is_reordered(times in times()) {
        prop_assert_eq!(order(&times), merged(&times));
    }
}

/// A stream joined with a table and counted per key and window.
fn joined_and_counted() -> Topology {
    let windows = TumblingWindows::of(Duration::from_millis(10)).grace(Duration::from_millis(5));
    app(|app| {
        let table = app.table("table", text());
        app.stream("stream", text())
            .left_join("looked-up", &table, |record, found| {
                format!("{}{}", record.value, found.map_or("", String::as_str))
            })
            .with_serdes(text())
            .group_by_key()
            .windowed_by(windows)
            .aggregate("texts", String::new, |_, value, so_far| so_far + &value, text())
            .updates()
            .to("out", serdes(windowed(utf8(), windows), utf8()));
    })
}

/// A record of a test: its key, and its time.
type Event = (u8, i64);

fn batch(base_offset: usize, events: &[Event]) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None);
    for (place, (key, time)) in events.iter().enumerate() {
        let value = format!("<{}>", base_offset + place);
        builder.append(Timestamp(*time), Some(&[b'a' + key]), Some(value.as_bytes()), &[]);
    }
    let base_offset = Offset(base_offset as i64);
    Batch::parse(&builder.build(&BatchMeta { base_offset, ..BatchMeta::default() })).unwrap()
}

/// A record that came out: its key, its value, its time.
type Output = (Option<Vec<u8>>, Option<Vec<u8>>, i64);

/// A change of a store: its name, the key, the value, the time; whether the entry is new.
type Change = (String, Vec<u8>, Option<Vec<u8>>, i64, bool);

/// All that a task has done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    outputs: Vec<Output>,
    changes: Vec<Change>,
    late: BTreeMap<String, u64>,
    positions: Vec<i64>,
}

struct Bench {
    task: Task,
    inputs: Vec<Vec<Event>>,
    fed: Vec<usize>,
    done: Done,
}

impl Bench {
    fn new(inputs: Vec<Vec<Event>>) -> Self {
        let topology = joined_and_counted();
        let config = TaskConfig { keeps_store_writes: true, ..TaskConfig::default() };
        let id = TaskId { sub_topology: 0, partition: PartitionId(0) };
        let mut task = topology.task(id, &topology.global_stores(&config), &config).unwrap();
        for (input, events) in inputs.iter().enumerate() {
            task.set_end(input, End::Bounded(Offset(events.len() as i64)));
        }
        let fed = vec![0; inputs.len()];
        Self { task, inputs, fed, done: Done::default() }
    }

    /// Feeds the next records of an input as one batch.
    fn feed(&mut self, input: usize, count: usize) {
        let (from, events) = (self.fed[input], &self.inputs[input]);
        let to = (from + count).min(events.len());
        if from < to {
            self.task.add(input, batch(from, &events[from..to]), Offset::ZERO);
            self.fed[input] = to;
        }
    }

    fn step(&mut self, limit: usize) -> Step {
        let step = self.task.step(Monotonic::ORIGIN, limit).unwrap();
        let outputs = self.task.outputs();
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        for record in outputs.records() {
            self.done.outputs.push((owned(record.key), owned(record.value), record.timestamp.0));
        }
        self.task.clear_outputs();
        step
    }

    fn take_changes(&mut self) {
        for write in self.task.take_changes().unwrap().iter() {
            let value = write.value.map(<[u8]>::to_vec);
            self.done.changes.push((
                write.store.to_owned(),
                write.key.to_vec(),
                value,
                write.timestamp.0,
                write.is_new,
            ));
        }
    }

    fn finish(&mut self) {
        for input in 0..self.inputs.len() {
            self.feed(input, usize::MAX / 2);
        }
        while self.step(usize::MAX) != Step::Finished {}
        self.take_changes();
        self.done.late = self.task.metrics().late;
        self.done.positions = self.task.positions().map(|(_, offset)| offset.0).collect();
    }

    fn store(&self, name: &str) -> BTreeMap<Bytes, Bytes> {
        self.task.store(name).unwrap().range((Unbounded, Unbounded)).map(Result::unwrap).collect()
    }
}

fn events() -> impl Strategy<Value = Vec<Vec<Event>>> {
    vec(vec((0..3_u8, 0..60_i64), 0..30), 2)
}

proptest! {
    #[test]
    fn outputs_do_not_depend_on_how_batches_are_cut_and_when_they_come(
        inputs in events(),
        feeding in vec((0..2_usize, 1..5_usize, 0..6_usize), 0..40),
    ) {
        let mut whole = Bench::new(inputs.clone());
        whole.finish();
        let mut cut = Bench::new(inputs);
        for (input, count, limit) in feeding {
            cut.feed(input, count);
            cut.step(limit);
        }
        cut.finish();
        prop_assert_eq!(cut.done, whole.done);
    }

    #[test]
    fn what_changelogs_hear_rebuilds_the_stores(inputs in events(), steps in vec(1..5_usize, 0..20)) {
        let mut bench = Bench::new(inputs);
        for count in steps {
            bench.feed(0, count);
            bench.feed(1, count);
            bench.step(count);
            bench.take_changes();
        }
        bench.finish();
        let mut rebuilt: BTreeMap<Bytes, Bytes> = BTreeMap::new();
        for (store, key, value, time, is_new) in std::mem::take(&mut bench.done.changes) {
            prop_assert_eq!(store, "texts", "a table's topic says all of it");
            let key = Bytes::from(key);
            prop_assert_eq!(is_new, !rebuilt.contains_key(&key));
            match value {
                Some(value) => drop(rebuilt.insert(key, [time.to_be_bytes().to_vec(), value].concat().into())),
                None => drop(rebuilt.remove(&key)),
            }
        }
        prop_assert_eq!(bench.store("texts"), rebuilt);
    }

    #[test]
    fn windows_with_grace_are_as_a_naive_model_has_them(
        events in vec((0..3_u8, 0..100_i64), 0..60),
        size in 1..30_i64,
        grace in 0..30_i64,
    ) {
        let millis = |count: i64| Duration::from_millis(count as u64);
        let windows = TumblingWindows::of(millis(size)).grace(millis(grace));
        let topology = app(|app| {
            let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
            counts.updates().to("out", serdes(windowed(utf8(), windows), long()));
        });
        let mut driver = TestDriver::new(&topology);
        let key = |key: u8| char::from(b'a' + key).to_string();
        driver.load("in", text(), events.iter().map(|(name, time)| {
            Record::new(key(*name), String::new(), Timestamp(*time))
        })).unwrap();
        driver.run().unwrap();

        let (mut expected, mut late, mut stream_time) = (Vec::new(), 0, i64::MIN);
        let mut model: BTreeMap<(i64, String), (i64, i64)> = BTreeMap::new();
        for (name, time) in events {
            stream_time = stream_time.max(time);
            let start = time / size * size;
            if start + size + grace <= stream_time {
                late += 1;
                continue;
            }
            let (count, latest) = model.entry((start, key(name))).or_insert((0, time));
            (*count, *latest) = (*count + 1, time.max(*latest));
            expected.push((key(name), start, *count, *latest));
        }
        model.retain(|(start, _), _| start + size + grace > stream_time);

        let out = driver.output("out", serdes(windowed(utf8(), windows), long())).unwrap();
        let out: Vec<_> =
            out.into_iter().map(|record| (record.key.key, record.key.start.0, record.value, record.timestamp.0)).collect();
        prop_assert_eq!(out, expected);
        prop_assert_eq!(driver.late("counts"), late);
        let open = driver.window_store("counts", serdes(utf8(), long())).unwrap();
        let open: Vec<_> = open.into_iter().map(|(key, count)| ((key.start.0, key.key), count)).collect();
        prop_assert_eq!(open, model.into_iter().map(|(key, (count, _))| (key, count)).collect::<Vec<_>>());
    }
}
