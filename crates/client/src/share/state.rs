//! A share consumer without its connections: membership and sessions, and how they bear on each other. Pure.
//!
//! Owns: [`ShareState`], the work that is due, which broker is asked for which partition, and when metadata is asked for.
//!
//! Invariants: when the membership ends, so does what was acquired by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Entropy, Monotonic, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::share_acknowledge::ShareAcknowledgeResponse;
use headwater_wire::messages::share_fetch::ShareFetchResponse;

use super::acquired::Acquired;
use super::error::ShareError;
use super::sessions::{Place, Sessions, ShareWork, Wanted};
use crate::cluster::ClusterView;
use crate::error::CallError;
use crate::membership::share::ShareMember;
use crate::membership::{Effect, GroupAnswer, GroupRequest};
use crate::retry::Backoff;

/// How often the name of a topic, or the leader of a partition, is asked for that nobody knows yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Something that a driver has to do. Each but the last is reported back as [`ShareDone`].
#[derive(Debug)]
pub(crate) enum Work {
    Share(ShareWork),
    /// Find out what the topics of these ids are called, and who leads their partitions.
    Resolve(Vec<Uuid>),
    RefreshMetadata(Vec<TopicName>),
    Group(u64, GroupRequest),
    ForgetCoordinator,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum ShareDone {
    Fetched(u64, Result<ShareFetchResponse, CallError>),
    Acknowledged(u64, Result<ShareAcknowledgeResponse, CallError>),
    /// The names of topics, so far as they exist; `None` if they cannot be had just now.
    Resolved(Option<BTreeMap<Uuid, TopicName>>),
    /// The view is new, or could not be had.
    Refreshed,
    Group(u64, GroupAnswer),
}

/// See the module. `W` is whoever waits for acknowledgements.
#[derive(Debug)]
pub(crate) struct ShareState<W> {
    member: ShareMember,
    pub(crate) sessions: Sessions<W>,
    incarnation: u64,
    names: BTreeMap<Uuid, TopicName>,
    lookup: Lookup,
    placed: Placed,
    outbox: Vec<Work>,
}

/// When the cluster is asked about topics.
#[derive(Debug)]
struct Lookup {
    under_way: bool,
    not_before: Monotonic,
    backoff: Backoff,
    entropy: Entropy,
    /// How many questions have followed each other.
    streak: u32,
    stale: BTreeSet<TopicName>,
}

/// Who leads what is assigned, and what that was found out from.
#[derive(Debug, Default)]
struct Placed {
    from: Option<(Arc<ClusterView>, crate::membership::share::Assigned)>,
    wanted: Wanted,
    /// Partitions without a leader that is known.
    unplaced: BTreeSet<TopicName>,
}

impl<W> ShareState<W> {
    pub(crate) fn new(
        member: ShareMember,
        sessions: Sessions<W>,
        backoff: Backoff,
        entropy: Entropy,
    ) -> Self {
        let lookup = Lookup {
            under_way: false,
            not_before: Monotonic::ORIGIN,
            backoff,
            entropy,
            streak: 0,
            stale: BTreeSet::new(),
        };
        Self {
            incarnation: member.incarnation(),
            member,
            sessions,
            names: BTreeMap::new(),
            lookup,
            placed: Placed::default(),
            outbox: Vec::new(),
        }
    }

    /// No topics: unsubscribes.
    pub(crate) fn subscribe(&mut self, topics: BTreeSet<TopicName>, now: Monotonic) {
        self.member.subscribe(topics, now);
        self.absorb(now);
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.member.is_subscribed()
    }

    /// The partitions to consume from, so far as their names are known.
    pub(crate) fn assignment(&self) -> Vec<TopicPartition> {
        let assigned = self.member.assigned().iter();
        let named = assigned.filter_map(|(id, partitions)| Some((self.names.get(id)?, partitions)));
        let mut assignment: Vec<TopicPartition> = named
            .flat_map(|(name, partitions)| {
                partitions.iter().map(|partition| TopicPartition::new(name.clone(), *partition))
            })
            .collect();
        assignment.sort();
        assignment
    }

    pub(crate) fn poll_begins(&mut self, now: Monotonic) {
        self.member.poll_begins(now);
        self.sessions.poll_begins(now);
        self.absorb(now);
    }

    pub(crate) fn poll_ends(&mut self, now: Monotonic) {
        self.member.poll_ends(now);
        self.sessions.poll_ends();
    }

    /// What the application is to have next.
    pub(crate) fn next(&mut self, now: Monotonic) -> Option<Result<Vec<Acquired>, ShareError>> {
        if let Some(error) = self.member.next_failure() {
            return Some(Err(ShareError::Group(error)));
        }
        self.sessions.take(now)
    }

    /// True if [`ShareState::next`] may have something.
    pub(crate) fn has_next(&self) -> bool {
        self.member.has_failures() || self.sessions.has_ready()
    }

