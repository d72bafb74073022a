//! A share-partition as anybody would write it: a vector with the state of each record.

use headwater_coordinator::{
    Acknowledge, AcknowledgementBatch, Acquire, AcquireMode, DeadLetterCause, ShareSettings,
};
use headwater_model::ErrorCode;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Available,
    Acquired {
        member: String,
        until: u64,
    },
    Acknowledged,
    Archiving,
    Archived,
    /// It is known not to be in the log, but nothing durable says so.
    Missing,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) state: State,
    pub(super) deliveries: u16,
}

const UNTOUCHED: Record = Record { state: State::Available, deliveries: 0 };

impl Record {
    fn is_available(&self) -> bool {
        self.state == State::Available
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Acknowledged | State::Archived | State::Missing)
    }
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) settings: ShareSettings,
    pub(super) records: Vec<Record>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) epoch: i32,
    durable_start: usize,
    /// What has died in this step: offset, deliveries, cause.
    pub(super) dead: Vec<(usize, u16, DeadLetterCause)>,
    pub(super) freed: bool,
}

impl Model {
    pub(super) fn new(settings: ShareSettings, records: usize, start: usize) -> Self {
        Self {
            settings,
            records: vec![UNTOUCHED; records],
            start,
            end: start,
            epoch: 0,
            durable_start: start,
            dead: Vec::new(),
            freed: false,
        }
    }

    fn tracked(&self) -> &[Record] {
        &self.records[self.start..self.end]
    }

    pub(super) fn in_flight(&self) -> usize {
        self.tracked().iter().filter(|record| !record.is_done()).count()
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_flight() < self.settings.max_record_locks as usize
    }

    pub(super) fn next_fetch(&self) -> Option<usize> {
        let available = self.tracked().iter().position(Record::is_available);
        available.map(|at| self.start + at).or_else(|| self.has_room().then_some(self.end))
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        let untils = self.tracked().iter().filter_map(|record| match record.state {
            State::Acquired { until, .. } => Some(until),
            _ => None,
        });
        untils.min()
    }

    fn advance(&mut self) {
        self.end = self.end.max(self.start);
        while self.start < self.end && self.records[self.start].is_done() {
            self.start += 1;
        }
    }

