//! Locks: what is recorded, what is read back, and what a change means.

mod changes;
mod shapes;
mod state;

use std::time::Duration;

use expect_test::{Expect, expect, expect_file};
use headwater_schema::{Json, json, long, optional, serdes, utf8};
use headwater_streams::lock::{Effect, Report, TopologyLock, compare};
use headwater_streams::{JoinWindows, Topology, TopologyBuilder, TumblingWindows, Windowed};

use crate::support::{app, text};

/// Compares the topologies, checks that the report says what is expected, and gives it back.
#[track_caller]
fn check(
    old: impl FnOnce(&mut TopologyBuilder),
    new: impl FnOnce(&mut TopologyBuilder),
    expected: &Expect,
) -> Report {
    let report = compare(&app(old).lock(), &app(new).lock());
    expected.assert_eq(&report.to_string());
    report
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

fn everything() -> Topology {
    app(|app| {
        let airlines = app.global_table("airlines", serdes(utf8(), Json::<Vec<String>>::new()));
        let cities = app.table("cities", text());
        let rates = app.versioned_table("rates", text(), minutes(60));
        let flights = app.stream("flights", text());
        let named = flights
            .left_join_global(&airlines, |flight| flight.value.clone(), |flight, _| flight.value)
            .select_key(|flight| flight.value.clone())
            .with_serdes(text())
            .join("city-of", &cities, |flight, city| flight.value + city)
            .with_serdes(text());
        let windows = TumblingWindows::of(minutes(60)).grace(minutes(5));
        let hours = named.group_by_key().windowed_by(windows).count("hours");
        hours
            .updates()
            .map(|hour: headwater_streams::Record<Windowed<String>, i64>| (hour.key.key, hour.value))
            .to("board", serdes(utf8(), long()));
        named
            .join_within("pairs", &named, JoinWindows::of(minutes(1)).grace(minutes(2)), |_, left, _| {
                left.clone()
            })
            .to("pairs", text());
        named.join_with_grace("rated", &rates, minutes(10), |flight, _| flight.value).to("rated", text());
        named.group_by_key().count("totals").to_stream().to("totals", serdes(utf8(), optional(long())));
    })
}

#[test]
fn a_lock_records_what_the_next_version_must_agree_with() {
    expect_file!["lock/everything.lock"].assert_eq(&everything().lock().to_string());
}

#[test]
fn a_lock_is_read_back_as_it_was_written() {
    for topology in [
        everything(),
        app(foreign_key),
        app(|app| drop(app.stream("in", text()).repartition_into("by", 3, text()))),
    ] {
        let lock = topology.lock();
        assert_eq!(lock.to_string().parse(), Ok(lock.clone()));
        let report = compare(&lock, &lock);
        assert_eq!(report.findings, []);
        assert!(report.is_rolling());
    }
}

fn foreign_key(app: &mut TopologyBuilder) {
    let orders = app.table("orders", json::<String, Vec<String>>());
    let customers = app.table("customers", text());
    orders
        .join_on(
            "order-of",
            &customers,
            |_, order: &Vec<String>| order.first().cloned(),
            |_, _, customer: &String| customer.clone(),
            text(),
        )
        .to_stream()
        .to("named", serdes(utf8(), optional(utf8())));
}

#[test]
fn the_types_and_serdes_of_a_foreign_key_join_are_the_authors() {
    let lock = app(foreign_key).lock();
    let formats = lock.sub_topologies.iter().flat_map(|part| {
        let topics = part.sources.iter().map(|source| (&source.topic.topic, &source.topic.format));
        topics.chain(part.stores.iter().map(|store| (&store.name, &store.format)))
    });
    let formats: Vec<_> = formats
        .map(|(name, format)| {
            let format = format.as_ref().unwrap();
            format!("{name}: {}, {}", format.key, format.value)
        })
        .collect();
    expect![[r#"
        orders: String as json, Option<Vec<String>> as optional(json)
        app-order-of-subscription-response-topic: String as json, Response<String> as response(utf8)
        orders: String as json, Vec<String> as json
        order-of: String as utf8, String as utf8
        customers: String as utf8, Option<String> as optional(utf8)
        app-order-of-subscription-registration-topic: Option<String> as optional(utf8), Subscription<String> as subscription(json)
        customers: String as utf8, String as utf8
        order-of-subscription-store: String as utf8, Subscription<String> as subscription(json)"#]].assert_eq(&formats.join("\n"));
}

#[track_caller]
fn check_refused(text: &str, expected: &Expect) {
    expected.assert_eq(&text.parse::<TopologyLock>().unwrap_err().to_string());
}

#[test]
fn what_is_no_lock_is_refused_with_its_line() {
    let head = "format = 1\napplication = \"app\"\nguarantee = \"at least once\"\n";
    let part = "[[sub-topology]]\nnumber = 0\nsteps = []\n";
    check_refused("", &expect![[r#"line 1: the head lacks the field "format""#]]);
    check_refused(
        "format = 2\nfuture = 1\n",
        &expect![
            "line 1: the lock has format 2, and this version reads up to 1: use the version that wrote it, or a newer one"
        ],
    );
    check_refused("format = 0\n", &expect!["line 1: there is no format 0"]);
    check_refused("format = \"1\"\n", &expect![[r#"line 1: the field "format" must be a whole number"#]]);
    check_refused(
        "format = 1\napplication = \"app\"\n",
        &expect![[r#"line 1: the head lacks the field "guarantee""#]],
    );
    check_refused(
        &format!("{head}colour = \"red\"\n"),
        &expect![[r#"line 4: the head has no field "colour" in this format"#]],
    );
    check_refused(
        &format!("{head}[[colours]]\n"),
        &expect!["line 4: there is no part [[colours]] in this format"],
    );
    check_refused(
        &format!("{head}[[sub-topology.sink]]\ntopic = \"out\"\n"),
        &expect!["line 4: [[sub-topology.sink]] belongs to a sub-topology, and none has begun"],
    );
    check_refused(
        &format!("{head}[[sub-topology]]\nnumber = 1\nsteps = []\n"),
        &expect!["line 5: here comes sub-topology 0, not 1"],
    );
    check_refused(
        &format!("{head}{part}[[sub-topology.colour]]\n"),
        &expect!["line 7: there is no part [[sub-topology.colour]] in this format"],
    );
    check_refused(
        &format!("{head}{part}[[sub-topology.source]]\ntopic = \"in\"\nas = \"queue\"\n"),
        &expect![[r#"line 9: the field "as" must be "stream", "table" or "repartition""#]],
    );
    check_refused(
        &format!("{head}{part}[[sub-topology.sink]]\ntopic = \"out\"\nkey = \"String\"\n"),
        &expect![[r#"line 9: the field "key" must be a type and its serde, as in "String as utf8""#]],
    );
    check_refused(
        &format!("{head}{part}[[sub-topology.sink]]\ntopic = \"out\"\nkey = \"String as utf8\"\n"),
        &expect![[r#"line 7: [[sub-topology.sink]] lacks the field "value""#]],
    );
    check_refused(
        &format!(
            "{head}{part}[[sub-topology.store]]\nname = \"s\"\nholds = \"sessions\"\ngap-ms = \"1\"\nbacked-by = \"t\"\n"
        ),
        &expect![[r#"line 10: the field "gap-ms" must be a whole number"#]],
    );
    check_refused(
        &format!("{head}{part}[[sub-topology.copartition]]\noperators = [\"o\"]\ntopics = \"t\"\n"),
        &expect![[r#"line 9: the field "topics" must be a list of texts"#]],
    );
}

#[test]
fn every_effect_has_a_word_of_its_own() {
    let words: Vec<_> = Effect::ALL.into_iter().map(Effect::word).collect();
    assert_eq!(
        words,
        ["rolling", "full-stop", "check-serdes", "loses-records", "breaks-state", "new-application"]
    );
    assert!(Effect::ALL.is_sorted());
}
