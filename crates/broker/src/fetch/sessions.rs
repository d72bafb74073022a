//! Fetch sessions (KIP-227): what a consumer reads is remembered, so that its requests name only what has changed, and
//! answers only what has news.
//!
//! Owns: the sessions, the order of partitions within each, what each client was last told of a partition; which session
//! gives way when there are too many.
//!
//! Invariants: pure. A session's epoch is the one that its next request must have; a request of another one changes
//! nothing. A partition that gave records goes behind the others, so that none starves where limits cut answers short.
//! However often a request names a partition, it is read once, as the last one says. Sessions and their partitions are
//! bounded before anything is remembered; who gets no session is served whole requests.
//!
//! Does not know: partitions as running things, records.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, TopicName, Uuid};

/// How a topic is named in a session: all by name or all by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TopicKey {
    Name(Arc<str>),
    Id(Uuid),
}

impl TopicKey {
    /// False where no topic can have the name, which is worth no memory.
    fn is_possible(&self) -> bool {
        match self {
            Self::Name(name) => name.len() <= TopicName::MAX_LENGTH,
            Self::Id(_) => true,
        }
    }
}

/// What is read of one partition, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
    pub(crate) from: i64,
    pub(crate) max_bytes: i32,
    pub(crate) leader_epoch: i32,
}

impl Ask {
    fn place(&self) -> Place {
        (self.topic.clone(), self.partition)
    }
}

/// Each partition once: in the place of the first mention, as the last one says. One that cannot exist costs nothing to
/// read, and its name may be too long to be compared for each mention.
pub(crate) fn each_once(asks: Vec<Ask>) -> Vec<Ask> {
    let mut kept: Vec<Ask> = Vec::with_capacity(asks.len());
    let mut at: HashMap<Place, usize> = HashMap::with_capacity(asks.len());
    for ask in asks {
        if !ask.topic.is_possible() {
            kept.push(ask);
        } else if let Some(earlier) = at.get(&ask.place()).and_then(|at| kept.get_mut(*at)) {
            *earlier = ask;
        } else {
            at.insert(ask.place(), kept.len());
            kept.push(ask);
        }
    }
    kept
}

/// A partition within a session.
pub(crate) type Place = (TopicKey, i32);

/// A request, as far as sessions go.
#[derive(Debug)]
pub(crate) struct SessionRequest {
    /// 0 for none.
    pub(crate) id: i32,
    pub(crate) epoch: i32,
    /// True if the request names topics by id.
    pub(crate) by_id: bool,
    /// New or changed; each partition once ([`each_once`]).
    pub(crate) asks: Vec<Ask>,
    pub(crate) forgotten: Vec<Place>,
}

/// What is to be read for a request, and how it is answered.
#[derive(Debug)]
pub(crate) struct Begun {
    /// In order.
    pub(crate) asks: Vec<Ask>,
    pub(crate) kind: Kind,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything, outside of any session.
    Sessionless,
    /// Everything, as the first answer of a session.
    Full { id: i32 },
    /// Only what has news.
    Incremental { id: i32 },
}

impl Kind {
    /// The id in the answer.
    pub(crate) fn session_id(self) -> i32 {
        match self {
            Self::Sessionless => 0,
            Self::Full { id } | Self::Incremental { id } => id,
        }
    }
}

/// What the client is told of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) high_watermark: i64,
    pub(crate) log_start: i64,
    pub(crate) is_error: bool,
    pub(crate) has_records: bool,
}

/// Bounds on what is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    /// Kafka's `max.incremental.fetch.session.cache.slots`.
    pub(crate) sessions: usize,
    /// Partitions of one session; beyond it there is none.
    pub(crate) partitions: usize,
    /// A session gives way to a new one only if unused for so long (Kafka's `min.incremental.fetch.session.eviction.ms`).
    pub(crate) idle: Duration,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    limits: SessionLimits,
    by_id: BTreeMap<i32, Session>,
}

#[derive(Debug)]
struct Session {
    epoch: i32,
    by_id: bool,
    last_used: Monotonic,
    /// By their turn.
    partitions: BTreeMap<u64, Remembered>,
    turns: BTreeMap<Place, u64>,
    next_turn: u64,
}

#[derive(Debug)]
struct Remembered {
    ask: Ask,
    /// High watermark and log start that the client knows; `None` if it knows none.
    told: Option<(i64, i64)>,
}

/// Ends a session, or says that there is none.
const FINAL: i32 = -1;
/// Begins a session.
const INITIAL: i32 = 0;

