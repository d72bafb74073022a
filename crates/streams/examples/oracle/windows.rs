//! Windows of every kind, and results that are held back until they close.

use std::time::Duration;

use headwater_streams::{
    Buffer, EmitStrategy, HoppingWindows, SessionWindows, SlidingWindows, Suppressed, TopologyBuilder,
    TumblingWindows,
};

use super::tables::cogrouped;
use super::{Build, Text, fold, input, join, ms, present, tail, values, write_table, write_windows};

pub(super) const ALL: &[(&str, Build)] = &[
    ("tumbling-cogroup", tumbling_cogroup),
    ("hopping-count", hopping_count),
    ("hopping-aggregate", hopping_aggregate),
    ("hopping-cogroup", hopping_cogroup),
    ("sliding-count", sliding_count),
    ("sliding-reduce", sliding_reduce),
    ("sliding-aggregate", sliding_aggregate),
    ("sliding-cogroup", sliding_cogroup),
    ("session-count", session_count),
    ("session-reduce", session_reduce),
    ("session-aggregate", session_aggregate),
    ("session-cogroup", session_cogroup),
    ("tumbling-on-close", tumbling_on_close),
    ("hopping-on-close", hopping_on_close),
    ("sliding-on-close", sliding_on_close),
    ("session-on-close", session_on_close),
    ("suppress-tumbling", suppress_tumbling),
    ("suppress-hopping", suppress_hopping),
    ("suppress-session", suppress_session),
    ("suppress-time-limit", suppress_time_limit),
    ("suppress-table", suppress_table),
    ("suppress-early", suppress_early),
];

fn tumbles() -> TumblingWindows {
    TumblingWindows::of(ms(10)).grace(ms(5))
}

fn hops() -> HoppingWindows {
    HoppingWindows::of(ms(20)).advance_by(ms(6)).grace(ms(5))
}

fn slides() -> SlidingWindows {
    SlidingWindows::of(ms(10)).grace(ms(15))
}

fn sessions() -> SessionWindows {
    SessionWindows::with_gap(ms(10)).grace(ms(15))
}

/// A grace of cogroups that no record exceeds: Kafka Streams' streams of them each have a stream time of their own.
const NEVER_LATE: Duration = Duration::from_millis(100);

fn tumbling_cogroup(app: &mut TopologyBuilder) {
    let grouped = cogrouped(app).windowed_by(TumblingWindows::of(ms(10)).grace(NEVER_LATE));
    write_windows(&grouped.aggregate("folded", String::new, values()));
}

fn hopping_cogroup(app: &mut TopologyBuilder) {
    let windows = HoppingWindows::of(ms(20)).advance_by(ms(6)).grace(NEVER_LATE);
    write_windows(&cogrouped(app).windowed_by(windows).aggregate("folded", String::new, values()));
}

fn sliding_cogroup(app: &mut TopologyBuilder) {
    let grouped = cogrouped(app).windowed_by(SlidingWindows::of(ms(10)).grace(NEVER_LATE));
    write_windows(&grouped.aggregate("folded", String::new, values()));
}

fn session_cogroup(app: &mut TopologyBuilder) {
    let grouped = cogrouped(app).windowed_by(SessionWindows::with_gap(ms(10)).grace(NEVER_LATE));
    write_windows(&grouped.aggregate("folded", String::new, merge, values()));
}

fn hopping_count(app: &mut TopologyBuilder) {
    write_windows(&input(app).group_by_key().windowed_by(hops()).count("counts"));
}

fn hopping_aggregate(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(hops());
    write_windows(&grouped.aggregate("folded", String::new, fold, values()));
}

fn sliding_count(app: &mut TopologyBuilder) {
    write_windows(&present(&input(app)).group_by_key().windowed_by(slides()).count("counts"));
}

fn sliding_reduce(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(SlidingWindows::of(ms(10)));
    write_windows(&grouped.reduce("joined", join));
}

fn sliding_aggregate(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(slides());
    write_windows(&grouped.aggregate("folded", String::new, fold, values()));
}

fn session_count(app: &mut TopologyBuilder) {
    write_windows(&input(app).group_by_key().windowed_by(sessions()).count("counts"));
}

fn session_reduce(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(SessionWindows::with_gap(ms(10)));
    write_windows(&grouped.reduce("joined", join));
}

fn session_aggregate(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(sessions());
    write_windows(&grouped.aggregate("folded", String::new, fold, merge, values()));
}

fn merge(_key: &Text, left: String, right: String) -> String {
    tail([left, right].join("|"))
}

fn tumbling_on_close(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(tumbles());
    write_windows(&grouped.emit(EmitStrategy::on_close()).count("counts"));
}

fn hopping_on_close(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(hops());
    write_windows(&grouped.emit(EmitStrategy::on_close()).reduce("joined", join));
}

fn sliding_on_close(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(slides().grace(ms(100)));
    write_windows(&grouped.emit(EmitStrategy::on_close()).count("counts"));
}

fn session_on_close(app: &mut TopologyBuilder) {
    let grouped = present(&input(app)).group_by_key().windowed_by(sessions().grace(ms(100)));
    write_windows(&grouped.emit(EmitStrategy::on_close()).reduce("joined", join));
}

fn suppress_tumbling(app: &mut TopologyBuilder) {
    let counts = present(&input(app)).group_by_key().windowed_by(tumbles()).count("counts");
    write_windows(&counts.suppress("closed", Suppressed::until_window_closes(Buffer::unbounded())));
}

fn suppress_hopping(app: &mut TopologyBuilder) {
    let joined = present(&input(app)).group_by_key().windowed_by(hops()).reduce("joined", join);
    write_windows(&joined.suppress("closed", Suppressed::until_window_closes(Buffer::unbounded())));
}

fn suppress_session(app: &mut TopologyBuilder) {
    let counts = present(&input(app)).group_by_key().windowed_by(sessions()).count("counts");
    write_windows(&counts.suppress("closed", Suppressed::until_window_closes(Buffer::unbounded())));
}

fn suppress_time_limit(app: &mut TopologyBuilder) {
    let counts = present(&input(app)).group_by_key().count("counts");
    write_table(&counts.suppress("settled", Suppressed::until_time_limit(ms(10), Buffer::unbounded())));
}

fn suppress_table(app: &mut TopologyBuilder) {
    let table = super::table(app);
    write_table(&table.suppress("settled", Suppressed::until_time_limit(ms(10), Buffer::unbounded())));
}

fn suppress_early(app: &mut TopologyBuilder) {
    let joined = present(&input(app)).group_by_key().reduce("joined", join);
    write_table(&joined.suppress("settled", Suppressed::until_time_limit(ms(50), Buffer::max_records(2))));
}
