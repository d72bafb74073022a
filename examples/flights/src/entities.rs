//! The entities that the departures refer to: airlines, airports and aircraft, built into the program.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rows::{Airline, Airport, Plane};

/// An entity, ready to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The entity's identifier: IATA carrier code, FAA airport code, or tail number.
    pub key: String,
    /// The row as JSON.
    pub value: Vec<u8>,
}

/// A built-in table that cannot be read: the program was built from a damaged file.
#[derive(Debug, thiserror::Error)]
#[error("the built-in table of {table} is damaged: {problem}")]
pub struct DamagedTable {
    table: &'static str,
    problem: String,
}

/// The 16 airlines, by carrier code.
pub fn airlines() -> Result<Vec<Entity>, DamagedTable> {
    read("airlines", include_bytes!("../data/airlines.csv.gz"), |airline: &Airline| airline.carrier.clone())
}

/// The 1,458 airports, by FAA code.
pub fn airports() -> Result<Vec<Entity>, DamagedTable> {
    read("airports", include_bytes!("../data/airports.csv.gz"), |airport: &Airport| airport.faa.clone())
}

/// The 3,322 aircraft, by tail number.
pub fn planes() -> Result<Vec<Entity>, DamagedTable> {
    read("planes", include_bytes!("../data/planes.csv.gz"), |plane: &Plane| plane.tailnum.clone())
}

fn read<T: DeserializeOwned + Serialize>(
    table: &'static str,
    gzipped: &[u8],
    key: impl Fn(&T) -> String,
) -> Result<Vec<Entity>, DamagedTable> {
    let damaged = |problem: &dyn std::fmt::Display| DamagedTable { table, problem: problem.to_string() };
    let mut text = Vec::new();
    GzDecoder::new(gzipped).read_to_end(&mut text).map_err(|error| damaged(&error))?;
    csv::Reader::from_reader(text.as_slice())
        .into_deserialize()
        .map(|row| {
            let row: T = row.map_err(|error| damaged(&error))?;
            let value = serde_json::to_vec(&row).map_err(|error| damaged(&error))?;
            Ok(Entity { key: key(&row), value })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tables_are_whole() {
        assert_eq!(airlines().unwrap().len(), 16);
        assert_eq!(airports().unwrap().len(), 1_458);
        assert_eq!(planes().unwrap().len(), 3_322);
        assert_eq!(airlines().unwrap()[0].value, br#"{"carrier":"9E","name":"Endeavor Air Inc."}"#);
    }
}
