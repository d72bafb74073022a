//! What happens when nothing is heard: sessions end, joins and syncs are waited for no longer.

use headwater_model::{ErrorCode, Monotonic};

use crate::classic::{Classic, Member, Phase};
use crate::effects::Turn;
use crate::{MemberId, Reply};

impl Classic {
    /// The earliest moment at which silence leads to something.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let joins = match self.phase {
            Phase::Preparing { until, .. } => Some(until),
            Phase::Empty | Phase::Completing | Phase::Stable => None,
        };
        let sessions = self.members.values().filter_map(Member::expires_at).min();
        let announced = self.announced.values().min().copied();
        [joins, self.sync_until, sessions, announced].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.monotonic;
        self.announced.retain(|_, until| *until > now);
        let silent: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| member.expires_at().is_some_and(|at| at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for member in &silent {
            self.remove_member(turn, member);
        }
        self.after_removals(turn, !silent.is_empty());

        if matches!(self.phase, Phase::Preparing { until, .. } if until <= now) {
            self.end_joining(turn);
        }
        if self.sync_until.is_some_and(|until| until <= now) {
            self.sync_until = None;
            let out = std::mem::take(&mut self.unsynced);
            for member in &out {
                self.remove_member(turn, member);
            }
            self.after_removals(turn, !out.is_empty());
        }
    }

    /// Answers everything that waits with an error. What is left is of no use.
    pub(crate) fn fail_pending(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        for (id, member) in &mut self.members {
            if let Some(token) = member.joining.take() {
                turn.refuse_join(token, error, Some(id.clone()));
            }
            if let Some(token) = member.syncing.take() {
                turn.reply(token, Reply::Sync(Err(error)));
            }
        }
    }
}
