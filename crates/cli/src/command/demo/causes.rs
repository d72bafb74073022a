//! `headwater demo causes`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use headwater_client::{Client, ConsumerConfig, Fetched};
use headwater_flights::causes::{Cause, Delays, Sky, publish, work_off};
use headwater_flights::source::Flights;
use headwater_flights::topics::DELAY_CAUSES;
use headwater_flights::weather::Weather;
use headwater_model::{Clock as _, SystemClock};

use super::board::grouped;
use super::place::Place;
use super::topic::{MAX_BATCH_BYTES, assign_all, read_to_end};
use crate::arguments::DemoCauses;
use crate::command::{connect, up};
use crate::output;

/// How many manufacturers have a line of their own.
const MANUFACTURERS: usize = 6;

type Causes = BTreeMap<Cause, Delays>;

pub(super) async fn run(arguments: DemoCauses) -> anyhow::Result<()> {
    let flights = arguments.data.as_deref().map_or_else(Flights::january, Flights::open)?;
    let weather = arguments.weather.as_deref().map_or_else(Weather::january, Weather::open)?;
    let clock = SystemClock::new();
    let place = Place::prepare(&arguments.place, &clock).await?;
    let client = Client::connect(connect::config(place.bootstrap())).await?;
    output::line(format_args!("Flights as a batch, over {place}"))?;
    let ended = tokio::select! {
        biased;
        told = up::until_told_to_stop() => told.map(|()| None),
        ran = work(&client, flights, &weather, &arguments, &clock) => ran.map(Some),
    };
    if let Some(causes) = ended? {
        for line in lines(&causes) {
            output::line(line)?;
        }
        place.say_how_to_look("causes", "causes-data", DELAY_CAUSES)?;
    }
    place.close().await;
    Ok(())
}

async fn work(
    client: &Client,
    flights: Flights,
    weather: &Weather,
    arguments: &DemoCauses,
    clock: &SystemClock,
) -> anyhow::Result<Causes> {
    let seconds = || clock.monotonic().since_origin().as_secs_f64();
    let departures = flights.len() as u64;
    publish(client, flights, weather).await?;
    output::line(format_args!(
        "published  {} departures and {} hours of weather, {:.1} s",
        grouped(departures),
        grouped(weather.events().len() as u64),
        seconds()
    ))?;
    let progress = work_off(client, arguments.place.workers.into()).await?;
    output::line(format_args!(
        "worked off {} records by {}, {:.1} s",
        grouped(progress.records_in),
        if arguments.place.workers == 1 {
            "1 worker".into()
        } else {
            format!("{} workers", arguments.place.workers)
        },
        seconds()
    ))?;
    read(client).await
}

/// What all flights come to: the newest value of each key.
async fn read(client: &Client) -> anyhow::Result<Causes> {
    let consumer = client.consumer(ConsumerConfig::default());
    assign_all(client, &consumer, DELAY_CAUSES).await?;
    let mut causes = Causes::new();
    read_to_end(client, &consumer, |batches| {
        let mut taken = batches.iter().map(|fetched| take(fetched, &mut causes));
        taken.try_for_each(|taken| taken.context("the topic delay-causes holds something else"))
    })
    .await?;
    consumer.close().await;
    Ok(causes)
}

fn take(fetched: &Fetched, causes: &mut Causes) -> anyhow::Result<()> {
    let batch = fetched.open(MAX_BATCH_BYTES)?;
    for record in fetched.records(&batch) {
        let record = record?;
        let cause = serde_json::from_slice(record.key.unwrap_or_default())?;
        causes.insert(cause, serde_json::from_slice(record.value.unwrap_or_default())?);
    }
    Ok(())
}

/// A table: the weather, and within it the manufacturers of the most flights; the others together.
fn lines(causes: &Causes) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!(
            "{:<8} {:<22} {:>9} {:>10} {:>8} {:>12}",
            "weather", "aircraft by", "flights", "cancelled", "15min+", "average min"
        ),
    ];
    for sky in [Sky::Fair, Sky::Windy, Sky::Wet, Sky::Fog, Sky::Unknown] {
        let mut of_sky: Vec<(String, Delays)> = causes
            .iter()
            .filter(|(cause, delays)| cause.sky == sky && delays.scheduled > 0)
            .map(|(cause, delays)| {
                (cause.manufacturer.clone().unwrap_or_else(|| "(not known)".into()), *delays)
            })
            .collect();
        if of_sky.is_empty() {
            continue;
        }
        of_sky.sort_by_key(|(_, delays)| -delays.scheduled);
        let all = sum(&of_sky);
        lines.push(line(name(sky), "", all));
        let others = of_sky.split_off(of_sky.len().min(MANUFACTURERS));
        lines.extend(of_sky.iter().map(|(manufacturer, delays)| line("", manufacturer, *delays)));
        if !others.is_empty() {
            lines.push(line("", &format!("({} others)", others.len()), sum(&others)));
        }
    }
    lines
}

fn sum(delays: &[(String, Delays)]) -> Delays {
    delays.iter().fold(Delays::default(), |sum, (_, delays)| sum.plus(*delays))
}

fn line(sky: &str, manufacturer: &str, delays: Delays) -> String {
    let left = delays.scheduled - delays.cancelled;
    let percent = |part: i64, of: i64| format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64);
    format!(
        "{sky:<8} {manufacturer:<22.22} {:>9} {:>10} {:>8} {:>12.1}",
        grouped(delays.scheduled.unsigned_abs()),
        percent(delays.cancelled, delays.scheduled),
        percent(delays.delayed_15, left),
        delays.total_delay_minutes as f64 / left.max(1) as f64,
    )
}

fn name(sky: Sky) -> &'static str {
    match sky {
        Sky::Fog => "fog",
        Sky::Wet => "wet",
        Sky::Windy => "windy",
        Sky::Fair => "fair",
        Sky::Unknown => "unknown",
    }
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_table_has_the_weather_and_the_manufacturers_of_the_most_flights() {
        let mut causes = Causes::new();
        for (number, manufacturer) in ["A", "B", "C", "D", "E", "F", "G", "H"].into_iter().enumerate() {
            let scheduled = 8_000 - number as i64 * 1_000;
            let delays = Delays { scheduled, cancelled: 500, delayed_15: 250, total_delay_minutes: 5_000 };
            causes.insert(Cause { sky: Sky::Fog, manufacturer: Some(manufacturer.into()) }, delays);
        }
        let gone = Cause { sky: Sky::Fair, manufacturer: None };
        causes.insert(gone, Delays::default());
        let calm = Delays { scheduled: 10, cancelled: 10, ..Delays::default() };
        causes.insert(Cause { sky: Sky::Unknown, manufacturer: None }, calm);
        let lines = lines(&causes);
        expect![[r#"

            weather  aircraft by              flights  cancelled   15min+  average min
            fog                                36,000     11.1 %    6.2 %          1.2
                     A                          8,000      6.2 %    3.3 %          0.7
                     B                          7,000      7.1 %    3.8 %          0.8
                     C                          6,000      8.3 %    4.5 %          0.9
                     D                          5,000     10.0 %    5.6 %          1.1
                     E                          4,000     12.5 %    7.1 %          1.4
                     F                          3,000     16.7 %   10.0 %          2.0
                     (2 others)                 3,000     33.3 %   25.0 %          5.0
            unknown                                10    100.0 %    0.0 %          0.0
                     (not known)                   10    100.0 %    0.0 %          0.0"#]]
        .assert_eq(&lines.join("\n"));
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
    }
}