    /// Runs a step, after which the start offset moves.
    fn step<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        (self.dead, self.freed) = (Vec::new(), false);
        let had_room = self.has_room();
        let outcome = act(self);
        self.advance();
        self.freed |= !had_room && self.has_room();
        outcome
    }

    fn bury(&mut self, at: usize, cause: DeadLetterCause) {
        if self.settings.dead_letters {
            self.dead.push((at, self.records[at].deliveries, cause));
            self.records[at].state = State::Archiving;
        } else {
            self.records[at].state = State::Archived;
        }
    }

    fn give_back(&mut self, at: usize) {
        if self.records[at].deliveries >= self.settings.delivery_limit {
            self.bury(at, DeadLetterCause::Exhausted);
        } else {
            self.records[at].state = State::Available;
            self.freed = true;
        }
    }

    /// Each record with its deliveries.
    pub(super) fn acquire(&mut self, request: &Acquire, now: u64) -> Vec<(usize, u16)> {
        self.step(|model| model.acquire_in(request, now))
    }

    fn acquire_in(&mut self, request: &Acquire, now: u64) -> Vec<(usize, u16)> {
        let mut taken = Vec::new();
        let from = request.from.0 as usize;
        if from > self.end {
            return taken;
        }
        let mut at = from.max(self.start);
        for batch in &request.batches {
            let (first, last) = (batch.first.0 as usize, batch.last.0 as usize);
            if taken.len() as u64 >= request.max_records {
                break;
            }
            if last < at {
                continue;
            }
            let missing_until = if batch.is_deliverable { first } else { last + 1 };
            for offset in at..missing_until {
                self.end = self.end.max(offset + 1);
                if self.records[offset].is_available() {
                    self.records[offset].state = State::Missing;
                }
            }
            at = at.max(missing_until);
            while at <= last {
                if self.records[at].is_available() {
                    let (until, goes_on) = self.acquire_run(request, now, at, last, &mut taken);
                    if !goes_on {
                        return taken;
                    }
                    at = until;
                } else {
                    at += 1;
                }
            }
        }
        taken
    }

    /// Acquires of records that are alike; tells where these end, and whether there may be more.
    fn acquire_run(
        &mut self,
        request: &Acquire,
        now: u64,
        at: usize,
        last: usize,
        taken: &mut Vec<(usize, u16)>,
    ) -> (usize, bool) {
        let deliveries = self.records[at].deliveries;
        let mut until = at;
        let alike = |record: &Record| record.is_available() && record.deliveries == deliveries;
        while until <= last && alike(&self.records[until]) && (until < self.end) == (at < self.end) {
            until += 1;
        }
        let limit = self.settings.delivery_limit;
        if deliveries >= limit {
            (at..until).for_each(|offset| self.bury(offset, DeadLetterCause::Exhausted));
            return (until, true);
        }
        let mut wanted = until - at;
        let from = limit.div_ceil(2).max(2);
        let is_suspicious = deliveries >= from;
        if is_suspicious {
            if !taken.is_empty() {
                return (until, false);
            }
            wanted = if deliveries + 1 == limit { 1 } else { (wanted >> (deliveries - from + 1)).max(1) };
        }
        if request.mode == AcquireMode::RecordLimit {
            wanted = wanted.min(request.max_records as usize - taken.len());
        }
        let mut got = 0;
        for offset in at..at + wanted {
            let is_new = offset >= self.end;
            if is_new && !self.has_room() {
                break;
            }
            self.end = self.end.max(offset + 1);
            let member = request.member.to_string();
            let until = now + self.settings.lock_duration.as_secs();
            let state = State::Acquired { member, until };
            self.records[offset] = Record { state, deliveries: deliveries + 1 };
            taken.push((offset, deliveries + 1));
            got += 1;
        }
        (until, !is_suspicious && got == until - at)
    }

    pub(super) fn acknowledge(
        &mut self,
        member: &str,
        batches: &[AcknowledgementBatch],
        now: u64,
    ) -> Result<(), ErrorCode> {
        self.step(|model| {
            let mut all = Vec::new();
            let mut before = -1;
            for batch in batches {
                let length = batch.last.0 - batch.first.0 + 1;
                let types = batch.types.len() as i64;
                if length < 1 || batch.first.0 <= before || (types != 1 && types != length) {
                    return Err(ErrorCode::InvalidRequest);
                }
                before = batch.last.0;
                let offsets = batch.first.0 as usize..=batch.last.0 as usize;
                let mut types = batch.types.iter().copied().cycle();
                let all_of_batch = offsets.map(|offset| (offset, types.next().unwrap()));
                let left: Vec<_> = all_of_batch.filter(|(offset, _)| *offset >= model.start).collect();
                model.check_acquired(member, left.iter().map(|(offset, _)| *offset))?;
                all.extend(left);
            }
            for (offset, one) in all {
                model.settle(offset, one, now);
            }
            Ok(())
        })
    }

    fn check_acquired(
        &self,
        member: &str,
        mut offsets: impl Iterator<Item = usize> + Clone,
    ) -> Result<(), ErrorCode> {
        let Some(last) = offsets.clone().last() else {
            return Ok(());
        };
        if self.start == self.end {
            return Err(ErrorCode::InvalidRecordState);
        }
        if last >= self.end {
            return Err(ErrorCode::InvalidRequest);
        }
        let is_held = |offset: usize| matches!(&self.records[offset].state, State::Acquired { member: holder, .. } if holder == member);
        if offsets.all(is_held) { Ok(()) } else { Err(ErrorCode::InvalidRecordState) }
    }

    fn settle(&mut self, at: usize, one: Acknowledge, now: u64) {
        let renewed = now + self.settings.lock_duration.as_secs();
        match (one, &mut self.records[at].state) {
            (Acknowledge::Accept, state) => *state = State::Acknowledged,
            (Acknowledge::Gap, state) => *state = State::Archived,
            (Acknowledge::Renew, State::Acquired { until, .. }) => *until = renewed,
            (Acknowledge::Renew, _) => {}
            (Acknowledge::Reject, _) => self.bury(at, DeadLetterCause::Rejected),
            (Acknowledge::Release, _) => self.give_back(at),
        }
    }

    pub(super) fn release(&mut self, member: &str) {
        self.step(|model| {
            for at in model.start..model.end {
                let state = &model.records[at].state;
                if matches!(state, State::Acquired { member: holder, .. } if holder == member) {
                    model.give_back(at);
                }
            }
        });
    }

    pub(super) fn expire(&mut self, now: u64) {
        self.step(|model| {
            for at in model.start..model.end {
                if matches!(model.records[at].state, State::Acquired { until, .. } if until <= now) {
                    model.give_back(at);
                }
            }
        });
    }

    pub(super) fn dead_lettered(&mut self, first: usize, last: usize) {
        self.step(|model| {
            for at in first.max(model.start)..(last + 1).min(model.end) {
                if model.records[at].state == State::Archiving {
                    model.records[at].state = State::Archived;
                }
            }
        });
    }

    pub(super) fn log_start_moved(&mut self, log_start: usize) {
        self.step(|model| model.start = model.start.max(log_start));
    }

    pub(super) fn alter(&mut self, start: usize) {
        let settings = self.settings.clone();
        let altered = Self::new(settings, self.records.len(), start);
        *self = Self { epoch: self.epoch + 1, freed: true, ..altered };
    }

    /// Something was recorded; with the whole state everything is.
    pub(super) fn recorded(&mut self, everything: bool) {
        self.durable_start = self.start;
        if everything {
            for record in &mut self.records[self.start..self.end] {
                if record.state == State::Missing {
                    record.state = State::Archived;
                }
            }
        }
    }

    pub(super) fn restart(&mut self) {
        self.start = self.durable_start;
        for record in &mut self.records {
            match record.state {
                State::Acquired { .. } => {
                    let deliveries = record.deliveries - 1;
                    *record = Record { state: State::Available, deliveries };
                }
                State::Missing => record.state = State::Available,
                _ => {}
            }
        }
        let touched = self.records.iter().rposition(|record| *record != UNTOUCHED);
        self.end = touched.map_or(self.start, |last| last + 1).max(self.start);
        (self.dead, self.freed) = (Vec::new(), false);
        self.advance();
        for at in self.start..self.end {
            if self.records[at].state == State::Archiving {
                // Why is checked when it dies.
                self.dead.push((at, self.records[at].deliveries, DeadLetterCause::Rejected));
            }
        }
    }
}
