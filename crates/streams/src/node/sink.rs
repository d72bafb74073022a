//! Where records leave a task.

use std::sync::Arc;

use headwater_model::PartitionId;
use headwater_schema::{Part, Serde, SerdeError};

use super::{Node, Processed};
use crate::context::Context;
use crate::graph::{NodeId, TopicId};
use crate::record::Record;

/// Writes records to a topic; the partition follows from the key, unless the value knows it.
pub(crate) struct Sink<K, V> {
    pub(crate) operator: NodeId,
    pub(crate) topic: TopicId,
    pub(crate) keys: Arc<dyn Serde<K>>,
    pub(crate) values: Arc<dyn Serde<V>>,
    /// The partition that a value must go to, if it must go to one.
    pub(crate) partition: fn(&V) -> Option<PartitionId>,
    /// True where the next operator would drop records without a key anyway.
    pub(crate) drops_null_keys: bool,
}

impl<K: 'static, V: 'static> Node<K, V> for Sink<K, V> {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if self.drops_null_keys && self.keys.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        match self.write(record, context) {
            Ok(()) => Ok(()),
            Err((part, error)) => context.fail_to_write(self.operator, part, error),
        }
    }
}

impl<K: 'static, V: 'static> Sink<K, V> {
    fn write(&self, record: Record<K, V>, context: &mut Context) -> Result<(), (Part, SerdeError)> {
        let mut draft = context.outputs_mut().draft();
        draft.partition((self.partition)(&record.value));
        draft
            .key(|out| self.keys.serialize_nullable(&record.key, out))
            .map_err(|error| (Part::Key, error))?;
        draft
            .value(|out| self.values.serialize_nullable(&record.value, out))
            .map_err(|error| (Part::Value, error))?;
        draft.finish(self.topic, record.timestamp, record.headers);
        Ok(())
    }
}
