//! Joins of two streams within windows of event time.

use std::sync::Arc;

use headwater_schema::{Part, Serde};

use super::Stream;
use crate::graph::{NodeId, NodeKind, Operator, StoreKind};
use crate::join_windows::{JoinWindows, Side};
use crate::node::{JoinAlone, Outlet, StreamJoin, Waiting};
use crate::record::Data;
use crate::store::{JoinStores, SideView, WaitingView};
use crate::topology::TopologyProblem;
use crate::topology::builder::Handle;

/// Which sides give a result for every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inner,
    Left,
    Outer,
}

impl<K: Data, V: Data> Stream<K, V> {
    /// Joins each record with those of the same key in the other stream that the windows allow: a result for each pair,
    /// with the later of the two times, and the headers of the record that came second.
    ///
    /// Records whose key or value is null are dropped and counted. Both streams must be partitioned alike; one whose key
    /// was changed is repartitioned through `<application>-<name>-left-repartition` or `-right-`. Each side has a store,
    /// named as in Kafka Streams (`<name>-this-join-store` and the like); records too old to be kept in it are counted under `name`.
    pub fn join_within<W, R, F>(
        &self,
        name: &str,
        right: &Stream<K, W>,
        windows: JoinWindows,
        join: F,
    ) -> Stream<K, R>
    where
        W: Data,
        R: Data,
        F: Fn(&K, &V, &W) -> R + Send + Sync + 'static,
    {
        self.join_stream(name, right, windows, Kind::Inner, move |key, left: Option<&V>, right| {
            Some(join(key, left?, right?))
        })
    }

    /// As [`Stream::join_within`]; a record of this stream that finds no partner gives a result with `None`, once the
    /// window is closed and the grace is over. A record without a key gives one at once.
    ///
    /// Such a result has the record's time, and the headers of the record that closed the window.
    pub fn left_join_within<W, R, F>(
        &self,
        name: &str,
        right: &Stream<K, W>,
        windows: JoinWindows,
        join: F,
    ) -> Stream<K, R>
    where
        W: Data,
        R: Data,
        F: Fn(&K, &V, Option<&W>) -> R + Send + Sync + 'static,
    {
        self.join_stream(name, right, windows, Kind::Left, move |key, left: Option<&V>, right| {
            Some(join(key, left?, right))
        })
    }

    /// As [`Stream::left_join_within`], for the records of both streams: at least one of the values is there.
    pub fn outer_join_within<W, R, F>(
        &self,
        name: &str,
        right: &Stream<K, W>,
        windows: JoinWindows,
        join: F,
    ) -> Stream<K, R>
    where
        W: Data,
        R: Data,
        F: Fn(&K, Option<&V>, Option<&W>) -> R + Send + Sync + 'static,
    {
        self.join_stream(name, right, windows, Kind::Outer, move |key, left: Option<&V>, right| {
            Some(join(key, left, right))
        })
    }

    fn join_stream<W, R, F>(
        &self,
        name: &str,
        right: &Stream<K, W>,
        windows: JoinWindows,
        kind: Kind,
        join: F,
    ) -> Stream<K, R>
    where
        W: Data,
        R: Data,
        F: Fn(&K, Option<&V>, Option<&W>) -> Option<R> + Send + Sync + 'static,
    {
        self.draft.claim(name, "a join");
        if !self.draft.is(&right.draft) {
            self.draft.problem(TopologyProblem::ForeignStream(name.to_owned()));
            return self.nothing();
        }
        let Some(serdes) = self.join_serdes(name, right) else {
            return self.nothing();
        };
        let drops_null_keys = kind == Kind::Inner;
        let left = self.by_key(&format!("{name}-left"), &serdes.keys, drops_null_keys);
        let right = right.by_key(&format!("{name}-right"), &serdes.keys, drops_null_keys);
        let stores = join_stores(&self.draft, name, windows, kind);
        self.draft.store_holds(stores.left, &serdes.keys, &serdes.left);
        self.draft.store_holds(stores.right, &serdes.keys, &serdes.right);
        let all: Vec<_> = [stores.left, stores.right].into_iter().chain(stores.waiting).collect();
        let operator = self.draft.node(
            NodeKind::Operator(operator(name, windows, kind)),
            &[left.node, right.node],
            &all,
        );
        if kind != Kind::Inner {
            self.draft.hold(operator, windows.hold_ms());
        }
        let joining =
            Joining { operator, windows, kind, stores, serdes, join: Arc::new(join), outlet: Outlet::new() };
        joining.attach_left(&left);
        joining.attach_right(&right);
        Stream::new(left.draft, operator, joining.outlet, Some(joining.serdes.keys), None, false)
    }

    /// The serdes that the join's stores need, or the problem that nobody named them.
    fn join_serdes<W: Data>(&self, name: &str, right: &Stream<K, W>) -> Option<JoinSerdes<K, V, W>> {
        let keys = self.draft.known(self.keys.as_ref().or(right.keys.as_ref()), Part::Key, name);
        let left = self.draft.known(self.values.as_ref(), Part::Value, name);
        let right = self.draft.known(right.values.as_ref(), Part::Value, name);
        Some(JoinSerdes { keys: keys?, left: left?, right: right? })
    }

