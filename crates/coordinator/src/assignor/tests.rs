//! What holds of every assignment, on random problems, and how long a large one takes.

use std::collections::BTreeSet;

use headwater_model::PartitionId;
use proptest::prelude::*;

use super::*;

/// A problem that owns what it is about. Topics are numbered.
#[derive(Debug, Clone)]
struct Case {
    topics: Vec<i32>,
    members: Vec<(MemberId, Option<InstanceId>)>,
    subscriptions: Vec<BTreeSet<usize>>,
    before: Vec<Partitions>,
}

fn topic(number: usize) -> Uuid {
    Uuid::from_u64_pair(0, number as u64)
}

impl Case {
    fn new(topics: Vec<i32>, subscriptions: Vec<BTreeSet<usize>>) -> Self {
        let member = |index: usize| {
            let instance = (index % 3 == 1).then(|| InstanceId::from(format!("i{index}")));
            (MemberId::from(format!("m{index:04}")), instance)
        };
        Self {
            members: (0..subscriptions.len()).map(member).collect(),
            before: vec![Partitions::new(); subscriptions.len()],
            topics,
            subscriptions,
        }
    }

    fn solve(&self, assignor: Assignor) -> Vec<Partitions> {
        let subscribed: BTreeSet<usize> = self.subscriptions.iter().flatten().copied().collect();
        let members = self.members.iter().zip(&self.subscriptions).zip(&self.before);
        let problem = Problem {
            topics: subscribed.iter().map(|number| (topic(*number), self.topics[*number])).collect(),
            members: members
                .map(|(((member, instance), topics), before)| Subscriber {
                    member,
                    instance: instance.as_ref(),
                    topics: topics.iter().map(|number| topic(*number)).collect(),
                    before,
                })
                .collect(),
        };
        assignor.assign(&problem)
    }

    /// Each partition of a topic with subscribers has one owner, which is one of them.
    fn check(&self, assigned: &[Partitions]) {
        assert_eq!(assigned.len(), self.members.len());
        let mut seen = Partitions::new();
        for (assigned, subscribed) in assigned.iter().zip(&self.subscriptions) {
            for (id, partition) in assigned.iter() {
                assert!(seen.insert(id, partition), "{id} {partition} has two owners");
                assert!(subscribed.iter().any(|number| topic(*number) == id), "{id} is not subscribed to");
            }
        }
        let expected = (0..self.topics.len())
            .filter(|number| self.subscriptions.iter().any(|topics| topics.contains(number)))
            .flat_map(|number| {
                (0..self.topics[number]).map(move |partition| (topic(number), PartitionId(partition)))
            });
        assert_eq!(seen, expected.collect());
    }

    /// How many partitions that have an owner get another.
    fn moved(&self, assigned: &[Partitions]) -> usize {
        self.before.iter().zip(assigned).map(|(before, after)| before.difference(after).len()).sum()
    }
}

fn homogeneous() -> impl Strategy<Value = Case> {
    (prop::collection::vec(0..20_i32, 1..5), 1..12_usize).prop_map(|(topics, members)| {
        let all: BTreeSet<usize> = (0..topics.len()).collect();
        Case::new(topics, vec![all; members])
    })
}

fn heterogeneous() -> impl Strategy<Value = Case> {
    prop::collection::vec(0..12_i32, 1..6).prop_flat_map(|topics| {
        let subscription = prop::collection::btree_set(0..topics.len(), 0..=topics.len());
        prop::collection::vec(subscription, 1..9)
            .prop_map(move |subscriptions| Case::new(topics.clone(), subscriptions))
    })
}

fn spread(assigned: &[Partitions]) -> usize {
    let loads = || assigned.iter().map(Partitions::len);
    loads().max().unwrap_or(0) - loads().min().unwrap_or(0)
}

/// The least sum of squares of loads that any assignment has, by trying all chains of moves from scratch (a partition at a
/// time along a shortest path is optimal, and independent of what was before).
fn least_squares(case: &Case) -> usize {
    let fresh = Case { before: vec![Partitions::new(); case.members.len()], ..case.clone() };
    squares(&fresh.solve(Assignor::Uniform))
}

fn squares(assigned: &[Partitions]) -> usize {
    assigned.iter().map(|assigned| assigned.len() * assigned.len()).sum()
}

