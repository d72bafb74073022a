//! A topology in words.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{Topology, TumblingWindows};

use crate::support::{app, text};

#[test]
fn a_topology_prints_its_sub_topologies_as_trees_with_names_stores_and_topics() {
    let topology = app(|app| {
        let airlines = app.global_table("airlines", text());
        let cities = app.table("cities", text());
        let flights = app.stream("flights", text());
        flights.filter(|flight| flight.value.is_empty()).to("empty", text());
        let named = flights
            .left_join_global(&airlines, |flight| flight.value.clone(), |flight, _| flight.value)
            .select_key(|flight| flight.value.clone())
            .with_serdes(text())
            .join("city-of", &cities, |flight, city| flight.value + city)
            .with_serdes(text());
        let windows = TumblingWindows::of(Duration::from_hours(1)).grace(Duration::from_hours(24));
        let hours = named.group_by_key().windowed_by(windows).count("hours");
        hours.updates().map(|hour| (hour.key.key, hour.value)).to("board", serdes(utf8(), long()));
        named.group_by_key().count("totals").to_stream().to("totals", serdes(utf8(), optional(long())));
    });
    expect![[r#"
        topology app, at least once

        global tables, whole in every instance
          global table airlines

        sub-topology 0, stateless
          stream flights
            filter
              to empty
            left join with global table airlines
              select key
                repartition city-of -> app-city-of-repartition

        sub-topology 1, stateful
          table cities
          repartition city-of <- app-city-of-repartition
            join city-of with store cities
              count hours by windows, tumbling 3600s, grace 86400s
                updates
                  map
                    to board
              count totals
                to stream
                  to totals
          store cities: newest value per key, backed by cities
          store hours: value per key and window, tumbling 3600s, grace 86400s, backed by app-hours-changelog
          store totals: value per key, backed by app-totals-changelog
    "#]]
    .assert_eq(&topology.to_string());
    let topics = |topics: Vec<&headwater_model::TopicName>| {
        topics.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    expect!["airlines cities flights"].assert_eq(&topics(topology.source_topics()));
    expect!["board empty totals"].assert_eq(&topics(topology.sink_topics()));
    let internal = topology.internal_topics();
    expect!["app-city-of-repartition app-hours-changelog app-totals-changelog"]
        .assert_eq(&topics(internal.iter().map(|internal| &internal.topic).collect()));
}

#[test]
fn what_writes_a_topic_comes_before_what_reads_it() {
    let topology = app(|app| {
        app.stream("later", text()).to("out", text());
        app.stream("first", text()).to("later", text());
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream first
            to later

        sub-topology 1, stateless
          stream later
            to out
    "#]]
    .assert_eq(&topology.to_string());
}

/// A count of what was joined with a table, behind a repartition.
fn drawn() -> Topology {
    app(|app| {
        let cities = app.table("cities", text());
        let flights = app.stream("flights", text()).select_key(|flight| flight.value.clone());
        let joined = flights.with_serdes(text()).join("city-of", &cities, |flight, city| flight.value + city);
        let totals = joined.with_serdes(text()).group_by_key().count("totals");
        totals.to_stream().to("totals", serdes(utf8(), optional(long())));
    })
}

#[test]
fn a_topology_is_drawn_with_each_topic_once_and_its_stores_beside_their_operators() {
    expect![[r#"
        flowchart TD
          topic0(["cities"])
          topic1(["flights"])
          topic2(["app-city-of-repartition"])
          topic3(["totals"])
          subgraph sub0["sub-topology 0"]
            node2["select key"]
          end
          subgraph sub1["sub-topology 1"]
            node5["join city-of"]
            node6["count totals"]
            node7["to stream"]
            store0[("cities")]
            store1[("totals")]
          end
          topic1 --> node2
          node2 --> topic2
          topic0 --> store0
          topic2 --> node5
          node5 --> node6
          node6 --> node7
          node7 --> topic3
          node5 -.- store0
          node6 -.- store1
    "#]]
    .assert_eq(&drawn().to_mermaid());
    expect![[r#"
        digraph "app" {
          node [shape=box];
          topic0 [label="cities", shape=cds];
          topic1 [label="flights", shape=cds];
          topic2 [label="app-city-of-repartition", shape=cds];
          topic3 [label="totals", shape=cds];
          subgraph cluster_0 {
            label="sub-topology 0";
            node2 [label="select key"];
          }
          subgraph cluster_1 {
            label="sub-topology 1";
            node5 [label="join city-of"];
            node6 [label="count totals"];
            node7 [label="to stream"];
            store0 [label="cities", shape=cylinder];
            store1 [label="totals", shape=cylinder];
          }
          topic1 -> node2;
          node2 -> topic2;
          topic0 -> store0;
          topic2 -> node5;
          node5 -> node6;
          node6 -> node7;
          node7 -> topic3;
          node5 -> store0 [style=dashed, dir=none];
          node6 -> store1 [style=dashed, dir=none];
        }
    "#]]
    .assert_eq(&drawn().to_graphviz());
}

#[test]
fn a_topology_is_told_as_data() {
    let told = drawn().to_json();
    let lines = |part: &serde_json::Value| {
        let lines: Vec<_> = part.as_array().unwrap().iter().map(ToString::to_string).collect();
        lines.join("\n") + "\n"
    };
    expect![[r#"
        {"kind":"repartition","topic":"app-city-of-repartition"}
        {"kind":"changelog","topic":"app-totals-changelog"}
    "#]]
    .assert_eq(&lines(&told["internal_topics"]));
    expect![[r#"
        {"detail":null,"id":0,"kind":"table","name":null,"parents":[],"stores":["cities"],"topic":"cities"}
        {"detail":null,"id":4,"kind":"repartition source","name":"city-of","parents":[],"stores":[],"topic":"app-city-of-repartition"}
        {"detail":"with store cities","id":5,"kind":"join","name":"city-of","parents":[4],"stores":["cities"],"topic":null}
        {"detail":null,"id":6,"kind":"count","name":"totals","parents":[5],"stores":["totals"],"topic":null}
        {"detail":null,"id":7,"kind":"to stream","name":null,"parents":[6],"stores":[],"topic":null}
        {"detail":null,"id":8,"kind":"to","name":null,"parents":[7],"stores":[],"topic":"totals"}
    "#]].assert_eq(&lines(&told["sub_topologies"][1]["nodes"]));
    expect![[r#"
        {"backed_by":"cities","holds":"newest value per key","name":"cities"}
        {"backed_by":"app-totals-changelog","holds":"value per key","name":"totals"}
    "#]]
    .assert_eq(&lines(&told["sub_topologies"][1]["stores"]));
}
