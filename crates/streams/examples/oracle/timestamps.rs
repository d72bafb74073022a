//! Times that are extracted from records.

use headwater_model::Timestamp;
use headwater_streams::{Consumed, Record, TopologyBuilder, TumblingWindows};

use super::{Build, Text, ms, nullable, values, write, write_table, write_windows};

pub(super) const ALL: &[(&str, Build)] = &[
    ("extracted", extracted),
    ("extracted-tumbling-count", extracted_tumbling_count),
    ("extracted-table", extracted_table),
];

/// The partition's time for a null value, none for some, an earlier one for others.
fn extract(record: &Record<Text, Text>, partition_time: Timestamp) -> Timestamp {
    match record.value.as_deref() {
        None => partition_time,
        Some(value) if value.starts_with('b') => record.timestamp.plus_ms(-5),
        Some(value) if value.starts_with('d') => Timestamp::NONE,
        Some(_) => record.timestamp,
    }
}

fn extracted(app: &mut TopologyBuilder) {
    write(&app.stream_with("in", nullable(), Consumed::new().timestamps(extract)));
}

fn extracted_tumbling_count(app: &mut TopologyBuilder) {
    let stream = app.stream_with("in", nullable(), Consumed::new().timestamps(extract));
    write_windows(
        &stream.group_by_key().windowed_by(TumblingWindows::of(ms(10)).grace(ms(5))).count("counts"),
    );
}

fn extracted_table(app: &mut TopologyBuilder) {
    write_table(&app.table_with("table", values(), Consumed::new().timestamps(extract)));
}
