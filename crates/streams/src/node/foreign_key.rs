//! Joins of two tables by a foreign key: a key of the right table, which a row of the left one tells.
//!
//! A row of the left table subscribes, at the partition of its foreign key, to the values of that key. The right side
//! answers at once and at every change. An answer carries the hash of the row that asked, so that one to a row that has
//! changed meanwhile is discarded: its newer subscription is answered too. An answer goes to the partition that the row is in, however the left
//! topic is partitioned.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::{PartitionId, Timestamp};
use headwater_schema::{Part, Serde};

use super::{Node, NodeError, Processed};
use crate::context::Context;
use crate::graph::{NodeId, StoreId};
use crate::record::{Change, Data, Record};
use crate::store::{Instruction, Lookup, Response, Subscription, SubscriptionView, hash};

/// Makes subscriptions of the changes of the left table.
pub(crate) struct Subscribe<K, V, FK, F> {
    pub(crate) operator: NodeId,
    /// Gives `None` where there is no foreign key.
    pub(crate) foreign_key: Arc<F>,
    pub(crate) foreign_keys: Arc<dyn Serde<FK>>,
    pub(crate) hasher: Hasher<V>,
    /// True if rows without a partner give a result, too.
    pub(crate) is_left: bool,
    pub(crate) next: Box<dyn Node<Option<FK>, Subscription<K>>>,
    pub(crate) keys: (Vec<u8>, Vec<u8>),
}

/// Hashes the rows of a table.
pub(crate) struct Hasher<V> {
    /// Names the table's store in errors.
    pub(crate) store: StoreId,
    pub(crate) values: Arc<dyn Serde<V>>,
    pub(crate) bytes: Vec<u8>,
}

impl<V: 'static> Hasher<V> {
    fn hash(&mut self, value: Option<&V>, context: &Context) -> Result<Option<u128>, NodeError> {
        let Some(value) = value else {
            return Ok(None);
        };
        self.bytes.clear();
        self.values
            .serialize(value, &mut self.bytes)
            .map_err(|error| context.unstorable(self.store, error))?;
        Ok(Some(hash(&self.bytes)))
    }
}

