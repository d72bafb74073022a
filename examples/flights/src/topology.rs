//! The microservice `delay-board`: joins each departure with its airline, and counts per origin and hour.

use std::time::Duration;

use headwater::prelude::*;

use crate::board::{BoardKey, BoardRow, Departure, Hour, rfc3339};
use crate::rows::Airline;
use crate::topics::{AIRLINES, DELAY_BOARD, FLIGHTS};

/// The application id, and the name of its consumer group.
pub const APPLICATION: &str = "delay-board";
/// The name of the aggregate, under which late departures are counted.
pub const HOURS: &str = "hours";

const HOUR: Duration = Duration::from_hours(1);
const GRACE: Duration = Duration::from_hours(24);

/// The topology.
pub fn topology() -> Result<Topology, TopologyError> {
    let mut app = Topology::builder(APPLICATION).guarantee(AtLeastOnce);
    let airlines = app.global_table(AIRLINES, serdes(utf8(), Json::<Airline>::new()));
    app.stream(FLIGHTS, serdes(utf8(), Json::<Departure>::new()))
        .left_join_global(
            &airlines,
            |departure| departure.value.carrier.clone(),
            |departure, airline| Departure {
                airline: airline.map(|airline| airline.name.clone()),
                ..departure.value
            },
        )
        .group_by_key()
        .windowed_by(TumblingWindows::of(HOUR).grace(GRACE))
        .aggregate(
            HOURS,
            Hour::default,
            |_origin, departure, hour| hour.count(&departure),
            serdes(utf8(), Json::<Hour>::new()),
        )
        .updates()
        .map(|hour| {
            let (origin, window_start) = (hour.key.key.clone(), rfc3339(hour.key.start.0));
            let row = BoardRow {
                origin: origin.clone(),
                window_start: window_start.clone(),
                window_end: rfc3339(hour.key.end.0),
                hour: hour.value,
            };
            (BoardKey { origin, window_start }, row)
        })
        .to(DELAY_BOARD, json::<BoardKey, BoardRow>());
    app.build()
}
