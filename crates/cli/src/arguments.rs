//! The command line as data.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Event-driven microservices in one binary.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the platform: an event broker that every Kafka client speaks to
    Up(Up),
    /// Run a reference application on real events, live on this terminal
    #[command(subcommand)]
    Demo(Demo),
    /// Create, list, describe, alter and delete topics
    #[command(subcommand)]
    Topic(Topic),
    /// Publish records: one a line, from the arguments or standard input
    Produce(Produce),
    /// Print the records of a topic
    Consume(Consume),
    /// List, describe, reset and delete groups of every kind
    #[command(subcommand)]
    Group(Group),
    /// Tell what a new version of a topology means for its update
    #[command(subcommand)]
    App(App),
}

#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// Compare two lock files: may the new version be rolled out, or what must be stopped or reset?
    #[command(
        after_help = "Exit codes: 0 safe for a rolling update, 3 full stop needed, 4 check the serdes, \
                            5 loses records in flight, 6 breaks state, 7 another application; 1 an error"
    )]
    Check {
        /// The topology.lock of the version that runs
        old: PathBuf,
        /// The topology.lock of the version that is to run
        new: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// When an acknowledged record is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Durability {
    /// Acknowledged means synced to the disk: a power cut loses nothing.
    #[default]
    Fsync,
    /// Acknowledged means handed to the operating system, as Kafka's default: a power cut can lose the last minute.
    Os,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Cluster {
    /// The Kafka brokers to ask first, host:port, separated by commas
    #[arg(long, env = "HEADWATER_BOOTSTRAP", default_value = "127.0.0.1:9092", value_delimiter = ',')]
    pub(crate) bootstrap: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where the broker keeps its log
    #[arg(long, env = "HEADWATER_DATA_DIR", default_value = "headwater-data")]
    pub(crate) data_dir: PathBuf,
    /// The port for Kafka clients; 0 picks a free one
    #[arg(long, env = "HEADWATER_KAFKA_PORT", default_value_t = 9092)]
    pub(crate) kafka_port: u16,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,
    /// Allow --listen beyond this machine although nobody has to identify themselves
    #[arg(long)]
    pub(crate) insecure: bool,
    /// What an acknowledgement promises
    #[arg(long, env = "HEADWATER_DURABILITY", value_enum, default_value_t)]
    pub(crate) durability: Durability,
    /// Create a topic when a client asks for one that does not exist
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) auto_create_topics: bool,
    /// A setting for topics that do not have their own, such as retention.ms=-1; may be given several times
    #[arg(long = "topic-default", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) topic_defaults: Vec<(String, String)>,
    /// A setting of groups by Kafka's name, such as group.consumer.session.timeout.ms=10000; may be given several times
    #[arg(long = "group-setting", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) group_settings: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Demo {
    /// Departures from New York, joined with airlines, counted per airport and hour into a delay board
    Flights(DemoFlights),
    /// The same departures as a batch: joined with the weather and their aircraft, delays added up by both
    Causes(DemoCauses),
}

#[derive(Debug, Args)]
pub(crate) struct DemoFlights {
    /// A .csv or .csv.gz file with nycflights13's columns; without it, January 2013 (built in)
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// End when every flight has been counted, instead of waiting for Ctrl-C
    #[arg(long)]
    pub(crate) until_done: bool,
    #[command(flatten)]
    pub(crate) place: DemoPlace,
}

#[derive(Debug, Args)]
pub(crate) struct DemoCauses {
    /// A .csv or .csv.gz file with the columns of nycflights13's flights; without it, January 2013 (built in)
    #[arg(long, value_name = "FILE", requires = "weather")]
    pub(crate) data: Option<PathBuf>,
    /// A .csv or .csv.gz file with the columns of nycflights13's weather; without it, January 2013 (built in)
    #[arg(long, value_name = "FILE")]
    pub(crate) weather: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: DemoPlace,
}

