//! Sticky: loads as even as the subscriptions let them be, with as few partitions moved as that takes.
//!
//! Owns: whose claim to a partition holds ([`Claims`]); who is to have what in the end ([`Table`]).
//!
//! A partition may move from whoever has it to any other subscriber of its topic; a chain of such moves takes one
//! partition from the load of the first and adds one to that of the last. An assignment in which no chain leads to a
//! load that is smaller by two or more is as even as any. What nobody claims is moved first, and what somebody claims
//! only where that is not enough: so the partitions that are held back in one round (below) are all handed over by the
//! next, which moves nothing else.
//!
//! Invariants: members keep what they claim until they are told to let go of it. So a partition that is to go to
//! another is given to nobody for now; its owner lets go of it, and rejoins (KIP-429).

#![expect(clippy::indexing_slicing, reason = "places are made here, for lists made here")]

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use headwater_model::{PartitionId, TopicName, TopicPartition};

use super::Subscriber;

/// A member or a topic, as a place in a list.
type Place = usize;

pub(super) fn assign(
    counts: &BTreeMap<TopicName, i32>,
    members: &[&Subscriber],
    give: &mut impl FnMut(&Subscriber, TopicPartition),
) {
    let claims = Claims::of(members);
    let mut table = Table::new(members.len());
    let mut unclaimed = Vec::new();
    for (name, count) in counts {
        let topic = table.add_topic(members, name);
        for number in 0..*count {
            match claims.owner(&TopicPartition::new(name.clone(), PartitionId(number))) {
                Some(owner) if table.subscribers[topic].contains(&owner) => table.keep(owner, topic, number),
                _ => unclaimed.push((topic, number)),
            }
        }
    }
    for (topic, number) in unclaimed {
        table.give_out(topic, number);
    }
    table.even_out(Movable::Unclaimed);
    table.even_out(Movable::All);
    for (member, at) in table.into_assigned(counts) {
        if claims.allow(&at, member) {
            give(members[member], at);
        }
    }
}

/// What the members say to have.
struct Claims<'a>(BTreeMap<&'a TopicPartition, Claim>);

struct Claim {
    generation: Option<i32>,
    /// `None` if several claim it for the same generation.
    owner: Option<Place>,
}

impl<'a> Claims<'a> {
    /// The claim of the newest generation holds. Of several for that generation none does: somebody is mistaken.
    fn of(members: &[&'a Subscriber]) -> Self {
        let mut claims: BTreeMap<&TopicPartition, Claim> = BTreeMap::new();
        for (place, member) in members.iter().enumerate() {
            for at in &member.owned {
                let (generation, owner) = (member.generation, Some(place));
                let claim = claims.entry(at).or_insert(Claim { generation, owner });
                if generation > claim.generation {
                    *claim = Claim { generation, owner };
                } else if generation == claim.generation && owner != claim.owner {
                    claim.owner = None;
                }
            }
        }
        Self(claims)
    }

    fn owner(&self, at: &TopicPartition) -> Option<Place> {
        self.0.get(at)?.owner
    }

    /// True if nobody has to let go of the partition before the member may have it.
    fn allow(&self, at: &TopicPartition, member: Place) -> bool {
        self.0.get(at).is_none_or(|claim| claim.owner == Some(member))
    }
}

/// Which partitions may move.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Movable {
    /// Those that their members do not have yet.
    Unclaimed,
    All,
}

/// The partitions of one topic that a member is to have.
#[derive(Debug, Default)]
struct Held {
    /// It has them already.
    kept: Vec<i32>,
    /// They come to it.
    new: Vec<i32>,
}

impl Held {
    fn has(&self, movable: Movable) -> bool {
        !self.new.is_empty() || movable == Movable::All && !self.kept.is_empty()
    }
}

/// A step of a chain: the member before gives a partition of the topic.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: Place,
    topic: Place,
}

/// Who is to have what, so far.
#[derive(Debug)]
struct Table {
    /// Of each topic the members that subscribe to it, in order.
    subscribers: Vec<Vec<Place>>,
    /// Of each member what it is to have, by topic.
    held: Vec<BTreeMap<Place, Held>>,
    /// How many partitions that is.
    loads: Vec<usize>,
}

