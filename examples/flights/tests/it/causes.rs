//! `delay-causes` under the test driver, and as a batch over the simulated broker.

use std::collections::BTreeMap;

use headwater::client::admin::OffsetSpec;
use headwater::model::TopicName;
use headwater::prelude::*;
use headwater::streams::{TestConfig, TestDriver};
use headwater_flights::causes::{
    self, Aircraft, Cause, Delays, Departure, FlightId, Flown, Observation, Sky, publish, work_off,
};
use headwater_flights::entities;
use headwater_flights::source::Flights;
use headwater_flights::topics::{DELAY_CAUSES, DEPARTURES, FLIGHTS, PLANES, WEATHER};
use headwater_flights::weather::Weather;
use headwater_testkit::{Faults, SimCluster, simulate};

const HOUR_MS: i64 = 3_600_000;

fn driver() -> TestDriver {
    let config = TestConfig::default().partitions(FLIGHTS, 4).partitions(WEATHER, 4);
    TestDriver::with(&causes::topology().unwrap(), &config).unwrap()
}

/// The newest rows: of each flight, and of each cause that has flights.
fn results(driver: &mut TestDriver) -> (BTreeMap<FlightId, Flown>, BTreeMap<Cause, Delays>) {
    let departures = driver.output(DEPARTURES, json::<FlightId, Flown>()).unwrap();
    let sums = driver.output(DELAY_CAUSES, json::<Cause, Delays>()).unwrap();
    let sums = sums.into_iter().map(|record| (record.key, record.value)).collect::<BTreeMap<_, _>>();
    (
        departures.into_iter().map(|record| (record.key, record.value)).collect(),
        sums.into_iter().filter(|(_, delays)| delays.scheduled > 0).collect(),
    )
}

fn parsed<T: serde::de::DeserializeOwned>(value: &[u8]) -> T {
    serde_json::from_slice(value).unwrap()
}

/// Every flight by going through all of the weather for each; and their sums.
fn naive(flights: &Flights, weather: &Weather) -> (BTreeMap<FlightId, Flown>, BTreeMap<Cause, Delays>) {
    let aircraft: BTreeMap<String, Aircraft> =
        entities::planes().unwrap().into_iter().map(|plane| (plane.key, parsed(&plane.value))).collect();
    let mut departures = BTreeMap::new();
    let mut sums: BTreeMap<Cause, Delays> = BTreeMap::new();
    for departure in flights.departures().map(Result::unwrap) {
        let mut known = weather.events().iter().filter(|observed| observed.key == departure.key);
        let newest = known.rfind(|observed| observed.timestamp.0 <= departure.scheduled_ms);
        let weather = newest.map(|observed| parsed::<Observation>(&observed.value));
        let departure: Departure = parsed(&departure.value);
        let aircraft = departure.tailnum.as_ref().and_then(|tailnum| aircraft.get(tailnum)).cloned();
        let cause = Cause {
            sky: Sky::of(weather.as_ref()),
            manufacturer: aircraft.as_ref().map(|aircraft| aircraft.manufacturer.clone()),
        };
        let sum = sums.entry(cause).or_default();
        sum.scheduled += 1;
        match departure.dep_delay {
            Some(delay) => {
                sum.delayed_15 += i64::from(delay >= 15);
                sum.total_delay_minutes += delay;
            }
            None => sum.cancelled += 1,
        }
        departures.insert(departure.id.clone(), Flown { departure, weather, aircraft });
    }
    (departures, sums)
}

#[test]
fn every_departure_of_january_has_its_weather_and_aircraft_and_the_sums_are_those_of_its_rows() {
    let (flights, weather) = (Flights::january().unwrap(), Weather::january().unwrap());
    let mut driver = driver();
    let json_text = || serdes(utf8(), Json::<serde_json::Value>::new());
    let planes = entities::planes().unwrap().into_iter();
    let planes = planes.map(|plane| Record::new(plane.key, parsed(&plane.value), Timestamp(0)));
    driver.load(PLANES, json_text(), planes).unwrap();
    let observed = weather.events().iter();
    let observed = observed.map(|row| Record::new(row.key.clone(), parsed(&row.value), row.timestamp));
    driver.load(WEATHER, json_text(), observed).unwrap();
    let departures = flights.departures().map(Result::unwrap);
    let departures =
        departures.map(|row| Record::new(row.key, parsed(&row.value), Timestamp(row.scheduled_ms)));
    driver.load(FLIGHTS, json_text(), departures).unwrap();
    driver.run().unwrap();

    let (departures, sums) = results(&mut driver);
    let (expected, expected_sums) = naive(&flights, &weather);
    assert_eq!(departures.len(), 27_004);
    for (id, row) in expected {
        assert_eq!(departures[&id], row);
    }
    assert_eq!(sums, expected_sums);
    assert!(sums.len() > 50, "{sums:?}");
}

