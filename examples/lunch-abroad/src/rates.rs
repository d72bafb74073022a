//! The euro foreign exchange reference rates of the European Central Bank, turned into pounds: the file, and the events
//! that it stands for.
//!
//! Invariants: events come in the order of their days, within a day in the order of the file's columns; a currency that
//! is no longer quoted gets one event without a rate, a tombstone.
//!
//! Does not know: topics.

use std::collections::BTreeSet;
use std::io::Read;

use csv::StringRecord;
use flate2::read::GzDecoder;
use headwater::model::Timestamp;
use serde::{Deserialize, Serialize};

/// Every working day since 1999, in the program. Source: European Central Bank.
const HISTORY: &[u8] = include_bytes!("../data/eurofxref-hist.csv.gz");
const HOME: &str = "GBP";
const EURO: &str = "EUR";
/// Rates are published around 16:00 in Frankfurt, whose summer time is left aside here.
const PUBLISHED: &str = "T15:00:00Z";
const NO_VALUE: &str = "N/A";

/// The value of the topic `exchange-rates`, whose keys are currencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The day that it was published on.
    pub date: String,
    /// What one unit of the currency costs in pounds.
    pub pounds: f64,
}

/// A rate as it was published.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The currency.
    pub currency: String,
    /// Its rate; none if it is no longer quoted.
    pub rate: Option<Rate>,
    /// When.
    pub at: Timestamp,
}

/// The file of rates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the table of exchange rates is damaged: {problem}")]
pub struct DamagedRates {
    problem: String,
}

/// Every rate of the file that comes with the program.
pub fn history() -> Result<Vec<Published>, DamagedRates> {
    let mut text = Vec::new();
    GzDecoder::new(HISTORY).read_to_end(&mut text).map_err(damaged)?;
    parse(&text)
}

/// The events of a file in the bank's format: a line a day, the newest first; units of each currency for one euro.
pub fn parse(text: &[u8]) -> Result<Vec<Published>, DamagedRates> {
    let mut file = csv::Reader::from_reader(text);
    let currencies = file.headers().map_err(damaged)?.clone();
    let home = currencies.iter().position(|currency| currency == HOME);
    let home = home.ok_or_else(|| damaged(format!("it has no column {HOME}")))?;
    let days: Result<Vec<_>, _> = file.records().collect();
    let mut quoted = BTreeSet::new();
    let mut published = Vec::new();
    for day in days.map_err(damaged)?.iter().rev() {
        publish(day, &currencies, home, &mut quoted, &mut published)?;
    }
    Ok(published)
}

/// Adds the events of one day. `quoted` are the currencies that had a rate until then.
fn publish<'a>(
    day: &StringRecord,
    currencies: &'a StringRecord,
    home: usize,
    quoted: &mut BTreeSet<&'a str>,
    published: &mut Vec<Published>,
) -> Result<(), DamagedRates> {
    let date = day.get(0).unwrap_or_default();
    let time: jiff::Timestamp = format!("{date}{PUBLISHED}").parse().map_err(damaged)?;
    let at = Timestamp(time.as_millisecond());
    let no_home = || damaged(format!("{date} has no rate of {HOME}"));
    let pounds_per_euro = number(day.get(home).unwrap_or_default())?.ok_or_else(no_home)?;
    let rate = |pounds| Some(Rate { date: date.to_owned(), pounds });
    published.push(Published { currency: EURO.to_owned(), rate: rate(pounds_per_euro), at });
    for (currency, text) in currencies.iter().zip(day).skip(1) {
        if currency.is_empty() || currency == HOME {
            continue;
        }
        let rate = match number(text)? {
            Some(per_euro) => {
                quoted.insert(currency);
                rate(pounds_per_euro / per_euro)
            }
            None if quoted.remove(currency) => None,
            None => continue,
        };
        published.push(Published { currency: currency.to_owned(), rate, at });
    }
    Ok(())
}

fn number(text: &str) -> Result<Option<f64>, DamagedRates> {
    if text == NO_VALUE || text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| damaged(format!("\"{text}\" is neither a number nor {NO_VALUE}")))
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn damaged(problem: impl ToString) -> DamagedRates {
    DamagedRates { problem: problem.to_string() }
}
