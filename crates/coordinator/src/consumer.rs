//! A consumer group of the newer protocol (KIP-848): members say what they want by heartbeats, and the coordinator
//! assigns.
//!
//! The group's epoch grows whenever members, their subscriptions or the topics change. The next heartbeat of any member
//! computes the target assignment of that epoch; each member is brought there by its own heartbeats
//! ([`crate::membership`]).
//!
//! # Invariants
//! - Epochs only grow: the group's, the target's, which never is ahead of it, and each member's, which is never ahead of the
//!   target's.
//! - No partition is held by two members. When all members are stable, each partition of the topics that they subscribe
//!   to is assigned to exactly one of them.
//! - A member that is there has a session, and one that has to give partitions back a time by which it must have.
//! - The records of a command begin with the group's new epoch: whatever is lost of them, the target is computed anew. Those
//!   of a static member's return, which begins none, do not fit together before the last.
//!
//! # What is not here
//! Who may read which topic; where partitions are; records' bytes.

mod change;
mod classic;
mod commit;
mod heartbeat;
mod leave;
mod member;
mod patterns;
mod queries;
mod refused;
mod replayed;
mod request;
mod statics;
mod target;
mod timeouts;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{Monotonic, TopicName};

use crate::effects::Turn;
use crate::membership::{Current, Holders, Owned, Target, Timers};
use crate::{GroupId, GroupState, InstanceId, MemberId, MemberState, Partitions, Topics};

pub use change::ConsumerGroupChange;
pub use classic::ClassicSide;
pub use heartbeat::HeartbeatAnswer;
pub use member::Subscription;
pub use queries::{DescribedConsumer, DescribedConsumerGroup};
pub use refused::Refused;
pub use request::ConsumerHeartbeat;

pub(crate) use replayed::Replayed;

use member::Member;
use patterns::Patterns;

/// The members' side of a consumer group.
#[derive(Debug)]
pub(crate) struct Consumer {
    id: GroupId,
    epoch: i32,
    /// Of the topics that are subscribed to, in this epoch.
    fingerprint: u64,
    /// The epoch for which the members' targets were computed.
    target_epoch: i32,
    members: BTreeMap<MemberId, Member>,
    statics: BTreeMap<InstanceId, MemberId>,
    holders: Holders,
    patterns: Patterns,
    /// When members are out unless heard of.
    sessions: Timers,
    /// When members are out unless they have given back what they are to.
    revocations: Timers,
    /// When members of the classic protocol are out unless they have joined again, or synced.
    rejoins: Timers,
    /// The log has a record of this group, so that its end needs a tombstone.
    stored: bool,
}

