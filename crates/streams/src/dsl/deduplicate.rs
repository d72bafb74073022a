//! Streams without repetitions.

use std::sync::Arc;
use std::time::Duration;

use headwater_schema::ignored;

use super::Stream;
use super::grouped::{known_keys, named};
use crate::graph::StoreKind;
use crate::node::Deduplicate;
use crate::record::{Data, Record};
use crate::store::time_indexed::TimeIndexed;
use crate::topology::TopologyProblem;
use crate::window::whole_ms;

impl<K: Data, V: Data> Stream<K, V> {
    /// Leaves out records that repeat one of the same key and the same `id`, given as bytes, whose time is less than
    /// `window` away, before or after: of those that repeat each other, the one that comes first stays.
    ///
    /// A record that is further behind stream time than the window is dropped and counted under `name`, since what it
    /// may repeat is forgotten; so are records whose key is null. To find repetitions under whatever key, select the id
    /// as the key before.
    #[must_use]
    pub fn deduplicate<I, F>(&self, name: &str, id: F, window: Duration) -> Self
    where
        I: AsRef<[u8]>,
        F: Fn(&Record<K, V>) -> I + Send + Sync + 'static,
    {
        self.draft.claim(name, "a deduplication");
        let window_ms = whole_ms(window);
        if window_ms == 0 {
            self.draft.problem(TopologyProblem::EmptyWindows(name.to_owned()));
        }
        let keys = known_keys(self, name);
        let stream = self.by_key(name, &keys, true);
        let store = self.draft.store(name, StoreKind::Seen);
        self.draft.store_holds(store, &keys, &ignored());
        let operator = named("deduplicate", name, Some(format!("within {window:?}")));
        let id_of = Arc::new(id);
        let without = stream.follow(operator, &[store], move |operator, next| Deduplicate {
            operator,
            seen: TimeIndexed::new(store),
            keys: Arc::clone(&keys),
            id_of: Arc::clone(&id_of),
            window_ms,
            next,
            key: Vec::new(),
        });
        without.with(stream.keys.clone(), stream.values.clone())
    }
}
