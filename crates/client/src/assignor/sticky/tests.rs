//! Against naive invariants: groups whose members come, go, and hold on to what they were given.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::Assignor;
use super::*;

type Counts = BTreeMap<TopicName, i32>;
type Assigned = BTreeMap<String, Vec<TopicPartition>>;

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn counts(of: &[(&str, i32)]) -> Counts {
    of.iter().map(|(name, count)| (topic(name), *count)).collect()
}

/// `topic-number`, spaces between.
fn partitions(text: &str) -> BTreeSet<TopicPartition> {
    let partition = |word: &str| {
        let (name, number) = word.rsplit_once('-').unwrap();
        TopicPartition::new(topic(name), PartitionId(number.parse().unwrap()))
    };
    text.split_whitespace().map(partition).collect()
}

fn member(id: &str, topics: &str, owned: &str, generation: Option<i32>) -> Subscriber {
    Subscriber {
        member_id: id.to_owned(),
        instance_id: None,
        topics: topics.split_whitespace().map(topic).collect(),
        owned: partitions(owned),
        generation,
    }
}

fn assign(counts: &Counts, members: &[Subscriber]) -> Assigned {
    Assignor::CooperativeSticky.assign(counts, members)
}

/// `member: partitions` a line.
fn lines(assigned: &Assigned) -> String {
    let line = |(member, partitions): (&String, &Vec<TopicPartition>)| {
        let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
        format!("{member}: {}\n", partitions.join(" "))
    };
    assigned.iter().map(line).collect()
}

/// What members do with what they are given: they own that and nothing else, in the next generation.
fn settle(members: &mut [Subscriber], assigned: &Assigned) {
    let newest = members.iter().filter_map(|member| member.generation).max().unwrap_or(0);
    for member in members {
        member.owned = assigned[&member.member_id].iter().cloned().collect();
        member.generation = Some(newest + 1);
    }
}

/// Rounds until nothing is held back: how many it took, and what the last gave.
fn rounds(counts: &Counts, members: &mut [Subscriber]) -> (u32, Assigned) {
    for round in 1.. {
        let assigned = assign(counts, members);
        let lets_go = members
            .iter()
            .any(|member| member.owned.iter().any(|at| !assigned[&member.member_id].contains(at)));
        settle(members, &assigned);
        if !lets_go {
            return (round, assigned);
        }
    }
    unreachable!()
}

