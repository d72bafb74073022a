//! Tests in words: what is fed and what comes out, a record a line.
//!
//! ```text
//! topic key=value @time #header=value
//! ```
//! `~` is null. `topic/1` is partition 1 of the topic; without a number, the key tells the partition.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use expect_test::Expect;
use headwater_model::{PartitionId, Timestamp};
use headwater_schema::{KeyValueSerde, Optional, Serde, SerdeError, Utf8, optional, serdes, utf8};
use headwater_streams::{
    ErrorPolicies, Guarantee, Header, Headers, OnError, Record, TaskConfig, TestConfig, TestDriver,
    TestError, TestRecord, Topology, TopologyBuilder,
};

/// Text, with nulls as `None`.
pub(crate) fn nullable() -> KeyValueSerde<Optional<Utf8>, Optional<Utf8>> {
    serdes(optional(utf8()), optional(utf8()))
}

/// Text, without nulls.
pub(crate) fn text() -> KeyValueSerde<Utf8, Utf8> {
    serdes(utf8(), utf8())
}

/// Text that can be written and read until it is worn out; from then on, not where it has the word `weir`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wearing(Arc<AtomicBool>);

impl Wearing {
    pub(crate) fn wear_out(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn fails_on(&self, text: &str) -> bool {
        self.0.load(Ordering::Relaxed) && text.contains("weir")
    }
}

impl Serde<String> for Wearing {
    fn serialize(&self, value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        if self.fails_on(value) {
            return Err(SerdeError::unwritable::<String>("it is worn out"));
        }
        utf8().serialize(value, out)
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<String, SerdeError> {
        let text = utf8().deserialize(bytes)?;
        if self.fails_on(&text) {
            return Err(SerdeError::malformed::<String>("it is worn out", bytes, None));
        }
        Ok(text)
    }
}

/// Whatever an operator fails on is skipped.
pub(crate) fn skipping() -> TestConfig {
    let policies = ErrorPolicies { processing: OnError::Skip, ..ErrorPolicies::default() };
    TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() })
}

/// A topology with the id `app`.
pub(crate) fn app(build: impl FnOnce(&mut TopologyBuilder)) -> Topology {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    build(&mut app);
    app.build().unwrap()
}

/// Feeds the records one by one, and compares all that comes out.
#[track_caller]
pub(crate) fn check(topology: &Topology, fed: &str, expected: &Expect) {
    check_with(&TestConfig::default(), topology, fed, expected);
}

/// As [`check`], with partitions and settings.
#[track_caller]
pub(crate) fn check_with(config: &TestConfig, topology: &Topology, fed: &str, expected: &Expect) {
    let mut world = World::new(topology, config);
    for line in lines(fed) {
        if let Err(error) = world.load(line).and_then(|()| world.driver.run()) {
            world.seen.push_str(&sentence(&error));
            break;
        }
        world.look();
    }
    expected.assert_eq(&world.finish());
}

/// Lays all records into their topics, lets them have their effects, and compares all that comes out.
#[track_caller]
pub(crate) fn check_loaded(topology: &Topology, fed: &str, expected: &Expect) {
    let mut world = World::new(topology, &TestConfig::default());
    for line in lines(fed) {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    expected.assert_eq(&world.finish());
}

/// An error and its causes in one line.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut sentence = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(sentence, ": {error}").unwrap();
        cause = error.source();
    }
    sentence + "\n"
}

/// A driver, and all that was seen of it.
pub(crate) struct World {
    pub(crate) driver: TestDriver,
    outputs: Vec<String>,
    seen: String,
}

impl World {
    pub(crate) fn new(topology: &Topology, config: &TestConfig) -> Self {
        let outputs = topology.sink_topics().into_iter().map(ToString::to_string).collect();
        Self { driver: TestDriver::with(topology, config).unwrap(), outputs, seen: String::new() }
    }

    /// Lays the record of a line into its topic.
    pub(crate) fn load(&mut self, line: &str) -> Result<(), TestError> {
        let (topic, record) = record(line);
        match topic.split_once('/') {
            Some((topic, partition)) => {
                let partition = PartitionId(partition.parse().expect(line));
                self.driver.load_into(topic, partition, nullable(), [record])
            }
            None => self.driver.load(topic, nullable(), [record]),
        }
    }

    /// Lays records into their topics, and lets them have their effects.
    pub(crate) fn feed(&mut self, fed: &str) {
        for line in lines(fed) {
            self.load(line).unwrap();
            self.driver.run().unwrap();
        }
    }

    /// Notes all that came out since the last look.
    pub(crate) fn look(&mut self) {
        for topic in &self.outputs {
            for record in self.driver.output(topic, nullable()).unwrap() {
                writeln!(self.seen, "{topic} {}", words(&record)).unwrap();
            }
        }
    }

    /// All that was written to a topic that the topology does not name.
    pub(crate) fn chosen(&mut self, topic: &str) -> String {
        let mut chosen = String::new();
        for record in self.driver.output(topic, nullable()).unwrap() {
            writeln!(chosen, "{topic} {}", words(&record)).unwrap();
        }
        chosen
    }

    /// All that was seen, and what was left out.
    pub(crate) fn finish(mut self) -> String {
        self.look();
        let metrics = self.driver.metrics();
        for (operator, count) in metrics.late {
            writeln!(self.seen, "late for {operator}: {count}").unwrap();
        }
        if metrics.null_keys > 0 {
            writeln!(self.seen, "null keys: {}", metrics.null_keys).unwrap();
        }
        if metrics.null_values > 0 {
            writeln!(self.seen, "null values: {}", metrics.null_values).unwrap();
        }
        if metrics.skipped > 0 {
            writeln!(self.seen, "skipped: {}", metrics.skipped).unwrap();
        }
        self.seen
    }
}

type Text = Option<String>;

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn record(line: &str) -> (&str, Record<Text, Text>) {
    let mut words = line.split(' ');
    let topic = words.next().unwrap();
    let (key, value) = words.next().and_then(|pair| pair.split_once('=')).expect(line);
    let time = words.next().and_then(|time| time.strip_prefix('@')).expect(line);
    let headers = words.map(|header| {
        let (key, value) = header.strip_prefix('#').and_then(|pair| pair.split_once('=')).expect(line);
        Header { key: key.to_owned(), value: some(value).map(Bytes::from) }
    });
    let headers: Headers = headers.collect();
    let timestamp = Timestamp(time.parse().expect(line));
    (topic, Record { headers, ..Record::new(some(key), some(value), timestamp) })
}

fn some(text: &str) -> Text {
    (text != "~").then(|| text.to_owned())
}

fn words(record: &TestRecord<Text, Text>) -> String {
    let part = |text: &Text| text.clone().unwrap_or("~".to_owned());
    let mut words = format!("{}={} @{}", part(&record.key), part(&record.value), record.timestamp);
    for header in &record.headers {
        let value = header.value.as_ref().map(|value| String::from_utf8(value.to_vec()).unwrap());
        write!(words, " #{}={}", header.key, part(&value)).unwrap();
    }
    words
}
