//! Questions and commands about the cluster itself: topics, configurations, offsets, groups, brokers.
//!
//! Owns: [`Admin`], which sends each request to whom it concerns (the controller, a leader, a coordinator, anybody)
//! and repeats what may succeed later until the configured time is over; [`AdminError`].
//!
//! Does not know: how the answers are shown.

mod alterations;
mod cluster;
mod configs;
mod group_changes;
mod groups;
mod offsets;
mod share_offsets;
mod topics;

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, TopicName};

use crate::client::Client;
use crate::connector::{Connector, TcpConnector};
use crate::error::{CallError, MetadataError};
use crate::retry::Retry;

pub use alterations::ConfigChange;
pub use cluster::{BrokerDescription, ClusterDescription};
pub use configs::{ConfigEntry, ConfigResource};
pub use groups::{
    GroupDescription, GroupEpochs, GroupListing, MemberDescription, StreamsMemberDescription, StreamsTopic,
    StreamsTopology, Subtopology,
};
pub use offsets::{ListedOffset, OffsetSpec};
pub use share_offsets::ShareOffset;
pub use topics::{NewTopic, PartitionDescription, TopicDescription, TopicListing};

/// The admin calls of a [`Client`].
#[derive(Debug)]
pub struct Admin<C = TcpConnector> {
    client: Client<C>,
}

impl<C> Clone for Admin<C> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone() }
    }
}

impl<C: Connector> Client<C> {
    /// Questions and commands about the cluster itself.
    pub fn admin(&self) -> Admin<C> {
        Admin { client: self.clone() }
    }
}

/// Why an admin call failed. Prints as a sentence that says what could not be done, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The topic does not exist.
    #[error(
        "there is no topic \"{0}\"; `headwater topic list` shows those that exist, `headwater topic create {0}` makes it"
    )]
    NoSuchTopic(TopicName),
    /// The topic has fewer partitions.
    #[error("topic \"{topic}\" has no partition {partition}; it has partitions 0 to {}", partitions - 1)]
    NoSuchPartition {
        /// The topic.
        topic: TopicName,
        /// The partition that was asked for.
        partition: i32,
        /// How many partitions there are.
        partitions: usize,
    },
    /// The cluster answered with an error.
    #[error("cannot {action}: {error}{}", said(message.as_deref()))]
    Refused {
        /// What was to be done.
        action: String,
        /// The error.
        error: ErrorCode,
        /// What the broker says about it.
        message: Option<String>,
    },
    /// There was no answer.
    #[error("cannot {action}: {source}")]
    Call {
        /// What was to be done.
        action: String,
        /// Why there was no answer.
        source: CallError,
    },
}

fn said(message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("; the broker says: {message}"),
        _ => String::new(),
    }
}

impl AdminError {
    /// The error that the cluster answered with, if it answered.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::NoSuchTopic(_) | Self::NoSuchPartition { .. } => Some(ErrorCode::UnknownTopicOrPartition),
            Self::Refused { error, .. } => Some(*error),
            Self::Call { .. } => None,
        }
    }

    /// True if the same call may succeed a little later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::NoSuchTopic(_) | Self::NoSuchPartition { .. } => false,
            Self::Refused { error, .. } => error.is_retriable(),
            Self::Call { source, .. } => source.is_retriable(),
        }
    }

    fn refused(action: impl Into<String>, error: ErrorCode) -> Self {
        Refusal::new(error, None).into_error(action.into())
    }

    fn call(action: impl Into<String>) -> impl FnOnce(CallError) -> Self {
        let action = action.into();
        move |source| Self::Call { action, source }
    }

    fn metadata(action: impl Into<String>) -> impl FnOnce(MetadataError) -> Self {
        let action = action.into();
        move |error| match error {
            MetadataError::Call(source) => Self::Call { action, source },
            MetadataError::Refused(error) => Self::refused(action, error),
        }
    }
}

/// The answer to one item of a request that has several.
#[derive(Debug, Clone)]
struct Refusal {
    error: ErrorCode,
    message: Option<String>,
}

impl Refusal {
    fn new(error: ErrorCode, message: Option<String>) -> Self {
        Self { error, message }
    }

    /// `Ok` where the code of an answer is 0.
    fn check(error_code: i16, message: Option<&str>) -> Result<(), Self> {
        let error = ErrorCode::from_code(error_code);
        error.ok().map_err(|error| Self::new(error, message.map(str::to_owned)))
    }

    fn into_error(self, action: String) -> AdminError {
        AdminError::Refused { action, error: self.error, message: self.message }
    }
}

/// What became of each item of a request.
type Results<K, T> = BTreeMap<K, Result<T, AdminError>>;

