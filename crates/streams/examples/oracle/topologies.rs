//! The topologies that are compared, by name: in our words here, in Kafka Streams' in
//! `tests/java/OracleTopologies.java`.
//!
//! All read and write text. Kafka Streams leaves out null values where it aggregates all records of a key, or those of
//! sliding windows, and where it joins streams; here they are values like any other, so those topologies leave them out
//! themselves ([`present`]).

mod joins;
mod processors;
mod tables;
mod timestamps;
mod windows;

use std::error::Error;
use std::time::Duration;

use headwater_schema::{KeyValueSerde, Optional, Utf8, optional, serdes, utf8};
use headwater_streams::{
    Data, GroupedStream, Guarantee, Record, Stream, Table, Topology, TopologyBuilder, TumblingWindows,
    Windowed,
};

/// Text, or null.
pub(crate) type Text = Option<String>;

/// The one topic that is written.
pub(crate) const OUTPUT: &str = "out";

type Build = fn(&mut TopologyBuilder);

/// In the order of the other file.
const ALL: &[(&str, Build)] = &[
    ("filter", filter),
    ("filter-not", filter_not),
    ("map", map),
    ("map-values", map_values),
    ("flat-map-values", flat_map_values),
    ("select-key", select_key),
    ("repartition", repartition),
    ("fan-out", fan_out),
    ("count", count),
    ("count-rekeyed", count_rekeyed),
    ("reduce", reduce),
    ("reduce-rekeyed", reduce_rekeyed),
    ("aggregate", aggregate),
    ("two-aggregates", two_aggregates),
    ("tumbling-count", tumbling_count),
    ("tumbling-reduce", tumbling_reduce),
    ("tumbling-aggregate", tumbling_aggregate),
    ("tumbling-count-rekeyed", tumbling_count_rekeyed),
    ("table-to-stream", table_to_stream),
    ("stream-table-join", stream_table_join),
    ("stream-table-left-join", stream_table_left_join),
    ("rekeyed-table-join", rekeyed_table_join),
    ("rekeyed-table-left-join", rekeyed_table_left_join),
    ("repartition-left-join", repartition_left_join),
    ("stream-global-join", stream_global_join),
    ("stream-global-left-join", stream_global_left_join),
    ("join-with-own-count", join_with_own_count),
    ("join-with-own-windows", join_with_own_windows),
    ("count-of-changes", count_of_changes),
];

/// The topology of that name.
pub(crate) fn named(name: &str) -> Result<Topology, Box<dyn Error>> {
    let mut all =
        [ALL, tables::ALL, windows::ALL, joins::ALL, processors::ALL, timestamps::ALL].into_iter().flatten();
    let found = all.find(|(known, _)| *known == name);
    let (_, build) = found.ok_or_else(|| format!("no topology is called {name}"))?;
    let mut app = Topology::builder("oracle").guarantee(Guarantee::AtLeastOnce);
    build(&mut app);
    Ok(app.build()?)
}

/// Text and nulls.
pub(crate) fn nullable() -> KeyValueSerde<Optional<Utf8>, Optional<Utf8>> {
    serdes(optional(utf8()), optional(utf8()))
}

fn filter(app: &mut TopologyBuilder) {
    write(&input(app).filter(|record| is_long(record.value.as_deref())));
}

fn filter_not(app: &mut TopologyBuilder) {
    write(&input(app).filter_not(|record| is_long(record.value.as_deref())));
}

fn map(app: &mut TopologyBuilder) {
    let mapped = input(app).map(|record| {
        let Record { key, value, .. } = record;
        (first(value.as_deref()), value.map(|value| format!("{}/{value}", text(key.as_deref()))))
    });
    write(&mapped);
}

fn map_values(app: &mut TopologyBuilder) {
    write(&input(app).map_values(|record| swap(record.value)));
}

fn flat_map_values(app: &mut TopologyBuilder) {
    write(&input(app).flat_map_values(|record| halves(record.value.as_deref())));
}

fn select_key(app: &mut TopologyBuilder) {
    write(&input(app).select_key(|record| first(record.value.as_deref())));
}

fn repartition(app: &mut TopologyBuilder) {
    write(
        &input(app).select_key(|record| first(record.value.as_deref())).repartition("by-letter", nullable()),
    );
}

