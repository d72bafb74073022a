//! A topology in words.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::TumblingWindows;

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
