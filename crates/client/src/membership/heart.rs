//! When a member joins, beats and leaves where the coordinator assigns: share and streams groups. Pure.
//!
//! Owns: [`Heart`], the rhythm and the epoch of a member; [`Meaning`], what an error of a heartbeat asks for.
//!
//! Invariants: at most one heartbeat is under way, and none joins before a farewell is answered. An application that does
//! not poll for the configured time loses its membership, though its heartbeats went on.
//!
//! Does not know: what a heartbeat tells, and what is assigned.

use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic};

use super::{Attendance, Ticket};
use crate::retry::Backoff;

/// The epoch that leaves the group.
pub(super) const LEAVES: i32 = -1;
/// Leaves, and may come back under the same instance id before the session ends.
pub(super) const LEAVES_FOR_A_WHILE: i32 = -2;

/// No coordinator makes us beat faster.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug)]
pub(super) struct Heart {
    backoff: Backoff,
    entropy: Entropy,
    /// Chosen once, for all of this member's life.
    member_id: String,
    /// 0 until the coordinator knows us.
    epoch: i32,
    phase: Phase,
    attendance: Attendance,
    /// How often the coordinator wants to hear of us.
    interval: Duration,
    failures: u32,
    /// The coordinator may know us.
    known: bool,
    /// A farewell that is under way.
    farewell: Option<Ticket>,
}

#[derive(Debug)]
enum Phase {
    /// Not subscribed.
    Out,
    /// Joins once this moment has come.
    Resting {
        until: Monotonic,
    },
    Joining {
        ticket: Ticket,
    },
    Member {
        next: Monotonic,
        waiting: Option<Ticket>,
    },
    /// Out of the group; joins at the next poll.
    Failed,
}

/// Which request an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Join,
    Heartbeat,
    /// A farewell, or what is not under way any more.
    Nothing,
}

/// What the error of a heartbeat asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Accepted,
    /// The coordinator does not know us (any more): what we have is lost.
    Lost,
    /// The same again after a wait.
    Again,
    /// The same to whoever coordinates now.
    Elsewhere,
    /// We are known by an epoch of before, and would be refused until that session ends: leave first.
    LeaveFirst,
    /// It will not pass.
    Refused(ErrorCode),
}

impl Meaning {
    pub(super) fn of(error: ErrorCode, answered: Answered) -> Self {
        let joins = answered == Answered::Join;
        match error {
            ErrorCode::None => Self::Accepted,
            ErrorCode::FencedMemberEpoch if joins => Self::LeaveFirst,
            ErrorCode::UnknownMemberId if joins => Self::Again,
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => Self::Lost,
            // A group that is gone knows no members.
            ErrorCode::GroupIdNotFound if !joins => Self::Lost,
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => Self::Elsewhere,
            error if error.is_retriable() => Self::Again,
            error => Self::Refused(error),
        }
    }
}

impl Heart {
    pub(super) fn new(backoff: Backoff, max_poll_interval: Duration, mut entropy: Entropy) -> Self {
        Self {
            member_id: entropy.uuid().to_string(),
            attendance: Attendance::new(max_poll_interval),
            backoff,
            entropy,
            epoch: 0,
            phase: Phase::Out,
            interval: Duration::ZERO,
            failures: 0,
            known: false,
            farewell: None,
        }
    }