/// A departure from EWR that is scheduled for the start of an hour of January 1.
fn departure(flight: i64, hour: i64) -> Record<String, Departure> {
    let id = FlightId { carrier: "UA".into(), flight, time_hour: format!("2013-01-01T{hour:02}:00:00Z") };
    let departure = Departure {
        id,
        origin: "EWR".into(),
        dest: "IAH".into(),
        tailnum: Some("N1".into()),
        dep_time: Some(600),
        dep_delay: Some(20),
    };
    Record::new("EWR".into(), departure, Timestamp(hour * HOUR_MS))
}

fn observation(visib: f64, hour: i64) -> Record<String, Observation> {
    let time_hour = format!("2013-01-01T{hour:02}:00:00Z");
    let observed = Observation { time_hour, temp: None, wind_speed: None, precip: 0.0, visib };
    Record::new("EWR".into(), observed, Timestamp(hour * HOUR_MS))
}

#[test]
fn a_late_departure_has_the_weather_of_its_schedule_and_one_after_a_gap_the_newest_before_it() {
    let mut driver = driver();
    let weather = serdes(utf8(), Json::<Observation>::new());
    driver.load(WEATHER, weather, [observation(1.0, 3), observation(10.0, 4)]).unwrap();
    // In the order in which they left.
    let departures = [departure(1, 2), departure(2, 4), departure(3, 3), departure(4, 9)];
    driver.load(FLIGHTS, serdes(utf8(), Json::new()), departures).unwrap();
    driver.run().unwrap();
    let (departures, _) = results(&mut driver);
    let skies: Vec<_> =
        departures.values().map(|row| (row.departure.id.flight, Sky::of(row.weather.as_ref()))).collect();
    assert_eq!(skies, [(1, Sky::Unknown), (2, Sky::Fair), (3, Sky::Fog), (4, Sky::Fair)]);
}

#[test]
fn what_becomes_known_of_an_aircraft_moves_its_flights_from_one_sum_to_another() {
    let mut driver = driver();
    let known = |manufacturer: &str| Aircraft {
        manufacturer: manufacturer.into(),
        model: "one".into(),
        year: None,
        seats: 100,
    };
    let mut sums = BTreeMap::new();
    for (second, manufacturer) in [None, Some("FOKKER"), Some("EMBRAER")].into_iter().enumerate() {
        if let Some(manufacturer) = manufacturer {
            let plane = Record::new("N1".into(), known(manufacturer), Timestamp(second as i64));
            driver.pipe(PLANES, serdes(utf8(), Json::new()), plane).unwrap();
        } else {
            let departures = [departure(1, 1), departure(2, 2)];
            driver.load(FLIGHTS, serdes(utf8(), Json::new()), departures).unwrap();
            driver.run().unwrap();
        }
        let written = driver.output(DELAY_CAUSES, json::<Cause, Delays>()).unwrap();
        sums.extend(written.into_iter().map(|record| (record.key, record.value)));
        let counted: Vec<_> = sums.iter().filter(|(_, delays)| delays.scheduled != 0).collect();
        let cause = Cause { sky: Sky::Unknown, manufacturer: manufacturer.map(str::to_owned) };
        let both = Delays { scheduled: 2, cancelled: 0, delayed_15: 2, total_delay_minutes: 40 };
        assert_eq!(counted, [(&cause, &both)]);
    }
}

#[test]
fn the_worst_of_the_weather_counts() {
    let observed = |visib, precip, wind_speed| {
        let time_hour = String::new();
        Sky::of(Some(&Observation { time_hour, temp: None, wind_speed, precip, visib }))
    };
    assert_eq!(Sky::of(None), Sky::Unknown);
    assert_eq!(observed(10.0, 0.0, None), Sky::Fair);
    assert_eq!(observed(3.0, 0.0, Some(19.9)), Sky::Fair);
    assert_eq!(observed(3.0, 0.0, Some(20.0)), Sky::Windy);
    assert_eq!(observed(3.0, 0.01, Some(20.0)), Sky::Wet);
    assert_eq!(observed(2.9, 0.01, Some(20.0)), Sky::Fog);
}

#[test]
fn a_batch_has_every_departure_however_many_workers_it_has_and_the_next_one_finds_nothing_to_do() {
    for workers in [1, 3] {
        simulate(|| async move {
            let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
            let client = cluster.client("batch").await.unwrap();
            let weather = Weather::january().unwrap();
            for round in 0..2 {
                publish(&client, Flights::january().unwrap(), &weather).await.unwrap();
                let progress = work_off(&client, workers).await.unwrap();
                assert_eq!(progress.records_in > 0, round == 0, "{progress:?}");
                let all = (0..4).map(|number| {
                    let topic = TopicName::new(DEPARTURES).unwrap();
                    (TopicPartition::new(topic, PartitionId(number)), OffsetSpec::Latest)
                });
                let ends = client.admin().offsets(&all.collect::<Vec<_>>()).await.unwrap();
                let written: i64 = ends.values().filter_map(|end| end.offset).map(|end| end.0).sum();
                assert_eq!(written, 27_004, "each departure is told of once, as aircraft are known before");
            }
        });
    }
}