    /// What is due. The cluster's view says who leads what.
    pub(crate) fn plan(&mut self, view: &Arc<ClusterView>, now: Monotonic) -> Vec<Work> {
        self.member.tick(now);
        self.absorb(now);
        self.place(view);
        let work = self.sessions.plan(&self.placed.wanted, now);
        self.outbox.extend(work.into_iter().map(Work::Share));
        self.look_up(now);
        std::mem::take(&mut self.outbox)
    }

    /// When [`ShareState::plan`] has to be called again because time has passed.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        let has_questions = !self.lookup.stale.is_empty() || !self.unknown().is_empty();
        let lookup = (has_questions && !self.lookup.under_way).then_some(self.lookup.not_before);
        [self.member.deadline(), self.sessions.deadline(), lookup].into_iter().flatten().min()
    }

    /// Takes in what came of some work.
    pub(crate) fn done(&mut self, done: ShareDone, now: Monotonic) {
        match done {
            ShareDone::Fetched(ticket, answer) => self.sessions.fetched(ticket, answer, now),
            ShareDone::Acknowledged(ticket, answer) => self.sessions.acknowledged(ticket, answer, now),
            ShareDone::Resolved(names) => {
                self.names.extend(names.unwrap_or_default());
                self.placed.from = None;
                self.looked_up(now + LOOK_AGAIN);
            }
            ShareDone::Refreshed => {
                let Lookup { streak, backoff, entropy, .. } = &mut self.lookup;
                *streak = streak.saturating_add(1);
                let delay = backoff.delay(*streak, entropy);
                self.looked_up(now + delay);
            }
            ShareDone::Group(ticket, answer) => self.member.answered(ticket, answer, now),
        }
        self.absorb(now);
    }

    /// Leaves the group, once the sessions are closed; gives back the request by which it does.
    pub(crate) fn leave(&mut self) -> Option<GroupRequest> {
        self.outbox.clear();
        self.member.leave();
        self.member.take_effects().into_iter().find_map(|effect| match effect {
            Effect::Send(_, request) => Some(request).filter(GroupRequest::is_farewell),
            _ => None,
        })
    }

    fn absorb(&mut self, now: Monotonic) {
        if self.incarnation != self.member.incarnation() {
            self.incarnation = self.member.incarnation();
            self.sessions.lose_all(now);
        }
        for effect in self.member.take_effects() {
            match effect {
                Effect::Send(ticket, request) => self.outbox.push(Work::Group(ticket, request)),
                Effect::ForgetCoordinator => self.outbox.push(Work::ForgetCoordinator),
                // Of members that have partitions of their own.
                Effect::Count(..)
                | Effect::Resolve(..)
                | Effect::Start(_)
                | Effect::Freeze(_)
                | Effect::Stop(_) => {}
            }
        }
        self.lookup.stale.extend(self.sessions.take_stale());
    }

    /// Finds out who leads what, unless nothing has changed.
    fn place(&mut self, view: &Arc<ClusterView>) {
        let assigned = self.member.assigned();
        let same = |(seen, known): &(Arc<ClusterView>, _)| Arc::ptr_eq(seen, view) && known == assigned;
        if self.placed.from.as_ref().is_some_and(same) {
            return;
        }
        self.names.retain(|id, _| assigned.contains_key(id));
        let mut wanted = Wanted::new();
        let mut unplaced = BTreeSet::new();
        for (id, partitions) in assigned {
            let Some(name) = self.names.get(id) else { continue };
            for partition in partitions {
                let at = TopicPartition::new(name.clone(), *partition);
                match view.leader(&at).filter(|_| view.topic_id(name) == Some(*id)) {
                    Some(node) => drop(wanted.entry(node).or_default().insert(Place { id: *id, at })),
                    None => drop(unplaced.insert(name.clone())),
                }
            }
        }
        self.placed = Placed { from: Some((Arc::clone(view), assigned.clone())), wanted, unplaced };
    }

    /// The topics that are assigned and have no name.
    fn unknown(&self) -> Vec<Uuid> {
        let assigned = self.member.assigned().keys();
        assigned.filter(|id| !self.names.contains_key(id)).copied().collect()
    }

    fn look_up(&mut self, now: Monotonic) {
        self.lookup.stale.extend(self.sessions.take_stale());
        self.lookup.stale.extend(self.placed.unplaced.iter().cloned());
        if self.lookup.under_way || now < self.lookup.not_before {
            return;
        }
        let unknown = self.unknown();
        if !unknown.is_empty() {
            self.lookup.under_way = true;
            self.outbox.push(Work::Resolve(unknown));
        } else if !self.lookup.stale.is_empty() {
            self.lookup.under_way = true;
            let stale = std::mem::take(&mut self.lookup.stale).into_iter().collect();
            self.outbox.push(Work::RefreshMetadata(stale));
        } else {
            self.lookup.streak = 0;
        }
    }

    fn looked_up(&mut self, not_before: Monotonic) {
        self.lookup.under_way = false;
        self.lookup.not_before = not_before;
    }
}