/// Where a demo runs, and how many divide its work.
#[derive(Debug, Args)]
pub(crate) struct DemoPlace {
    /// How many workers divide the work
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) workers: u16,
    /// Run on this Kafka cluster (host:port, separated by commas) instead of the embedded broker
    #[arg(long, env = "HEADWATER_BOOTSTRAP", value_delimiter = ',')]
    pub(crate) bootstrap: Vec<String>,
    /// Where the embedded broker keeps its log; without it, a temporary folder, removed at the end
    #[arg(long, conflicts_with = "bootstrap")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    /// Create a topic
    Create {
        /// Its name
        topic: String,
        /// How many partitions
        #[arg(long, short, default_value_t = 1)]
        partitions: i32,
        /// How many replicas; -1 takes the cluster's default
        #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
        replication_factor: i16,
        /// A configuration, such as retention.ms=-1 or cleanup.policy=compact; may be given again
        #[arg(long = "config", value_name = "NAME=VALUE", value_parser = name_and_value)]
        configs: Vec<(String, String)>,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// List the topics
    List {
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// Show a topic's partitions, offsets and configurations
    Describe {
        /// Its name
        topic: String,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// Give a topic more partitions or another configuration, while it is used
    Alter {
        /// Its name
        topic: String,
        /// How many partitions it shall have; more than now (keys may go to other partitions from then on)
        #[arg(long, short, required_unless_present_any = ["configs", "unset"])]
        partitions: Option<i32>,
        /// A configuration to set, such as retention.ms=-1; may be given again
        #[arg(long = "config", value_name = "NAME=VALUE", value_parser = name_and_value)]
        configs: Vec<(String, String)>,
        /// A configuration that goes back to its default; may be given again
        #[arg(long, value_name = "NAME")]
        unset: Vec<String>,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// Take in a topic from folders of Apache Kafka's (or another Headwater's), while no broker runs on --data-dir
    Import {
        /// Its name, which its folders have: NAME-0, NAME-1, …
        topic: String,
        /// Where its folders lie, such as Kafka's log.dirs; they are copied and not changed
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The data folder that it is put into
        #[arg(long, env = "HEADWATER_DATA_DIR", default_value = "headwater-data")]
        data_dir: PathBuf,
        /// A configuration, such as retention.ms=-1 or cleanup.policy=compact; may be given again
        #[arg(long = "config", value_name = "NAME=VALUE", value_parser = name_and_value)]
        configs: Vec<(String, String)>,
        #[command(flatten)]
        output: Output,
    },
    /// Delete a topic and all its records
    Delete {
        /// Its name
        topic: String,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Produce {
    /// The topic
    pub(crate) topic: String,
    /// The records' values; without any, each line of standard input is one
    pub(crate) values: Vec<String>,
    /// The key of every record
    #[arg(long, short, conflicts_with = "key_separator")]
    pub(crate) key: Option<String>,
    /// What separates the key from the value within a line
    #[arg(long)]
    pub(crate) key_separator: Option<String>,
    /// A header of every record; may be given again
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) headers: Vec<(String, String)>,
    /// The partition; without it, by the key
    #[arg(long)]
    pub(crate) partition: Option<i32>,
    /// none, gzip, snappy, lz4 or zstd
    #[arg(long, default_value = "none")]
    pub(crate) compression: String,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Consume {
    /// The topic
    pub(crate) topic: String,
    /// Start at the oldest record instead of at the next one
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Stop at the records that are last now, instead of waiting for more
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Only this partition
    #[arg(long)]
    pub(crate) partition: Option<i32>,
    /// Start at this offset of the partition
    #[arg(long, requires = "partition", conflicts_with = "from_beginning")]
    pub(crate) offset: Option<i64>,
    /// Stop after so many records
    #[arg(long)]
    pub(crate) max: Option<u64>,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// List the groups
    List {
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// Show a group's members, what each of them has, and how far the group is
    Describe {
        /// The group id
        group: String,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// Set where a group goes on, while nobody is a member of it
    ResetOffsets {
        /// The group id
        group: String,
        /// A topic, or one of its partitions as TOPIC:PARTITION; without it, whatever the group has committed; may be given
        /// again
        #[arg(long = "topic", value_name = "TOPIC[:PARTITION]", value_parser = some_of_a_topic)]
        topics: Vec<SomeOfTopic>,
        #[command(flatten)]
        to: ResetTo,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
    /// Delete a group that nobody is a member of, with its offsets
    Delete {
        /// The group id
        group: String,
        #[command(flatten)]
        cluster: Cluster,
        #[command(flatten)]
        output: Output,
    },
}

/// A topic, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SomeOfTopic {
    pub(crate) topic: String,
    pub(crate) partition: Option<i32>,
}

/// Where a group is to go on: one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ResetTo {
    /// At the oldest record
    #[arg(long)]
    pub(crate) to_earliest: bool,
    /// At the next record to come
    #[arg(long)]
    pub(crate) to_latest: bool,
    /// At the first record of that time or later, such as 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) to_time: Option<jiff::Timestamp>,
    /// So many records further on, or back if it is negative
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) shift_by: Option<i64>,
    /// At this offset
    #[arg(long, value_name = "OFFSET")]
    pub(crate) to_offset: Option<i64>,
}

fn some_of_a_topic(text: &str) -> Result<SomeOfTopic, String> {
    // No topic's name has a colon.
    let (topic, partition) = match text.split_once(':') {
        None => (text, None),
        Some((topic, number)) => {
            let number = number.parse::<i32>().ok().filter(|number| *number >= 0);
            (
                topic,
                Some(number.ok_or_else(|| format!("\"{text}\" names no partition: TOPIC:0, for example"))?),
            )
        }
    };
    Ok(SomeOfTopic { topic: topic.to_owned(), partition })
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("expected NAME=VALUE, got \"{text}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::path::Path;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_offset_needs_a_partition() {
        assert!(Arguments::try_parse_from(["headwater", "consume", "t", "--offset", "3"]).is_err());
        assert!(
            Arguments::try_parse_from(["headwater", "consume", "t", "--partition", "0", "--offset", "3"])
                .is_ok()
        );
    }

    #[test]
    fn offsets_are_reset_to_one_place() {
        let parse = |words: &str| {
            let words =
                ["headwater", "group", "reset-offsets", "g"].into_iter().chain(words.split_whitespace());
            Arguments::try_parse_from(words)
        };
        for one in
            ["--to-earliest", "--to-latest --dry-run", "--to-offset 3", "--shift-by -5 --topic t:0 --topic u"]
        {
            assert!(parse(one).is_ok(), "{one}");
        }
        assert!(parse("--to-time 2026-01-31T08:00:00Z").is_ok());
        for none in ["", "--to-earliest --to-latest", "--to-time yesterday", "--to-latest --topic t:x"] {
            assert!(parse(none).is_err(), "{none}");
        }
    }

    /// The commands in the code blocks of the README and the book.
    fn documented_commands() -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut pages = vec![root.join("README.md")];
        for part in ["guide", "concepts", "reference", "internals", "decisions"] {
            let Ok(folder) = std::fs::read_dir(root.join("docs").join(part)) else { continue };
            pages.extend(folder.map(|page| page.unwrap().path()));
        }
        let mut commands = Vec::new();
        for page in pages {
            let text = std::fs::read_to_string(&page).unwrap();
            let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
            for line in blocks.flat_map(str::lines) {
                let line = line
                    .split(" #")
                    .next()
                    .unwrap_or_default()
                    .replace("cargo run --release -- ", "headwater ");
                let command = line.rsplit("| ").next().unwrap_or_default().trim();
                if command.starts_with("headwater ") {
                    commands.push(command.to_owned());
                }
            }
        }
        commands
    }

    #[test]
    fn every_command_in_the_documentation_is_understood() {
        let commands = documented_commands();
        assert!(commands.len() >= 5, "where have the commands gone? {commands:?}");
        for command in commands {
            if let Err(error) = Arguments::try_parse_from(command.split_whitespace()) {
                panic!("{command}\n{error}");
            }
        }
    }
}
