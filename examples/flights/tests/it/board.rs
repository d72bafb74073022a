//! The topology under the test driver, which needs no broker.

use std::collections::BTreeMap;
use std::path::PathBuf;

use headwater::prelude::*;
use headwater::streams::{TestConfig, TestDriver};
use headwater_flights::board::{BoardKey, BoardRow};
use headwater_flights::rows::Airline;
use headwater_flights::source::Flights;
use headwater_flights::topics::{AIRLINES, DELAY_BOARD, FLIGHTS};
use headwater_flights::{HOURS, topology};
use serde_json::Value;

const HOUR_MS: i64 = 3_600_000;
const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,\
                      tailnum,origin,dest,air_time,distance,hour,minute,time_hour\n";

/// A driver whose topic `flights` has as many partitions as in the demo, and that knows some airlines.
fn driver() -> TestDriver {
    let config = TestConfig::default().partitions(FLIGHTS, 4);
    let mut driver = TestDriver::with(&topology().unwrap(), &config).unwrap();
    for (carrier, name) in [("UA", "United Air Lines Inc."), ("AA", "American Airlines Inc.")] {
        let airline = Airline { carrier: carrier.into(), name: name.into() };
        let airlines = serdes(utf8(), Json::<Airline>::new());
        driver.pipe(AIRLINES, airlines, Record::new(carrier.to_owned(), airline, Timestamp(0))).unwrap();
    }
    driver
}

fn feed(driver: &mut TestDriver, flights: &Flights) {
    let departures = flights.departures().map(|departure| {
        let departure = departure.unwrap();
        let row: Value = serde_json::from_slice(&departure.value).unwrap();
        Record::new(departure.key, row, Timestamp(departure.scheduled_ms))
    });
    driver.load(FLIGHTS, serdes(utf8(), Json::<Value>::new()), departures).unwrap();
    driver.run().unwrap();
}

/// The newest row of each key.
fn board(driver: &mut TestDriver) -> BTreeMap<(String, String), BoardRow> {
    let updates = driver.output(DELAY_BOARD, json::<BoardKey, BoardRow>()).unwrap();
    updates.into_iter().map(|update| ((update.key.origin, update.key.window_start), update.value)).collect()
}

fn flights(rows: &str) -> Flights {
    Flights::from_bytes(PathBuf::from("test.csv"), format!("{HEADER}{rows}").as_bytes()).unwrap()
}

/// A row of an early departure from EWR in UTC hour `time_hour`, `delay` minutes late; `None` for a cancelled one.
fn row(carrier: &str, flight: u32, time_hour: &str, delay: Option<i64>) -> String {
    let (dep_time, delay) =
        delay.map_or(("NA".into(), "NA".into()), |delay| ("600".to_owned(), delay.to_string()));
    format!(
        "2013,1,1,{dep_time},600,{delay},NA,800,NA,{carrier},{flight},N1,EWR,IAH,NA,1400,6,0,{time_hour}\n"
    )
}

/// The counts of one hour, straight from the rows.
#[derive(Debug, Default, PartialEq)]
struct Naive {
    scheduled: u64,
    cancelled: u64,
    delayed_15: u64,
    total_delay_minutes: i64,
    /// Delay, carrier, flight.
    worst: Option<(i64, String, i64)>,
}

fn naive(flights: &Flights) -> BTreeMap<(String, i64), Naive> {
    let mut hours: BTreeMap<(String, i64), Naive> = BTreeMap::new();
    for departure in flights.departures() {
        let departure = departure.unwrap();
        let row: Value = serde_json::from_slice(&departure.value).unwrap();
        let hour = hours.entry((departure.key, departure.scheduled_ms / HOUR_MS * HOUR_MS)).or_default();
        hour.scheduled += 1;
        if row["dep_time"].is_null() {
            hour.cancelled += 1;
            continue;
        }
        let delay = row["dep_delay"].as_i64().unwrap();
        hour.delayed_15 += u64::from(delay >= 15);
        hour.total_delay_minutes += delay;
        let this = (delay, row["carrier"].as_str().unwrap().to_owned(), row["flight"].as_i64().unwrap());
        let beats = |worst: &(i64, String, i64)| {
            this.0 > worst.0 || (this.0 == worst.0 && (&this.1, this.2) < (&worst.1, worst.2))
        };
        if hour.worst.as_ref().is_none_or(beats) {
            hour.worst = Some(this);
        }
    }
    hours
}

#[test]
fn every_hour_of_january_is_what_its_rows_add_up_to() {
    let january = Flights::january().unwrap();
    let mut driver = driver();
    feed(&mut driver, &january);
    let board = board(&mut driver);
    let expected = naive(&january);
    assert_eq!(board.len(), expected.len());
    for ((origin, start_ms), expected) in expected {
        let start = headwater_flights::board::rfc3339(start_ms);
        let row = &board[&(origin, start)];
        let found = Naive {
            scheduled: row.hour.scheduled,
            cancelled: row.hour.cancelled,
            delayed_15: row.hour.delayed_15,
            total_delay_minutes: row.hour.total_delay_minutes,
            worst: row.hour.worst.clone().map(|worst| (worst.delay_minutes, worst.carrier, worst.flight)),
        };
        assert_eq!(found, expected, "{row:?}");
        assert_eq!(row.hour.departed, row.hour.scheduled - row.hour.cancelled);
    }
    assert_eq!(driver.late(HOURS), 0, "the real data has no departure beyond grace");
}

#[test]
fn a_departure_beyond_grace_is_counted_as_late_and_changes_nothing() {
    let on_time = row("UA", 1, "2013-01-01T10:00:00Z", Some(0));
    // Its window ends at 11:00 and its grace at 11:00 of the next day.
    let just_in_time = row("UA", 2, "2013-01-01T10:00:00Z", Some(25 * 60 - 1));
    let closes = row("AA", 4, "2013-01-02T11:00:00Z", Some(0));
    let too_late = row("UA", 3, "2013-01-01T10:00:00Z", Some(26 * 60));
    let mut driver = driver();
    feed(&mut driver, &flights(&[on_time, just_in_time, closes, too_late].concat()));
    let first = &board(&mut driver)[&("EWR".to_owned(), "2013-01-01T10:00:00Z".to_owned())];
    assert_eq!((first.hour.scheduled, driver.late(HOURS)), (2, 1));
}

#[test]
fn a_departure_of_an_unknown_airline_counts_and_its_airline_is_null() {
    let mut driver = driver();
    feed(&mut driver, &flights(&row("ZZ", 7, "2013-01-01T10:00:00Z", Some(20))));
    let board = board(&mut driver);
    let worst = board.values().next().unwrap().hour.worst.clone().unwrap();
    assert_eq!((worst.carrier.as_str(), worst.airline), ("ZZ", None));
}

#[test]
fn the_airlines_name_is_joined_in() {
    let mut driver = driver();
    feed(&mut driver, &flights(&row("UA", 7, "2013-01-01T10:00:00Z", Some(20))));
    let worst = board(&mut driver).into_values().next().unwrap().hour.worst.unwrap();
    assert_eq!(worst.airline.as_deref(), Some("United Air Lines Inc."));
}

#[test]
fn an_hour_of_cancelled_flights_has_no_worst() {
    let mut driver = driver();
    feed(&mut driver, &flights(&row("UA", 7, "2013-01-01T10:00:00Z", None)));
    let board = board(&mut driver);
    let hour = &board.values().next().unwrap().hour;
    assert_eq!((hour.scheduled, hour.departed, hour.cancelled, &hour.worst), (1, 0, 1, &None));
}
