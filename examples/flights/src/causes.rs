//! What the microservice `delay-causes` knows of a flight, and what it adds up: who was late in which weather, in whose
//! aircraft.
//!
//! Owns: the rows, and how one is taken into a sum and out of it again; pure. Its topology is in `topology`, a run of it
//! over files in `batch`.
//!
//! Does not know: the order in which flights, weather and aircraft come.

mod batch;
mod topology;

use serde::{Deserialize, Serialize};

pub use batch::{publish, work_off};
pub use topology::{APPLICATION, topology};

/// A departure counts as delayed from this many minutes on.
const DELAYED_MINUTES: i64 = 15;
/// Those who see less than this many miles far are in fog.
const FOG_MILES: f64 = 3.0;
/// It is windy from this many miles per hour on.
const WINDY_MPH: f64 = 20.0;

/// What is known of an hour's weather at an airport; other columns are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The hour, RFC 3339 in UTC.
    pub time_hour: String,
    /// Degrees Fahrenheit.
    pub temp: Option<f64>,
    /// Miles per hour.
    pub wind_speed: Option<f64>,
    /// Inches of rain or snow, melted.
    pub precip: f64,
    /// Miles.
    pub visib: f64,
}

/// What is known of an aircraft; other columns are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aircraft {
    /// Who built it.
    pub manufacturer: String,
    /// What it is called.
    pub model: String,
    /// When it was built.
    pub year: Option<i64>,
    /// How many may sit in it.
    pub seats: i32,
}

/// Which flight: no airline has two of one number in an hour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FlightId {
    /// The airline's code.
    pub carrier: String,
    /// The flight number.
    pub flight: i64,
    /// The hour of the scheduled departure, RFC 3339 in UTC.
    pub time_hour: String,
}

/// What the service needs of a departure; other columns are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// Which flight.
    #[serde(flatten)]
    pub id: FlightId,
    /// The origin airport.
    pub origin: String,
    /// The destination airport.
    pub dest: String,
    /// The aircraft; none for some that were cancelled.
    pub tailnum: Option<String>,
    /// When it left, `hhmm` local; none if it was cancelled.
    pub dep_time: Option<i64>,
    /// Minutes late; negative if early; none if it was cancelled.
    pub dep_delay: Option<i64>,
}

/// A departure and what was around it: the value of the topic `departures`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flown {
    /// The departure.
    #[serde(flatten)]
    pub departure: Departure,
    /// The newest weather at the origin when it was to depart; none if nobody had observed any.
    pub weather: Option<Observation>,
    /// The aircraft; none if it is not known.
    pub aircraft: Option<Aircraft>,
}

/// What sort of weather it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sky {
    /// One sees less than three miles.
    Fog,
    /// It rains or snows.
    Wet,
    /// The wind blows with twenty miles per hour or more.
    Windy,
    /// None of these.
    Fair,
    /// Nobody observed it.
    Unknown,
}

/// What flights are told apart by: the key of the topic `delay-causes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// The weather.
    pub sky: Sky,
    /// Who built the aircraft; none if that is not known.
    pub manufacturer: Option<String>,
}

/// What flights come to: the value of the topic `delay-causes`, and what one flight adds to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// Flights that were to depart.
    pub scheduled: i64,
    /// Those that did not.
    pub cancelled: i64,
    /// Those that left at least 15 minutes late.
    pub delayed_15: i64,
    /// Minutes late, over those that left; early ones count against it.
    pub total_delay_minutes: i64,
}

impl Sky {
    /// The worst that was observed, if anything was.
    pub fn of(observed: Option<&Observation>) -> Self {
        match observed {
            None => Self::Unknown,
            Some(observed) if observed.visib < FOG_MILES => Self::Fog,
            Some(observed) if observed.precip > 0.0 => Self::Wet,
            Some(observed) if observed.wind_speed.is_some_and(|speed| speed >= WINDY_MPH) => Self::Windy,
            Some(_) => Self::Fair,
        }
    }
}

impl Flown {
    /// What it is counted under.
    pub fn cause(&self) -> Cause {
        Cause {
            sky: Sky::of(self.weather.as_ref()),
            manufacturer: self.aircraft.as_ref().map(|aircraft| aircraft.manufacturer.clone()),
        }
    }

    /// What it adds.
    pub fn delays(&self) -> Delays {
        let departed = self.departure.dep_time.and(self.departure.dep_delay);
        Delays {
            scheduled: 1,
            cancelled: i64::from(self.departure.dep_time.is_none()),
            delayed_15: i64::from(departed.is_some_and(|delay| delay >= DELAYED_MINUTES)),
            total_delay_minutes: departed.unwrap_or(0),
        }
    }
}

impl Delays {
    /// With a flight, or several.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            scheduled: self.scheduled + other.scheduled,
            cancelled: self.cancelled + other.cancelled,
            delayed_15: self.delayed_15 + other.delayed_15,
            total_delay_minutes: self.total_delay_minutes + other.total_delay_minutes,
        }
    }

    /// Without one that was counted, or several.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            scheduled: self.scheduled - other.scheduled,
            cancelled: self.cancelled - other.cancelled,
            delayed_15: self.delayed_15 - other.delayed_15,
            total_delay_minutes: self.total_delay_minutes - other.total_delay_minutes,
        }
    }
}
