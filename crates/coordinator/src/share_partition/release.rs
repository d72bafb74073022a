//! Records come back without having been processed: released, or because a lock has expired or a member has gone.

use headwater_model::Offset;

use super::change::DeadLetterCause;
use super::runs::{RecordState, Run};
use super::{SharePartition, Step};
use crate::MemberId;

impl SharePartition {
    /// Takes back all that a member has acquired and that it has said nothing of. It may have failed over one of the
    /// records, and the delivery counts, as in Kafka.
    pub(crate) fn release(&mut self, step: &mut Step<'_>, member: &MemberId) {
        let holds = |run: &Run| matches!(&run.state, RecordState::Acquired(lock) if lock.member == *member);
        let runs = self.runs.iter().filter(|(_, run)| holds(run));
        let held: Vec<(Offset, Run)> = runs.map(|(first, run)| (first, run.clone())).collect();
        step.watch(self);
        for (first, run) in held {
            self.give_back(step, first, &run);
        }
        step.finish(self);
    }

    /// Takes back what was not acknowledged in time.
    pub(crate) fn expire(&mut self, step: &mut Step<'_>) {
        let expired = self.runs.expired(step.now).into_iter();
        let expired: Vec<(Offset, Run)> =
            expired.filter_map(|first| Some((first, self.runs.get(first)?.clone()))).collect();
        step.watch(self);
        for (first, run) in expired {
            self.give_back(step, first, &run);
        }
        step.finish(self);
    }

    /// Records were not processed: they may be delivered again, unless they have been as often as may be.
    pub(super) fn give_back(&mut self, step: &mut Step<'_>, first: Offset, run: &Run) {
        if run.deliveries >= step.settings.delivery_limit {
            self.bury(step, first, run, DeadLetterCause::Exhausted);
            return;
        }
        step.frees = true;
        self.change(step, first, Run::new(run.last, RecordState::Available, run.deliveries));
    }

    /// These are in the dead-letter topic now.
    pub(crate) fn dead_lettered(&mut self, step: &mut Step<'_>, first: Offset, last: Offset) {
        let is_awaited = |run: &Run| matches!(run.state, RecordState::Archiving(_));
        let runs = self.runs.between(first, last).filter(|(_, run)| is_awaited(run));
        let awaited: Vec<(Offset, Run)> = runs.collect();
        step.watch(self);
        for (first, run) in awaited {
            self.change(step, first, Run::new(run.last, RecordState::Done, 0));
        }
        step.finish(self);
    }
}
