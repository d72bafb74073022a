//! A member of a streams group without its connections: membership and commits, and how they bear on each other. Pure.
//!
//! Invariants: what was committed for a task is not sent once the task was given up.

use headwater_model::Monotonic;
use headwater_wire::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};

use super::topology::GroupTopology;
use crate::consumer::{CommitError, Commits, Offsets, Outcome};
use crate::error::CallError;
use crate::membership::streams::{StreamsMember, StreamsNews};
use crate::membership::{Effect, GroupAnswer, GroupRequest};

/// Something that a driver has to do. Each but the last is reported back as [`Done`].
#[derive(Debug)]
pub(super) enum Work {
    Group(u64, GroupRequest),
    Commit(u64, OffsetCommitRequest),
    ForgetCoordinator,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Done {
    Group(u64, GroupAnswer),
    Commit(u64, Result<OffsetCommitResponse, CallError>),
}

/// See the module. `W` is whoever waits for a commit.
#[derive(Debug)]
pub(super) struct StreamsState<W> {
    pub(super) member: StreamsMember,
    topology: GroupTopology,
    commits: Commits<W>,
    outbox: Vec<Work>,
    /// Commits that have an outcome.
    pub(super) outcomes: Vec<Outcome<W>>,
}

impl<W> StreamsState<W> {
    pub(super) fn new(member: StreamsMember, topology: GroupTopology, commits: Commits<W>) -> Self {
        Self { member, topology, commits, outbox: Vec::new(), outcomes: Vec::new() }
    }

    /// The application polls: it has let go of what it was told to let go of.
    pub(super) fn poll_begins(&mut self, now: Monotonic) {
        self.member.poll_begins(now);
        let before = self.member.tasks().clone();
        if self.member.let_go() {
            let gone = before.without(self.member.tasks());
            self.commits.give_up(&self.topology.inputs(&gone));
        }
        self.absorb();
    }

    /// What the application is to be told next.
    pub(super) fn next(&mut self) -> Option<StreamsNews> {
        let news = self.member.next_news()?;
        if let StreamsNews::Lost(tasks) = &news {
            self.commits.give_up(&self.topology.inputs(tasks));
        }
        Some(news)
    }

    /// Queues a commit. Its outcome may be there at once.
    pub(super) fn commit(&mut self, offsets: Offsets, waiter: W, now: Monotonic) {
        let outcome = match self.member.identity() {
            _ if offsets.is_empty() => Ok(()),
            None => Err(CommitError::Rebalancing),
            Some(committer) => return self.commits.push(offsets, committer, waiter, now),
        };
        self.outcomes.push((waiter, outcome));
    }

    /// What is due.
    pub(super) fn plan(&mut self, now: Monotonic) -> Vec<Work> {
        self.member.tick(now);
        self.absorb();
        let (request, outlived) = self.commits.plan(self.member.identity().as_ref(), now);
        self.outbox.extend(request.map(|(ticket, request)| Work::Commit(ticket, request)));
        self.outcomes.extend(outlived);
        std::mem::take(&mut self.outbox)
    }

    /// When [`StreamsState::plan`] has to be called again because time has passed.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        [self.member.deadline(), self.commits.deadline()].into_iter().flatten().min()
    }

    /// Takes in what came of some work.
    pub(super) fn done(&mut self, done: Done, now: Monotonic) {
        match done {
            Done::Group(ticket, answer) => self.member.answered(ticket, answer, now),
            Done::Commit(ticket, answer) => {
                let settled = self.commits.answered(ticket, answer, now);
                self.outcomes.extend(settled.outcomes);
                if settled.elsewhere {
                    self.outbox.push(Work::ForgetCoordinator);
                }
                if let Some((epoch, error)) = settled.membership {
                    self.member.commit_refused(epoch, error, now);
                }
            }
        }
        self.absorb();
    }

    /// True if no commit waits or is under way.
    pub(super) fn has_committed(&self) -> bool {
        self.commits.is_idle()
    }

    /// The member ends: gives back the request by which it leaves its group, if the group may know it.
    pub(super) fn close(&mut self) -> Option<GroupRequest> {
        let abandoned = self.commits.abandon().into_iter();
        self.outcomes.extend(abandoned.map(|waiter| (waiter, Err(CommitError::Closed))));
        self.member.leave();
        self.outbox.clear();
        self.absorb();
        self.outbox.drain(..).find_map(|work| match work {
            Work::Group(_, request) => Some(request).filter(GroupRequest::is_farewell),
            _ => None,
        })
    }

    fn absorb(&mut self) {
        for effect in self.member.take_effects() {
            match effect {
                Effect::Send(ticket, request) => self.outbox.push(Work::Group(ticket, request)),
                Effect::ForgetCoordinator => self.outbox.push(Work::ForgetCoordinator),
                // Of members that have partitions.
                Effect::Count(..)
                | Effect::Resolve(..)
                | Effect::Start(_)
                | Effect::Freeze(_)
                | Effect::Stop(_) => {}
            }
        }
    }
}
