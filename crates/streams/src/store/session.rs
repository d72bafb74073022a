//! The typed view of a store with one value per key and session, in the layout of `time_indexed`; a position is the
//! session's end and then its start.
//!
//! A session is found as long as its end is less than the retention behind the latest end of all sessions of the store,
//! as in Kafka; with watermarks, until it is closed.

use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::time_indexed::{Place, TimeIndexed, highest, lowest, time_of};
use super::timed::{read_timed, write_timed};
use super::window::{from_sortable, sortable};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;
use crate::window::{SessionWindows, Window, Windowed};

/// How one operator sees one session store.
pub(crate) struct SessionView<K, V> {
    entries: TimeIndexed<16>,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<K: 'static, V: 'static> SessionView<K, V> {
    pub(crate) fn new(store: StoreId, keys: Arc<dyn Serde<K>>, values: Arc<dyn Serde<V>>) -> Self {
        Self { entries: TimeIndexed::new(store), keys, values, key: Vec::new(), value: Vec::new() }
    }

    /// Adds to `found` the sessions of a key that a record of that time belongs to, in the order of their ends.
    pub(crate) fn find(
        &mut self,
        key: &K,
        time: Timestamp,
        windows: &SessionWindows,
        found: &mut Vec<(Window, V)>,
        context: &Context,
    ) -> Result<(), NodeError> {
        self.write_key(key, context)?;
        // With watermarks, a session is found until the watermark has closed it, however new others are.
        let kept = if let Some(watermark) = context.watermark() {
            windows.close_time(watermark)
        } else {
            let newest = self.entries.newest(context)?;
            newest.plus_ms(windows.retention_ms().saturating_neg()).plus_ms(1)
        };
        let earliest_end = time.plus_ms(windows.gap_ms().saturating_neg()).max(kept);
        let latest_start = time.plus_ms(windows.gap_ms());
        let store = self.entries.store();
        let positions = (lowest(earliest_end), highest(Timestamp(i64::MAX)));
        for entry in self.entries.of_key(&self.key, positions, context) {
            let (position, stored) = entry?;
            let session = session_at(position);
            if session.start > latest_start {
                break;
            }
            let (_, value) =
                read_timed(&stored, self.values.as_ref()).map_err(|error| context.stored(store, error))?;
            found.push((session, value));
        }
        Ok(())
    }

    /// Writes the value of a session for [`Self::put`]; the store is not changed yet.
    pub(crate) fn prepare(&mut self, session: Window, value: &V, context: &Context) -> Result<(), NodeError> {
        write_timed(&mut self.value, session.end, value, self.values.as_ref())
            .map_err(|error| context.unstorable(self.entries.store(), error))
    }

    /// Gives a session, which may be there already, the value that was prepared.
    pub(crate) fn put(&mut self, key: &K, session: Window, context: &mut Context) -> Result<(), NodeError> {
        self.write_key(key, context)?;
        self.entries.insert(&self.key, position_of(session), &self.value, context)
    }

    /// Removes a session.
    pub(crate) fn remove(
        &mut self,
        key: &K,
        session: Window,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(key, context)?;
        self.entries.remove(&self.key, position_of(session), context)
    }

    /// Removes the first session that ended before that time, in the order of their ends, their starts and the keys'
    /// bytes; gives where it was and what was stored.
    pub(crate) fn take_closed(
        &mut self,
        close_time: Timestamp,
        context: &mut Context,
    ) -> Result<Option<ClosedSession>, NodeError> {
        let Some(place) = self.entries.first_before(close_time, context)? else {
            return Ok(None);
        };
        let value = self.entries.get(&place.key, place.position, context)?.unwrap_or_default();
        self.entries.remove(&place.key, place.position, context)?;
        Ok(Some(ClosedSession { place, value }))
    }

    /// Reads what was taken.
    pub(crate) fn read(
        &self,
        closed: &ClosedSession,
        context: &Context,
    ) -> Result<(Windowed<K>, V), NodeError> {
        let read = || {
            let key = read_session(&closed.place, self.keys.as_ref())?;
            Ok((key, read_timed(&closed.value, self.values.as_ref())?.1))
        };
        read().map_err(|error| context.stored(self.entries.store(), error))
    }

    fn write_key(&mut self, key: &K, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.keys
            .serialize(key, &mut self.key)
            .map_err(|error| context.unstorable(self.entries.store(), error))
    }
}

/// A session that is no longer in its store.
pub(crate) struct ClosedSession {
    place: Place<16>,
    value: bytes::Bytes,
}

/// The session and key of a place.
pub(crate) fn read_session<K: 'static>(
    place: &Place<16>,
    keys: &dyn Serde<K>,
) -> Result<Windowed<K>, SerdeError> {
    let Window { start, end } = session_at(place.position);
    Ok(Windowed { key: keys.deserialize(&place.key)?, start, end })
}

fn position_of(session: Window) -> [u8; 16] {
    let mut position = lowest(session.end);
    if let Some(start) = position.last_chunk_mut() {
        *start = sortable(session.start);
    }
    position
}

fn session_at(position: [u8; 16]) -> Window {
    let start = position.last_chunk().map_or(Timestamp(i64::MIN), |bytes| from_sortable(*bytes));
    Window { start, end: time_of(position) }
}
