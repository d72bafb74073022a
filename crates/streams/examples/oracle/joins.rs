//! Joins of streams within windows, of tables, and by foreign keys.

use headwater_streams::{JoinWindows, Record, Stream, Table, TopologyBuilder};

use super::tables::by_letter;
use super::{
    Build, Text, first, input, is_long, ms, nullable, other, reference, text, values, write, write_table,
};

pub(super) const ALL: &[(&str, Build)] = &[
    ("versioned-table-join-grace", versioned_table_join),
    ("stream-stream-join", |app| joined_within(app, symmetric())),
    ("stream-stream-left-join", |app| left_joined_within(app, symmetric())),
    ("stream-stream-outer-join", |app| outer_joined_within(app, symmetric())),
    ("stream-stream-join-lopsided", |app| joined_within(app, lopsided())),
    ("stream-stream-left-join-lopsided", |app| left_joined_within(app, lopsided())),
    ("stream-stream-outer-join-lopsided", |app| outer_joined_within(app, lopsided())),
    ("stream-stream-join-rekeyed", joined_within_rekeyed),
    ("table-table-join", table_join),
    ("table-table-left-join", table_left_join),
    ("table-table-outer-join", table_outer_join),
    ("filtered-table-table-join", filtered_join),
    ("table-table-join-group-by", grouped_join),
    ("foreign-key-join", foreign_key_join),
    ("foreign-key-left-join", foreign_key_left_join),
];

fn versioned_table_join(app: &mut TopologyBuilder) {
    let table = app.versioned_table("table", values(), ms(100));
    let input = super::present(&input(app));
    write(&input.join_with_grace("kept", &table, ms(10), |left, right| super::pair(left, Some(right))));
}

fn symmetric() -> JoinWindows {
    JoinWindows::of(ms(10)).grace(ms(5))
}

fn lopsided() -> JoinWindows {
    JoinWindows::of(ms(10)).before(ms(2))
}

fn joined_within(app: &mut TopologyBuilder, windows: JoinWindows) {
    let (left, right) = sides(app);
    write(&left.join_within("joined", &right, windows, |_, left, right| both(Some(left), Some(right))));
}

fn left_joined_within(app: &mut TopologyBuilder, windows: JoinWindows) {
    let (left, right) = sides(app);
    write(&left.left_join_within("joined", &right, windows, |_, left, right| both(Some(left), right)));
}

fn outer_joined_within(app: &mut TopologyBuilder, windows: JoinWindows) {
    let (left, right) = sides(app);
    write(&left.outer_join_within("joined", &right, windows, |_, left, right| both(left, right)));
}

fn joined_within_rekeyed(app: &mut TopologyBuilder) {
    let letter = |record: &Record<Text, Text>| first(record.value.as_deref());
    let (left, right) = sides(app);
    let [left, right] = [left, right].map(|side| side.select_key(letter).with_serdes(nullable()));
    write(&left.join_within("joined", &right, symmetric(), |_, left, right| both(Some(left), Some(right))));
}

fn table_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    write_table(&left.join("joined", &right, |_, left, right| pair(Some(left), Some(right))));
}

fn table_left_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    write_table(&left.left_join("joined", &right, |_, left, right| pair(Some(left), right)));
}

fn table_outer_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    write_table(&left.outer_join("joined", &right, |_, left, right| pair(left, right)));
}

fn filtered_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    let left = left.filter(|_, value| is_long(Some(value)));
    let right = right.map_values(|_, value| value + "!");
    let joined = left.left_join("joined", &right, |_, left, right| pair(Some(left), right));
    write_table(&joined.filter(|_, value| !value.starts_with('a')));
}

fn grouped_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    let joined = left.outer_join("joined", &right, |_, left, right| pair(left, right));
    write_table(&by_letter(&joined).count("by-letter"));
}

fn foreign_key_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    let joined = left.join_on(
        "joined",
        &right,
        |_, value| reference(Some(value)).map(Some),
        |_, left, right| pair(Some(left), Some(right)),
        values(),
    );
    write_table(&joined);
}

fn foreign_key_left_join(app: &mut TopologyBuilder) {
    let (left, right) = tables(app);
    let joined = left.left_join_on(
        "joined",
        &right,
        |_, value| reference(Some(value)).map(Some),
        |_, left, right| pair(Some(left), right),
        values(),
    );
    write_table(&joined);
}

fn sides(app: &mut TopologyBuilder) -> (Stream<Text, Text>, Stream<Text, Text>) {
    (input(app), other(app))
}

fn tables(app: &mut TopologyBuilder) -> (Table<Text, String>, Table<Text, String>) {
    (super::table(app), app.table("table2", values()))
}

/// Nulls are not joined, so that a value that is there is none.
#[expect(clippy::unnecessary_wraps, reason = "it is what a result is written as")]
fn both(left: Option<&Text>, right: Option<&Text>) -> Text {
    Some(pair(left.and_then(Option::as_ref), right.and_then(Option::as_ref)))
}

fn pair(left: Option<&String>, right: Option<&String>) -> String {
    format!("{}+{}", text(left.map(String::as_str)), text(right.map(String::as_str)))
}
