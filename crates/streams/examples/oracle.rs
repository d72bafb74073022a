//! What our library makes of given records, to be compared with what Kafka Streams makes of them.
//!
//! Reads and writes what `tests/java/TopologyOracle.java` does: `topology NAME`, then records, one a line
//! (`TOPIC KEY=VALUE @TIME #HEADER=VALUE`, `~` is null), then `end`; and for each topology its outputs, each behind the
//! number of the record that made it, and `end`. The topologies are in `oracle/topologies.rs`.

#[path = "oracle/topologies.rs"]
mod topologies;

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use headwater_model::Timestamp;
use headwater_streams::{Header, Headers, Record, TestDriver, TestRecord};

use topologies::{OUTPUT, Text, nullable};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Lines<'a> = &'a mut dyn Iterator<Item = io::Result<String>>;

fn main() -> ExitCode {
    let mut lines = io::stdin().lock().lines();
    let mut out = BufWriter::new(io::stdout().lock());
    match answer(&mut lines, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", sentence(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Runs one topology after the other.
fn answer(lines: Lines<'_>, out: &mut dyn Write) -> Result<()> {
    while let Some(line) = lines.next().transpose()? {
        let name = line.strip_prefix("topology ");
        let name = name.ok_or_else(|| format!("not the beginning of a topology: {line}"))?;
        run(name, lines, out)?;
        writeln!(out, "end")?;
        out.flush()?;
    }
    Ok(())
}

/// Feeds a topology one record after the other, and writes what comes out of each.
fn run(name: &str, lines: Lines<'_>, out: &mut dyn Write) -> Result<()> {
    let mut driver = TestDriver::new(&topologies::named(name)?);
    for (number, line) in lines.enumerate() {
        let line = line?;
        if line == "end" {
            break;
        }
        let (topic, record) = record(&line).ok_or_else(|| format!("not a record: {line}"))?;
        driver.pipe(topic, nullable(), record)?;
        for record in driver.output(OUTPUT, nullable())? {
            write!(out, "{number} {OUTPUT}")?;
            write_record(&record, out)?;
        }
    }
    Ok(())
}

fn record(line: &str) -> Option<(&str, Record<Text, Text>)> {
    let mut words = line.split(' ');
    let topic = words.next()?;
    let (key, value) = words.next()?.split_once('=')?;
    let time = words.next()?.strip_prefix('@')?.parse().ok()?;
    let headers: Option<Headers> = words.map(header).collect();
    Some((topic, Record { headers: headers?, ..Record::new(some(key), some(value), Timestamp(time)) }))
}

fn header(word: &str) -> Option<Header> {
    let (key, value) = word.strip_prefix('#')?.split_once('=')?;
    Some(Header { key: key.to_owned(), value: some(value).map(Into::into) })
}

fn write_record(record: &TestRecord<Text, Text>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, " {}={} @{}", text(record.key.as_ref()), text(record.value.as_ref()), record.timestamp)?;
    for Header { key, value } in &record.headers {
        write!(out, " #{key}=")?;
        out.write_all(value.as_deref().unwrap_or(b"~"))?;
    }
    writeln!(out)
}

fn some(word: &str) -> Text {
    (word != "~").then(|| word.to_owned())
}

fn text(some: Option<&String>) -> &str {
    some.map_or("~", String::as_str)
}

/// An error and its causes in one line.
fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}