    pub(super) fn member_id(&self) -> &str {
        &self.member_id
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(super) fn longest_between_polls(&self) -> Duration {
        self.attendance.longest()
    }

    pub(super) fn is_member(&self) -> bool {
        matches!(self.phase, Phase::Member { .. })
    }

    /// Joins at once, unless it takes part already.
    pub(super) fn begin(&mut self, now: Monotonic) {
        if matches!(self.phase, Phase::Out | Phase::Failed) {
            self.attendance.begin(now);
            self.phase = Phase::Resting { until: now };
        }
    }

    /// Takes no part any more.
    pub(super) fn end(&mut self) {
        self.epoch = 0;
        self.phase = Phase::Out;
    }

    /// Takes no part until the next poll.
    pub(super) fn fail(&mut self) {
        self.epoch = 0;
        self.phase = Phase::Failed;
    }

    /// The coordinator does not know us: joins anew.
    pub(super) fn join_anew(&mut self, now: Monotonic) {
        self.epoch = 0;
        self.phase = Phase::Resting { until: now };
    }

    /// What is to be sent now: true for what joins. `urgent` if there is something to tell before the time.
    pub(super) fn due(&self, now: Monotonic, urgent: bool) -> Option<bool> {
        match self.phase {
            Phase::Resting { until } if until <= now && self.farewell.is_none() => Some(true),
            Phase::Member { next, waiting: None } if next <= now || urgent => Some(false),
            _ => None,
        }
    }

    /// What was due has been sent.
    pub(super) fn sent(&mut self, ticket: Ticket, now: Monotonic) {
        self.known = true;
        self.phase = match self.phase {
            Phase::Member { .. } => Phase::Member { next: now + self.interval, waiting: Some(ticket) },
            _ => Phase::Joining { ticket },
        };
    }

    /// True if the coordinator may know us, so that it is to be told that we leave.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// It was told.
    pub(super) fn leaving(&mut self, ticket: Ticket) {
        self.known = false;
        self.epoch = 0;
        self.farewell = Some(ticket);
    }

    pub(super) fn answered(&mut self, ticket: Ticket) -> Answered {
        if self.farewell == Some(ticket) {
            self.farewell = None;
            return Answered::Nothing;
        }
        match &mut self.phase {
            Phase::Joining { ticket: waiting } if *waiting == ticket => Answered::Join,
            Phase::Member { waiting, .. } if *waiting == Some(ticket) => {
                *waiting = None;
                Answered::Heartbeat
            }
            _ => Answered::Nothing,
        }
    }

    /// The coordinator knows us, by this epoch.
    pub(super) fn accepted(&mut self, epoch: i32, interval_ms: i32, now: Monotonic) {
        self.failures = 0;
        self.epoch = epoch;
        let interval = Duration::from_millis(u64::try_from(interval_ms).unwrap_or(0));
        self.interval = interval.max(SHORTEST_INTERVAL);
        match &mut self.phase {
            Phase::Member { next, .. } => *next = (*next).min(now + self.interval),
            phase => *phase = Phase::Member { next: now + self.interval, waiting: None },
        }
    }

    /// Goes on after a wait that grows with each failure.
    pub(super) fn try_again(&mut self, now: Monotonic) {
        self.failures = self.failures.saturating_add(1);
        let at = now + self.backoff.delay(self.failures, &mut self.entropy);
        self.go_on_at(at);
    }

    /// Goes on at the usual time.
    pub(super) fn go_on(&mut self, now: Monotonic) {
        self.go_on_at(now + self.interval.max(SHORTEST_INTERVAL));
    }

    fn go_on_at(&mut self, at: Monotonic) {
        match &mut self.phase {
            Phase::Member { next, .. } => *next = at,
            phase => *phase = Phase::Resting { until: at },
        }
    }

    /// The coordinator is asked at once, if we are a member.
    pub(super) fn beat_at_once(&mut self, now: Monotonic) {
        if let Phase::Member { next, .. } = &mut self.phase {
            *next = now.min(*next);
        }
    }

    /// True if that leads to something: who had failed joins again.
    pub(super) fn poll_begins(&mut self, now: Monotonic, may_join: bool) -> bool {
        self.attendance.poll_begins();
        let joins = may_join && matches!(self.phase, Phase::Failed);
        if joins {
            self.phase = Phase::Resting { until: now };
        }
        joins
    }

    pub(super) fn poll_ends(&mut self, now: Monotonic) {
        self.attendance.poll_ends(now);
    }

    /// True if the application has not polled for too long.
    pub(super) fn is_absent(&self, now: Monotonic) -> bool {
        self.poll_deadline().is_some_and(|deadline| deadline <= now)
    }

    fn poll_deadline(&self) -> Option<Monotonic> {
        let takes_part = !matches!(self.phase, Phase::Out | Phase::Failed);
        self.attendance.deadline().filter(|_| takes_part)
    }

    /// When something is due because time has passed.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        let own = match self.phase {
            Phase::Resting { until } if self.farewell.is_none() => Some(until),
            Phase::Member { next, waiting: None } => Some(next),
            _ => None,
        };
        [own, self.poll_deadline()].into_iter().flatten().min()
    }
}