impl Sessions {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self { limits, by_id: BTreeMap::new() }
    }

    /// Takes in a request; `draw` gives the number of a new session.
    pub(crate) fn begin(
        &mut self,
        request: SessionRequest,
        now: Monotonic,
        draw: impl FnMut() -> u64,
    ) -> Result<Begun, ErrorCode> {
        match request.epoch {
            FINAL | INITIAL => {
                self.by_id.remove(&request.id);
                let id = if request.epoch == INITIAL { self.open(&request, now, draw) } else { None };
                let kind = id.map_or(Kind::Sessionless, |id| Kind::Full { id });
                Ok(Begun { asks: request.asks, kind })
            }
            _ => self.go_on(request, now),
        }
    }

    fn open(
        &mut self,
        request: &SessionRequest,
        now: Monotonic,
        mut draw: impl FnMut() -> u64,
    ) -> Option<i32> {
        let fits = (1..=self.limits.partitions).contains(&request.asks.len())
            && request.asks.iter().all(|ask| ask.topic.is_possible());
        if !fits || !self.make_room(now) {
            return None;
        }
        let id = loop {
            let id = (draw() >> 33) as i32;
            if id != 0 && !self.by_id.contains_key(&id) {
                break id;
            }
        };
        let mut session = Session {
            epoch: INITIAL + 1,
            by_id: request.by_id,
            last_used: now,
            partitions: BTreeMap::new(),
            turns: BTreeMap::new(),
            next_turn: 0,
        };
        request.asks.iter().for_each(|ask| session.put(ask.clone()));
        self.by_id.insert(id, session);
        Some(id)
    }

    /// True if there is room for one more, perhaps because another one gave way.
    fn make_room(&mut self, now: Monotonic) -> bool {
        if self.by_id.len() < self.limits.sessions {
            return true;
        }
        let oldest = self.by_id.iter().min_by_key(|(_, session)| session.last_used);
        match oldest.map(|(id, session)| (*id, session.last_used)) {
            Some((id, used)) if used + self.limits.idle <= now => self.by_id.remove(&id).is_some(),
            _ => false,
        }
    }

    fn go_on(&mut self, request: SessionRequest, now: Monotonic) -> Result<Begun, ErrorCode> {
        let most = self.limits.partitions;
        let session = self.by_id.get_mut(&request.id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.by_id != request.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        if session.epoch != request.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        session.last_used = now;
        session.epoch = session.epoch.checked_add(1).unwrap_or(INITIAL + 1);
        request.forgotten.iter().for_each(|place| session.forget(place));
        let is_new = |ask: &&Ask| !session.turns.contains_key(&ask.place());
        let reaches = || session.turns.len() + request.asks.iter().filter(is_new).count();
        if !request.asks.iter().all(|ask| ask.topic.is_possible()) || reaches() > most {
            // The client names everything anew, and is served without a session.
            self.by_id.remove(&request.id);
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        request.asks.into_iter().for_each(|ask| session.put(ask));
        let asks: Vec<Ask> = session.partitions.values().map(|kept| kept.ask.clone()).collect();
        if asks.is_empty() {
            self.by_id.remove(&request.id);
            return Ok(Begun { asks, kind: Kind::Sessionless });
        }
        Ok(Begun { asks, kind: Kind::Incremental { id: request.id } })
    }

    /// Says of each partition, in the order of [`Begun::asks`], whether the answer has to speak of it; and remembers what it
    /// says.
    pub(crate) fn finish(&mut self, begun: &Begun, told: &[Told]) -> Vec<bool> {
        let everything = !matches!(begun.kind, Kind::Incremental { .. });
        let Some(session) = self.by_id.get_mut(&begun.kind.session_id()) else {
            return vec![true; told.len()];
        };
        begun.asks.iter().zip(told).map(|(ask, told)| session.tell(ask, told) || everything).collect()
    }
}

impl Session {
    fn put(&mut self, ask: Ask) {
        let turn = *self.turns.entry(ask.place()).or_insert_with(|| {
            self.next_turn += 1;
            self.next_turn
        });
        match self.partitions.get_mut(&turn) {
            Some(kept) => kept.ask = ask,
            None => drop(self.partitions.insert(turn, Remembered { ask, told: None })),
        }
    }

    fn forget(&mut self, place: &Place) {
        if let Some(turn) = self.turns.remove(place) {
            self.partitions.remove(&turn);
        }
    }

    fn tell(&mut self, ask: &Ask, told: &Told) -> bool {
        let Some(turn) = self.turns.get_mut(&ask.place()) else {
            return true;
        };
        let Some(kept) = self.partitions.get_mut(turn) else {
            return true;
        };
        // After an error everything is news.
        let now = (!told.is_error).then_some((told.high_watermark, told.log_start));
        let is_news = told.has_records || told.is_error || kept.told != now;
        kept.told = now;
        if told.has_records
            && let Some(kept) = self.partitions.remove(turn)
        {
            self.next_turn += 1;
            *turn = self.next_turn;
            self.partitions.insert(self.next_turn, kept);
        }
        is_news
    }
}

#[cfg(test)]
mod tests;
