//! Leaving out what came before.

use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::Serde;

use super::{Node, NodeError, Processed};
use crate::context::Context;
use crate::graph::NodeId;
use crate::record::{Data, Record};
use crate::store::time_indexed::{TimeIndexed, highest, lowest};

/// Hands on a record unless one of the same key and id was handed on whose time is less than the window away.
///
/// Ids are remembered for twice the window, so that every record that is no more than the window behind stream time is
/// judged by all that it may repeat; what comes later is dropped and counted.
pub(crate) struct Deduplicate<K, V, F> {
    pub(crate) operator: NodeId,
    pub(crate) seen: TimeIndexed<8>,
    pub(crate) keys: Arc<dyn Serde<K>>,
    pub(crate) id_of: Arc<F>,
    pub(crate) window_ms: i64,
    pub(crate) next: Box<dyn Node<K, V>>,
    /// Lent to the serde: the length of the key's bytes (u32, most significant byte first), those, and the id's.
    pub(crate) key: Vec<u8>,
}

impl<K, V, I, F> Node<K, V> for Deduplicate<K, V, F>
where
    K: Data,
    V: Data,
    I: AsRef<[u8]>,
    F: Fn(&Record<K, V>) -> I + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if self.keys.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        let oldest = context.stream_time().plus_ms(self.window_ms.saturating_neg());
        self.forget(oldest.plus_ms(self.window_ms.saturating_neg()), context)?;
        if record.timestamp < oldest {
            context.drop_late(self.operator);
            return Ok(());
        }
        if let Err(error) = self.write_key(&record, context) {
            return context.fail(*error);
        }
        if self.was_seen(record.timestamp, context)? {
            return Ok(());
        }
        let nothing = record.timestamp.0.to_be_bytes();
        self.seen.insert(&self.key, lowest(record.timestamp), &nothing, context)?;
        self.next.process(record, context)
    }
}

impl<K, V, I, F> Deduplicate<K, V, F>
where
    K: Data,
    V: Data,
    I: AsRef<[u8]>,
    F: Fn(&Record<K, V>) -> I + Send + Sync,
{
    fn was_seen(&mut self, time: Timestamp, context: &Context) -> Result<bool, NodeError> {
        let reach = self.window_ms.saturating_sub(1);
        let near = (lowest(time.plus_ms(reach.saturating_neg())), highest(time.plus_ms(reach)));
        Ok(self.seen.of_key(&self.key, near, context).next().transpose()?.is_some())
    }

    /// Forgets what is no younger than that.
    fn forget(&mut self, latest: Timestamp, context: &mut Context) -> Processed {
        while let Some(place) = self.seen.first_before(latest.plus_ms(1), context)? {
            self.seen.remove(&place.key, place.position, context)?;
        }
        Ok(())
    }

    fn write_key(&mut self, record: &Record<K, V>, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.key.extend_from_slice(&[0; 4]);
        self.keys
            .serialize(&record.key, &mut self.key)
            .map_err(|error| context.unstorable(self.seen.store(), error))?;
        let length = (self.key.len() - 4) as u32;
        if let Some(bytes) = self.key.first_chunk_mut() {
            *bytes = length.to_be_bytes();
        }
        self.key.extend_from_slice((self.id_of)(record).as_ref());
        Ok(())
    }
}