impl Consumer {
    /// A group that was of another kind until this epoch, or that begins.
    pub(crate) fn beginning_after(id: GroupId, epoch: i32, stored: bool) -> Self {
        Self {
            id,
            epoch,
            fingerprint: 0,
            target_epoch: 0,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            holders: Holders::default(),
            patterns: Patterns::default(),
            sessions: Timers::default(),
            revocations: Timers::default(),
            rejoins: Timers::default(),
            stored,
        }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn member_ids(&self) -> BTreeSet<MemberId> {
        self.members.keys().cloned().collect()
    }

    /// Whether one of the names is a member's.
    pub(crate) fn knows(&self, member: Option<&MemberId>, instance: Option<&InstanceId>) -> bool {
        member.is_some_and(|member| self.members.contains_key(member))
            || instance.is_some_and(|instance| self.statics.contains_key(instance))
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.stored
    }

    pub(crate) fn state(&self) -> GroupState {
        let reconciled = |member: &Member| member.current.is_reconciled(self.target_epoch);
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.target_epoch {
            GroupState::Assigning
        } else if self.members.values().all(reconciled) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    /// The topics that members subscribe to, so far as they exist.
    pub(crate) fn subscribed(&self, topics: &Topics) -> BTreeSet<TopicName> {
        let subscriptions = || self.members.values().map(|member| &member.subscription);
        let names: BTreeSet<&str> =
            subscriptions().flat_map(|said| said.topics.iter().map(String::as_str)).collect();
        let patterns: BTreeSet<&str> = subscriptions().filter_map(|said| said.pattern.as_deref()).collect();
        let named = names.into_iter().filter_map(|name| topics.entry(name)).map(|(name, _)| name.clone());
        named.chain(patterns.into_iter().flat_map(|pattern| self.patterns.matched(pattern, topics))).collect()
    }

    /// The topics have changed: a target that rests on others is not the one that is wanted.
    pub(crate) fn topics_changed(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        self.patterns.forget();
        self.resolve_patterns(topics);
        if !self.is_empty() && topics.fingerprint(&self.subscribed(topics)) != self.fingerprint {
            self.bump(turn, topics);
        }
    }

    fn resolve_patterns(&mut self, topics: &Topics) {
        let patterns = self.members.values().filter_map(|member| member.subscription.pattern.as_deref());
        self.patterns.resolve(&patterns.collect(), topics);
    }

    /// The group's next epoch begins.
    fn bump(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        self.epoch = self.epoch.saturating_add(1);
        self.fingerprint = topics.fingerprint(&self.subscribed(topics));
        self.stored = true;
        let (epoch, fingerprint) = (self.epoch, self.fingerprint);
        turn.record(ConsumerGroupChange::Epoch { epoch, fingerprint }.of(&self.id));
    }

    /// Brings a member as near to its target as can be now.
    fn reconcile(&mut self, turn: &mut Turn<'_>, id: &MemberId, known_epoch: i32, owned: Owned<'_>) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        let none = Partitions::new();
        let partitions = member.target.as_ref().unwrap_or(&none);
        let target = Target { epoch: self.target_epoch, partitions };
        let next = member.current.reconciled(id, known_epoch, owned, target, &self.holders);
        if let Some(next) = next {
            self.set_current(turn, id, next);
        }
    }

    fn set_current(&mut self, turn: &mut Turn<'_>, id: &MemberId, next: Current) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let is_classic = member.subscription.classic.is_some();
        if next.state == MemberState::UnrevokedPartitions && !next.is_away() && !is_classic {
            self.revocations.set(id, turn.now.monotonic + member.subscription.rebalance_wait());
        } else {
            self.revocations.cancel(id);
        }
        self.holders.replace(id, &member.current, &next);
        turn.record(ConsumerGroupChange::Current { member: id.clone(), current: next.clone() }.of(&self.id));
        member.current = next;
    }

    /// The members that speak the classic protocol, by id.
    pub(crate) fn classic_members(&self) -> impl Iterator<Item = (&MemberId, &Subscription, &Current)> {
        let classic = self.members.iter().filter(|(_, member)| member.subscription.classic.is_some());
        classic.map(|(id, member)| (id, &member.subscription, &member.current))
    }

    /// Takes over the members of a classic group, and begins the epoch after its generation.
    pub(crate) fn take_over(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        members: Vec<(MemberId, Subscription, Partitions)>,
    ) {
        let generation = self.epoch;
        let mut currents = Vec::new();
        for (id, subscription, partitions) in members {
            let current = Current::taken_over(generation, partitions.clone());
            self.holders.replace(&id, &Current::joining(), &current);
            if let Some(instance) = &subscription.instance {
                self.statics.insert(instance.clone(), id.clone());
            }
            let (member, change) = (id.clone(), subscription.clone());
            turn.record(ConsumerGroupChange::Member { member, subscription: change }.of(&self.id));
            let member = Member { subscription, target: Some(partitions.clone()), current: current.clone() };
            self.members.insert(id.clone(), member);
            turn.record(ConsumerGroupChange::Target { member: id.clone(), partitions }.of(&self.id));
            currents.push(ConsumerGroupChange::Current { member: id, current });
        }
        self.target_epoch = generation;
        turn.record(ConsumerGroupChange::TargetEpoch { epoch: generation }.of(&self.id));
        for current in currents {
            turn.record(current.of(&self.id));
        }
        self.begin_timers(turn.now.monotonic, turn.times.consumer);
        self.bump(turn, topics);
    }

    /// The earliest moment at which silence leads to something.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let times = [self.sessions.next(), self.revocations.next(), self.rejoins.next()];
        times.into_iter().flatten().min()
    }
}