impl<K, V, FK, F> Node<K, Change<V>> for Subscribe<K, V, FK, F>
where
    K: Data,
    V: Data,
    FK: Data,
    F: Fn(&K, &V) -> Option<FK> + Send + Sync,
{
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        match self.subscribe(record, context) {
            Ok(()) => Ok(()),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, V, FK, F> Subscribe<K, V, FK, F>
where
    K: Data,
    V: Data,
    FK: Data,
    F: Fn(&K, &V) -> Option<FK> + Send + Sync,
{
    fn subscribe(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let Record { key, value: Change { new, old }, timestamp, headers } = record;
        let hash = self.hasher.hash(new.as_ref(), context)?;
        let old_key = old.as_ref().and_then(|value| self.foreign_key_of(&key, value));
        let new_key = new.as_ref().and_then(|value| self.foreign_key_of(&key, value));
        if !self.is_left && new.is_some() && new_key.is_none() {
            context.drop_null_key();
        }
        let moves = Moves {
            had_row: old.is_some(),
            has_row: new.is_some(),
            had_key: old_key.is_some(),
            has_key: new_key.is_some(),
            changed: self.differ(old_key.as_ref(), new_key.as_ref(), context)?,
        };
        let (to_old, to_new) = moves.instructions(self.is_left);
        let partition = context.partition().0;
        for (foreign_key, instruction) in [(old_key, to_old), (new_key, to_new)] {
            if let Some(instruction) = instruction {
                let value = Subscription { hash, instruction, key: key.clone(), partition };
                let headers = headers.clone();
                self.next.process(Record { key: foreign_key, value, timestamp, headers }, context)?;
            }
        }
        Ok(())
    }

    fn foreign_key_of(&self, key: &K, value: &V) -> Option<FK> {
        (self.foreign_key)(key, value).filter(|foreign_key| !self.foreign_keys.is_null(foreign_key))
    }

    fn differ(&mut self, old: Option<&FK>, new: Option<&FK>, context: &Context) -> Result<bool, NodeError> {
        let (Some(old), Some(new)) = (old, new) else {
            return Ok(old.is_some() != new.is_some());
        };
        for (key, bytes) in [(old, &mut self.keys.0), (new, &mut self.keys.1)] {
            bytes.clear();
            self.foreign_keys
                .serialize(key, bytes)
                .map_err(|error| context.unwritable(self.operator, Part::Key, error))?;
        }
        Ok(self.keys.0 != self.keys.1)
    }
}

/// What a change of a row means for its subscriptions.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Moves {
    had_row: bool,
    has_row: bool,
    had_key: bool,
    has_key: bool,
    changed: bool,
}

impl Moves {
    /// What to tell the old foreign key, and then the new one.
    fn instructions(self, is_left: bool) -> (Option<Instruction>, Option<Instruction>) {
        use Instruction::{Subscribe, SubscribeSilently, Unsubscribe, UnsubscribeAndSay};
        let Self { had_row, has_row, had_key, has_key, changed } = self;
        if is_left {
            // A row without a foreign key, or a removed one, is answered as well, by whoever gets the question.
            let is_change = had_row || has_row;
            return ((had_key && changed).then_some(Unsubscribe), is_change.then_some(Subscribe));
        }
        match (had_key, has_key) {
            (true, true) if changed => (Some(Unsubscribe), Some(Subscribe)),
            (_, true) => (None, Some(SubscribeSilently)),
            (true, false) => (Some(UnsubscribeAndSay), None),
            (false, false) => (None, None),
        }
    }
}

/// Keeps the subscriptions of the right table's partition, and answers them.
pub(crate) struct Receive<K, FK, T> {
    pub(crate) view: SubscriptionView<FK, K>,
    pub(crate) table: Box<dyn Lookup<FK, T>>,
    pub(crate) next: Box<dyn Node<K, Response<T>>>,
}

impl<K, FK, T> Node<Option<FK>, Subscription<K>> for Receive<K, FK, T>
where
    K: Data,
    FK: Data,
    T: Data,
{
    fn process(&mut self, record: Record<Option<FK>, Subscription<K>>, context: &mut Context) -> Processed {
        let Some(foreign_key) = &record.key else {
            return self.answer_keyless(record, context);
        };
        let found = match self.receive(foreign_key, &record.value, record.timestamp, context) {
            Ok(found) => found,
            Err(error) => return context.fail(*error),
        };
        let (timestamp, value) = match found {
            Some((time, value)) => (record.timestamp.max(time), Some(value)),
            None => (record.timestamp, None),
        };
        let Record { value: Subscription { hash, instruction, key, partition }, headers, .. } = record;
        let partition = Some(PartitionId(partition));
        let answer = match instruction {
            Instruction::Unsubscribe => None,
            Instruction::UnsubscribeAndSay => Some(None),
            Instruction::Subscribe => Some(value),
            Instruction::SubscribeSilently => value.map(Some),
        };
        match answer {
            Some(value) => {
                let value = Response { hash, value, partition };
                self.next.process(Record { key, value, timestamp, headers }, context)
            }
            None => Ok(()),
        }
    }
}

impl<K, FK, T> Receive<K, FK, T>
where
    K: Data,
    FK: Data,
    T: Data,
{
    /// Without a foreign key there is nothing to keep, but perhaps somebody who waits for the answer.
    fn answer_keyless(
        &mut self,
        record: Record<Option<FK>, Subscription<K>>,
        context: &mut Context,
    ) -> Processed {
        let Record { value: subscription, timestamp, headers, .. } = record;
        let Subscription { hash, instruction, key, partition } = subscription;
        if instruction != Instruction::Subscribe {
            context.drop_null_key();
            return Ok(());
        }
        let value = Response { hash, value: None, partition: Some(PartitionId(partition)) };
        self.next.process(Record { key, value, timestamp, headers }, context)
    }

    /// Keeps or forgets the subscription; gives the right table's value.
    fn receive(
        &mut self,
        foreign_key: &FK,
        subscription: &Subscription<K>,
        timestamp: Timestamp,
        context: &mut Context,
    ) -> Result<Option<(Timestamp, T)>, NodeError> {
        match subscription.instruction {
            Instruction::Unsubscribe | Instruction::UnsubscribeAndSay => {
                self.view.delete(foreign_key, &subscription.key, context)?;
            }
            Instruction::Subscribe | Instruction::SubscribeSilently => {
                self.view.put(foreign_key, subscription, timestamp, context)?;
            }
        }
        self.table.look_up(foreign_key, context)
    }
}

/// Sends each change of the right table to all who have subscribed to its key.
pub(crate) struct Publish<K, FK, T> {
    pub(crate) view: SubscriptionView<FK, K>,
    pub(crate) next: Box<dyn Node<K, Response<T>>>,
    pub(crate) found: Vec<Bytes>,
}

impl<K, FK, T> Node<FK, Change<T>> for Publish<K, FK, T>
where
    K: Data,
    FK: Data,
    T: Data,
{
    fn process(&mut self, record: Record<FK, Change<T>>, context: &mut Context) -> Processed {
        match self.publish(&record, context) {
            Ok(()) => Ok(()),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, FK, T> Publish<K, FK, T>
where
    K: Data,
    FK: Data,
    T: Data,
{
    fn publish(&mut self, record: &Record<FK, Change<T>>, context: &mut Context) -> Processed {
        self.view.find(&record.key, &mut self.found, context)?;
        for stored in self.found.drain(..) {
            let Subscription { hash, key, partition, .. } = match self.view.read(&stored, context) {
                Ok(subscription) => subscription,
                // The subscribers behind it must hear of the change all the same.
                Err(error) => {
                    context.fail(*error)?;
                    continue;
                }
            };
            let (timestamp, headers) = (record.timestamp, record.headers.clone());
            let partition = Some(PartitionId(partition));
            let value = Response { hash, value: record.value.new.clone(), partition };
            self.next.process(Record { key, value, timestamp, headers }, context)?;
        }
        Ok(())
    }
}

/// Joins the rows of the left table with the answers of the right one.
pub(crate) struct Resolve<K, V, T, W, F> {
    pub(crate) table: Box<dyn Lookup<K, V>>,
    pub(crate) hasher: Hasher<V>,
    /// Gives `None` where the join has no result.
    pub(crate) join: Arc<F>,
    pub(crate) next: Box<dyn Node<K, Option<W>>>,
    pub(crate) takes: PhantomData<fn(T)>,
}

impl<K, V, T, W, F> Node<K, Response<T>> for Resolve<K, V, T, W, F>
where
    K: Data,
    V: Data,
    T: Data,
    W: Data,
    F: Fn(&K, &V, Option<&T>) -> Option<W> + Send + Sync,
{
    fn process(&mut self, record: Record<K, Response<T>>, context: &mut Context) -> Processed {
        let (current, hash) = match self.current(&record.key, context) {
            Ok(current) => current,
            Err(error) => return context.fail(*error),
        };
        if hash != record.value.hash {
            // The row that asked has changed meanwhile, and asked anew.
            return Ok(());
        }
        let Record { key, value: Response { value: found, .. }, timestamp, headers } = record;
        let value = current.and_then(|current| (self.join)(&key, &current, found.as_ref()));
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}

impl<K, V, T, W, F> Resolve<K, V, T, W, F>
where
    K: Data,
    V: Data,
{
    /// The row as it is now, and its hash.
    fn current(&mut self, key: &K, context: &Context) -> Result<(Option<V>, Option<u128>), NodeError> {
        let current = self.table.look_up(key, context)?.map(|(_, value)| value);
        let hash = self.hasher.hash(current.as_ref(), context)?;
        Ok((current, hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Instruction::{Subscribe, SubscribeSilently, Unsubscribe, UnsubscribeAndSay};

    type Told = (Option<Instruction>, Option<Instruction>);

    /// A row that had one foreign key and has another now; `None` for no row, `Some(0)` for a row without one.
    fn told(old: Option<u8>, new: Option<u8>, is_left: bool) -> Told {
        let key = |row: Option<u8>| row.filter(|key| *key != 0);
        Moves {
            had_row: old.is_some(),
            has_row: new.is_some(),
            had_key: key(old).is_some(),
            has_key: key(new).is_some(),
            changed: key(old) != key(new),
        }
        .instructions(is_left)
    }

    #[test]
    fn an_inner_join_tells_the_old_foreign_key_and_the_new_one_what_they_need_to_know() {
        let checks: [(Option<u8>, Option<u8>, Told); 9] = [
            (None, Some(1), (None, Some(SubscribeSilently))),
            (None, Some(0), (None, None)),
            (Some(1), Some(1), (None, Some(SubscribeSilently))),
            (Some(1), Some(2), (Some(Unsubscribe), Some(Subscribe))),
            (Some(1), Some(0), (Some(UnsubscribeAndSay), None)),
            (Some(1), None, (Some(UnsubscribeAndSay), None)),
            (Some(0), Some(1), (None, Some(SubscribeSilently))),
            (Some(0), None, (None, None)),
            (None, None, (None, None)),
        ];
        for (old, new, expected) in checks {
            assert_eq!(told(old, new, false), expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn a_left_join_asks_for_an_answer_at_every_change() {
        let checks: [(Option<u8>, Option<u8>, Told); 8] = [
            (None, Some(1), (None, Some(Subscribe))),
            (None, Some(0), (None, Some(Subscribe))),
            (Some(1), Some(1), (None, Some(Subscribe))),
            (Some(1), Some(2), (Some(Unsubscribe), Some(Subscribe))),
            (Some(1), Some(0), (Some(Unsubscribe), Some(Subscribe))),
            (Some(1), None, (Some(Unsubscribe), Some(Subscribe))),
            (Some(0), None, (None, Some(Subscribe))),
            (None, None, (None, None)),
        ];
        for (old, new, expected) in checks {
            assert_eq!(told(old, new, true), expected, "{old:?} {new:?}");
        }
    }
}