fn fan_out(app: &mut TopologyBuilder) {
    let input = input(app);
    write(&input.map_values(|record| Some(format!("{}/1", text(record.value.as_deref())))));
    let long = input.filter(|record| is_long(record.value.as_deref()));
    write(&long.map_values(|record| record.value.map(|value| value + "/2")));
    write(&input);
}

fn count(app: &mut TopologyBuilder) {
    write_table(&present(&input(app)).group_by_key().count("counts"));
}

fn count_rekeyed(app: &mut TopologyBuilder) {
    write_table(&by_letter(&input(app)).count("by-letter"));
}

fn reduce(app: &mut TopologyBuilder) {
    write_table(&present(&input(app)).group_by_key().reduce("joined", join));
}

fn reduce_rekeyed(app: &mut TopologyBuilder) {
    write_table(&by_letter(&input(app)).reduce("by-letter", join));
}

fn aggregate(app: &mut TopologyBuilder) {
    write_table(&present(&input(app)).group_by_key().aggregate("folded", String::new, fold, values()));
}

fn two_aggregates(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key();
    write_table(&grouped.count("counts"));
    write_table(&grouped.reduce("joined", join));
}

fn tumbling_count(app: &mut TopologyBuilder) {
    let windows = TumblingWindows::of(ms(10)).grace(ms(5));
    write_windows(&input(app).group_by_key().windowed_by(windows).count("counts"));
}

fn tumbling_reduce(app: &mut TopologyBuilder) {
    let windows = TumblingWindows::of(ms(10));
    write_windows(&present(&input(app)).group_by_key().windowed_by(windows).reduce("joined", join));
}

fn tumbling_aggregate(app: &mut TopologyBuilder) {
    let windows = TumblingWindows::of(ms(7)).grace(ms(20));
    let grouped = present(&input(app)).group_by_key().windowed_by(windows);
    write_windows(&grouped.aggregate("folded", String::new, fold, values()));
}

fn tumbling_count_rekeyed(app: &mut TopologyBuilder) {
    let windows = TumblingWindows::of(ms(10)).grace(ms(5));
    write_windows(&by_letter(&input(app)).windowed_by(windows).count("by-letter"));
}

fn table_to_stream(app: &mut TopologyBuilder) {
    write_table(&table(app));
}

fn stream_table_join(app: &mut TopologyBuilder) {
    let table = table(app);
    let joined = present(&input(app)).join("joined", &table, |left, right| pair(left, Some(right)));
    write(&joined);
}

fn stream_table_left_join(app: &mut TopologyBuilder) {
    let table = table(app);
    write(&present(&input(app)).left_join("joined", &table, pair));
}

fn rekeyed_table_join(app: &mut TopologyBuilder) {
    let table = table(app);
    let rekeyed = rekeyed(&input(app), |value| first(Some(value)));
    write(&rekeyed.join("joined", &table, |left, right| pair(left, Some(right))));
}

fn rekeyed_table_left_join(app: &mut TopologyBuilder) {
    let table = table(app);
    let rekeyed = rekeyed(&input(app), |value| if is_long(Some(value)) { first(Some(value)) } else { None });
    write(&rekeyed.left_join("joined", &table, pair));
}

fn repartition_left_join(app: &mut TopologyBuilder) {
    let table = table(app);
    let rekeyed = rekeyed(&input(app), |value| if is_long(Some(value)) { first(Some(value)) } else { None });
    write(&rekeyed.repartition("by-letter", values()).left_join("joined", &table, pair));
}

fn stream_global_join(app: &mut TopologyBuilder) {
    let table = app.global_table("global", values());
    let joined = present(&input(app)).join_global(
        &table,
        |record| reference(Some(&record.value)),
        |left, right| pair(left, Some(right)),
    );
    write(&joined);
}

fn stream_global_left_join(app: &mut TopologyBuilder) {
    let table = app.global_table("global", values());
    write(&present(&input(app)).left_join_global(&table, |record| reference(Some(&record.value)), pair));
}

fn join_with_own_count(app: &mut TopologyBuilder) {
    let input = present(&input(app));
    let counts = input.group_by_key().count("counts");
    write(&input.join("joined", &counts, |left, right| pair(left, Some(right))));
    write_table(&counts);
}

