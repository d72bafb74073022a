//! Streams that part and meet, tables without stores, tables grouped anew, groups taken together.

use headwater_schema::{KeyValueSerde, Long, Optional, Utf8, long, optional, serdes, utf8};
use headwater_streams::{CogroupedStream, GroupedTable, Stream, Table, TopologyBuilder};

use super::{
    Build, Text, fold, input, is_long, nullable, other, present, tail, text, values, write, write_table,
};

pub(super) const ALL: &[(&str, Build)] = &[
    ("flat-map", flat_map),
    ("split", split),
    ("split-without-default", split_without_default),
    ("merge", merge),
    ("cogroup", cogroup),
    ("to-table", to_table),
    ("to-table-rekeyed", to_table_rekeyed),
    ("table-filter", table_filter),
    ("table-filter-not", table_filter_not),
    ("table-map-values", table_map_values),
    ("table-filter-map-filter", table_filter_map_filter),
    ("count-filter", count_filter),
    ("table-group-by-count", table_group_by_count),
    ("table-group-by-reduce", table_group_by_reduce),
    ("table-group-by-aggregate", table_group_by_aggregate),
    ("table-filter-group-by", table_filter_group_by),
    ("count-group-by", count_group_by),
];

fn flat_map(app: &mut TopologyBuilder) {
    let letters = input(app).flat_map(|record| {
        let key = text(record.key.as_deref()).to_owned();
        let value = record.value.unwrap_or_default();
        let letters: Vec<char> = value.chars().collect();
        letters
            .into_iter()
            .map(move |letter| ((letter != 'd').then(|| letter.to_string()), Some(key.clone())))
    });
    write(&letters);
}

fn split(app: &mut TopologyBuilder) {
    let mut split = input(app).split();
    write(&marked("long", &split.branch(|record| is_long(record.value.as_deref()))));
    write(&marked("short", &split.branch(|record| record.value.is_some())));
    write(&marked("rest", &split.otherwise()));
}

fn split_without_default(app: &mut TopologyBuilder) {
    let mut split = input(app).split();
    write(&marked("long", &split.branch(|record| is_long(record.value.as_deref()))));
    write(&marked("keyless", &split.branch(|record| record.key.is_none())));
}

fn marked(mark: &'static str, stream: &Stream<Text, Text>) -> Stream<Text, Text> {
    stream.map_values(move |record| Some(format!("{mark}/{}", text(record.value.as_deref()))))
}

fn merge(app: &mut TopologyBuilder) {
    let one = input(app).map_values(|record| Some(format!("{}/1", text(record.value.as_deref()))));
    write(&one.merge(&other(app)));
}

fn cogroup(app: &mut TopologyBuilder) {
    write_table(&cogrouped(app).aggregate("folded", String::new, values()));
}

pub(super) fn cogrouped(app: &mut TopologyBuilder) -> CogroupedStream<Text, String> {
    let (one, other) = (present(&input(app)), present(&other(app)));
    one.group_by_key().cogroup(fold).cogroup(&other.group_by_key(), fold_other)
}

fn fold_other(_key: &Text, value: String, so_far: String) -> String {
    tail([so_far, value].join("(") + ")")
}

fn to_table(app: &mut TopologyBuilder) {
    write_table(&input(app).to_table::<String, _, _>("table", values()));
}

fn to_table_rekeyed(app: &mut TopologyBuilder) {
    let rekeyed = input(app).select_key(|record| super::first(record.value.as_deref()));
    write_table(&rekeyed.with_serdes(nullable()).to_table::<String, _, _>("table", values()));
}

fn table_filter(app: &mut TopologyBuilder) {
    write_table(&long_ones(app));
}

fn table_filter_not(app: &mut TopologyBuilder) {
    write_table(&super::table(app).filter_not(|_, value| is_long(Some(value))));
}

fn table_map_values(app: &mut TopologyBuilder) {
    write_table(&super::table(app).map_values(|_, value| value + "!"));
}

fn table_filter_map_filter(app: &mut TopologyBuilder) {
    let tails = long_ones(app).map_values(|_, value| value.get(1..).unwrap_or_default().to_owned());
    write_table(&tails.filter(|_, value| !value.starts_with('a')));
}

fn count_filter(app: &mut TopologyBuilder) {
    let counts = present(&input(app)).group_by_key().count("counts");
    write_table(&counts.filter(|_, count| count % 3 != 0));
}

fn table_group_by_count(app: &mut TopologyBuilder) {
    write_table(&by_letter(&super::table(app)).count("by-letter"));
}

fn table_group_by_reduce(app: &mut TopologyBuilder) {
    let grouped = by_letter(&super::table(app));
    write_table(&grouped.reduce(
        "by-letter",
        |value, so_far| plus(&value, so_far),
        |value, so_far| minus(&value, so_far),
    ));
}

fn table_group_by_aggregate(app: &mut TopologyBuilder) {
    let grouped = by_letter(&super::table(app));
    write_table(&grouped.aggregate(
        "by-letter",
        String::new,
        |_, value, so_far| plus(&value, so_far),
        |_, value, so_far| minus(&value, so_far),
        values(),
    ));
}

fn table_filter_group_by(app: &mut TopologyBuilder) {
    write_table(&by_letter(&long_ones(app)).count("by-letter"));
}

fn count_group_by(app: &mut TopologyBuilder) {
    let counts = present(&input(app)).group_by_key().count("counts");
    let all = counts.group_by(|_, count| (Some("sum".to_owned()), count), numbers());
    write_table(&all.reduce("sum", |count, sum| sum + count, |count, sum| sum - count));
}

fn long_ones(app: &mut TopologyBuilder) -> Table<Text, String> {
    super::table(app).filter(|_, value| is_long(Some(value)))
}

pub(super) fn by_letter(table: &Table<Text, String>) -> GroupedTable<Text, String> {
    let select = |key: &Text, value: String| {
        (super::first(Some(&value)), format!("{}{value}", key.as_deref().unwrap_or_default()))
    };
    table.group_by(select, values())
}

fn numbers() -> KeyValueSerde<Optional<Utf8>, Long> {
    serdes(optional(utf8()), long())
}

fn plus(value: &str, so_far: String) -> String {
    tail(so_far + "+" + value)
}

fn minus(value: &str, so_far: String) -> String {
    tail(so_far + "-" + value)
}
