//! The target assignment: computed once for each epoch of the group, for all members.

use std::collections::BTreeMap;

use headwater_model::Uuid;

use crate::assignor::{Problem, Subscriber};
use crate::consumer::{Consumer, ConsumerGroupChange};
use crate::effects::Turn;
use crate::{Assignor, GroupsConfig, Partitions, Subscription, Topics};

impl Consumer {
    /// The assignor that most members would like; the first of those that the coordinator has, if none has a say.
    pub(super) fn assignor(&self, config: &GroupsConfig) -> Assignor {
        let mut votes: BTreeMap<Assignor, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(assignor) = member.subscription.assignor.as_deref().and_then(Assignor::named) {
                *votes.entry(assignor).or_default() += 1;
            }
        }
        let offered = config.consumer_assignors.iter().copied();
        let votes_for = |assignor: &Assignor| votes.get(assignor).copied().unwrap_or(0);
        // Of equals the last is taken, and the first is wanted.
        offered.rev().max_by_key(votes_for).unwrap_or(Assignor::Uniform)
    }

    /// Computes the targets of the group's epoch, unless that has been done.
    pub(super) fn retarget(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        if self.epoch <= self.target_epoch {
            return;
        }
        let targets = self.compute_targets(self.assignor(turn.config), topics);
        for ((id, member), target) in self.members.iter_mut().zip(targets) {
            if member.target.as_ref() != Some(&target) {
                let change = ConsumerGroupChange::Target { member: id.clone(), partitions: target.clone() };
                turn.record(change.of(&self.id));
                member.target = Some(target);
            }
        }
        self.target_epoch = self.epoch;
        turn.record(ConsumerGroupChange::TargetEpoch { epoch: self.epoch }.of(&self.id));
    }

    /// The ids of the topics that a member subscribes to, in order; they become part of the problem.
    fn topics_of(
        &self,
        subscription: &Subscription,
        topics: &Topics,
        problem: &mut Problem<'_>,
    ) -> Vec<Uuid> {
        let named = subscription.topics.iter().filter_map(|name| topics.get(name));
        let patterns = subscription.pattern.iter();
        let matched = patterns.flat_map(|pattern| self.patterns.matched(pattern, topics));
        let matched = matched.filter_map(|name| topics.get(name.as_str()));
        let found: BTreeMap<Uuid, i32> =
            named.chain(matched).map(|topic| (topic.id, topic.partitions)).collect();
        let ids = found.keys().copied().collect();
        problem.topics.extend(found);
        ids
    }

    /// In the members' order.
    fn compute_targets(&self, assignor: Assignor, topics: &Topics) -> Vec<Partitions> {
        let none = Partitions::new();
        let mut problem = Problem::default();
        // Most members subscribe to what the one before does.
        let mut last: Option<(&Subscription, Vec<Uuid>)> = None;
        for (id, member) in &self.members {
            let subscription = &member.subscription;
            let (_, ids) = match last.take() {
                Some(last) if last.0.wants_the_same(subscription) => last,
                _ => (subscription, self.topics_of(subscription, topics, &mut problem)),
            };
            last = Some((subscription, ids.clone()));
            problem.members.push(Subscriber {
                member: id,
                instance: subscription.instance.as_ref(),
                topics: ids,
                before: member.target.as_ref().unwrap_or(&none),
            });
        }
        assignor.assign(&problem)
    }
}
