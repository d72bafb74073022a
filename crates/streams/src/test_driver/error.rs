//! Why a test could not go on.

use headwater_schema::{Part, SerdeError};
use headwater_wire::batch::BatchError;

use crate::error::{ReadError, TaskError};
use crate::topology::PlanError;

/// Why a test could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The topology cannot run on topics with such partition counts.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A topic was given a partition count, but the topology neither reads nor writes it.
    #[error("the topology has no topic \"{topic}\"; it has {}", list(.known))]
    NoTopic {
        /// The topic.
        topic: String,
        /// What it reads or writes.
        known: Vec<String>,
    },
    /// A topic was given no partitions.
    #[error("the topic \"{topic}\" cannot have {partitions} partitions; it needs at least one")]
    NoPartitions {
        /// The topic.
        topic: String,
        /// The partition count.
        partitions: i32,
    },
    /// A record was laid into a partition that its topic does not have.
    #[error("the topic \"{topic}\" has no partition {partition}; it has {count}, and the first is 0")]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How many partitions the topic has.
        count: usize,
    },
    /// A policy says to write records to the dead-letter topic, and there is none.
    #[error("a policy is to write records to the dead-letter topic, but `dead_letter_topic` names none")]
    NoDeadLetterTopic,
    /// The topology does not read the topic.
    #[error("the topology does not read \"{topic}\"; it reads {}", list(.known))]
    NotRead {
        /// The topic.
        topic: String,
        /// What it reads.
        known: Vec<String>,
    },
    /// The topology does not write the topic.
    #[error("the topology does not write \"{topic}\"; it writes {}", list(.known))]
    NotWritten {
        /// The topic.
        topic: String,
        /// What it writes.
        known: Vec<String>,
    },
    /// The topology has no store of that name and kind.
    #[error("the topology has no {kind} \"{store}\"; it has {}", list(.known))]
    NoStore {
        /// The name.
        store: String,
        /// What kind of store was asked for.
        kind: &'static str,
        /// The stores that it has.
        known: Vec<String>,
    },
    /// A record of the test cannot be written.
    #[error("the {part} of a record for \"{topic}\" cannot be written")]
    Unwritable {
        /// The topic.
        topic: String,
        /// Key or value.
        part: Part,
        /// What is wrong with it.
        source: SerdeError,
    },
    /// A record that the topology wrote cannot be read by the test.
    #[error("the {part} of a record of \"{topic}\" cannot be read")]
    Unreadable {
        /// The topic.
        topic: String,
        /// Key or value.
        part: Part,
        /// What is wrong with it.
        source: SerdeError,
    },
    /// A record does not fit into a batch.
    #[error("a record for \"{topic}\" does not fit into a batch")]
    Batch {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        source: BatchError,
    },
    /// A store cannot be read by the test.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// A task stopped. Nothing can be fed any more; what was written before can still be read.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Something was fed after a task had stopped.
    #[error("a task has stopped at an earlier error, and nothing can be fed any more")]
    Stopped,
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
    }
}
