//! A consumer without its connections: fetcher, membership and commits, and how they bear on each other. Pure.
//!
//! Owns: [`ConsumerState`], the work that is due, and when metadata is to be asked for.
//!
//! Invariants: whatever the membership decides about partitions reaches the fetcher before anybody else looks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_model::{Entropy, Monotonic, TopicName, TopicPartition, Uuid};
use headwater_wire::messages::fetch::FetchResponse;
use headwater_wire::messages::list_offsets::ListOffsetsResponse;
use headwater_wire::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};

use super::commits::{Commits, Offsets, Outcome};
use super::pattern::{Matching, TopicPattern};
use super::{CommitError, CommittedOffset, ConsumeError, ConsumerEvent, StartAt};
use crate::cluster::ClusterView;
use crate::error::CallError;
use crate::fetcher::{FetchWork, Fetcher, Taken};
use crate::membership::{Effect, GroupAnswer, GroupEvent, GroupRequest, Identity, Membership};
use crate::retry::Backoff;

/// How often a subscribed topic is looked for that does not exist.
const MISSING_TOPIC_INTERVAL: Duration = Duration::from_secs(1);

/// Something that a driver has to do. Each but the last is reported back as [`Done`].
#[derive(Debug)]
pub(crate) enum Work {
    Fetch(FetchWork),
    Commit(u64, OffsetCommitRequest),
    RefreshMetadata(Vec<TopicName>),
    Count(u64, Vec<TopicName>),
    /// Find out what the topics of these ids are called.
    Resolve(u64, Vec<Uuid>),
    /// Find out which topics there are.
    ListTopics,
    Group(u64, GroupRequest),
    ForgetCoordinator,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    Fetched(u64, Result<FetchResponse, CallError>),
    Listed(u64, Result<ListOffsetsResponse, CallError>),
    Committed(u64, Result<BTreeMap<TopicPartition, CommittedOffset>, CommitError>),
    Commit(u64, Result<OffsetCommitResponse, CallError>),
    /// The view is new, or could not be had.
    Refreshed(bool),
    Counted(u64, Option<BTreeMap<TopicName, i32>>),
    Resolved(u64, Option<BTreeMap<Uuid, TopicName>>),
    /// Each with whether it is internal.
    Topics(Option<Vec<(TopicName, bool)>>),
    Group(u64, GroupAnswer),
    Nudged,
}

/// How often metadata is asked for.
#[derive(Debug)]
pub(crate) struct RefreshPolicy {
    pub(crate) max_age: Duration,
    /// Between questions that follow each other, since the answers did not help.
    pub(crate) backoff: Backoff,
    pub(crate) entropy: Entropy,
}

/// See the module. `W` is whoever waits for a commit.
#[derive(Debug)]
pub(crate) struct ConsumerState<W> {
    pub(crate) fetcher: Fetcher,
    membership: Option<Box<dyn Membership>>,
    /// Set while subscribed by a pattern that the coordinator does not follow by itself.
    matching: Option<Matching>,
    commits: Option<Commits<W>>,
    outbox: Vec<Work>,
    /// Commits that have an outcome.
    pub(crate) outcomes: Vec<Outcome<W>>,
    refresh: Refresh,
}

#[derive(Debug)]
struct Refresh {
    policy: RefreshPolicy,
    under_way: bool,
    /// Topics whose leaders are not known, or not what they were.
    wanted: BTreeSet<TopicName>,
    /// How many questions have followed each other.
    streak: u32,
    not_before: Monotonic,
    /// When everything is looked at again, needed or not.
    regular: Monotonic,
}

impl<W> ConsumerState<W> {
    pub(crate) fn new(
        fetcher: Fetcher,
        group: Option<(Box<dyn Membership>, Commits<W>)>,
        policy: RefreshPolicy,
    ) -> Self {
        let (membership, commits) = group.unzip();
        let refresh = Refresh {
            policy,
            under_way: false,
            wanted: BTreeSet::new(),
            streak: 0,
            not_before: Monotonic::ORIGIN,
            regular: Monotonic::ORIGIN,
        };
        Self {
            fetcher,
            membership,
            matching: None,
            commits,
            outbox: Vec::new(),
            outcomes: Vec::new(),
            refresh,
        }
    }

