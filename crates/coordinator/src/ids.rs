//! The names by which groups and their members are known.

use std::fmt;
use std::sync::Arc;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name that reads as this text.
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    )*};
}

names! {
    /// The name of a group. Membership needs one that is not empty; offsets may be committed under the empty name.
    GroupId
    /// The name that the coordinator gave to a member: new for each incarnation.
    MemberId
    /// The name that a static member keeps over restarts (Kafka's `group.instance.id`, KIP-345).
    InstanceId
    /// The name of a part of a streams topology whose tasks are one for each partition (KIP-1071).
    SubtopologyId
    /// The name under which a producer's incarnations succeed each other (Kafka's `transactional.id`).
    TransactionalId
}

/// Kafka has no bound; each record repeats the name of its group or transactional id.
const MAX_ID_BYTES: usize = 1_024;

impl GroupId {
    /// Whether a group that has members can have this name.
    pub(crate) fn is_legal(&self) -> bool {
        !self.0.is_empty() && self.is_legal_for_offsets()
    }

    /// Whether offsets can be committed under this name.
    pub(crate) fn is_legal_for_offsets(&self) -> bool {
        self.0.len() <= MAX_ID_BYTES
    }
}

impl TransactionalId {
    /// Whether a producer can have this name.
    pub(crate) fn is_legal(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= MAX_ID_BYTES
    }
}
