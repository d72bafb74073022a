//! Why a topology cannot be built. All problems are reported at once.

use std::fmt;

use headwater_model::InvalidName;
use headwater_schema::Part;

/// Why a topology cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyError {
    /// The application.
    pub application_id: String,
    /// What is wrong, in the order of declaration; at least one.
    pub problems: Vec<TopologyProblem>,
}

/// One thing that is wrong with a topology.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyProblem {
    /// There is no source.
    #[error("it reads no topic")]
    Empty,
    /// Two operators have one name.
    #[error("the name \"{name}\" is given twice, to {first} and to {second}; give one of them another")]
    DuplicateName {
        /// The name.
        name: String,
        /// What has it.
        first: &'static str,
        /// What was given it again.
        second: &'static str,
    },
    /// A name that cannot be part of a topic's name, or a topic's name that is none.
    #[error("\"{name}\" cannot be used: {reason}")]
    IllegalName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: InvalidName,
    },
    /// A topic has two readers in the topology.
    #[error("the topic \"{0}\" is read twice; keep the stream or table in a variable, and use that twice")]
    ReadTwice(String),
    /// Records must be stored or sent, and nobody said how they are written.
    #[error(
        "\"{name}\" does not know how to write the stream's {part}s, whose type was changed on the way; say so with \
         `.with_serdes(..)` before it"
    )]
    UnknownSerde {
        /// The operator.
        name: String,
        /// Key or value.
        part: Part,
    },
    /// A repartition topic without partitions.
    #[error("the repartition topic of \"{0}\" must have one partition at least")]
    NoPartitions(String),
    /// Windows without a size.
    #[error("the windows of \"{0}\" are shorter than a millisecond")]
    EmptyWindows(String),
    /// Hopping windows that do not cover all time, or do not advance.
    #[error("the windows of \"{0}\" must advance by at least a millisecond, and by no more than their size")]
    WindowStep(String),
    /// Hopping windows of which too many hold each record.
    #[error(
        "the windows of \"{0}\" are more than 10,000 steps long, and each record would lie in as many of them; let them \
         advance by more"
    )]
    TooManySteps(String),
    /// A table without windows was to wait for their closing.
    #[error(
        "\"{0}\" waits for windows to close, but its table is not made of windows; suppress right behind the windowed \
         aggregate, or until a time limit"
    )]
    NoWindows(String),
    /// A stream was joined with a table whose keys have windows.
    #[error(
        "\"{0}\" joins a table of windows, which cannot be done yet; write the table to a topic, and join with that"
    )]
    WindowedTable(String),
    /// The history of a versioned table does not go back as far as the join with it looks.
    #[error("the history of the table \"{table}\" is shorter than the grace of \"{name}\"")]
    ShortHistory {
        /// The join.
        name: String,
        /// The table.
        table: String,
    },
    /// A store was declared, and given to no processor.
    #[error("the store \"{0}\" is given to no processor")]
    IdleStore(String),
    /// A store keeps nothing.
    #[error("what the store \"{0}\" holds is gone in less than a millisecond")]
    NothingKept(String),
    /// A processor was given a store of another topology.
    #[error("the store \"{0}\" is of another topology, and cannot be given to a processor of this one")]
    ForeignStore(String),
    /// A source has watermarks, and the topology goes by stream time.
    #[error(
        "the topic \"{0}\" has watermarks, which count only where the whole topology goes by them; say so with \
         `.watermarks(..)` of the builder"
    )]
    StrayWatermarks(String),
    /// Streams of different topologies were brought together.
    #[error("\"{0}\" takes a stream of another topology, which cannot be done")]
    ForeignStream(String),
    /// A stream was joined with a table of another topology.
    #[error("the table \"{0}\" is of another topology, and cannot be joined with")]
    ForeignTable(String),
}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the topology \"{}\" cannot be built: ", self.application_id)?;
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for TopologyError {}