    /// No topics: unsubscribes.
    pub(crate) fn subscribe(
        &mut self,
        topics: BTreeSet<TopicName>,
        now: Monotonic,
    ) -> Result<(), ConsumeError> {
        let membership = self.membership.as_ref().ok_or(ConsumeError::NoGroup)?;
        if !membership.is_subscribed() {
            self.fetcher.clear();
        }
        self.matching = None;
        self.subscribe_to(topics, now);
        Ok(())
    }

    /// Subscribes to whatever matches, now and later.
    pub(crate) fn subscribe_matching(
        &mut self,
        pattern: TopicPattern,
        now: Monotonic,
    ) -> Result<(), ConsumeError> {
        let membership = self.membership.as_mut().ok_or(ConsumeError::NoGroup)?;
        if !membership.is_subscribed() {
            self.fetcher.clear();
        }
        let is_followed = membership.subscribe_matching(&pattern.to_string(), now);
        self.matching = (!is_followed).then(|| Matching::new(pattern, now));
        self.absorb();
        Ok(())
    }

    fn subscribe_to(&mut self, topics: BTreeSet<TopicName>, now: Monotonic) {
        if let Some(membership) = &mut self.membership {
            membership.subscribe(topics, now);
        }
        // What is new in the subscription is asked about at once.
        self.refresh.regular = now;
        self.absorb();
    }

    fn topics_listed(&mut self, topics: Option<Vec<(TopicName, bool)>>, now: Monotonic) {
        // Unsubscribed meanwhile.
        let Some(matching) = &mut self.matching else { return };
        let max_age = self.refresh.policy.max_age;
        let often = max_age.min(MISSING_TOPIC_INTERVAL);
        let (found, ask_again) = match topics {
            None => (None, often),
            Some(topics) => (Some(topics), max_age),
        };
        let Some(found) = matching.listed(found, now, ask_again) else { return };
        if found.is_empty() {
            matching.look_again_at(now + often);
        }
        if self.membership.as_ref().is_some_and(|membership| !membership.is_subscribed_to(&found)) {
            self.subscribe_to(found, now);
        }
    }

    pub(crate) fn assign(
        &mut self,
        partitions: impl IntoIterator<Item = (TopicPartition, StartAt)>,
    ) -> Result<(), ConsumeError> {
        if self.matching.is_some() || self.is_subscribed() {
            return Err(ConsumeError::Subscribed);
        }
        let has_group = self.membership.is_some();
        let partitions: Vec<_> = partitions.into_iter().collect();
        if !has_group && partitions.iter().any(|(_, start)| *start == StartAt::Committed) {
            return Err(ConsumeError::NoGroup);
        }
        self.fetcher.assign(partitions);
        Ok(())
    }

