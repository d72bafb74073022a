//! Who of a group's members gets which partitions: the client-side half of Kafka's classic groups. Pure.
//!
//! Owns: [`Assignor`], so that members of other clients can share a group with ours: range and round robin with the exact
//! results of Kafka's assignors of the same names (of a group without racks), cooperative-sticky ([`sticky`]) by the same
//! rules; the encodings of subscriptions and assignments ([`protocol`]).
//!
//! Invariants: each partition of a subscribed topic goes to exactly one member that subscribes to the topic; but for
//! those that another has yet to let go of, which go to nobody. The result depends on the set of members and partitions
//! alone, not on their order.
//!
//! Does not know: requests, brokers, when members come and go.

pub(crate) mod protocol;
mod sticky;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use headwater_model::{PartitionId, TopicName, TopicPartition};

use protocol::{Subscription, encode_generation};

/// How the leader of a group divides the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignor {
    /// Each topic by itself, in ranges: the first members get one partition more where it does not come out even.
    /// Members get the same partition numbers of topics with equal counts, so that the topics can be joined.
    Range,
    /// All partitions of all topics dealt out in turn.
    RoundRobin,
    /// As evenly as subscriptions allow, and everybody keeps what it can. A consumer that offers no other assignor reads
    /// on while the group rebalances, and lets go only of what goes to another (KIP-429).
    ///
    /// A group changes over from the others while it works by two rolling restarts, as with Kafka's own client: first
    /// each member offers this one beside those of before, then this one alone. A member that offers others as well lets
    /// go of everything at each rebalance, as these require.
    CooperativeSticky,
}

impl Assignor {
    const ALL: [Self; 3] = [Self::Range, Self::RoundRobin, Self::CooperativeSticky];

    /// The name that members agree on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The assignor of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// True if members may keep what they have while they join: it gives that to no other.
    pub(crate) fn is_cooperative(self) -> bool {
        self == Self::CooperativeSticky
    }

    /// What a member tells this assignor beside its subscription.
    pub(crate) fn user_data(self, subscription: &Subscription) -> Option<Bytes> {
        self.is_cooperative().then(|| encode_generation(subscription.generation))
    }

    /// What each member gets, by member id; nobody is left out. `counts` says how many partitions each topic has.
    pub(crate) fn assign(
        self,
        counts: &BTreeMap<TopicName, i32>,
        members: &[Subscriber],
    ) -> BTreeMap<String, Vec<TopicPartition>> {
        let mut members: Vec<&Subscriber> = members.iter().collect();
        members.sort_by(|left, right| left.rank().cmp(&right.rank()));
        let mut assigned: BTreeMap<String, Vec<TopicPartition>> =
            members.iter().map(|member| (member.member_id.clone(), Vec::new())).collect();
        let mut give = |member: &Subscriber, partition: TopicPartition| {
            assigned.entry(member.member_id.clone()).or_default().push(partition);
        };
        match self {
            Self::Range => range(counts, &members, &mut give),
            Self::RoundRobin => round_robin(counts, &members, &mut give),
            Self::CooperativeSticky => sticky::assign(counts, &members, &mut give),
        }
        assigned
    }
}

/// A member of the group, what it wants and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Subscriber {
    pub(crate) member_id: String,
    /// Set for static members.
    pub(crate) instance_id: Option<String>,
    pub(crate) topics: BTreeSet<TopicName>,
    /// What it keeps while it joins; nothing, if it takes part in eager rebalances.
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// In which generation it was given that, if it was in any.
    pub(crate) generation: Option<i32>,
}

impl Subscriber {
    /// Static members come first, by instance id, so that their partitions stay theirs when they restart.
    fn rank(&self) -> (bool, &str) {
        match &self.instance_id {
            Some(instance_id) => (false, instance_id),
            None => (true, &self.member_id),
        }
    }
}

fn range(
    counts: &BTreeMap<TopicName, i32>,
    members: &[&Subscriber],
    give: &mut impl FnMut(&Subscriber, TopicPartition),
) {
    for (topic, count) in counts {
        let subscribers: Vec<_> = members.iter().filter(|member| member.topics.contains(topic)).collect();
        let Ok(members_left) = i32::try_from(subscribers.len()) else {
            continue;
        };
        let mut next = 0;
        for (subscriber, members_left) in subscribers.into_iter().zip((1..=members_left).rev()) {
            // Rounded up, so that the first members get the odd ones.
            let share = (count - next + members_left - 1) / members_left;
            for partition in next..next + share {
                give(subscriber, TopicPartition::new(topic.clone(), PartitionId(partition)));
            }
            next += share;
        }
    }
}

