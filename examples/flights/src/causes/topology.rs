//! The microservice `delay-causes`: joins each departure with the weather of its hour and, by foreign key, with its aircraft,
//! and adds up delays by both.

use std::time::Duration;

use headwater::prelude::*;

use super::{Aircraft, Cause, Delays, Departure, FlightId, Flown, Observation};
use crate::topics::{DELAY_CAUSES, DEPARTURES, FLIGHTS, PLANES, WEATHER};

/// The application id, and the name of its consumer group.
pub const APPLICATION: &str = "delay-causes";

/// Departures come when they really left: no later than this after their schedule, and ask for the weather back then.
const HISTORY: Duration = Duration::from_hours(48);

/// The topology.
pub fn topology() -> Result<Topology, TopologyError> {
    let mut app = Topology::builder(APPLICATION).guarantee(AtLeastOnce);
    let weather = app.versioned_table(WEATHER, serdes(utf8(), Json::<Observation>::new()), HISTORY);
    let aircraft = app.table(PLANES, serdes(utf8(), Json::<Aircraft>::new()));
    let departures =
        app.stream(FLIGHTS, serdes(utf8(), Json::<Departure>::new()))
            .left_join_with_grace("weather-of-flight", &weather, Duration::ZERO, |departure, observed| {
                Flown { departure: departure.value, weather: observed.cloned(), aircraft: None }
            })
            .select_key(|flown| flown.value.departure.id.clone())
            .to_table("flights-in-weather", json::<FlightId, Flown>())
            .left_join_on(
                "aircraft-of-flight",
                &aircraft,
                |_id, flown| flown.departure.tailnum.clone(),
                |_id, flown, aircraft| Flown { aircraft: aircraft.cloned(), ..flown.clone() },
                json::<FlightId, Flown>(),
            );
    departures.updates().to(DEPARTURES, json::<FlightId, Flown>());
    departures
        .group_by(|_id, flown| (flown.cause(), flown.delays()), json::<Cause, Delays>())
        .aggregate(
            "delays",
            Delays::default,
            |_cause, flight, sum: Delays| sum.plus(flight),
            |_cause, flight, sum: Delays| sum.minus(flight),
            json::<Cause, Delays>(),
        )
        .updates()
        .to(DELAY_CAUSES, json::<Cause, Delays>());
    app.build()
}
