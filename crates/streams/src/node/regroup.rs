//! Changes of a table on their way to groups of other keys.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::Serde;

use super::{Node, Processed};
use crate::context::Context;
use crate::record::{Change, Data, Record};

/// Gives each change the key of its group. Where the group is another than before, the old value leaves the one, and
/// then the new value joins the other.
pub(crate) struct Regroup<K, V, L, W, F> {
    pub(crate) select: Arc<F>,
    pub(crate) keys: Arc<dyn Serde<L>>,
    pub(crate) values: Arc<dyn Serde<W>>,
    pub(crate) next: Box<dyn Node<L, Change<W>>>,
    pub(crate) takes: PhantomData<fn(K, V)>,
}

impl<K, V, L, W, F> Node<K, Change<V>> for Regroup<K, V, L, W, F>
where
    K: Data,
    V: Data,
    L: Data + PartialEq,
    W: Data,
    F: Fn(&K, V) -> (L, W) + Send + Sync,
{
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let Record { key, value: Change { new, old }, timestamp, headers } = record;
        let new = new.map(|value| (self.select)(&key, value));
        let old = old.map(|value| (self.select)(&key, value));
        if new.as_ref().is_some_and(|(key, _)| self.keys.is_null(key)) {
            context.drop_null_key();
        }
        let rest = Record { key: (), value: (), timestamp, headers };
        match (self.member(old), self.member(new)) {
            (Some((before, old)), Some((now, new))) if before == now => {
                let change = Change { new: Some(new), old: Some(old) };
                self.next.process(rest.with_key(now).with_value(change), context)
            }
            (old, new) => {
                if let Some((key, old)) = old {
                    let change = Change { new: None, old: Some(old) };
                    self.next.process(rest.clone().with_key(key).with_value(change), context)?;
                }
                match new {
                    Some((key, new)) => {
                        let change = Change { new: Some(new), old: None };
                        self.next.process(rest.with_key(key).with_value(change), context)
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

impl<K, V, L: 'static, W: 'static, F> Regroup<K, V, L, W, F> {
    /// What is in a group: that whose key and value are not null.
    fn member(&self, selected: Option<(L, W)>) -> Option<(L, W)> {
        selected.filter(|(key, value)| !self.keys.is_null(key) && !self.values.is_null(value))
    }
}
