//! Streams whose records choose their topics.

use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde};

use super::Stream;
use super::stream::step;
use crate::graph::{NodeKind, TopicId};
use crate::node::{Route, Sink};
use crate::record::{Data, Record};

impl<K: Data, V: Data> Stream<K, V> {
    /// Writes each record to the topic that `topic_of` says, to the partition of its key, with its time and headers.
    ///
    /// The topics must exist. They are no part of the topology: it neither lists nor makes them. A name that cannot be
    /// a topic's is a matter of the policy for production errors.
    pub fn to_each<T, SK, SV, F>(&self, topic_of: F, serdes: KeyValueSerde<SK, SV>)
    where
        T: AsRef<str>,
        SK: Serde<K>,
        SV: Serde<V>,
        F: Fn(&Record<K, V>) -> T + Send + Sync + 'static,
    {
        let topic_of = Arc::new(topic_of);
        let keys: Arc<dyn Serde<K>> = Arc::new(serdes.key);
        let values: Arc<dyn Serde<V>> = Arc::new(serdes.value);
        let operator = self.draft.node(NodeKind::Operator(step("to each")), &[self.node], &[]);
        self.draft.attach(&self.outlet, move |_| Route {
            topic_of: Arc::clone(&topic_of),
            sink: Sink {
                operator,
                topic: TopicId(0),
                keys: Arc::clone(&keys),
                values: Arc::clone(&values),
                partition: |_| None,
                drops_null_keys: false,
            },
        });
    }
}
