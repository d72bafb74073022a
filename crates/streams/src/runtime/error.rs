//! Why an instance of an application cannot start, or stopped.

use headwater_client::{AdminError, CommitError, ConsumeError, SendError};
use headwater_model::{Offset, TopicName, TopicPartition};

use crate::error::TaskError;
use crate::store::StateError;
use crate::topology::{InternalTopicKind, PlanError, TaskId};

/// Why an instance of an application cannot start, or stopped. What it had not committed is done again at a restart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsError {
    /// The topics that there are do not fit the topology.
    #[error("\"{application}\" cannot run: {source}")]
    Plan {
        /// The application id.
        application: String,
        /// What does not fit.
        source: PlanError,
    },
    /// An internal topic exists with another number of partitions: it belongs to another version of the topology.
    #[error(
        "the {kind} topic \"{topic}\" has {found} partitions, but the topology needs {needed}: another version of the \
         application made it; {}",
        match kind {
            InternalTopicKind::Repartition => "delete it once that version has worked it off",
            InternalTopicKind::Changelog => "to begin without its state, delete it and the group's offsets",
        }
    )]
    InternalCount {
        /// What it is for.
        kind: InternalTopicKind,
        /// The topic.
        topic: TopicName,
        /// How many partitions it has.
        found: usize,
        /// How many are needed.
        needed: i32,
    },
    /// Configs are for a topic that the application does not have.
    #[error(
        "there are configs for \"{topic}\", which is no internal topic of \"{application}\"; its description names them all"
    )]
    NoSuchInternalTopic {
        /// The application id.
        application: String,
        /// The topic.
        topic: String,
    },
    /// A config of internal topics is not the author's to set.
    #[error(
        "internal topics cannot have another \"{config}\": what they hold would not last, or not be as it was written"
    )]
    OwnTopicConfig {
        /// The config.
        config: String,
    },
    /// A policy says to write records to the dead-letter topic, and there is none.
    #[error("a policy is to write records to the dead-letter topic, but `task.dead_letter_topic` names none")]
    NoDeadLetterTopic,
    /// A bounded run met instances of its application.
    #[error(
        "a bounded run of \"{0}\" must be the only one: its group has members; stop the instances first, or have one drained \
         instead"
    )]
    NotAlone(String),
    /// A run was to begin elsewhere than where its application is.
    #[error(
        "\"{application}\" has begun already ({at} says so) and goes on where it is; to begin elsewhere give the run an \
         application id of its own, or delete the application's group and internal topics first"
    )]
    HasBegun {
        /// The application id.
        application: String,
        /// A source with a committed offset, or an internal topic with records.
        at: TopicPartition,
    },
    /// A changelog has changes, but the group has no offsets that would say which of them count.
    #[error(
        "task {task} cannot begin: its changelog \"{changelog}\" holds state, but the group has no committed offsets for the \
         task's inputs (they have expired or were deleted); to begin anew delete the application's changelogs, to go on with \
         that state set the group's offsets (`headwater group reset-offsets`)"
    )]
    StateWithoutOffsets {
        /// The task.
        task: TaskId,
        /// The changelog.
        changelog: TopicName,
    },
    /// A changelog is shorter than the group has committed.
    #[error(
        "the changelog {changelog} ends at offset {end}, but state up to offset {committed} was committed: it was deleted or \
         cut; to begin anew delete the application's changelogs and its group"
    )]
    ChangelogCut {
        /// The changelog's partition.
        changelog: TopicPartition,
        /// What was committed.
        committed: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// The folder of a task's state cannot be used.
    #[error("{source}{}", because(source))]
    State {
        /// Why not.
        #[from]
        source: StateError,
    },
    /// The cluster refused something that the instance needs.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Records could not be read.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// Positions could not be committed.
    #[error("positions cannot be committed: {0}")]
    Commit(#[from] CommitError),
    /// A result could not be written.
    #[error("a result cannot be written: {0}")]
    Produce(#[from] SendError),
    /// A task failed on a record.
    #[error("task {task} stopped: {source}{}", because(source))]
    Task {
        /// The task.
        task: TaskId,
        /// What went wrong, and at which record.
        source: TaskError,
    },
    /// A record of a global table's topic could not be read.
    #[error("a global table cannot be read: {source}{}", because(source))]
    Global {
        /// What went wrong, and at which record.
        source: TaskError,
    },
    /// A part of the instance panicked.
    #[error("a worker ended unexpectedly: {0}")]
    Crashed(String),
}

/// The causes of an error behind its own sentence.
pub(super) fn because(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
