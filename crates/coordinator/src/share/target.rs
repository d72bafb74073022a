//! The target assignment: computed once for each epoch of the group, for all members.

use std::collections::BTreeMap;

use headwater_model::Uuid;

use crate::assignor::{Problem, Subscriber, simple};
use crate::effects::Turn;
use crate::share::{Share, ShareGroupChange, ShareSubscription};
use crate::{Partitions, Topics};

impl Share {
    /// Computes the targets of the group's epoch, unless that has been done.
    pub(super) fn retarget(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        if self.epoch <= self.target_epoch {
            return;
        }
        let targets = self.compute_targets(topics);
        for ((id, member), target) in self.members.iter_mut().zip(targets) {
            if member.target.as_ref() != Some(&target) {
                let change = ShareGroupChange::Target { member: id.clone(), partitions: target.clone() };
                turn.record(change.of(&self.id));
                member.target = Some(target);
            }
        }
        self.target_epoch = self.epoch;
        turn.record(ShareGroupChange::TargetEpoch { epoch: self.epoch }.of(&self.id));
    }

    /// In the members' order.
    fn compute_targets(&self, topics: &Topics) -> Vec<Partitions> {
        let none = Partitions::new();
        let mut problem = Problem::default();
        // Most members subscribe to what the one before does.
        let mut last: Option<(&ShareSubscription, Vec<Uuid>)> = None;
        for (id, member) in &self.members {
            let subscription = &member.subscription;
            let (_, ids) = match last.take() {
                Some(last) if last.0.topics == subscription.topics => last,
                _ => {
                    let named = subscription.topics.iter().filter_map(|name| topics.get(name));
                    let found: BTreeMap<Uuid, i32> =
                        named.map(|topic| (topic.id, topic.partitions)).collect();
                    let ids = found.keys().copied().collect();
                    problem.topics.extend(found);
                    (subscription, ids)
                }
            };
            last = Some((subscription, ids.clone()));
            problem.members.push(Subscriber {
                member: id,
                instance: None,
                topics: ids,
                before: member.target.as_ref().unwrap_or(&none),
            });
        }
        simple::assign(&problem)
    }
}
