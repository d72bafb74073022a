//! Where records leave a task for topics that they choose themselves.

use std::sync::Arc;

use super::{Node, Processed, Sink};
use crate::context::Context;
use crate::error::TaskError;
use crate::record::Record;

/// Writes each record to the topic that `topic_of` says.
pub(crate) struct Route<K, V, F> {
    pub(crate) topic_of: Arc<F>,
    /// Writes; its topic is set before each record.
    pub(crate) sink: Sink<K, V>,
}

impl<K, V, T, F> Node<K, V> for Route<K, V, F>
where
    K: 'static,
    V: 'static,
    T: AsRef<str>,
    F: Fn(&Record<K, V>) -> T + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let topic = (self.topic_of)(&record);
        match context.outputs_mut().topic(topic.as_ref()) {
            Ok(topic) => {
                self.sink.topic = topic;
                self.sink.process(record, context)
            }
            Err(source) => context.fail(TaskError::IllegalTopic {
                operator: context.operator(self.sink.operator),
                at: context.location(),
                topic: topic.as_ref().to_owned(),
                source,
            }),
        }
    }
}
