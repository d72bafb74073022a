//! Samples as tables of medians, and the tables' place in a file.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::load::Sample;
use super::server::Kind;
use crate::usage::Usage;

/// A table with a title and what has to be said of it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) note: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = format!("|{}\n", "---|".repeat(self.head.len()));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("### {}\n\n{}\n\n{}{rule}{rows}", self.title, self.note, line(&self.head))
    }
}

/// What was measured on both sides, by name, in the order of the first round.
#[derive(Debug, Default)]
pub(super) struct Figures {
    rows: Vec<Figure>,
}

#[derive(Debug)]
struct Figure {
    name: String,
    unit: &'static str,
    /// Kafka's rounds and ours; each has one part or more, such as user and system time.
    sides: [Vec<Vec<f64>>; 2],
}

impl Figures {
    /// Notes what one round came to on one side. Parts add up.
    pub(super) fn add(&mut self, side: Kind, name: &str, unit: &'static str, parts: &[f64]) {
        println!("  {name}: {}: {}", side.name(), amount(parts, unit));
        let place = self.rows.iter().position(|row| row.name == name).unwrap_or(self.rows.len());
        if place == self.rows.len() {
            self.rows.push(Figure { name: name.to_owned(), unit, sides: Default::default() });
        }
        if let Some(row) = self.rows.get_mut(place) {
            let [kafka, ours] = &mut row.sides;
            let rounds = if side == Kind::Kafka { kafka } else { ours };
            rounds.push(parts.to_vec());
        }
    }

    /// Medians beside each other.
    pub(super) fn table(&self, title: &str, note: &str) -> Table {
        let rows = self.rows.iter().map(|row| {
            let [kafka, ours] = row.sides.each_ref().map(|rounds| medians(rounds));
            vec![
                row.name.clone(),
                amount(&kafka, row.unit),
                amount(&ours, row.unit),
                ratio(ours.iter().sum(), kafka.iter().sum()),
            ]
        });
        Table {
            title: title.to_owned(),
            note: note.to_owned(),
            head: ["", "Kafka", "ours", "ratio"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
        }
    }
}

/// The median of each part.
fn medians(rounds: &[Vec<f64>]) -> Vec<f64> {
    let parts = rounds.first().map_or(0, Vec::len);
    (0..parts)
        .map(|part| middle(rounds.iter().filter_map(|parts| parts.get(part).copied()).collect()))
        .collect()
}

/// Three digits or more of each part, and the unit.
fn amount(parts: &[f64], unit: &str) -> String {
    let digits = |part: &f64| match *part {
        part if part < 9.995 => format!("{part:.2}"),
        part if part < 99.95 => format!("{part:.1}"),
        part => format!("{part:.0}"),
    };
    format!("{} {unit}", parts.iter().map(digits).collect::<Vec<_>>().join(" + "))
}

/// The medians of the rounds, figure by figure.
pub(super) fn median(samples: &[Sample]) -> Sample {
    let of = |figure: fn(&Sample) -> f64| middle(samples.iter().map(figure).collect());
    Sample {
        records_per_second: of(|sample| sample.records_per_second),
        cpu: Usage { user: of(|sample| sample.cpu.user), system: of(|sample| sample.cpu.system) },
        peak_memory_bytes: of(|sample| sample.peak_memory_bytes as f64) as u64,
    }
}

/// The one in the middle; the lower of two.
pub(super) fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// With a decimal where there are few.
pub(super) fn thousands(number: f64) -> String {
    if number < 1e4 { format!("{:.1} k", number / 1e3) } else { format!("{:.0} k", number / 1e3) }
}

pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

/// User and system apart.
pub(super) fn cpu(usage: Usage) -> String {
    format!("{:.2} + {:.2}", usage.user, usage.system)
}

pub(super) fn ratio(ours: f64, theirs: f64) -> String {
    format!("{:.2}", ours / theirs)
}

/// All tables of a suite, with where they were measured.
pub(super) fn section(tables: &[Table], rounds: usize) -> anyhow::Result<String> {
    let tables: Vec<String> = tables.iter().map(Table::markdown).collect();
    Ok(format!("{}\n\n{}", machine(rounds)?, tables.join("\n")))
}

fn machine(rounds: usize) -> anyhow::Result<String> {
    let said = |program: &str, arguments: &[&str]| -> anyhow::Result<String> {
        let output = Command::new(program).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kib: f64 = memory.split_whitespace().nth(1).context("/proc/meminfo is empty")?.parse()?;
    let pom = include_str!("../../../tests/kafka/pom.xml");
    let kafka = pom.split("<kafka.version>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or("?");
    Ok(format!(
        "Measured {} on {cores} cores ({}), {:.0} GB of memory, Linux {}; Apache Kafka {kafka}; commit {}; medians of \
         {rounds} rounds.",
        said("date", &["-u", "+%F"])?,
        model.map_or("unknown", |(_, model)| model),
        kib / 1e6,
        said("uname", &["-r"])?,
        said("git", &["rev-parse", "--short", "HEAD"])?,
    ))
}

/// Replaces what stands between a suite's marks.
pub(super) fn write(path: &Path, suite: &str, section: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let replaced = replace(&text, suite, section)
        .with_context(|| format!("{} has no marks for {suite}", path.display()))?;
    std::fs::write(path, replaced).with_context(|| format!("cannot write {}", path.display()))
}

fn replace(text: &str, suite: &str, section: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {suite} -->\n"), format!("<!-- /{suite} -->"));
    let (before, rest) = text.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}{}\n{close}{after}", section.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((middle(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((middle(vec![4.0, 1.0]) - 1.0).abs() < 1e-9);
        assert!(middle(Vec::new()).is_nan());
    }

    #[test]
    fn a_section_takes_the_place_of_the_last_one() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        assert_eq!(replace(text, "x", "new\n").unwrap(), "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert_eq!(replace(text, "y", "new"), None);
    }

    #[test]
    fn figures_are_medians_by_parts_beside_each_other() {
        let mut figures = Figures::default();
        for (user, system) in [(1.0, 20.0), (3.0, 10.0), (2.0, 300.0)] {
            figures.add(Kind::Kafka, "CPU", "s", &[user, system]);
            figures.add(Kind::Headwater, "CPU", "s", &[user / 2.0, system / 2.0]);
        }
        figures.add(Kind::Kafka, "longest", "µs", &[1_234.5]);
        let rows = figures.table("T", "N.").rows;
        assert_eq!(rows[0], ["CPU", "2.00 + 20.0 s", "1.00 + 10.0 s", "0.50"]);
        assert_eq!(rows[1][1], "1234 µs");
    }

    #[test]
    fn a_table_is_markdown() {
        let table = Table {
            title: "T".into(),
            note: "N.".into(),
            head: vec!["a".into(), "b".into()],
            rows: vec![vec!["1".into(), "2".into()]],
        };
        assert_eq!(table.markdown(), "### T\n\nN.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
