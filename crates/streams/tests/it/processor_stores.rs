//! The stores of processors: what they hold, how long, and what changelogs are told.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect;
use headwater_model::{Monotonic, Offset, PartitionId, Timestamp};
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{
    Data, End, KeyValueStore, Processor, ProcessorContext, ProcessorError, Record, Step, StoreBuilder, Task,
    TaskConfig, TaskId, TestConfig, Topology, WindowStore,
};
use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Wearing, World, app, check, check_with, nullable, skipping, text};

type Lent<'a> = ProcessorContext<'a, String, String>;
type Done = Result<(), ProcessorError>;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Does with a store what records tell it to; answers have the record's key.
struct Told<S>(S);

/// A store that is told what to do in words.
trait Tell: Send + 'static {
    fn tell(&mut self, key: &str, words: &[&str], context: &mut Lent<'_>) -> Result<String, ProcessorError>;
}

impl<S: Tell> Processor<String, String> for Told<S> {
    type Key = String;
    type Value = String;

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        let words: Vec<_> = record.value.split(',').collect();
        let answer = self.0.tell(&record.key, &words, context)?;
        context.forward(record.with_value(answer));
        Ok(())
    }
}

fn listed(entries: impl Iterator<Item = Result<String, ProcessorError>>) -> Result<String, ProcessorError> {
    Ok(entries.collect::<Result<Vec<_>, _>>()?.join("+"))
}

impl Tell for KeyValueStore<String, String> {
    fn tell(&mut self, key: &str, words: &[&str], context: &mut Lent<'_>) -> Result<String, ProcessorError> {
        let key = key.to_owned();
        let entry = |entry: Result<(String, String), _>| entry.map(|(key, value)| key + ":" + &value);
        match *words {
            ["get"] => Ok(self.get(&key, context)?.unwrap_or("none".to_owned())),
            ["time"] => {
                Ok(self.get_timed(&key, context)?.map_or("none".to_owned(), |(time, _)| time.to_string()))
            }
            ["put", value] => self.put(&key, &value.to_owned(), context).map(|()| "put".to_owned()),
            ["put", value, time] => {
                let time = Timestamp(time.parse()?);
                self.put_at(&key, &value.to_owned(), time, context).map(|()| "put".to_owned())
            }
            ["delete"] => self.delete(&key, context).map(|()| "deleted".to_owned()),
            ["all"] => listed(self.range(.., context)?.map(entry)),
            ["from", to] => listed(self.range(key..to.to_owned(), context)?.map(entry)),
            ["through", to] => listed(self.range(key..=to.to_owned(), context)?.map(entry)),
            ["prefix"] => listed(self.prefix(key.as_bytes(), context).map(entry)),
            _ => Err(ProcessorError::new("what?")),
        }
    }
}

impl Tell for WindowStore<String, String> {
    fn tell(&mut self, key: &str, words: &[&str], context: &mut Lent<'_>) -> Result<String, ProcessorError> {
        let key = key.to_owned();
        let at = |time: &str| time.parse().map(Timestamp);
        match *words {
            ["get", time] => Ok(self.get(&key, at(time)?, context)?.unwrap_or("none".to_owned())),
            ["put", time, value] => {
                self.put(&key, at(time)?, &value.to_owned(), context).map(|()| "put".to_owned())
            }
            ["delete", time] => self.delete(&key, at(time)?, context).map(|()| "deleted".to_owned()),
            ["fetch", from, to] => {
                let found = self.fetch(&key, at(from)?..=at(to)?, context)?;
                listed(found.map(|entry| entry.map(|(time, value)| format!("{time}:{value}"))))
            }
            ["all", from, to] => {
                let found = self.fetch_all(at(from)?..at(to)?, context)?;
                listed(found.map(|entry| entry.map(|(time, key, value)| format!("{time}:{key}:{value}"))))
            }
            ["all"] => {
                let found = self.fetch_all(.., context)?;
                listed(found.map(|entry| entry.map(|(time, key, value)| format!("{time}:{key}:{value}"))))
            }
            _ => Err(ProcessorError::new("what?")),
        }
    }
}

/// A store called `store`, told by `in` what to do.
fn told<S: Tell>(
    declare: impl FnOnce(&mut headwater_streams::TopologyBuilder) -> StoreBuilder<S>,
) -> Topology {
    app(|app| {
        let store = declare(app);
        app.stream("in", text()).process("told", &store, Told).to("out", text());
    })
}

fn key_values() -> Topology {
    told(|app| app.key_value_store::<String, String, _, _>("store", text()))
}

fn for_ten() -> Topology {
    told(|app| app.key_value_store_with_ttl::<String, String, _, _>("store", ms(10), text()))
}

fn windows() -> Topology {
    told(|app| app.window_store::<String, String, _, _>("store", ms(10), text()))
}

