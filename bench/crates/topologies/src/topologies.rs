//! The topologies, by name: in our words here, in Kafka Streams' in `bench/java/Topologies.java`.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use headwater_schema::{KeyValueSerde, Long, RawBytes, bytes, long, serdes};
use headwater_streams::{
    Guarantee, JoinWindows, Record, Stream, Topology, TopologyBuilder, TumblingWindows, Windowed,
};

/// Half of an input's value.
const HALF: usize = 46;

/// Which topology.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Named {
    /// Two filters and two maps
    Stateless,
    /// Another key, a repartition, a map
    Repartition,
    /// A count per key
    Count,
    /// A count per key and minute
    Windows,
    /// A stream with a table
    TableJoin,
    /// Two streams within a second
    StreamJoin,
}

/// Reads the inputs in their order, and writes the output.
pub(crate) fn build(
    which: Named,
    application: &str,
    inputs: &[String],
    output: &str,
) -> anyhow::Result<Topology> {
    let mut app = Topology::builder(application).guarantee(Guarantee::AtLeastOnce);
    let first = inputs.first().context("no input")?;
    let second = || inputs.get(1).context("no second input");
    let stream = app.stream(first, raw());
    match which {
        Named::Stateless => stateless(&stream).to(output, raw()),
        Named::Repartition => repartition(&stream).to(output, raw()),
        Named::Count => stream.group_by_key().count("counts").updates().to(output, counts()),
        Named::Windows => windows(&stream).to(output, counts()),
        Named::TableJoin => table_join(&stream, second()?, &mut app).to(output, raw()),
        Named::StreamJoin => stream_join(&stream, second()?, &mut app).to(output, raw()),
    }
    Ok(app.build()?)
}

fn raw() -> KeyValueSerde<RawBytes, RawBytes> {
    serdes(bytes(), bytes())
}

fn counts() -> KeyValueSerde<RawBytes, Long> {
    serdes(bytes(), long())
}

fn stateless(stream: &Stream<Bytes, Bytes>) -> Stream<Bytes, Bytes> {
    stream
        .filter(|record| !number(&record.value).is_multiple_of(8))
        .map_values(|record| half(&record.value))
        .filter(|record| number(&record.value) % 8 != 1)
        .map_values(|record| joined(&record.value, b"!"))
}

fn repartition(stream: &Stream<Bytes, Bytes>) -> Stream<Bytes, Bytes> {
    stream
        .select_key(|record| Bytes::copy_from_slice(&(number(&record.value) % 10_000).to_be_bytes()))
        .repartition("by-number", raw())
        .map_values(|record| half(&record.value))
}

fn windows(stream: &Stream<Bytes, Bytes>) -> Stream<Bytes, i64> {
    let windows = TumblingWindows::of(Duration::from_mins(1));
    let counts = stream.group_by_key().windowed_by(windows).count("counts");
    counts.updates().map(|record| (start_and_key(&record.key), record.value))
}

fn table_join(stream: &Stream<Bytes, Bytes>, table: &str, app: &mut TopologyBuilder) -> Stream<Bytes, Bytes> {
    let table = app.table(table, raw());
    let both = |left: Record<&Bytes, Bytes>, right: &Bytes| joined(&half(&left.value), &half(right));
    stream.join("joined", &table, both)
}

fn stream_join(left: &Stream<Bytes, Bytes>, right: &str, app: &mut TopologyBuilder) -> Stream<Bytes, Bytes> {
    let right = app.stream(right, raw());
    let windows = JoinWindows::of(Duration::from_secs(1));
    left.join_within("joined", &right, windows, |_, left, right: &Bytes| joined(&half(left), &half(right)))
}

/// The number that a value begins with.
fn number(value: &Bytes) -> u64 {
    value.first_chunk().map_or(0, |number| u64::from_be_bytes(*number))
}

fn half(value: &Bytes) -> Bytes {
    value.slice(..HALF.min(value.len()))
}

fn joined(left: &[u8], right: &[u8]) -> Bytes {
    Bytes::from([left, right].concat())
}

fn start_and_key(windowed: &Windowed<Bytes>) -> Bytes {
    joined(&windowed.start.0.to_be_bytes(), &windowed.key)
}