impl Table {
    fn new(members: usize) -> Self {
        let held = (0..members).map(|_| BTreeMap::new()).collect();
        Self { subscribers: Vec::new(), held, loads: vec![0; members] }
    }

    fn add_topic(&mut self, members: &[&Subscriber], name: &TopicName) -> Place {
        let subscribers = members.iter().enumerate().filter(|(_, member)| member.topics.contains(name));
        self.subscribers.push(subscribers.map(|(place, _)| place).collect());
        self.subscribers.len() - 1
    }

    fn keep(&mut self, member: Place, topic: Place, number: i32) {
        self.held[member].entry(topic).or_default().kept.push(number);
        self.loads[member] += 1;
    }

    fn add(&mut self, member: Place, topic: Place, number: i32) {
        self.held[member].entry(topic).or_default().new.push(number);
        self.loads[member] += 1;
    }

    /// Gives a partition that nobody has to the subscriber with the least load, if there is any.
    fn give_out(&mut self, topic: Place, number: i32) {
        let least = self.subscribers[topic].iter().copied().min_by_key(|member| self.loads[*member]);
        if let Some(member) = least {
            self.add(member, topic, number);
        }
    }

    /// Moves partitions until no chain leads to a load that is smaller by two or more. The heaviest load comes first, so
    /// that nobody gives what it may keep; whom no chain begins at, none will begin at later.
    ///
    /// Ends, as each chain makes the sum of the squares of the loads smaller.
    fn even_out(&mut self, movable: Movable) {
        let mut left: Vec<Place> = (0..self.loads.len()).collect();
        while let Some(at) = (0..left.len()).rev().max_by_key(|at| self.loads[left[*at]]) {
            if !self.relieve(left[at], movable) {
                left.remove(at);
            }
        }
    }

    /// Takes one partition from a member's load, if that helps.
    fn relieve(&mut self, member: Place, movable: Movable) -> bool {
        let least = self.loads.iter().min().copied().unwrap_or(0);
        if self.loads[member] < least + 2 {
            return false;
        }
        let Some((last, steps)) = self.find_chain(member, movable) else {
            return false;
        };
        let mut to = last;
        while to != member
            && let Some(step) = steps[to]
        {
            self.shift(step, to);
            to = step.from;
        }
        true
    }

    /// The shortest chain from a member to the least load that any leads to, if that is smaller by two: its end, and how
    /// each was reached.
    fn find_chain(&self, start: Place, movable: Movable) -> Option<(Place, Vec<Option<Step>>)> {
        let mut steps: Vec<Option<Step>> = vec![None; self.loads.len()];
        let mut seen_topics = vec![false; self.subscribers.len()];
        let mut reached = vec![start];
        let mut looked_at = 0;
        while let Some(from) = reached.get(looked_at).copied() {
            looked_at += 1;
            for (topic, held) in &self.held[from] {
                if !held.has(movable) || std::mem::replace(&mut seen_topics[*topic], true) {
                    continue;
                }
                for to in &self.subscribers[*topic] {
                    if *to != start && steps[*to].is_none() {
                        steps[*to] = Some(Step { from, topic: *topic });
                        reached.push(*to);
                    }
                }
            }
        }
        let last = reached.into_iter().min_by_key(|member| self.loads[*member])?;
        (self.loads[last] + 2 <= self.loads[start]).then_some((last, steps))
    }

    /// What comes to the member before goes first.
    fn shift(&mut self, step: Step, to: Place) {
        let Some(held) = self.held[step.from].get_mut(&step.topic) else {
            return;
        };
        if let Some(number) = held.new.pop().or_else(|| held.kept.pop()) {
            self.loads[step.from] -= 1;
            self.add(to, step.topic, number);
        }
    }

    /// What each is to have, in order.
    fn into_assigned(self, counts: &BTreeMap<TopicName, i32>) -> Vec<(Place, TopicPartition)> {
        let names: Vec<&TopicName> = counts.keys().collect();
        let mut assigned = Vec::new();
        for (member, topics) in self.held.into_iter().enumerate() {
            for (topic, held) in topics {
                let of_topic = held.kept.into_iter().chain(held.new).map(PartitionId);
                assigned.extend(
                    of_topic.map(|number| (member, TopicPartition::new(names[topic].clone(), number))),
                );
            }
        }
        assigned.sort();
        assigned
    }
}
