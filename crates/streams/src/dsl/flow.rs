//! Streams that divide and come together, and streams that end.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Stream;
use super::stream::step;
use crate::graph::NodeKind;
use crate::node::{Branch, FlatMap, ForEach, Outlet, Pass};
use crate::record::{Data, Record};
use crate::topology::TopologyProblem;

/// A stream that is divided into branches: a record goes into the first that takes it, and into no other.
///
/// ```
/// # use headwater_schema::{serdes, utf8};
/// # use headwater_streams::{Guarantee, Stream, Topology};
/// # let mut app = Topology::builder("words").guarantee(Guarantee::AtLeastOnce);
/// # let words: Stream<String, String> = app.stream("words", serdes(utf8(), utf8()));
/// let mut words = words.split();
/// let long = words.branch(|word| word.value.len() > 6);
/// let short = words.branch(|word| word.value.len() < 3);
/// let rest = words.otherwise();
/// ```
pub struct Split<K, V> {
    /// What no branch has taken so far.
    left: Stream<K, V>,
}

impl<K: Data, V: Data> Stream<K, V> {
    /// Makes any number of records out of each, with keys of their own. What is keyed later goes through a repartition
    /// topic.
    pub fn flat_map<L, W, I, F>(&self, map: F) -> Stream<L, W>
    where
        L: Data,
        W: Data,
        I: IntoIterator<Item = (L, W)>,
        F: Fn(Record<K, V>) -> I + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        self.follow(step("flat map"), &[], move |_, next| FlatMap {
            map: Arc::clone(&map),
            next,
            takes: PhantomData,
        })
        .rekeyed()
    }

    /// Hands each record to `act`, which ends the stream here.
    ///
    /// A record that is done again after a failure is handed over again.
    pub fn for_each<F>(&self, act: F)
    where
        F: Fn(Record<K, V>) + Send + Sync + 'static,
    {
        let act = Arc::new(act);
        self.draft.node(NodeKind::Operator(step("for each")), &[self.node], &[]);
        self.draft.attach(&self.outlet, move |_| ForEach { act: Arc::clone(&act) });
    }

    /// Divides the stream into branches.
    pub fn split(&self) -> Split<K, V> {
        let left = self.follow(step("split"), &[], |_, next| Pass { next });
        Split { left: left.with(self.keys.clone(), self.values.clone()) }
    }

    /// Both streams as one. The records of each keep their order; how the two interleave follows from their times where
    /// one task reads both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if !self.draft.is(&other.draft) {
            self.draft.problem(TopologyProblem::ForeignStream("merge".to_owned()));
            return self.clone();
        }
        let node = self.draft.node(NodeKind::Operator(step("merge")), &[self.node, other.node], &[]);
        let merged = Self {
            draft: self.draft.clone(),
            node,
            outlet: Outlet::new(),
            keys: self.keys.clone().or_else(|| other.keys.clone()),
            values: self.values.clone().or_else(|| other.values.clone()),
            rekeyed: self.rekeyed || other.rekeyed,
        };
        self.lead_to(&merged);
        // As in Kafka Streams, a stream merged with itself is itself, and not twice itself.
        if other.node != self.node {
            other.lead_to(&merged);
        }
        merged
    }

    /// Sends the records on to a stream that others lead to, too.
    fn lead_to(&self, to: &Self) {
        let next = to.outlet.clone();
        self.draft.attach(&self.outlet, move |assembly| next.assemble_shared(assembly));
    }
}

impl<K: Data, V: Data> Split<K, V> {
    /// The records for which `takes` is true, of those that no branch before has taken.
    pub fn branch<F>(&mut self, takes: F) -> Stream<K, V>
    where
        F: Fn(&Record<K, V>) -> bool + Send + Sync + 'static,
    {
        let node = self.left.draft.node(NodeKind::Operator(step("branch")), &[self.left.node], &[]);
        let takes = Arc::new(takes);
        let (taken, left) = (Outlet::new(), Outlet::new());
        let branch = Stream { node, outlet: taken.clone(), ..self.left.clone() };
        let (to_left, undivided) = (left.clone(), std::mem::replace(&mut self.left.outlet, left));
        self.left.draft.attach(&undivided, move |assembly| Branch {
            takes: Arc::clone(&takes),
            taken: taken.assemble(assembly),
            left: to_left.assemble(assembly),
        });
        branch
    }

    /// The records that no branch has taken. Without this they are left out.
    pub fn otherwise(self) -> Stream<K, V> {
        let node = self.left.draft.node(NodeKind::Operator(step("otherwise")), &[self.left.node], &[]);
        Stream { node, ..self.left }
    }
}

impl<K, V> fmt::Debug for Split<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("left", &self.left).finish()
    }
}