fn round_robin(
    counts: &BTreeMap<TopicName, i32>,
    members: &[&Subscriber],
    give: &mut impl FnMut(&Subscriber, TopicPartition),
) {
    let mut turn = members.iter().cycle();
    for (topic, count) in counts {
        if !members.iter().any(|member| member.topics.contains(topic)) {
            continue;
        }
        for partition in 0..*count {
            if let Some(member) = turn.find(|member| member.topics.contains(topic)) {
                give(member, TopicPartition::new(topic.clone(), PartitionId(partition)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    fn counts(of: &[(&str, i32)]) -> BTreeMap<TopicName, i32> {
        of.iter().map(|(name, count)| (topic(name), *count)).collect()
    }

    /// `id` or `id/instance`.
    fn subscriber(id: &str, topics: &[&str]) -> Subscriber {
        let (member_id, instance_id) = match id.split_once('/') {
            Some((member_id, instance_id)) => (member_id, Some(instance_id.to_owned())),
            None => (id, None),
        };
        let topics = topics.iter().map(|name| topic(name)).collect();
        Subscriber { member_id: member_id.to_owned(), instance_id, topics, ..Subscriber::default() }
    }

    /// `member: partitions` a line.
    fn assigned(assignor: Assignor, of: &[(&str, i32)], members: &[Subscriber]) -> String {
        let assigned = assignor.assign(&counts(of), members);
        let line = |(member, partitions): (String, Vec<TopicPartition>)| {
            let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
            format!("{member}: {}\n", partitions.join(" "))
        };
        assigned.into_iter().map(line).collect()
    }

    #[test]
    fn range_gives_the_odd_partitions_to_the_first_members_and_aligns_topics() {
        let members = [subscriber("c2", &["t1", "t2"]), subscriber("c1", &["t1", "t2"])];
        expect_test::expect![[r"
            c1: t1-0 t1-1 t2-0 t2-1
            c2: t1-2 t2-2
        "]]
        .assert_eq(&assigned(Assignor::Range, &[("t1", 3), ("t2", 3)], &members));
    }

    #[test]
    fn range_leaves_members_beyond_the_partitions_empty_and_heeds_subscriptions() {
        let members =
            [subscriber("a", &["t1"]), subscriber("b", &["t1", "t2"]), subscriber("c", &["t1", "absent"])];
        expect_test::expect![[r"
            a: t1-0
            b: t1-1 t2-0 t2-1
            c: 
        "]]
        .assert_eq(&assigned(Assignor::Range, &[("t1", 2), ("t2", 2), ("t3", 9)], &members));
    }

    #[test]
    fn static_members_come_first_by_their_instance() {
        let members = [subscriber("a", &["t"]), subscriber("z/1", &["t"]), subscriber("y/2", &["t"])];
        expect_test::expect![[r"
            a: t-3
            y: t-2
            z: t-0 t-1
        "]]
        .assert_eq(&assigned(Assignor::Range, &[("t", 4)], &members));
    }

    #[test]
    fn round_robin_deals_on_from_topic_to_topic_and_skips_those_who_do_not_subscribe() {
        let same = [subscriber("c0", &["t0", "t1"]), subscriber("c1", &["t0", "t1"])];
        expect_test::expect![[r"
            c0: t0-0 t0-2 t1-1
            c1: t0-1 t1-0 t1-2
        "]]
        .assert_eq(&assigned(Assignor::RoundRobin, &[("t0", 3), ("t1", 3)], &same));
        // The example of Kafka's documentation.
        let differing = [
            subscriber("c0", &["t0"]),
            subscriber("c1", &["t0", "t1"]),
            subscriber("c2", &["t0", "t1", "t2"]),
        ];
        expect_test::expect![[r"
            c0: t0-0
            c1: t1-0
            c2: t1-1 t2-0 t2-1 t2-2
        "]]
        .assert_eq(&assigned(Assignor::RoundRobin, &[("t0", 1), ("t1", 2), ("t2", 3)], &differing));
    }

    fn members() -> impl Strategy<Value = Vec<Subscriber>> {
        let topics = prop::collection::btree_set("[a-d]", 0..4);
        prop::collection::btree_map("[a-z]{1,3}", (prop::option::of("[0-9]"), topics), 1..6).prop_map(
            |members| {
                let member =
                    |(member_id, (instance_id, topics)): (String, (_, BTreeSet<String>))| Subscriber {
                        member_id,
                        instance_id,
                        topics: topics.iter().map(|name| topic(name)).collect(),
                        ..Subscriber::default()
                    };
                members.into_iter().map(member).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn each_subscribed_partition_has_exactly_one_owner_who_wants_it(
            members in members(),
            counts in prop::collection::btree_map("[a-e]", 0i32..8, 0..5),
            turn in any::<prop::sample::Index>(),
        ) {
            let counts: BTreeMap<_, _> = counts.iter().map(|(name, count)| (topic(name), *count)).collect();
            for assignor in Assignor::ALL {
                let assigned = assignor.assign(&counts, &members);
                let mut given: Vec<_> = assigned.values().flatten().cloned().collect();
                given.sort();
                let wanted = counts.iter().filter(|(topic, _)| members.iter().any(|m| m.topics.contains(*topic)));
                let wanted: Vec<_> = wanted
                    .flat_map(|(topic, count)| (0..*count).map(|p| TopicPartition::new(topic.clone(), PartitionId(p))))
                    .collect();
                prop_assert_eq!(given, wanted);
                for member in &members {
                    prop_assert!(assigned[&member.member_id].iter().all(|p| member.topics.contains(&p.topic)));
                }
                // Two members of the same instance id cannot be; everything else may come in any order.
                let instances: BTreeSet<_> = members.iter().filter_map(|m| m.instance_id.as_ref()).collect();
                if instances.len() == members.iter().filter(|m| m.instance_id.is_some()).count() {
                    let mut turned = members.clone();
                    turned.rotate_left(turn.index(members.len()));
                    prop_assert_eq!(&assignor.assign(&counts, &turned), &assigned);
                }
            }
        }

        #[test]
        fn range_is_kafkas_formula(members in 1usize..9, count in 0i32..30) {
            let all: Vec<_> = (0..members).map(|index| subscriber(&format!("m{index}"), &["t"])).collect();
            let assigned = Assignor::Range.assign(&counts(&[("t", count)]), &all);
            let sizes: Vec<_> = assigned.values().map(Vec::len).collect();
            let (each, odd) = (count as usize / members, count as usize % members);
            let expected: Vec<_> = (0..members).map(|index| each + usize::from(index < odd)).collect();
            prop_assert_eq!(sizes, expected);
        }
    }
}
