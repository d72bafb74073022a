//! What holds of every assignment to a share group, on random problems, and how long a large one takes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::MemberId;

/// A problem that owns what it is about. Topics are numbered.
#[derive(Debug, Clone)]
struct Case {
    topics: Vec<i32>,
    members: Vec<(MemberId, BTreeSet<usize>, Partitions)>,
}

fn topic(number: usize) -> Uuid {
    Uuid::from_u64_pair(0, number as u64)
}

impl Case {
    fn new(topics: Vec<i32>, subscriptions: Vec<BTreeSet<usize>>) -> Self {
        let member =
            |(index, subscription)| (MemberId::from(format!("m{index:04}")), subscription, Partitions::new());
        Self { topics, members: subscriptions.into_iter().enumerate().map(member).collect() }
    }

    fn solve(&self) -> Vec<Partitions> {
        let subscribed: BTreeSet<usize> =
            self.members.iter().flat_map(|(_, topics, _)| topics).copied().collect();
        let subscriber = |(member, topics, before): &'_ (MemberId, BTreeSet<usize>, Partitions)| {
            (member.clone(), topics.iter().map(|number| topic(*number)).collect::<Vec<_>>(), before.clone())
        };
        let owned: Vec<_> = self.members.iter().map(subscriber).collect();
        let members = owned.iter().map(|(member, topics, before)| Subscriber {
            member,
            instance: None,
            topics: topics.clone(),
            before,
        });
        let topics = subscribed.iter().map(|number| (topic(*number), self.topics[*number])).collect();
        assign(&Problem { topics, members: members.collect() })
    }

    fn partitions_of(&self, subscription: &BTreeSet<usize>) -> BTreeSet<Place> {
        let all = subscription.iter().flat_map(|number| {
            (0..self.topics[*number]).map(move |partition| (topic(*number), PartitionId(partition)))
        });
        all.collect()
    }

    /// Each partition has a member, each member has a partition, and all are subscribers. Gives the partitions' sharers.
    fn check(&self, assigned: &[Partitions]) -> BTreeMap<Place, usize> {
        assert_eq!(assigned.len(), self.members.len());
        let mut sharers = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        for (assigned, (_, subscription, _)) in assigned.iter().zip(&self.members) {
            let mine = self.partitions_of(subscription);
            assert!(assigned.iter().all(|place| mine.contains(&place)));
            assert_eq!(assigned.is_empty(), mine.is_empty());
            for place in assigned.iter() {
                *sharers.entry(place).or_insert(0) += 1;
            }
            wanted.extend(mine);
        }
        assert_eq!(sharers.keys().copied().collect::<BTreeSet<_>>(), wanted);
        sharers
    }

    fn remember(&mut self, assigned: &[Partitions]) {
        for ((.., before), assigned) in self.members.iter_mut().zip(assigned) {
            before.clone_from(assigned);
        }
    }
}

fn spread(numbers: impl Iterator<Item = usize> + Clone) -> usize {
    numbers.clone().max().unwrap_or(0) - numbers.min().unwrap_or(0)
}

fn homogeneous() -> impl Strategy<Value = Case> {
    (prop::collection::vec(0..5_i32, 1..4), 1..20_usize).prop_map(|(topics, members)| {
        let all: BTreeSet<usize> = (0..topics.len()).collect();
        Case::new(topics, vec![all; members])
    })
}

fn heterogeneous() -> impl Strategy<Value = Case> {
    prop::collection::vec(0..5_i32, 1..5).prop_flat_map(|topics| {
        let subscription = prop::collection::btree_set(0..topics.len(), 0..=topics.len());
        prop::collection::vec(subscription, 1..15)
            .prop_map(move |subscriptions| Case::new(topics.clone(), subscriptions))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_is_even_where_all_subscribe_to_the_same_whoever_goes(
        mut case in homogeneous(),
        stay in prop::collection::vec(any::<bool>(), 20),
    ) {
        for _ in 0..2 {
            let assigned = case.solve();
            let sharers = case.check(&assigned);
            prop_assert!(spread(assigned.iter().map(Partitions::len)) <= 1);
            prop_assert!(spread(sharers.values().copied()) <= 1);
            case.remember(&assigned);
            let mut stay = stay.iter();
            case.members.retain(|_| *stay.next().unwrap());
        }
    }

    #[test]
    fn every_partition_has_a_member_and_every_member_a_partition(
        mut case in heterogeneous(),
        changed in prop::collection::btree_set(0..5_usize, 0..5),
    ) {
        let assigned = case.solve();
        case.check(&assigned);
        case.remember(&assigned);
        prop_assert_eq!(&case.solve(), &assigned, "nothing moves without need");
        case.members[0].1 = changed.into_iter().filter(|topic| *topic < case.topics.len()).collect();
        case.check(&case.solve());
    }

    #[test]
    fn one_that_joins_where_there_is_one_for_each_moves_nobody(mut case in homogeneous()) {
        let partitions: i32 = case.topics.iter().sum();
        prop_assume!(case.members.len() >= partitions as usize);
        let assigned = case.solve();
        case.remember(&assigned);
        let subscription = case.members[0].1.clone();
        case.members.push((MemberId::new("new"), subscription, Partitions::new()));
        let after = case.solve();
        prop_assert_eq!(&after[..assigned.len()], &assigned[..]);
    }

    #[test]
    fn one_that_goes_where_there_are_more_than_enough_moves_one_other_at_most(
        mut case in homogeneous(),
        goes in any::<prop::sample::Index>(),
    ) {
        let partitions: i32 = case.topics.iter().sum();
        prop_assume!(partitions > 0 && case.members.len() > partitions as usize);
        let assigned = case.solve();
        case.remember(&assigned);
        let goes = goes.index(case.members.len());
        case.members.remove(goes);
        let after = case.solve();
        let moved = case.members.iter().zip(&after).filter(|((.., before), after)| before != *after);
        prop_assert!(moved.count() <= 1);
    }
}

/// Not a bound to rely on, but a wrong order of growth would be noticed.
#[test]
fn many_members_share_few_partitions_in_a_moment() {
    #[expect(clippy::disallowed_methods, reason = "the test tells how long it takes")]
    let clock = std::time::Instant::now;
    let mut case = Case::new(vec![100; 3], vec![BTreeSet::from([0, 1, 2]); 10_000]);
    for _ in 0..2 {
        let start = clock();
        let assigned = case.solve();
        println!("10,000 members, 300 partitions: {:?}", start.elapsed());
        assert!(start.elapsed().as_secs() < 10);
        case.remember(&assigned);
        case.members.remove(0);
    }
}
