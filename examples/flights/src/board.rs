//! What the delay board says of one origin and one hour, and how a departure changes it.
//!
//! Pure: the topology calls [`Hour::count`] once per departure, in any order.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// A departure counts as delayed from this many minutes on.
const DELAYED_MINUTES: i64 = 15;

/// What the board needs of a departure; other columns are ignored, so that the feed may add some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Departure {
    /// When it left, `hhmm` local; none if it was cancelled.
    pub dep_time: Option<i64>,
    /// Minutes late; negative if early; none if it was cancelled.
    pub dep_delay: Option<i64>,
    /// The airline's code.
    pub carrier: String,
    /// The flight number.
    pub flight: i64,
    /// The destination airport.
    pub dest: String,
    /// The airline's name, joined in by the topology; none if the airline is unknown.
    #[serde(default)]
    pub airline: Option<String>,
}

/// The departed flight with the greatest delay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worst {
    /// The airline's code.
    pub carrier: String,
    /// The airline's name; null if the airline is unknown.
    pub airline: Option<String>,
    /// The flight number.
    pub flight: i64,
    /// The destination airport.
    pub dest: String,
    /// Minutes late; negative if early.
    pub delay_minutes: i64,
}

impl Worst {
    fn is_beaten_by(&self, departure: &Departure, delay_minutes: i64) -> bool {
        let challenger = (Reverse(delay_minutes), departure.carrier.as_str(), departure.flight);
        challenger < (Reverse(self.delay_minutes), self.carrier.as_str(), self.flight)
    }
}

/// The counts of one origin and one hour of scheduled departures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// Scheduled departures.
    pub scheduled: u64,
    /// Those that left.
    pub departed: u64,
    /// Those that did not.
    pub cancelled: u64,
    /// Those that left at least 15 minutes late.
    pub delayed_15: u64,
    /// The sum of the delays of those that left, early ones negative.
    pub total_delay_minutes: i64,
    /// The worst of those that left; ties go to the lower carrier code, then flight number.
    pub worst: Option<Worst>,
}

impl Hour {
    /// Counts one departure.
    #[must_use]
    pub fn count(mut self, departure: &Departure) -> Self {
        self.scheduled += 1;
        let (Some(_), Some(delay_minutes)) = (departure.dep_time, departure.dep_delay) else {
            self.cancelled += 1;
            return self;
        };
        self.departed += 1;
        self.delayed_15 += u64::from(delay_minutes >= DELAYED_MINUTES);
        self.total_delay_minutes += delay_minutes;
        if self.worst.as_ref().is_none_or(|worst| worst.is_beaten_by(departure, delay_minutes)) {
            self.worst = Some(Worst {
                carrier: departure.carrier.clone(),
                airline: departure.airline.clone(),
                flight: departure.flight,
                dest: departure.dest.clone(),
                delay_minutes,
            });
        }
        self
    }
}

/// The key of the topic `delay-board`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardKey {
    /// The origin airport.
    pub origin: String,
    /// The hour's start, RFC 3339 in UTC.
    pub window_start: String,
}

/// The value of the topic `delay-board`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardRow {
    /// The origin airport.
    pub origin: String,
    /// The hour's start, RFC 3339 in UTC.
    pub window_start: String,
    /// The hour's end, exclusive, RFC 3339 in UTC.
    pub window_end: String,
    /// The hour's counts.
    #[serde(flatten)]
    pub hour: Hour,
}

/// A time in milliseconds since 1970 as RFC 3339 in UTC; the empty text beyond the year 9999.
pub fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departure(carrier: &str, flight: i64, delay: Option<i64>) -> Departure {
        Departure {
            dep_time: delay.map(|_| 600),
            dep_delay: delay,
            carrier: carrier.into(),
            flight,
            dest: "IAH".into(),
            airline: Some("An Airline".into()),
        }
    }

    fn count(departures: &[Departure]) -> Hour {
        departures.iter().fold(Hour::default(), Hour::count)
    }

    #[test]
    fn cancelled_flights_are_scheduled_but_neither_departed_nor_delayed() {
        let hour = count(&[departure("UA", 1, None)]);
        assert_eq!(hour, Hour { scheduled: 1, cancelled: 1, ..Hour::default() });
    }

    #[test]
    fn early_flights_reduce_the_total_and_can_be_the_worst() {
        let hour = count(&[departure("UA", 1, Some(-5)), departure("UA", 2, Some(-3))]);
        assert_eq!((hour.departed, hour.delayed_15, hour.total_delay_minutes), (2, 0, -8));
        assert_eq!(hour.worst.unwrap().flight, 2);
    }

    #[test]
    fn fifteen_minutes_are_a_delay_and_fourteen_are_not() {
        assert_eq!(count(&[departure("UA", 1, Some(14)), departure("UA", 2, Some(15))]).delayed_15, 1);
    }

    #[test]
    fn ties_for_the_worst_go_to_the_lower_carrier_then_flight_in_any_order() {
        let mut departures =
            vec![departure("UA", 2, Some(9)), departure("AA", 7, Some(9)), departure("AA", 3, Some(9))];
        for _ in 0..3 {
            departures.rotate_left(1);
            let worst = count(&departures).worst.unwrap();
            assert_eq!((worst.carrier.as_str(), worst.flight), ("AA", 3));
        }
    }

    #[test]
    fn the_boards_json_has_the_documented_fields_in_order() {
        let row = BoardRow {
            origin: "EWR".into(),
            window_start: rfc3339(1_357_034_400_000),
            window_end: rfc3339(1_357_038_000_000),
            hour: count(&[departure("UA", 1, Some(20))]),
        };
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"origin":"EWR","window_start":"2013-01-01T10:00:00Z","window_end":"2013-01-01T11:00:00Z","scheduled":1,"departed":1,"cancelled":0,"delayed_15":1,"total_delay_minutes":20,"worst":{"carrier":"UA","airline":"An Airline","flight":1,"dest":"IAH","delay_minutes":20}}"#
        );
    }
}