/// Every assignment of a small problem, as sums of squares; the least.
fn least_by_trying(case: &Case, loads: &mut Vec<usize>, partitions: &[usize]) -> usize {
    let Some((topic, rest)) = partitions.split_first() else {
        return loads.iter().map(|load| load * load).sum();
    };
    let mut least = usize::MAX;
    for member in 0..loads.len() {
        if case.subscriptions[member].contains(topic) {
            loads[member] += 1;
            least = least.min(least_by_trying(case, loads, rest));
            loads[member] -= 1;
        }
    }
    least
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn uniform_is_even_where_all_subscribe_to_the_same(case in homogeneous()) {
        let assigned = case.solve(Assignor::Uniform);
        case.check(&assigned);
        prop_assert!(spread(&assigned) <= 1);
    }

    #[test]
    fn uniform_moves_no_more_than_evenness_takes(
        case in homogeneous(),
        stay in prop::collection::vec(any::<bool>(), 12),
        joined in 0..4_usize,
        grown in 0..6_i32,
    ) {
        let assigned = case.solve(Assignor::Uniform);
        let mut next = case.clone();
        next.topics[0] += grown;
        next.before = assigned;
        for index in (0..next.members.len()).rev().filter(|index| !stay[*index]) {
            next.members.remove(index);
            next.subscriptions.remove(index);
            next.before.remove(index);
        }
        for index in 0..joined {
            next.members.push((MemberId::from(format!("new{index}")), None));
            next.subscriptions.push((0..next.topics.len()).collect());
            next.before.push(Partitions::new());
        }
        let after = next.solve(Assignor::Uniform);
        if next.members.is_empty() {
            return Ok(());
        }
        next.check(&after);
        prop_assert!(spread(&after) <= 1);
        let total: usize = next.topics.iter().map(|count| *count as usize).sum();
        let (share, longer) = (total / next.members.len(), total % next.members.len());
        let mut loads: Vec<usize> = next.before.iter().map(Partitions::len).collect();
        loads.sort_unstable_by(|one, other| other.cmp(one));
        let above = loads.iter().enumerate().map(|(place, load)| {
            load.saturating_sub(share + usize::from(place < longer))
        });
        prop_assert_eq!(next.moved(&after), above.sum::<usize>());
    }

    #[test]
    fn uniform_is_as_even_as_subscriptions_let_it(case in heterogeneous()) {
        let assigned = case.solve(Assignor::Uniform);
        case.check(&assigned);
        prop_assert_eq!(&Case { before: assigned.clone(), ..case.clone() }.solve(Assignor::Uniform), &assigned);
    }

    #[test]
    fn no_assignment_of_a_small_problem_is_more_even(
        topics in prop::collection::vec(0..4_i32, 1..4),
        subscriptions in prop::collection::vec(prop::collection::btree_set(0..4_usize, 0..4), 1..4),
    ) {
        let known = |subscription: &BTreeSet<usize>| {
            subscription.iter().copied().filter(|topic| *topic < topics.len()).collect()
        };
        let case = Case::new(topics.clone(), subscriptions.iter().map(known).collect());
        let partitions: Vec<usize> = (0..topics.len())
            .filter(|topic| case.subscriptions.iter().any(|subscription| subscription.contains(topic)))
            .flat_map(|topic| std::iter::repeat_n(topic, topics[topic] as usize))
            .collect();
        let least = least_by_trying(&case, &mut vec![0; case.members.len()], &partitions);
        prop_assert_eq!(squares(&case.solve(Assignor::Uniform)), least);
    }

    #[test]
    fn changed_subscriptions_end_as_even_as_if_begun_anew(
        case in heterogeneous(),
        changed in prop::collection::btree_set(0..5_usize, 0..5),
    ) {
        let mut next = case.clone();
        next.before = case.solve(Assignor::Uniform);
        next.subscriptions[0] = changed.into_iter().filter(|topic| *topic < case.topics.len()).collect();
        let after = next.solve(Assignor::Uniform);
        next.check(&after);
        prop_assert_eq!(squares(&after), least_squares(&next));
    }

    #[test]
    fn range_splits_each_topic_evenly_in_runs(case in heterogeneous()) {
        let assigned = case.solve(Assignor::Range);
        case.check(&assigned);
        for number in 0..case.topics.len() {
            let of_topic = |assigned: &Partitions| -> Vec<i32> {
                let all = assigned.iter().filter(|(id, _)| *id == topic(number));
                all.map(|(_, partition)| partition.0).collect()
            };
            let runs: Vec<Vec<i32>> = (0..case.members.len())
                .filter(|member| case.subscriptions[*member].contains(&number))
                .map(|member| of_topic(&assigned[member]))
                .collect();
            prop_assert!(runs.iter().all(|run| run.windows(2).all(|pair| pair[0] + 1 == pair[1])));
            let lengths = || runs.iter().map(Vec::len);
            prop_assert!(lengths().max().unwrap_or(0) <= lengths().min().unwrap_or(0) + 1);
        }
    }

    #[test]
    fn range_brings_partitions_of_the_same_number_together(members in 1..9_usize, count in 0..30_i32) {
        let case = Case::new(vec![count, count], vec![BTreeSet::from([0, 1]); members]);
        for assigned in case.solve(Assignor::Range) {
            let of_topic = |number: usize| -> Vec<PartitionId> {
                assigned.iter().filter(|(id, _)| *id == topic(number)).map(|(_, partition)| partition).collect()
            };
            prop_assert_eq!(of_topic(0), of_topic(1));
        }
    }
}

