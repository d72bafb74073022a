//! The live board as lines of text, at most [`WIDTH`] columns wide. Pure: a state in, lines out.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_flights::board::BoardRow;

/// The narrowest terminal that the board is made for.
pub(super) const WIDTH: usize = 80;
const BAR: usize = 30;

/// What the board shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Board {
    /// What runs, and where.
    pub(super) title: String,
    /// Departures in the file.
    pub(super) total: u64,
    /// Departures in the topic.
    pub(super) published: u64,
    /// Departures counted by the microservice.
    pub(super) counted: u64,
    /// Window updates published by the microservice.
    pub(super) updates: u64,
    /// Departures that came after their window's grace.
    pub(super) late: u64,
    /// Since the start.
    pub(super) elapsed: Duration,
    /// The latest hour of each airport.
    pub(super) latest: BTreeMap<String, BoardRow>,
}

impl Board {
    /// Takes a row read from the topic: it is shown if its hour is the latest of its airport.
    pub(super) fn show(&mut self, row: BoardRow) {
        let shown = self.latest.get(&row.origin);
        if shown.is_none_or(|shown| shown.window_start <= row.window_start) {
            self.latest.insert(row.origin.clone(), row);
        }
    }

    /// Events counted per second so far.
    pub(super) fn per_second(&self) -> u64 {
        (self.counted as f64 / self.elapsed.as_secs_f64().max(0.001)) as u64
    }

    /// The board for a terminal.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            self.title.clone(),
            String::new(),
            format!(
                "published  {}  {:>11} of {}",
                bar(self.published, self.total),
                grouped(self.published),
                grouped(self.total)
            ),
            format!(
                "counted    {}  {:>11}   {}/s",
                bar(self.counted, self.total),
                grouped(self.counted),
                grouped(self.per_second())
            ),
            format!(
                "           {} updates of windows out, {} late, {:.1} s",
                grouped(self.updates),
                grouped(self.late),
                self.elapsed.as_secs_f64()
            ),
            String::new(),
            "origin  latest hour, UTC  flights  left  cancelled  15min+  worst".to_owned(),
        ];
        lines.extend(self.latest.values().map(row));
        lines.iter().map(|line| line.chars().take(WIDTH).collect()).collect()
    }

    /// One line of progress, for output that is no terminal.
    pub(super) fn line(&self) -> String {
        format!(
            "published {} of {}, counted {} ({}/s), {} updates of windows out, {} late, {:.1} s",
            grouped(self.published),
            grouped(self.total),
            grouped(self.counted),
            grouped(self.per_second()),
            grouped(self.updates),
            grouped(self.late),
            self.elapsed.as_secs_f64()
        )
    }
}

fn row(row: &BoardRow) -> String {
    let hour = &row.hour;
    let worst = hour.worst.as_ref().map_or(String::new(), |worst| {
        format!("{} {} {} {} min", worst.carrier, worst.flight, worst.dest, worst.delay_minutes)
    });
    format!(
        "{:<6}  {:<16}  {:>7}  {:>4}  {:>9}  {:>6}  {worst}",
        row.origin,
        row.window_start.get(..16).unwrap_or(&row.window_start).replace('T', " "),
        hour.scheduled,
        hour.departed,
        hour.cancelled,
        hour.delayed_15,
    )
}

fn bar(done: u64, total: u64) -> String {
    let full = (done.min(total) as usize * BAR).checked_div(total as usize).unwrap_or(0);
    format!(
        "{}{} {:>3}%",
        "█".repeat(full),
        "░".repeat(BAR - full),
        (done.min(total) * 100).checked_div(total).unwrap_or(0)
    )
}

/// A number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]
mod tests {
    use super::*;
    use expect_test::expect;
    use headwater_flights::board::{Hour, Worst};

    fn hour(origin: &str, window_start: &str) -> BoardRow {
        let worst = Worst {
            carrier: "UA".into(),
            airline: None,
            flight: 1545,
            dest: "IAH".into(),
            delay_minutes: 1301,
        };
        BoardRow {
            origin: origin.into(),
            window_start: window_start.into(),
            window_end: String::new(),
            hour: Hour {
                scheduled: 24,
                departed: 23,
                cancelled: 1,
                delayed_15: 4,
                total_delay_minutes: 80,
                worst: Some(worst),
            },
        }
    }

    #[test]
    fn the_board_fits_eighty_columns() {
        let mut board = Board {
            title: "Flights of January 2013 over the embedded broker at 127.0.0.1:41233".into(),
            total: 27_004,
            published: 20_000,
            counted: 13_502,
            updates: 13_502,
            late: 0,
            elapsed: Duration::from_millis(500),
            latest: BTreeMap::new(),
        };
        board.show(hour("JFK", "2013-01-19T14:00:00Z"));
        board.show(hour("EWR", "2013-01-19T15:00:00Z"));
        board.show(hour("EWR", "2013-01-19T14:00:00Z"));
        expect![[r#"
            Flights of January 2013 over the embedded broker at 127.0.0.1:41233

            published  ██████████████████████░░░░░░░░  74%       20,000 of 27,004
            counted    ███████████████░░░░░░░░░░░░░░░  50%       13,502   27,004/s
                       13,502 updates of windows out, 0 late, 0.5 s

            origin  latest hour, UTC  flights  left  cancelled  15min+  worst
            EWR     2013-01-19 15:00       24    23          1       4  UA 1545 IAH 1301 min
            JFK     2013-01-19 14:00       24    23          1       4  UA 1545 IAH 1301 min"#]]
        .assert_eq(&board.lines().join("\n"));
        assert!(board.lines().iter().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 336_776, 1_000_000].map(grouped),
            ["0", "999", "1,000", "336,776", "1,000,000"]
        );
    }
}