/// The answer to a request that has several items, or why there is none.
type Answers<K, T> = Result<Vec<(K, Result<T, Refusal>)>, CallError>;

/// Repeats a call while its failure is retriable and there is time. A macro, since the futures of async closures do not
/// prove that they are `Send`.
macro_rules! retrying {
    ($client:expr, $attempt:expr) => {{
        let mut retry = $client.retry();
        loop {
            let result = $attempt.await;
            let retriable = result.as_ref().is_err_and(AdminError::is_retriable);
            if !(retriable && $client.pause(&mut retry).await) {
                break result;
            }
        }
    }};
}
use retrying;

/// Items of a request of which some may have to be asked for again.
#[derive(Debug)]
struct Settling<K, T> {
    /// Those to ask for, with why they have no answer yet.
    pending: BTreeMap<K, Option<AdminError>>,
    settled: Results<K, T>,
    /// True if an earlier try may have been processed without our learning of it.
    uncertain: bool,
}

impl<K: Ord + Clone, T> Settling<K, T> {
    fn new(items: impl IntoIterator<Item = K>) -> Self {
        Self {
            pending: items.into_iter().map(|item| (item, None)).collect(),
            settled: BTreeMap::new(),
            uncertain: false,
        }
    }

    fn take(&mut self, answers: Answers<K, T>, action: impl Fn(&K) -> String) {
        let mut answers: Result<BTreeMap<K, _>, CallError> =
            answers.map(|answers| answers.into_iter().collect());
        self.uncertain |= answers.as_ref().is_err_and(CallError::may_have_been_processed);
        for item in std::mem::take(&mut self.pending).into_keys() {
            let result = match &mut answers {
                Ok(answers) => {
                    let nothing = || Err(Refusal::new(ErrorCode::UnknownServerError, None));
                    let answer = answers.remove(&item).unwrap_or_else(nothing);
                    answer.map_err(|refusal| refusal.into_error(action(&item)))
                }
                Err(error) => Err(AdminError::call(action(&item))(error.clone())),
            };
            match result {
                Err(error) if error.is_retriable() => drop(self.pending.insert(item, Some(error))),
                result => drop(self.settled.insert(item, result)),
            }
        }
    }

    /// The results; what is pending has failed.
    fn finish(self) -> Results<K, T> {
        let mut results = self.settled;
        let failed = self.pending.into_iter().filter_map(|(item, error)| Some((item, Err(error?))));
        results.extend(failed);
        results
    }
}

impl<C: Connector> Admin<C> {
    /// Before asking the controller again. False if there is no time for it.
    async fn pause_for_controller(&self, retry: &mut Retry) -> bool {
        if !self.client.pause(retry).await {
            return false;
        }
        // It may have moved; should asking fail, the next try will say so.
        drop(self.client.refresh_metadata(&[]).await);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_calls_can_run_on_any_thread() {
        fn is_send<T: Send>(_: impl FnOnce(&'static Admin) -> T) {}
        is_send(|admin| admin.create_topics(&[]));
        is_send(|admin| admin.delete_topics(&[]));
        is_send(|admin| async { admin.create_partitions(&TopicName::new("t").unwrap(), 1).await });
        is_send(|admin| admin.describe_topics(&[]));
        is_send(|admin| admin.describe_configs(&[]));
        is_send(|admin| admin.offsets(&[]));
        is_send(Admin::list_groups);
        is_send(|admin| admin.describe_groups(&[]));
        is_send(|admin| admin.group_offsets(""));
        is_send(Admin::describe_cluster);
    }

    #[test]
    fn errors_are_sentences_that_say_what_could_not_be_done() {
        let name = TopicName::new("flights").unwrap();
        let refused = Refusal::new(ErrorCode::TopicAlreadyExists, Some("Topic 'flights' exists".to_owned()));
        let expected = expect_test::expect![[r#"
            there is no topic "flights"; `headwater topic list` shows those that exist, `headwater topic create flights` makes it
            topic "flights" has no partition 7; it has partitions 0 to 3
            cannot create topic "flights": a topic of that name exists (error code 36); the broker says: Topic 'flights' exists
            cannot list the groups: the coordinator is not available (error code 15)
        "#]];
        let errors = [
            AdminError::NoSuchTopic(name.clone()),
            AdminError::NoSuchPartition { topic: name, partition: 7, partitions: 4 },
            refused.into_error("create topic \"flights\"".to_owned()),
            AdminError::refused("list the groups", ErrorCode::CoordinatorNotAvailable),
        ];
        let lines = errors.map(|error| error.to_string() + "\n");
        expected.assert_eq(&lines.concat());
    }
}
