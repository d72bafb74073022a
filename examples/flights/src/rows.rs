//! The rows of nycflights13's tables: what the CSV columns are called and which of them may be missing.
//!
//! `NA` (or nothing) in the CSV means no value and becomes `null` in JSON. Field order is column order.

use serde::{Deserialize, Deserializer, Serialize};

/// A departure as the feed publishes it: every column of the row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are described in docs/guide/flights.md")]
pub struct Flight<'a> {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    #[serde(deserialize_with = "number_or_na")]
    pub dep_time: Option<i64>,
    pub sched_dep_time: i64,
    #[serde(deserialize_with = "number_or_na")]
    pub dep_delay: Option<i64>,
    #[serde(deserialize_with = "number_or_na")]
    pub arr_time: Option<i64>,
    pub sched_arr_time: i64,
    #[serde(deserialize_with = "number_or_na")]
    pub arr_delay: Option<i64>,
    pub carrier: &'a str,
    pub flight: i64,
    #[serde(borrow, deserialize_with = "text_or_na")]
    pub tailnum: Option<&'a str>,
    pub origin: &'a str,
    pub dest: &'a str,
    #[serde(deserialize_with = "number_or_na")]
    pub air_time: Option<i64>,
    pub distance: i64,
    pub hour: i32,
    pub minute: i64,
    /// The scheduled departure's hour, RFC 3339 in UTC.
    pub time_hour: &'a str,
}

/// The weather of an hour as the feed publishes it: every column of the row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are described in docs/guide/flights.md")]
pub struct Weather<'a> {
    pub origin: &'a str,
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    #[serde(deserialize_with = "decimal_or_na")]
    pub temp: Option<f64>,
    #[serde(deserialize_with = "decimal_or_na")]
    pub dewp: Option<f64>,
    #[serde(deserialize_with = "decimal_or_na")]
    pub humid: Option<f64>,
    #[serde(deserialize_with = "number_or_na")]
    pub wind_dir: Option<i64>,
    #[serde(deserialize_with = "decimal_or_na")]
    pub wind_speed: Option<f64>,
    #[serde(deserialize_with = "decimal_or_na")]
    pub wind_gust: Option<f64>,
    pub precip: f64,
    #[serde(deserialize_with = "decimal_or_na")]
    pub pressure: Option<f64>,
    pub visib: f64,
    /// The hour, RFC 3339 in UTC.
    pub time_hour: &'a str,
}

/// An airline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are described in docs/guide/flights.md")]
pub struct Airline {
    pub carrier: String,
    pub name: String,
}

/// An airport.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are described in docs/guide/flights.md")]
pub struct Airport {
    pub faa: String,
    pub name: String,
    pub lat: f64,
    pub lon: f64,
    pub alt: i32,
    pub tz: i32,
    pub dst: String,
    #[serde(deserialize_with = "owned_text_or_na")]
    pub tzone: Option<String>,
}

/// An aircraft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are described in docs/guide/flights.md")]
pub struct Plane {
    pub tailnum: String,
    #[serde(deserialize_with = "number_or_na")]
    pub year: Option<i64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub manufacturer: String,
    pub model: String,
    pub engines: i32,
    pub seats: i32,
    #[serde(deserialize_with = "number_or_na")]
    pub speed: Option<i64>,
    pub engine: String,
}

fn is_missing(text: &str) -> bool {
    text.is_empty() || text == "NA"
}

fn number_or_na<'de, D: Deserializer<'de>>(source: D) -> Result<Option<i64>, D::Error> {
    let text = <&str>::deserialize(source)?;
    if is_missing(text) {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| serde::de::Error::custom(format!("\"{text}\" is neither a whole number nor NA")))
}

fn decimal_or_na<'de, D: Deserializer<'de>>(source: D) -> Result<Option<f64>, D::Error> {
    let text = <&str>::deserialize(source)?;
    if is_missing(text) {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| serde::de::Error::custom(format!("\"{text}\" is neither a number nor NA")))
}

fn text_or_na<'de, D: Deserializer<'de>>(source: D) -> Result<Option<&'de str>, D::Error> {
    let text = <&str>::deserialize(source)?;
    Ok((!is_missing(text)).then_some(text))
}

fn owned_text_or_na<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(text_or_na(source)?.map(str::to_owned))
}
