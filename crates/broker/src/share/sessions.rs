//! Share sessions (KIP-932): which partitions a member of a share group reads, so that its requests name only what has
//! changed.
//!
//! Owns: the sessions, the partitions of each, the connection that each belongs to.
//!
//! Invariants: pure. A session's epoch is the one that its next request must have; a request of another one changes
//! nothing. A session ends with its connection, its member, or by its own request. Sessions and their partitions are
//! bounded.
//!
//! Does not know: records, and what becomes of those that a member has acquired.

use std::collections::{BTreeMap, BTreeSet};

use headwater_coordinator::{GroupId, MemberId};
use headwater_model::{ErrorCode, PartitionId, Uuid};

/// The epoch with which a session is opened.
pub(crate) const OPENS: i32 = 0;
/// The epoch with which it is closed.
pub(crate) const CLOSES: i32 = -1;

/// Whose session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) group: GroupId,
    pub(crate) member: MemberId,
}

/// A partition within a session.
pub(crate) type Place = (Uuid, PartitionId);

#[derive(Debug)]
struct Session {
    connection: u64,
    /// That the next request must have.
    epoch: i32,
    /// How often it was read.
    turns: usize,
    places: BTreeSet<Place>,
}

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    pub(crate) sessions: usize,
    /// Of one session.
    pub(crate) places: usize,
}

/// The sessions of all members.
#[derive(Debug)]
pub(crate) struct ShareSessions {
    limits: SessionLimits,
    sessions: BTreeMap<SessionKey, Session>,
}

