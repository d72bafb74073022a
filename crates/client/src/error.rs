//! Why a request has no answer.
//!
//! Owns: [`CallError`], [`ConnectError`]. Invariant: each tells whether the broker may have processed the request.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::ApiKey;
use headwater_wire::protocol::DecodeError;

use crate::config::InvalidAddress;
use crate::connection::Disconnect;

/// Why a request has no (usable) answer. Errors that an answer carries are not here: they are [`ErrorCode`]s.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No broker could be reached; nothing was sent.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// The broker that has to answer could not be reached; nothing was sent.
    #[error("cannot reach {broker}: {cause}")]
    Connect {
        /// The broker.
        broker: Arc<str>,
        /// What went wrong.
        cause: Arc<Disconnect>,
    },
    /// The broker that has to answer is not part of the cluster, or not known yet; nothing was sent.
    #[error("broker {0} is not in what the cluster says about itself; it may be down or just starting")]
    UnknownBroker(i32),
    /// The cluster names no controller just now; nothing was sent.
    #[error("the cluster names no controller just now")]
    NoController,
    /// The broker does not offer the API in any version that we speak; nothing was sent.
    #[error(
        "{broker} does not offer {api} in versions {} to {}{}; it may be too old, or too new, for this client",
        ours.start(), ours.end(), Offered(theirs.as_ref())
    )]
    Unsupported {
        /// The broker.
        broker: Arc<str>,
        /// The API.
        api: ApiKey,
        /// The versions that would do.
        ours: RangeInclusive<i16>,
        /// The versions that the broker has, if any.
        theirs: Option<RangeInclusive<i16>>,
    },
    /// The connection ended before any of the request was written.
    #[error("{api} was not sent to {broker}: {cause}")]
    NotSent {
        /// The broker.
        broker: Arc<str>,
        /// The API.
        api: ApiKey,
        /// How the connection ended.
        cause: Arc<Disconnect>,
    },
    /// The connection ended after the request was written, at least in part: it may have been processed.
    #[error("{api} was sent to {broker}, but no answer came ({cause}); it may have been processed")]
    NoAnswer {
        /// The broker.
        broker: Arc<str>,
        /// The API.
        api: ApiKey,
        /// How the connection ended.
        cause: Arc<Disconnect>,
    },
    /// An answer came that cannot be read: the request was probably processed.
    #[error("the answer of {broker} to {api} cannot be read: {source}")]
    Malformed {
        /// The broker.
        broker: Arc<str>,
        /// The API.
        api: ApiKey,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The coordinator of a group could not be found out; the request was not sent.
    #[error("the coordinator of group \"{group}\" cannot be found: {error}")]
    Coordinator {
        /// The group.
        group: String,
        /// The cluster's answer.
        error: ErrorCode,
    },
    /// The coordinator of a producer's transactions could not be found out; the request was not sent.
    #[error("the coordinator of transactional id \"{transactional_id}\" cannot be found: {error}")]
    TransactionCoordinator {
        /// The transactional id.
        transactional_id: String,
        /// The cluster's answer.
        error: ErrorCode,
    },
}

impl CallError {
    /// True if the broker may have processed the request; false if it certainly has not.
    pub fn may_have_been_processed(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Malformed { .. })
    }

    /// True if the same request may succeed a little later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unsupported { .. } | Self::Malformed { .. } => false,
            Self::Coordinator { error, .. } | Self::TransactionCoordinator { error, .. } => {
                error.is_retriable()
            }
            _ => true,
        }
    }
}

struct Offered<'a>(Option<&'a RangeInclusive<i16>>);

impl fmt::Display for Offered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(range) => write!(f, " (it has {} to {})", range.start(), range.end()),
            None => f.write_str(" (it does not have it at all)"),
        }
    }
}

/// No broker of the cluster answered.
#[derive(Debug, Clone)]
pub struct Unreachable {
    /// What was tried, and what came of it.
    pub tried: Vec<(Arc<str>, Arc<Disconnect>)>,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no Kafka broker answers at ")?;
        for (index, (broker, cause)) in self.tried.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", nor at " };
            write!(f, "{separator}{broker} ({cause})")?;
        }
        f.write_str("; start one with `headwater up`, or give the address of a cluster that runs")
    }
}

impl std::error::Error for Unreachable {}

/// Why a client could not be made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No bootstrap address was given.
    #[error("no bootstrap address was given; write at least one, for example localhost:9092")]
    NoAddress,
    /// A bootstrap address is malformed.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// The cluster does not answer, or does not say what it consists of.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// Why the cluster's metadata is not known.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// No answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The cluster answered with an error.
    #[error("the cluster refuses to describe itself: {0}")]
    Refused(ErrorCode),
}

impl MetadataError {
    /// True if asking again a little later may succeed.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retriable(),
            Self::Refused(error) => error.is_retriable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sentences_that_say_who_failed_and_whether_it_may_have_happened() {
        let broker: Arc<str> = "broker 1 (localhost:9092)".into();
        let refused = Arc::new(Disconnect::Connect(std::io::Error::other("connection refused")));
        let closed = Arc::new(Disconnect::Closed);
        let api = ApiKey::InitProducerId;
        let errors = [
            CallError::Unreachable(Unreachable {
                tried: vec![("a:1".into(), Arc::clone(&refused)), ("b:2".into(), Arc::clone(&closed))],
            }),
            CallError::Connect { broker: Arc::clone(&broker), cause: refused },
            CallError::Unsupported { broker: Arc::clone(&broker), api, ours: 0..=5, theirs: Some(6..=7) },
            CallError::Unsupported { broker: Arc::clone(&broker), api, ours: 0..=5, theirs: None },
            CallError::NotSent { broker: Arc::clone(&broker), api, cause: Arc::clone(&closed) },
            CallError::NoAnswer { broker, api, cause: closed },
        ];
        let expected = expect_test::expect![[r"
            false no Kafka broker answers at a:1 (connection refused), nor at b:2 (the broker closed the connection); start one with `headwater up`, or give the address of a cluster that runs
            false cannot reach broker 1 (localhost:9092): connection refused
            false broker 1 (localhost:9092) does not offer InitProducerId in versions 0 to 5 (it has 6 to 7); it may be too old, or too new, for this client
            false broker 1 (localhost:9092) does not offer InitProducerId in versions 0 to 5 (it does not have it at all); it may be too old, or too new, for this client
            false InitProducerId was not sent to broker 1 (localhost:9092): the broker closed the connection
            true InitProducerId was sent to broker 1 (localhost:9092), but no answer came (the broker closed the connection); it may have been processed
        "]];
        let lines = errors.map(|error| format!("{} {error}\n", error.may_have_been_processed()));
        expected.assert_eq(&lines.concat());
    }
}