fn join_with_own_windows(app: &mut TopologyBuilder) {
    let input = present(&input(app));
    let counts = input.group_by_key().count("counts");
    let windows = TumblingWindows::of(ms(10)).grace(ms(5));
    let joined = input.join("joined", &counts, |left, right| pair(left, Some(right)));
    let joined = joined.with_serdes(nullable());
    write_windows(&joined.group_by_key().windowed_by(windows).count("windows"));
}

fn count_of_changes(app: &mut TopologyBuilder) {
    let changes = present(&table(app).to_stream());
    write_table(&changes.group_by_key().count("counts"));
}

/// Text, its values never null.
fn values() -> KeyValueSerde<Optional<Utf8>, Utf8> {
    serdes(optional(utf8()), utf8())
}

fn input(app: &mut TopologyBuilder) -> Stream<Text, Text> {
    app.stream("in", nullable())
}

fn other(app: &mut TopologyBuilder) -> Stream<Text, Text> {
    app.stream("other", nullable())
}

fn table(app: &mut TopologyBuilder) -> Table<Text, String> {
    app.table("table", values())
}

/// The records whose values are not null.
fn present(stream: &Stream<Text, Text>) -> Stream<Text, String> {
    let present = stream.filter(|record| record.value.is_some());
    present.map_values(|record| record.value.unwrap_or_default()).with_serdes(values())
}

/// The records whose values are not null, by a key of the value.
fn rekeyed(stream: &Stream<Text, Text>, key: fn(&str) -> Text) -> Stream<Text, String> {
    present(stream).select_key(move |record| key(&record.value)).with_serdes(values())
}

fn by_letter(stream: &Stream<Text, Text>) -> GroupedStream<Text, String> {
    rekeyed(stream, |value| first(Some(value))).group_by_key()
}

fn write(stream: &Stream<Text, Text>) {
    stream.to(OUTPUT, nullable());
}

fn write_table<V: Data + ToString>(table: &Table<Text, V>) {
    write(&table.to_stream().map_values(|record| record.value.map(|value| value.to_string())));
}

/// Keys within windows as `KEY@START/END`.
fn write_windows<V: Data + ToString>(table: &Table<Windowed<Text>, V>) {
    write(&table.to_stream().map(|record| {
        let Windowed { key, start, end } = record.key;
        let value = record.value.map(|value| value.to_string());
        (Some(format!("{}@{start}/{end}", text(key.as_deref()))), value)
    }));
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn is_long(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.len() > 1)
}

fn first(value: Option<&str>) -> Text {
    value?.get(..1).map(str::to_owned)
}

/// The key that a value refers to; short ones refer to none.
fn reference(value: Option<&str>) -> Text {
    value?.get(1..2).map(str::to_owned)
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or("null")
}

fn swap(value: Text) -> Text {
    match value {
        None => Some("none".to_owned()),
        Some(value) if is_long(Some(&value)) => Some(value + "!"),
        Some(_) => None,
    }
}

/// None of a null, one of a letter, three of anything longer, a null among them.
fn halves(value: Option<&str>) -> Vec<Text> {
    match value {
        None => Vec::new(),
        Some(value) if is_long(Some(value)) => {
            vec![first(Some(value)), None, value.get(1..).map(str::to_owned)]
        }
        Some(value) => vec![Some(value.to_owned())],
    }
}

#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "as operators call it")]
fn pair<T: ToString>(left: Record<&Text, String>, right: Option<&T>) -> Text {
    let right = right.map(ToString::to_string);
    Some(format!("{}+{}", left.value, text(right.as_deref())))
}

#[expect(clippy::needless_pass_by_value, reason = "as operators call it")]
fn join(value: String, so_far: String) -> String {
    tail(so_far + &value)
}

#[expect(clippy::needless_pass_by_value, reason = "as operators call it")]
fn fold(key: &Text, value: String, so_far: String) -> String {
    tail(so_far + text(key.as_deref()) + &value)
}

fn tail(value: String) -> String {
    match value.len().checked_sub(12) {
        Some(start) => value.get(start..).unwrap_or_default().to_owned(),
        None => value,
    }
}
