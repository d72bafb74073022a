//! Who is to work on what: the assignors of the newer kinds of group, as pure functions.
//!
//! Owns: what an assignor is told ([`Problem`]), which there are for consumer groups ([`Assignor`]), and the one of share
//! groups ([`simple`]).
//!
//! Invariants: every partition of a topic to which somebody subscribes is given to exactly one of those, in a share group
//! to at least one; the outcome depends on the problem alone, members and topics in order.
//!
//! Does not know: epochs, who works on what at present, racks.

mod range;
pub(crate) mod simple;
mod uniform;

use std::collections::BTreeMap;
use std::fmt;

use headwater_model::Uuid;

use crate::{InstanceId, MemberId, Partitions};

/// An assignor of the coordinator. Prints as Kafka calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignor {
    /// As even as can be, and as little moved as can be.
    Uniform,
    /// Each topic in ranges, so that partitions of the same number come together.
    Range,
}

impl Assignor {
    const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// What each member is to have, in the order of the problem's members.
    pub(crate) fn assign(self, problem: &Problem<'_>) -> Vec<Partitions> {
        match self {
            Self::Uniform => uniform::assign(problem),
            Self::Range => range::assign(problem),
        }
    }
}

impl fmt::Display for Assignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is to be assigned to whom.
#[derive(Debug, Default)]
pub(crate) struct Problem<'a> {
    /// Each topic that somebody subscribes to, with the number of its partitions.
    pub(crate) topics: BTreeMap<Uuid, i32>,
    pub(crate) members: Vec<Subscriber<'a>>,
}

/// A member as an assignor sees it.
#[derive(Debug)]
pub(crate) struct Subscriber<'a> {
    pub(crate) member: &'a MemberId,
    pub(crate) instance: Option<&'a InstanceId>,
    /// The topics that it subscribes to and that exist, in order.
    pub(crate) topics: Vec<Uuid>,
    /// What it was to have until now.
    pub(crate) before: &'a Partitions,
}

#[cfg(test)]
mod tests;