    /// Stands in for a stream that cannot be, until `build` refuses.
    pub(super) fn nothing<R: Data>(&self) -> Stream<K, R> {
        Stream::new(self.draft.clone(), self.node, Outlet::new(), None, None, false)
    }
}

/// A join under construction: what its sides share.
struct Joining<K, V, W, R, F> {
    operator: NodeId,
    windows: JoinWindows,
    kind: Kind,
    stores: JoinStores,
    serdes: JoinSerdes<K, V, W>,
    join: Arc<F>,
    outlet: Outlet<K, R>,
}

struct JoinSerdes<K, V, W> {
    keys: Arc<dyn Serde<K>>,
    left: Arc<dyn Serde<V>>,
    right: Arc<dyn Serde<W>>,
}

impl<K, V, W, R, F> Joining<K, V, W, R, F>
where
    K: Data,
    V: Data,
    W: Data,
    R: Data,
    F: Fn(&K, Option<&V>, Option<&W>) -> Option<R> + Send + Sync + 'static,
{
    fn attach_left(&self, stream: &Stream<K, V>) {
        let Self { operator, windows, kind, stores, .. } = *self;
        let (views, waiting) = (self.views(), self.waiting());
        let (join, next) = (Arc::clone(&self.join), self.outlet.clone());
        stream.draft.attach_timed(&stream.outlet, move |assembly| {
            let (own, other) = views();
            let join = Arc::clone(&join);
            StreamJoin {
                operator,
                windows,
                stores,
                own,
                other,
                join: move |key: &K, left: &V, right: Option<&W>| join(key, Some(left), right),
                is_outer: kind != Kind::Inner,
                other_is_outer: kind == Kind::Outer,
                waiting: waiting(),
                found: Vec::new(),
                next: Box::new(next.assemble_shared(assembly)),
            }
        });
    }

    fn attach_right(&self, stream: &Stream<K, W>) {
        let Self { operator, windows, kind, stores, .. } = *self;
        let (views, waiting) = (self.views(), self.waiting());
        let (join, next) = (Arc::clone(&self.join), self.outlet.clone());
        stream.draft.attach_timed(&stream.outlet, move |assembly| {
            let (other, own) = views();
            let join = Arc::clone(&join);
            StreamJoin {
                operator,
                windows,
                stores,
                own,
                other,
                join: move |key: &K, right: &W, left: Option<&V>| join(key, left, Some(right)),
                is_outer: kind == Kind::Outer,
                other_is_outer: kind != Kind::Inner,
                waiting: waiting(),
                found: Vec::new(),
                next: Box::new(next.assemble_shared(assembly)),
            }
        });
    }

    /// Makes the views of both sides' stores, for each task.
    fn views(&self) -> impl Fn() -> (SideView<K, V>, SideView<K, W>) + Send + Sync + use<K, V, W, R, F> {
        let (stores, windows) = (self.stores, self.windows);
        let JoinSerdes { keys, left, right } = self.serdes.clone();
        move || {
            (
                SideView::new(stores, Side::Left, windows, Arc::clone(&keys), Arc::clone(&left)),
                SideView::new(stores, Side::Right, windows, Arc::clone(&keys), Arc::clone(&right)),
            )
        }
    }

    /// Makes what deals with records that wait, for each task.
    fn waiting(&self) -> impl Fn() -> Option<Waiting<K, R>> + Send + Sync + use<K, V, W, R, F> {
        let store = self.stores.waiting;
        let JoinSerdes { left, right, .. } = self.serdes.clone();
        let join = Arc::clone(&self.join);
        let alone: JoinAlone<K, R> = Arc::new(move |key, side, value| {
            Ok(match side {
                Side::Left => join(key, Some(&left.deserialize(value)?), None),
                Side::Right => join(key, None, Some(&right.deserialize(value)?)),
            })
        });
        move || {
            let view = WaitingView::new(store?);
            Some(Waiting { view, join: Arc::clone(&alone), due: Vec::new() })
        }
    }
}

impl<K, V, W> Clone for JoinSerdes<K, V, W> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), left: Arc::clone(&self.left), right: Arc::clone(&self.right) }
    }
}

/// Adds the stores, under the names that Kafka Streams gives them.
fn join_stores(draft: &Handle, name: &str, windows: JoinWindows, kind: Kind) -> JoinStores {
    let (left, right, waiting) = match kind {
        Kind::Inner => ("this-join", "other-join", None),
        Kind::Left => ("this-join", "outer-other-join", Some("left-shared-join")),
        Kind::Outer => ("outer-this-join", "outer-other-join", Some("outer-shared-join")),
    };
    let store = |suffix: &str, kind| {
        let name = format!("{name}-{suffix}-store");
        draft.claim(&name, "a store of a join");
        draft.store(&name, kind)
    };
    JoinStores {
        left: store(left, StoreKind::JoinSide(windows)),
        right: store(right, StoreKind::JoinSide(windows)),
        waiting: waiting.map(|suffix| store(suffix, StoreKind::JoinWaiting(windows))),
    }
}

fn operator(name: &str, windows: JoinWindows, kind: Kind) -> Operator {
    let verb = match kind {
        Kind::Inner => "join",
        Kind::Left => "left join",
        Kind::Outer => "outer join",
    };
    let detail = Some(format!("within {windows}"));
    Operator { verb, name: Some(name.to_owned()), detail, copartitions: true }
}
