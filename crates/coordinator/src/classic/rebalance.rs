//! From one generation to the next: who is waited for, and what happens when the wait ends.

use std::time::Duration;

use bytes::Bytes;
use headwater_model::ErrorCode;

use crate::classic::{Classic, InitialDelay, Phase};
use crate::effects::Turn;
use crate::{MemberId, Reply};

/// No rebalance waits for less, whatever members ask for: a wait of nothing would never get anywhere.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

impl Classic {
    /// The members have changed: asks all to join again, unless that has been done.
    pub(super) fn rebalance(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Preparing { .. }) {
            self.begin_generation_if_all_joined(turn);
            return;
        }
        if self.phase == Phase::Completing {
            self.cancel_assignment(turn, ErrorCode::RebalanceInProgress);
        }
        self.unsynced.clear();
        self.sync_until = None;
        let now = turn.now.monotonic;
        let delay = turn.config.initial_rebalance_delay;
        let phase = if self.phase == Phase::Empty {
            Phase::Preparing {
                until: now + delay,
                initial: Some(InitialDelay {
                    remaining: self.rebalance_timeout().saturating_sub(delay),
                    newcomer: false,
                }),
            }
        } else {
            Phase::Preparing { until: now + self.rebalance_timeout(), initial: None }
        };
        let begins_at_once = self.phase == Phase::Empty && delay.is_zero();
        self.enter(phase, turn.now.wall);
        if begins_at_once {
            self.begin_generation(turn);
        } else {
            self.begin_generation_if_all_joined(turn);
        }
    }

    pub(super) fn begin_generation_if_all_joined(&mut self, turn: &mut Turn<'_>) {
        let waits_for_joins_only = matches!(self.phase, Phase::Preparing { initial: None, .. });
        let all_joined = self.members.values().all(|member| member.joining.is_some());
        if waits_for_joins_only && all_joined && self.announced.is_empty() {
            self.begin_generation(turn);
        }
    }

    /// The time for joining is up.
    pub(super) fn end_joining(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Preparing { until, initial: Some(initial) } = &mut self.phase
            && initial.newcomer
            && !initial.remaining.is_zero()
        {
            let delay = turn.config.initial_rebalance_delay;
            *until = turn.now.monotonic + delay.min(initial.remaining);
            initial.remaining = initial.remaining.saturating_sub(delay);
            initial.newcomer = false;
            return;
        }
        self.begin_generation(turn);
    }

    fn begin_generation(&mut self, turn: &mut Turn<'_>) {
        let absent = self.members.iter().filter(|(_, member)| member.joining.is_none());
        let out: Vec<MemberId> =
            absent.filter(|(_, member)| member.instance.is_none()).map(|(id, _)| id.clone()).collect();
        for member in out {
            self.remove_member(turn, &member);
        }
        if !self.members.is_empty() && !self.elect_leader() {
            // Only absent static members are left: wait until one is back, or their sessions end.
            self.phase =
                Phase::Preparing { until: turn.now.monotonic + self.rebalance_timeout(), initial: None };
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.generations_before.clear();
        self.protocol = self.elect_protocol();
        if self.members.is_empty() {
            self.enter(Phase::Empty, turn.now.wall);
            self.store(turn);
            return;
        }
        self.enter(Phase::Completing, turn.now.wall);
        self.unsynced = self.members.keys().cloned().collect();
        self.sync_until = Some(turn.now.monotonic + self.rebalance_timeout());
        self.answer_joins(turn);
    }

    fn answer_joins(&mut self, turn: &mut Turn<'_>) {
        let mut joined = Vec::new();
        for (id, member) in &mut self.members {
            if let Some(token) = member.joining.take() {
                member.is_new = false;
                member.renew_session(turn.now.monotonic);
                joined.push((token, id.clone()));
            }
        }
        for (token, member) in joined {
            let is_leader = self.leader.as_ref() == Some(&member);
            self.answer_join(turn, token, &member, is_leader, false);
        }
    }

    /// Keeps the leader if it has joined, else elects the first that has. False if nobody has.
    fn elect_leader(&mut self) -> bool {
        let has_joined =
            |leader: &MemberId| self.members.get(leader).is_some_and(|member| member.joining.is_some());
        if self.leader.as_ref().is_some_and(has_joined) {
            return true;
        }
        let mut joined = self.members.iter().filter(|(_, member)| member.joining.is_some());
        let Some((leader, _)) = joined.next() else {
            return false;
        };
        self.leader = Some(leader.clone());
        true
    }

    /// Takes back a generation's assignment, or the wait for it.
    pub(super) fn cancel_assignment(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(token) = member.syncing.take() {
                member.renew_session(turn.now.monotonic);
                turn.reply(token, Reply::Sync(Err(error)));
            }
        }
    }

    /// Removes a member and everything that points to it; what it waits for is answered.
    pub(super) fn remove_member(&mut self, turn: &mut Turn<'_>, id: &MemberId) {
        let Some(mut member) = self.members.remove(id) else {
            return;
        };
        member.dismiss(turn, id, ErrorCode::UnknownMemberId);
        if let Some(instance) = &member.instance {
            self.statics.remove(instance);
        }
        self.unsynced.remove(id);
        self.generations_before.remove(id);
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// The longest that a member may take to rejoin.
    fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values().map(|member| member.rebalance_timeout);
        timeouts.max().unwrap_or_default().max(SHORTEST_WAIT)
    }
}