#[test]
fn a_new_group_deals_the_partitions_out() {
    let members = [member("a", "t u", "", None), member("b", "t u", "", None)];
    let assigned = assign(&counts(&[("t", 3), ("u", 2)]), &members);
    expect_test::expect![[r"
        a: t-0 t-2 u-1
        b: t-1 u-0
    "]]
    .assert_eq(&lines(&assigned));
}

#[test]
fn what_goes_to_a_newcomer_is_held_back_until_it_is_let_go_of() {
    let counts = counts(&[("t", 6)]);
    let mut members = [
        member("a", "t", "t-0 t-1 t-2", Some(1)),
        member("b", "t", "t-3 t-4 t-5", Some(1)),
        member("c", "t", "", None),
    ];
    let first = assign(&counts, &members);
    expect_test::expect![[r"
        a: t-0 t-1
        b: t-3 t-4
        c: 
    "]]
    .assert_eq(&lines(&first));
    settle(&mut members, &first);
    expect_test::expect![[r"
        a: t-0 t-1
        b: t-3 t-4
        c: t-2 t-5
    "]]
    .assert_eq(&lines(&assign(&counts, &members)));
}

#[test]
fn the_claim_of_the_newer_generation_holds_and_of_equal_ones_none() {
    let counts = counts(&[("t", 4)]);
    let older = member("a", "t", "t-0 t-1", Some(4));
    let newer = member("b", "t", "t-1 t-2", Some(5));
    expect_test::expect![[r"
        a: t-0 t-3
        b: t-1 t-2
    "]]
    .assert_eq(&lines(&assign(&counts, &[older.clone(), newer.clone()])));
    // Neither keeps it, nor gets it before both have let go of it.
    let equal = Subscriber { generation: newer.generation, ..older };
    expect_test::expect![[r"
        a: t-0
        b: t-2 t-3
    "]]
    .assert_eq(&lines(&assign(&counts, &[equal, newer])));
}

#[test]
fn a_partition_that_its_owner_does_not_subscribe_to_any_more_waits_for_it() {
    let counts = counts(&[("t", 2), ("u", 2)]);
    let members = [member("a", "u", "t-0 t-1 u-0", Some(1)), member("b", "t u", "u-1", Some(1))];
    expect_test::expect![[r"
        a: u-0
        b: 
    "]]
    .assert_eq(&lines(&assign(&counts, &members)));
}

#[test]
fn loads_are_evened_out_through_members_in_between() {
    // Only a and b share t, only b and c share u.
    let counts = counts(&[("t", 4), ("u", 2)]);
    let mut members = [
        member("a", "t", "t-0 t-1 t-2 t-3", Some(1)),
        member("b", "t u", "u-0 u-1", Some(1)),
        member("c", "u", "", None),
    ];
    let (rounds, assigned) = rounds(&counts, &mut members);
    assert_eq!(rounds, 2);
    let loads: Vec<_> = assigned.values().map(Vec::len).collect();
    assert_eq!(loads, [2, 2, 2], "{assigned:?}");
}

fn some_counts() -> impl Strategy<Value = Counts> {
    prop::collection::btree_map("[a-e]", 0i32..9, 1..5)
        .prop_map(|counts| counts.iter().map(|(name, count)| (topic(name), *count)).collect())
}

/// Members who claim whatever they like, of any generation.
fn some_members() -> impl Strategy<Value = Vec<Subscriber>> {
    let claims = prop::collection::btree_set(("[a-e]", 0i32..9), 0..9);
    let topics = prop::collection::btree_set("[a-e]", 0..5);
    let member = (prop::option::of(0i32..3), topics, claims);
    prop::collection::btree_map("[a-z]{1,3}", member, 1..7).prop_map(|members| {
        let member =
            |(member_id, (generation, topics, claims)): (String, (_, BTreeSet<String>, BTreeSet<_>))| {
                let claim =
                    |(name, number): (String, i32)| TopicPartition::new(topic(&name), PartitionId(number));
                Subscriber {
                    member_id,
                    instance_id: None,
                    topics: topics.iter().map(|name| topic(name)).collect(),
                    owned: claims.into_iter().map(claim).collect(),
                    generation,
                }
            };
        members.into_iter().map(member).collect()
    })
}

/// Members who all subscribe to the same, and have nothing yet.
fn equal_members() -> impl Strategy<Value = Vec<Subscriber>> {
    prop::collection::btree_set("[a-z]{1,3}", 1..8)
        .prop_map(|ids| ids.iter().map(|id| member(id, "a b c d e", "", None)).collect())
}

fn loads(assigned: &Assigned) -> Vec<usize> {
    assigned.values().map(Vec::len).collect()
}

/// How many partitions have another owner than before.
fn moved(before: &Assigned, after: &Assigned) -> usize {
    let owners = |assigned: &Assigned| -> BTreeMap<TopicPartition, String> {
        let owners = assigned.iter().flat_map(|(id, all)| all.iter().map(|at| (at.clone(), id.clone())));
        owners.collect()
    };
    let before = owners(before);
    owners(after).iter().filter(|(at, id)| before.get(*at).is_some_and(|other| other != *id)).count()
}

/// Whether a partition, or a chain of them, could move from a load to one smaller by two. Naive: whom each can reach.
fn could_be_more_even(members: &[Subscriber], assigned: &Assigned) -> bool {
    let load = |member: &Subscriber| assigned[&member.member_id].len();
    members.iter().any(|start| {
        let mut reached = BTreeSet::from([&start.member_id]);
        loop {
            let held: BTreeSet<_> =
                reached.iter().flat_map(|id| &assigned[*id]).map(|at| at.topic.clone()).collect();
            let next = members.iter().filter(|member| !member.topics.is_disjoint(&held));
            let before = reached.len();
            reached.extend(next.map(|member| &member.member_id));
            if reached.len() == before {
                break;
            }
        }
        members.iter().any(|end| reached.contains(&end.member_id) && load(end) + 2 <= load(start))
    })
}

proptest! {
    #[test]
    fn nobody_is_given_what_another_has_or_what_it_does_not_want_and_nothing_twice(
        members in some_members(), counts in some_counts(),
    ) {
        let assigned = assign(&counts, &members);
        let mut given = BTreeSet::new();
        for member in &members {
            for at in &assigned[&member.member_id] {
                prop_assert!(given.insert(at), "{at} is given twice");
                prop_assert!(member.topics.contains(&at.topic) && (0..counts[&at.topic]).contains(&at.partition.0));
                if !member.owned.contains(at) {
                    prop_assert!(!members.iter().any(|other| other.owned.contains(at)), "{at} is somebody's");
                } else if let Some(newer) = members.iter().find(|other| {
                    other.member_id != member.member_id
                        && other.owned.contains(at)
                        && other.generation >= member.generation
                }) {
                    prop_assert!(false, "{at} is kept by {}, not by {}", member.member_id, newer.member_id);
                }
            }
        }
    }

    #[test]
    fn two_rounds_hand_everything_over_as_evenly_as_can_be_and_a_third_moves_nothing(
        mut members in some_members(), counts in some_counts(),
    ) {
        let (rounds_taken, assigned) = rounds(&counts, &mut members);
        prop_assert!(rounds_taken <= 2, "{rounds_taken} rounds");
        let wanted = counts.iter().filter(|(name, _)| members.iter().any(|member| member.topics.contains(*name)));
        let wanted: i32 = wanted.map(|(_, count)| count).sum();
        prop_assert_eq!(loads(&assigned).iter().sum::<usize>(), wanted as usize, "nothing is left");
        prop_assert!(!could_be_more_even(&members, &assigned), "{:?}", assigned);
        prop_assert_eq!(assign(&counts, &members), assigned);
    }

    #[test]
    fn with_equal_subscriptions_loads_differ_by_one_at_most_and_no_more_moves_than_must(
        mut members in equal_members(), counts in some_counts(), joins in prop::option::of("[a-z]{4}"),
        leaves in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let (_, before) = rounds(&counts, &mut members);
        for leaver in leaves {
            if members.len() > 1 {
                members.remove(leaver.index(members.len()));
            }
        }
        members.extend(joins.map(|id| member(&id, "a b c d e", "", None)));
        let kept: Vec<usize> = members.iter().map(|member| member.owned.len()).collect();
        let (_, after) = rounds(&counts, &mut members);
        let loads = loads(&after);
        let (most, least) = (loads.iter().max().unwrap(), loads.iter().min().unwrap());
        prop_assert!(most - least <= 1, "{loads:?}");

        // Who has the most keeps one more, as many as may; what is beyond goes.
        let total: usize = loads.iter().sum();
        let (share, longer) = (total / members.len(), total % members.len());
        let mut kept = kept;
        kept.sort_unstable_by(|one, other| other.cmp(one));
        let excess = kept.iter().enumerate().map(|(n, kept)| kept.saturating_sub(share + usize::from(n < longer)));
        let stayed = |assigned: &Assigned| -> Assigned {
            let those = assigned.iter().filter(|(id, _)| after.contains_key(*id));
            those.map(|(id, partitions)| (id.clone(), partitions.clone())).collect()
        };
        prop_assert_eq!(moved(&stayed(&before), &after), excess.sum::<usize>());
    }
}
