//! Streams through authors' processors.

use std::marker::PhantomData;

use super::store::Declared;
use super::{Stores, Stream};
use crate::graph::{Operator, StoreId};
use crate::node::Seat;
use crate::processor::{FixedKey, FixedKeyProcessor, Processor};
use crate::record::Data;
use crate::topology::TopologyProblem;

impl<K: Data, V: Data> Stream<K, V> {
    /// Leads the records through a processor of the author's own, which may make any number of records of each, with keys
    /// of their own; what is keyed later goes through a repartition topic.
    ///
    /// `stores` are those that the processor uses, and no others: `()`, `&store`, `(&first, &second)`. For each task `make`
    /// is given them opened, and makes the processor. Records come as they are partitioned: behind a changed key, send them
    /// through [`repartition`](Self::repartition) first where a store goes by the key. With stores, the topics that the
    /// records come from must have equal partition counts.
    ///
    /// ```
    /// use headwater_schema::{long, serdes, utf8};
    /// use headwater_streams::{
    ///     Guarantee, KeyValueStore, Processor, ProcessorContext, ProcessorError, Record, Stream, Topology,
    /// };
    ///
    /// /// Numbers the records of each key.
    /// struct Numbers(KeyValueStore<String, i64>);
    ///
    /// impl Processor<String, String> for Numbers {
    ///     type Key = String;
    ///     type Value = i64;
    ///
    ///     fn process(
    ///         &mut self,
    ///         record: Record<String, String>,
    ///         context: &mut ProcessorContext<'_, String, i64>,
    ///     ) -> Result<(), ProcessorError> {
    ///         let number = self.0.get(&record.key, context)?.unwrap_or(0) + 1;
    ///         self.0.put(&record.key, &number, context)?;
    ///         context.forward(record.with_value(number));
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut app = Topology::builder("numbers").guarantee(Guarantee::AtLeastOnce);
    /// let numbers = app.key_value_store("numbers", serdes(utf8(), long()));
    /// app.stream("words", serdes(utf8(), utf8()))
    ///     .process("number", &numbers, Numbers)
    ///     .to("numbered", serdes(utf8(), long()));
    /// # app.build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn process<S, P, F>(&self, name: &str, stores: S, make: F) -> Stream<P::Key, P::Value>
    where
        S: Stores,
        P: Processor<K, V>,
        F: Fn(S::Opened) -> P + Send + Sync + 'static,
    {
        self.through_processor("process", name, stores, make).rekeyed()
    }

    /// As [`process`](Self::process), but the key stays what it is, so that the stream stays partitioned as it is.
    pub fn process_values<S, P, F>(&self, name: &str, stores: S, make: F) -> Stream<K, P::Value>
    where
        S: Stores,
        P: FixedKeyProcessor<K, V>,
        F: Fn(S::Opened) -> P + Send + Sync + 'static,
    {
        let make = move |opened| FixedKey(make(opened));
        self.through_processor("process values", name, stores, make).with(self.keys.clone(), None)
    }

    fn through_processor<S, P, F>(
        &self,
        verb: &'static str,
        name: &str,
        stores: S,
        make: F,
    ) -> Stream<P::Key, P::Value>
    where
        S: Stores,
        P: Processor<K, V>,
        F: Fn(S::Opened) -> P + Send + Sync + 'static,
    {
        self.draft.claim(name, "a processor");
        let declared = stores.declared();
        let ids = self.own_stores(&declared);
        let operator = Operator {
            verb,
            name: Some(name.to_owned()),
            detail: detail(&declared),
            copartitions: !ids.is_empty(),
        };
        let open = stores.open();
        self.follow_assembled(operator, &ids, move |assembly, operator, next| {
            let processor = make(open());
            assembly.seat(|id| Seat { id, operator, processor, next, takes: PhantomData })
        })
    }

    /// The stores of this topology, each once; others are a problem.
    fn own_stores(&self, declared: &[Declared]) -> Vec<StoreId> {
        let mut ids = Vec::new();
        for store in declared {
            if !self.draft.is(&store.draft) {
                self.draft.problem(TopologyProblem::ForeignStore(store.name.clone()));
            } else if !ids.contains(&store.id) {
                ids.push(store.id);
            }
        }
        ids
    }
}

fn detail(declared: &[Declared]) -> Option<String> {
    let names: Vec<_> = declared.iter().map(|store| store.name.as_str()).collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(format!("with store {name}")),
        names => Some(format!("with stores {}", names.join(", "))),
    }
}