#[test]
fn static_members_keep_their_ranges_when_their_member_ids_change() {
    let mut case = Case::new(vec![6], vec![BTreeSet::from([0]); 3]);
    let before = case.solve(Assignor::Range);
    let place = case.members.iter().position(|(_, instance)| instance.is_some()).unwrap();
    case.members[place].0 = MemberId::new("zzz");
    assert_eq!(case.solve(Assignor::Range)[place], before[place]);
}

#[test]
fn a_topic_is_dealt_to_all() {
    let case = Case::new(vec![4, 4], vec![BTreeSet::from([0, 1]); 2]);
    for assigned in case.solve(Assignor::Uniform) {
        assert_eq!(assigned.by_topic().map(|(_, partitions)| partitions.len()).collect::<Vec<_>>(), [2, 2]);
    }
}

#[test]
fn nobody_or_nothing_to_assign_is_no_problem() {
    for assignor in Assignor::ALL {
        assert!(Case::new(vec![3], Vec::new()).solve(assignor).is_empty());
        assert_eq!(Case::new(vec![3], vec![BTreeSet::new()]).solve(assignor), [Partitions::new()]);
    }
}

/// 300 members and 300 partitions of each of 5 topics are nothing; 1,000 members and 10,000 partitions are bearable. The
/// bounds are far above what it takes (in milliseconds: see `--nocapture`), so that a slow machine passes and a wrong order
/// of growth does not.
#[test]
fn large_groups_are_assigned_in_a_moment() {
    #[expect(clippy::disallowed_methods, reason = "the test tells how long it takes")]
    let clock = std::time::Instant::now;
    for (topics, partitions, members, differ) in
        [(5, 300, 300, false), (5, 300, 300, true), (10, 1_000, 1_000, false), (10, 1_000, 1_000, true)]
    {
        let subscription = |member: usize| -> BTreeSet<usize> {
            (0..topics).filter(|topic| !differ || !(member + topic).is_multiple_of(3)).collect()
        };
        let mut case = Case::new(vec![partitions; topics], (0..members).map(subscription).collect());
        for assignor in Assignor::ALL {
            let start = clock();
            let assigned = case.solve(assignor);
            let at_first = start.elapsed();
            case.check(&assigned);
            case.before = assigned;
            let left = case.subscriptions.pop();
            let (member, before) = (case.members.pop(), case.before.pop());
            let start = clock();
            let again = case.solve(assignor);
            let after_leave = start.elapsed();
            println!(
                "{assignor}: {topics} topics of {partitions}, {members} members, differ: {differ}: {at_first:?}, then {after_leave:?}"
            );
            case.check(&again);
            assert!(at_first.as_secs() < 10 && after_leave.as_secs() < 10);
            case.subscriptions.extend(left);
            case.members.extend(member);
            case.before.extend(before);
        }
    }
}
