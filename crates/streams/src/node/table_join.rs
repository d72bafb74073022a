//! Joins of two tables by their keys.
//!
//! Each side is a node of its own, and looks the other side's value up. There is no store: what the join holds is
//! computed from what both tables hold. A result has the later of the two times, and the headers of the change.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_model::Timestamp;

use super::{Node, NodeError, Processed};
use crate::context::Context;
use crate::record::{Change, Data, Record};
use crate::store::Lookup;

/// One side of a join; see the module.
pub(crate) struct TableTableJoin<K, V, T, W, F> {
    pub(crate) other: Box<dyn Lookup<K, T>>,
    /// Makes the result of this side's value and the other's; gives `None` where the join has no result.
    pub(crate) join: F,
    /// True if this side alone may give a result.
    pub(crate) is_outer: bool,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<K, Change<W>>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, T, W, F> Node<K, Change<V>> for TableTableJoin<K, V, T, W, F>
where
    K: Data,
    V: Data,
    T: Data,
    W: Data,
    F: Fn(&K, Option<&V>, Option<&T>) -> Option<W> + Send,
{
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let found = match self.other.look_up(&record.key, context) {
            Ok(found) => found,
            Err(error) => return context.fail(*error),
        };
        let Record { key, value: Change { new, old }, timestamp, headers } = record;
        // What had no result and has none now is no change.
        if found.is_none() && !(self.is_outer && (new.is_some() || old.is_some())) {
            return Ok(());
        }
        let (time, other) = match found {
            Some((time, other)) => (timestamp.max(time), Some(other)),
            None => (timestamp, None),
        };
        let joined = |value: Option<V>| (self.join)(&key, value.as_ref(), other.as_ref());
        let value = Change { new: joined(new), old: if self.sends_old { joined(old) } else { None } };
        self.next.process(Record { key, value, timestamp: time, headers }, context)
    }
}

/// Looks up what a join of two tables holds.
pub(crate) struct JoinedLookup<K, V, T, F> {
    pub(crate) left: Box<dyn Lookup<K, V>>,
    pub(crate) right: Box<dyn Lookup<K, T>>,
    /// Gives `None` where the join has no result.
    pub(crate) join: Arc<F>,
    /// True if the right side alone may give a result.
    pub(crate) right_is_outer: bool,
}

impl<K, V, T, W, F> Lookup<K, W> for JoinedLookup<K, V, T, F>
where
    K: Data,
    V: Data,
    T: Data,
    W: Data,
    F: Fn(&K, Option<&V>, Option<&T>) -> Option<W> + Send + Sync,
{
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, W)>, NodeError> {
        let left = self.left.look_up(key, context)?;
        if left.is_none() && !self.right_is_outer {
            return Ok(None);
        }
        let right = self.right.look_up(key, context)?;
        let (left_time, left) = left.unzip();
        let (right_time, right) = right.unzip();
        let Some(time) = left_time.max(right_time) else {
            return Ok(None);
        };
        Ok((self.join)(key, left.as_ref(), right.as_ref()).map(|joined| (time, joined)))
    }
}