impl ShareSessions {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self { limits, sessions: BTreeMap::new() }
    }

    /// Opens a session, in the place of the one that the member may have had.
    pub(crate) fn open(
        &mut self,
        key: SessionKey,
        connection: u64,
        places: BTreeSet<Place>,
    ) -> Result<(), ErrorCode> {
        if places.len() > self.limits.places {
            return Err(ErrorCode::InvalidRequest);
        }
        if self.sessions.len() >= self.limits.sessions && !self.sessions.contains_key(&key) {
            return Err(ErrorCode::ShareSessionLimitReached);
        }
        self.sessions.insert(key, Session { connection, epoch: 1, turns: 0, places });
        Ok(())
    }

    /// Goes on with a session.
    pub(crate) fn proceed(
        &mut self,
        key: &SessionKey,
        epoch: i32,
        added: BTreeSet<Place>,
        forgotten: &BTreeSet<Place>,
    ) -> Result<(), ErrorCode> {
        let session = self.sessions.get_mut(key).ok_or(ErrorCode::ShareSessionNotFound)?;
        if epoch != session.epoch {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        let more = added.difference(&session.places).count();
        if session.places.len() + more > self.limits.places {
            return Err(ErrorCode::InvalidRequest);
        }
        session.places.extend(added);
        session.places.retain(|place| !forgotten.contains(place));
        session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        Ok(())
    }

    /// The partitions to read now, each time beginning at another one, so that none starves where limits cut answers short.
    pub(crate) fn next_turn(&mut self, key: &SessionKey) -> Vec<Place> {
        let Some(session) = self.sessions.get_mut(key) else {
            return Vec::new();
        };
        let mut places: Vec<Place> = session.places.iter().copied().collect();
        let first = session.turns.checked_rem(places.len()).unwrap_or(0);
        places.rotate_left(first);
        session.turns = session.turns.wrapping_add(1);
        places
    }

    /// Ends a session. False if there is none.
    pub(crate) fn close(&mut self, key: &SessionKey) -> bool {
        self.sessions.remove(key).is_some()
    }

    /// Ends the sessions of a connection, and tells whose they were.
    pub(crate) fn end_connection(&mut self, connection: u64) -> Vec<SessionKey> {
        self.sessions
            .extract_if(.., |_, session| session.connection == connection)
            .map(|(key, _)| key)
            .collect()
    }

    pub(crate) fn has(&self, key: &SessionKey) -> bool {
        self.sessions.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(member: &str) -> SessionKey {
        SessionKey { group: "g".into(), member: member.into() }
    }

    fn place(partition: i32) -> Place {
        (Uuid::from_u64_pair(1, 2), PartitionId(partition))
    }

    fn places(partitions: impl IntoIterator<Item = i32>) -> BTreeSet<Place> {
        partitions.into_iter().map(place).collect()
    }

    fn sessions() -> ShareSessions {
        ShareSessions::new(SessionLimits { sessions: 2, places: 3 })
    }

    #[test]
    fn a_session_goes_on_by_its_epochs_alone() {
        let mut sessions = sessions();
        assert_eq!(
            sessions.proceed(&key("m"), 1, places([]), &places([])),
            Err(ErrorCode::ShareSessionNotFound)
        );
        sessions.open(key("m"), 7, places([0, 1, 2])).unwrap();
        for wrong in [0, 2, i32::MAX] {
            let refused = sessions.proceed(&key("m"), wrong, places([3]), &places([0]));
            assert_eq!(refused, Err(ErrorCode::InvalidShareSessionEpoch));
        }
        sessions.proceed(&key("m"), 1, places([]), &places([1])).unwrap();
        sessions.proceed(&key("m"), 2, places([5]), &places([])).unwrap();
        assert_eq!(BTreeSet::from_iter(sessions.next_turn(&key("m"))), places([0, 2, 5]));
        assert!(sessions.close(&key("m")) && !sessions.close(&key("m")));
    }

    #[test]
    fn the_epoch_begins_anew_after_the_greatest() {
        let mut sessions = sessions();
        sessions.open(key("m"), 7, places([0])).unwrap();
        sessions.sessions.get_mut(&key("m")).unwrap().epoch = i32::MAX;
        sessions.proceed(&key("m"), i32::MAX, places([]), &places([])).unwrap();
        sessions.proceed(&key("m"), 1, places([]), &places([])).unwrap();
    }

    #[test]
    fn each_partition_is_read_first_in_its_turn_whatever_lies_between() {
        let mut sessions = sessions();
        sessions.open(key("m"), 7, places([0, 1])).unwrap();
        for (epoch, first) in (1..9).zip([0, 1, 0, 1, 0, 1, 0, 1]) {
            assert_eq!(sessions.next_turn(&key("m")).first(), Some(&place(first)));
            // An acknowledgement, and the next fetch.
            sessions.proceed(&key("m"), 2 * epoch - 1, places([]), &places([])).unwrap();
            sessions.proceed(&key("m"), 2 * epoch, places([]), &places([])).unwrap();
        }
        assert_eq!(sessions.next_turn(&key("nobody")), []);
    }

    #[test]
    fn a_connection_ends_with_its_sessions_and_no_others() {
        let mut sessions = sessions();
        sessions.open(key("a"), 7, places([0])).unwrap();
        sessions.open(key("b"), 8, places([0])).unwrap();
        // The member has come again by another connection.
        sessions.open(key("a"), 9, places([0])).unwrap();
        assert_eq!(sessions.end_connection(7), []);
        assert_eq!(sessions.end_connection(8), [key("b")]);
        assert!(sessions.has(&key("a")) && !sessions.has(&key("b")));
    }

    #[test]
    fn there_are_no_more_than_the_limits_say() {
        let mut sessions = sessions();
        assert_eq!(sessions.open(key("a"), 7, places(0..4)), Err(ErrorCode::InvalidRequest));
        sessions.open(key("a"), 7, places(0..3)).unwrap();
        sessions.open(key("b"), 7, places([])).unwrap();
        assert_eq!(sessions.open(key("c"), 7, places([])), Err(ErrorCode::ShareSessionLimitReached));
        sessions.open(key("b"), 7, places([])).unwrap();
        let refused = sessions.proceed(&key("a"), 1, places(2..4), &places([]));
        assert_eq!(refused, Err(ErrorCode::InvalidRequest));
    }
}