#[test]
fn a_store_with_a_value_per_key_is_read_by_key_by_range_and_by_prefix_in_the_order_of_bytes() {
    let mut world = World::new(&key_values(), &TestConfig::default());
    world.feed(
        "in b=put,1 @5
         in a=put,2 @6
         in ba=put,3 @4
         in B=put,4 @4
         in b=time @7
         in x=all @7
         in b=from,ba @7
         in b=through,ba @7
         in c=from,b @7
         in b=prefix @7
         in b=put,5,2 @8
         in b=time @8
         in a=delete @9
         in a=get @9
         in a=delete @9
         in b=get @9",
    );
    let entries = world.driver.store::<String, String, _, _>("store", text()).unwrap();
    let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    assert_eq!(entries, ["B:4", "b:5", "ba:3"]);
    expect![[r#"
        out b=put @5
        out a=put @6
        out ba=put @4
        out B=put @4
        out b=5 @7
        out x=B:4+a:2+b:1+ba:3 @7
        out b=b:1 @7
        out b=b:1+ba:3 @7
        out c= @7
        out b=b:1+ba:3 @7
        out b=put @8
        out b=2 @8
        out a=deleted @9
        out a=none @9
        out a=deleted @9
        out b=5 @9
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn an_entry_with_a_time_to_live_is_gone_once_stream_time_has_reached_both() {
    let mut world = World::new(&for_ten(), &TestConfig::default());
    world.feed(
        "in a=put,1 @5
         in b=put,2 @14
         in a=get @14
         in x=all @14
         in a=get @15
         in x=all @15
         in x=prefix @15
         in b=put,3 @8
         in b=get @8
         in b=put,4 @5
         in b=get @5
         in c=put,5 @15
         in c=delete @15
         in c=get @15
         in d=put,6 @20",
    );
    let entries = world.driver.store::<String, String, _, _>("store", text()).unwrap();
    assert_eq!(entries, [("d".to_owned(), "6".to_owned())]);
    expect![[r#"
        out a=put @5
        out b=put @14
        out a=1 @14
        out x=a:1+b:2 @14
        out a=none @15
        out x=b:2 @15
        out x= @15
        out b=put @8
        out b=3 @8
        out b=put @5
        out b=none @5
        out c=put @15
        out c=deleted @15
        out c=none @15
        out d=put @20
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn a_window_store_is_read_by_key_and_time_as_long_as_its_entries_are_kept() {
    let mut world = World::new(&windows(), &TestConfig::default());
    world.feed(
        "in a=put,5,1 @5
         in a=put,9,2 @9
         in b=put,9,3 @9
         in ab=put,7,4 @9
         in a=fetch,0,100 @9
         in a=fetch,6,8 @9
         in a=fetch,9,9 @9
         in x=all,0,9 @9
         in x=all @9
         in a=put,9,5 @14
         in a=get,9 @14
         in a=get,5 @15
         in a=fetch,0,100 @15
         in a=put,5,6 @15
         in b=delete,9 @15
         in b=delete,9 @15
         in x=all @15",
    );
    let entries = world.driver.window_store::<String, String, _, _>("store", text()).unwrap();
    let entries: Vec<_> =
        entries.iter().map(|(at, value)| format!("{}@{}:{value}", at.key, at.start)).collect();
    assert_eq!(entries, ["ab@7:4", "a@9:5"]);
    expect![[r#"
        out a=put @5
        out a=put @9
        out b=put @9
        out ab=put @9
        out a=5:1+9:2 @9
        out a= @9
        out a=9:2 @9
        out x=5:a:1+7:ab:4 @9
        out x=5:a:1+7:ab:4+9:a:2+9:b:3 @9
        out a=put @14
        out a=5 @14
        out a=none @15
        out a=9:5 @15
        out a=put @15
        out b=deleted @15
        out b=deleted @15
        out x=7:ab:4+9:a:5 @15
        late for told: 1
    "#]]
    .assert_eq(&world.finish());
}

/// Counts, under the key, what comes by any way.
struct Counts(KeyValueStore<String, i64>);

impl Processor<String, String> for Counts {
    type Key = String;
    type Value = String;

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        let count = self.0.get(&record.key, context)?.unwrap_or_default() + 1;
        self.0.put(&record.key, &count, context)?;
        context.forward(record.with_value(count.to_string()));
        Ok(())
    }
}

fn shared() -> Topology {
    app(|app| {
        let counts = app.key_value_store("counts", serdes(utf8(), long()));
        let seen = app.window_store::<String, String, _, _>("seen", ms(10), text());
        let (left, right) = (app.stream("left", text()), app.stream("right", text()));
        left.process("count-left", (&counts, &seen), |(counts, _)| Counts(counts)).to("out", text());
        right.process("count-right", &counts, Counts).to("out", text());
    })
}

#[test]
fn processors_that_share_a_store_run_in_one_task_and_see_what_the_other_has_written() {
    check(
        &shared(),
        "left a= @1
         right a= @2
         right b= @3
         left a= @4",
        &expect![[r#"
            out a=1 @1
            out a=2 @2
            out b=1 @3
            out a=3 @4
        "#]],
    );
}

#[test]
fn processors_are_described_and_drawn_with_their_stores() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream left
            process count-left with stores counts, seen
              to out
          stream right
            process count-right with store counts
              to out
          store counts: value per key, backed by app-counts-changelog
          store seen: value per key and time, for 10ms, backed by app-seen-changelog
    "#]]
    .assert_eq(&shared().to_string());
    expect![[r#"
        flowchart TD
          topic0(["left"])
          topic1(["right"])
          topic2(["out"])
          subgraph sub0["sub-topology 0"]
            node2["process count-left"]
            node4["process count-right"]
            store0[("counts")]
            store1[("seen")]
          end
          topic0 --> node2
          node2 --> topic2
          topic1 --> node4
          node4 --> topic2
          node2 -.- store0
          node2 -.- store1
          node4 -.- store0
    "#]]
    .assert_eq(&shared().to_mermaid());
    let json = shared().to_json();
    assert_eq!(json["sub_topologies"][0]["nodes"][2]["stores"], serde_json::json!(["counts", "seen"]));
}

#[test]
fn topics_whose_records_meet_in_a_store_need_equal_partition_counts() {
    let config = TestConfig::default().partitions("left", 2);
    expect![[r#""process count-right" needs topics with equal partition counts, but "left" has 2 and "right" has 1; create one of them anew, or send the stream through `.repartition(..)`"#]]
        .assert_eq(&headwater_streams::TestDriver::with(&shared(), &config).unwrap_err().to_string());
}

/// Puts records as they are, or tells what is there.
struct Keep<V>(KeyValueStore<Option<String>, V>);

impl<V: Data + Into<Option<String>>> Processor<Option<String>, V> for Keep<V> {
    type Key = Option<String>;
    type Value = Option<String>;

    fn process(
        &mut self,
        record: Record<Option<String>, V>,
        context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Done {
        let before = self.0.get(&record.key, context)?.and_then(Into::into);
        self.0.put(&record.key, &record.value, context)?;
        context.forward(record.with_value(before));
        Ok(())
    }
}

#[test]
fn nulls_and_entries_that_cannot_be_read_or_written_are_processing_errors() {
    let topology = app(|app| {
        let store = app.key_value_store("store", nullable());
        app.stream::<_, Option<String>, _, _>("in", nullable())
            .process("keep", &store, Keep)
            .to("out", nullable());
    });
    check(
        &topology,
        "in ~=x @1",
        &expect![[r#"
            error: the store "store", at work on the record at in-0@0, cannot write an entry: this Option<String> cannot be written: no entry of a store has a null key; leave such records out before
        "#]],
    );
    check_with(
        &skipping(),
        &topology,
        "in ~=x @1
         in a=~ @2
         in a=x @3
         in a=y @4",
        &expect![[r#"
            out a=~ @3
            out a=x @4
            skipped: 2
        "#]],
    );
}

#[test]
fn a_worn_out_serde_fails_reads_and_writes_of_the_entry_alone() {
    let wearing = Wearing::default();
    let topology = app(|app| {
        let store = app.key_value_store("store", serdes(optional(utf8()), wearing.clone()));
        app.stream("in", serdes(optional(utf8()), utf8()))
            .process("keep", &store, Keep::<String>)
            .to("out", nullable());
    });
    let mut world = World::new(&topology, &skipping());
    world.feed("in a=weir @1\n in b=x @2");
    wearing.wear_out();
    world.feed("in a=x @3\n in b=weir @4\n in b=y @5");
    expect![[r#"
        out a=~ @1
        out b=~ @2
        out b=x @5
        skipped: 2
    "#]]
    .assert_eq(&world.finish());
}

/// A task, fed by hand, so that what changelogs are told can be seen.
struct Bench {
    task: Task,
    changelog: BTreeMap<Vec<u8>, (Vec<u8>, i64)>,
}

impl Bench {
    fn new(topology: &Topology) -> Self {
        let config = TaskConfig { keeps_store_writes: true, ..TaskConfig::default() };
        let id = TaskId { sub_topology: 0, partition: PartitionId(0) };
        let task = topology.task(id, &topology.global_stores(&config), &config).unwrap();
        Self { task, changelog: BTreeMap::new() }
    }

    /// Feeds records (key, value, time), and gives the values of what comes out.
    fn feed(&mut self, records: &[(String, String, i64)]) -> Vec<String> {
        let mut builder = BatchBuilder::new(Compression::None);
        for (key, value, time) in records {
            builder.append(Timestamp(*time), Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        }
        let batch = Batch::parse(&builder.build(&BatchMeta::default())).unwrap();
        self.task.set_end(0, End::Bounded(Offset(records.len() as i64)));
        self.task.add(0, batch, Offset::ZERO);
        while self.task.step(Monotonic::ORIGIN, 1_000).unwrap() != Step::Finished {}
        for write in self.task.take_changes().unwrap().iter() {
            match write.value {
                Some(value) => {
                    self.changelog.insert(write.key.to_vec(), (value.to_vec(), write.timestamp.0));
                }
                None => drop(self.changelog.remove(write.key)),
            }
        }
        let said = self.task.outputs().records();
        said.map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap()).collect()
    }

    /// Whatever reads the changelog has the store.
    fn assert_changelog_is_the_store(&self) {
        let store = self.task.store("store").unwrap();
        let entries = store.prefix(&[]).map(|entry| {
            let (key, value) = entry.unwrap();
            let time = i64::from_be_bytes(*value.first_chunk().unwrap());
            (key.to_vec(), (value[8..].to_vec(), time))
        });
        assert_eq!(entries.collect::<BTreeMap<_, _>>(), self.changelog);
    }
}

const KEYS: [&str; 4] = ["a", "b", "ab", ""];

/// What is done with a key, and when.
fn acts() -> impl Strategy<Value = Vec<(usize, u8, i64, i64)>> {
    vec((0..KEYS.len(), 0..8_u8, 0..4_i64, 0..14_i64), 0..60)
}

proptest! {
    #[test]
    fn a_store_with_a_time_to_live_is_a_map_without_what_is_over(acts in acts()) {
        let mut bench = Bench::new(&for_ten());
        let mut model: BTreeMap<String, (i64, String)> = BTreeMap::new();
        let (mut records, mut expected, mut clock, mut now) = (Vec::new(), Vec::new(), 0, 0);
        for (number, (key, act, step, back)) in acts.into_iter().enumerate() {
            clock += step;
            let (key, time) = (KEYS[key].to_owned(), (clock - back).max(0));
            records.push((key.clone(), String::new(), time));
            now = now.max(time);
            model.retain(|_, (time, _)| *time + 10 > now);
            let (word, answer) = match act {
                0..4 => {
                    model.remove(&key);
                    if time + 10 > now {
                        model.insert(key, (time, number.to_string()));
                    }
                    (format!("put,{number}"), "put".to_owned())
                }
                4 => {
                    model.remove(&key);
                    ("delete".to_owned(), "deleted".to_owned())
                }
                5 | 6 => {
                    let value = model.get(&key).map_or("none".to_owned(), |(_, value)| value.clone());
                    ("get".to_owned(), value)
                }
                _ => {
                    let all: Vec<_> = model.iter().map(|(key, (_, value))| format!("{key}:{value}")).collect();
                    ("all".to_owned(), all.join("+"))
                }
            };
            records.last_mut().unwrap().1 = word;
            expected.push(answer);
        }
        prop_assert_eq!(bench.feed(&records), expected);
        bench.assert_changelog_is_the_store();
    }

    #[test]
    fn a_window_store_is_a_map_by_key_and_time_without_what_is_over(acts in acts()) {
        let mut bench = Bench::new(&windows());
        let mut model: BTreeMap<(i64, String), String> = BTreeMap::new();
        let (mut records, mut expected, mut now) = (Vec::new(), Vec::new(), 0);
        for (number, (key, act, step, back)) in acts.into_iter().enumerate() {
            now += step;
            let (key, at) = (KEYS[key].to_owned(), now - back);
            model.retain(|(time, _), _| *time + 10 > now);
            let (word, answer) = match act {
                0..4 => {
                    if at + 10 > now {
                        model.insert((at, key.clone()), number.to_string());
                    }
                    (format!("put,{at},{number}"), "put".to_owned())
                }
                4 => {
                    model.remove(&(at, key.clone()));
                    (format!("delete,{at}"), "deleted".to_owned())
                }
                5 | 6 => {
                    let found = model.range((at, String::new())..).filter(|((time, of), _)| *of == key && *time <= at + 5);
                    let found: Vec<_> = found.map(|((time, _), value)| format!("{time}:{value}")).collect();
                    (format!("fetch,{at},{}", at + 5), found.join("+"))
                }
                _ => {
                    let all: Vec<_> = model.iter().map(|((time, key), value)| format!("{time}:{key}:{value}")).collect();
                    ("all".to_owned(), all.join("+"))
                }
            };
            records.push((key, word, now));
            expected.push(answer);
        }
        prop_assert_eq!(bench.feed(&records), expected);
        bench.assert_changelog_is_the_store();
    }
}