    fn is_subscribed(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.is_subscribed())
    }

    pub(crate) fn seek(&mut self, at: &TopicPartition, to: StartAt) -> Result<(), ConsumeError> {
        if self.membership.is_none() && to == StartAt::Committed {
            return Err(ConsumeError::NoGroup);
        }
        self.fetcher.seek(at, to)
    }

    /// The application polls: it has let go of what it was told to let go of. True if that leads to something.
    pub(crate) fn poll_begins(&mut self, now: Monotonic) -> bool {
        let changed = self.membership.as_mut().is_some_and(|membership| membership.poll_begins(now));
        self.absorb();
        changed
    }

    /// The application does not care about what it was told to let go of.
    pub(crate) fn let_go(&mut self, now: Monotonic) {
        if let Some(membership) = &mut self.membership {
            membership.let_go(now);
        }
        self.absorb();
    }

    pub(crate) fn poll_ends(&mut self, now: Monotonic) {
        if let Some(membership) = &mut self.membership {
            membership.poll_ends(now);
        }
    }

    /// What the application is to have next.
    pub(crate) fn next(&mut self, max_bytes: usize) -> Option<Result<ConsumerEvent, ConsumeError>> {
        if let Some(event) = self.membership.as_mut().and_then(|membership| membership.next_event()) {
            return Some(match event {
                GroupEvent::Assigned(partitions) => {
                    self.fetcher.counts.assignments += 1;
                    Ok(ConsumerEvent::Assigned(partitions))
                }
                GroupEvent::Revoked(partitions) => Ok(ConsumerEvent::Revoked(partitions)),
                GroupEvent::Lost(partitions) => Ok(ConsumerEvent::Lost(partitions)),
                GroupEvent::Failed(error) => Err(ConsumeError::Group(error)),
            });
        }
        self.fetcher.take(max_bytes).map(|taken| match taken {
            Taken::Batches(batches) => Ok(ConsumerEvent::Fetched(batches)),
            Taken::Fault(fault) => Err(fault),
        })
    }

    /// True if [`ConsumerState::next`] may have something.
    pub(crate) fn has_next(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.has_events()) || self.fetcher.has_ready()
    }

    /// Queues a commit. Its outcome may be there at once.
    pub(crate) fn commit(&mut self, offsets: Offsets, waiter: W, now: Monotonic) {
        let committer = self.committer();
        let outcome = match (&mut self.commits, committer) {
            (None, _) => Err(CommitError::NoGroup),
            (Some(_), _) if offsets.is_empty() => Ok(()),
            (Some(_), None) => Err(CommitError::Rebalancing),
            (Some(commits), Some(committer)) => return commits.push(offsets, committer, waiter, now),
        };
        self.outcomes.push((waiter, outcome));
    }

    /// What is due. The cluster's view says who leads what.
    pub(crate) fn plan(&mut self, view: &ClusterView, now: Monotonic) -> Vec<Work> {
        if let Some(membership) = &mut self.membership {
            membership.tick(now);
        }
        self.absorb();
        let committer = self.committer();
        if let Some(commits) = &mut self.commits {
            let (request, outlived) = commits.plan(committer.as_ref(), now);
            self.outbox.extend(request.map(|(ticket, request)| Work::Commit(ticket, request)));
            self.outcomes.extend(outlived);
        }
        self.outbox.extend(self.fetcher.plan(view, now).into_iter().map(Work::Fetch));
        self.refresh.wanted.extend(self.fetcher.take_stale());
        self.plan_refresh(now);
        if self.matching.as_mut().is_some_and(|matching| matching.begin(now)) {
            self.outbox.push(Work::ListTopics);
        }
        std::mem::take(&mut self.outbox)
    }

    /// When [`ConsumerState::plan`] has to be called again because time has passed.
    pub(crate) fn deadline(&self, now: Monotonic) -> Option<Monotonic> {
        let refresh = match (self.refresh.under_way, self.refresh.wanted.is_empty()) {
            (true, _) => None,
            (false, true) => Some(self.refresh.regular.max(self.refresh.not_before)),
            (false, false) => Some(self.refresh.not_before),
        };
        let membership = self.membership.as_ref().and_then(|membership| membership.deadline());
        let commits = self.commits.as_ref().and_then(Commits::deadline);
        let matching = self.matching.as_ref().and_then(Matching::deadline);
        [membership, commits, self.fetcher.deadline(now), refresh, matching].into_iter().flatten().min()
    }

    /// Takes in what came of some work.
    pub(crate) fn done(&mut self, done: Done, view: &ClusterView, now: Monotonic) {
        match done {
            Done::Fetched(ticket, answer) => self.fetcher.fetched(ticket, answer, now),
            Done::Listed(ticket, answer) => self.fetcher.listed(ticket, answer, now),
            Done::Committed(ticket, answer) => {
                if let Err(error) = &answer
                    && error.may_be_elsewhere()
                {
                    self.outbox.push(Work::ForgetCoordinator);
                }
                self.fetcher.committed(ticket, &answer, now);
            }
            Done::Commit(ticket, answer) => self.commit_answered(ticket, answer, now),
            Done::Refreshed(success) => self.refreshed(success, view, now),
            Done::Counted(ticket, counts) => {
                if let Some(membership) = &mut self.membership {
                    membership.counted(ticket, counts, now);
                }
            }
            Done::Resolved(ticket, names) => {
                if let Some(membership) = &mut self.membership {
                    membership.resolved(ticket, names, now);
                }
            }
            Done::Topics(topics) => self.topics_listed(topics, now),
            Done::Group(ticket, answer) => {
                if let Some(membership) = &mut self.membership {
                    membership.answered(ticket, answer, now);
                }
            }
            Done::Nudged => {}
        }
        self.absorb();
    }

    /// True if no commit waits or is under way.
    pub(crate) fn has_committed(&self) -> bool {
        self.commits.as_ref().is_none_or(Commits::is_idle)
    }

    /// The consumer ends: gives back the request by which it leaves its group, if it is a member.
    pub(crate) fn close(&mut self) -> Option<GroupRequest> {
        self.matching = None;
        let abandoned = self.commits.as_mut().map(Commits::abandon).unwrap_or_default();
        self.outcomes.extend(abandoned.into_iter().map(|waiter| (waiter, Err(CommitError::Closed))));
        self.outbox.clear();
        self.membership.as_mut()?.leave();
        self.absorb();
        self.outbox.drain(..).find_map(|work| match work {
            Work::Group(_, request) => Some(request).filter(GroupRequest::is_farewell),
            _ => None,
        })
    }

    /// Who commits now: the member, or whoever has assigned partitions by hand.
    pub(crate) fn committer(&self) -> Option<Identity> {
        let membership = self.membership.as_ref()?;
        if membership.is_subscribed() { membership.identity() } else { Some(Identity::nobody()) }
    }

    fn commit_answered(
        &mut self,
        ticket: u64,
        answer: Result<OffsetCommitResponse, CallError>,
        now: Monotonic,
    ) {
        let Some(commits) = &mut self.commits else { return };
        let settled = commits.answered(ticket, answer, now);
        self.outcomes.extend(settled.outcomes);
        if settled.elsewhere {
            self.outbox.push(Work::ForgetCoordinator);
        }
        if let (Some((generation, error)), Some(membership)) = (settled.membership, &mut self.membership) {
            membership.commit_refused(generation, error, now);
        }
    }

    /// Carries out what the membership decided about partitions, and keeps the rest for the driver.
    fn absorb(&mut self) {
        let Some(membership) = &mut self.membership else { return };
        for effect in membership.take_effects() {
            match effect {
                Effect::Send(ticket, request) => self.outbox.push(Work::Group(ticket, request)),
                Effect::Count(ticket, topics) => {
                    self.outbox.push(Work::Count(ticket, topics.into_iter().collect()));
                }
                Effect::Resolve(ticket, ids) => {
                    self.outbox.push(Work::Resolve(ticket, ids.into_iter().collect()));
                }
                Effect::ForgetCoordinator => self.outbox.push(Work::ForgetCoordinator),
                Effect::Start(partitions) => {
                    self.fetcher.add(partitions.into_iter().map(|at| (at, StartAt::Committed)));
                }
                Effect::Freeze(partitions) => self.fetcher.freeze(&partitions),
                Effect::Stop(partitions) => {
                    self.fetcher.remove(&partitions);
                    if let Some(commits) = &mut self.commits {
                        commits.give_up(&partitions);
                    }
                }
            }
        }
    }

    fn plan_refresh(&mut self, now: Monotonic) {
        if self.refresh.under_way || now < self.refresh.not_before {
            return;
        }
        if self.refresh.wanted.is_empty() {
            self.refresh.streak = 0;
            if now < self.refresh.regular {
                return;
            }
        }
        let mut topics = self.refresh.wanted.clone();
        if now >= self.refresh.regular {
            topics.extend(self.topics());
        }
        if topics.is_empty() {
            self.refresh.regular = now + self.refresh.policy.max_age;
            return;
        }
        self.refresh.under_way = true;
        self.outbox.push(Work::RefreshMetadata(topics.into_iter().collect()));
    }

    fn refreshed(&mut self, success: bool, view: &ClusterView, now: Monotonic) {
        self.refresh.under_way = false;
        self.refresh.streak = self.refresh.streak.saturating_add(1);
        let RefreshPolicy { backoff, entropy, .. } = &mut self.refresh.policy;
        self.refresh.not_before = now + backoff.delay(self.refresh.streak, entropy);
        if !success {
            return;
        }
        self.refresh.wanted.clear();
        let is_missing = |topic: TopicName| view.partitions(&topic).next().is_none();
        let any_missing = self.topics().into_iter().any(is_missing);
        let max_age = self.refresh.policy.max_age;
        let interval = if any_missing { max_age.min(MISSING_TOPIC_INTERVAL) } else { max_age };
        self.refresh.regular = now + interval;
        if let Some(membership) = &mut self.membership {
            membership.partitions_seen(&|topic| count(view, topic), now);
        }
    }

    /// The topics that matter.
    fn topics(&self) -> BTreeSet<TopicName> {
        let assigned = self.fetcher.assignment().map(|(at, _)| at.topic.clone());
        let watched = self.membership.iter().flat_map(|membership| membership.watched_topics());
        assigned.chain(watched).collect()
    }
}

/// How many partitions a topic has; `None` if it does not exist.
pub(crate) fn count(view: &ClusterView, topic: &TopicName) -> Option<i32> {
    Some(view.partitions(topic).count() as i32).filter(|count| *count > 0)
}
