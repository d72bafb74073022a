//! Topologies with what they come to, in a table and against a naive reckoning.

use std::fmt::Write;

use expect_test::{Expect, expect};
use headwater_model::Uuid;
use proptest::prelude::*;

use super::*;
use crate::Topic;
use crate::streams::topology::CopartitionGroup;

fn topics(of: &[(&str, i32)]) -> Topics {
    let topic = |(name, partitions): &(&str, i32)| {
        (TopicName::new(name).unwrap(), Topic { id: Uuid::from_u64_pair(0, 1), partitions: *partitions })
    };
    of.iter().map(topic).collect()
}

fn internal(name: &str, partitions: i32) -> InternalTopic {
    InternalTopic { name: name.to_owned(), partitions, replication_factor: 0, configs: Vec::new() }
}

/// A line for each subtopology: `ID: TOPIC <READ[/N] >WRITTEN *CHANGELOG &JOINED&JOINED ..`
fn topology(text: &str) -> StreamsTopology {
    let subtopology = |line: &str| {
        let (id, words) = line.split_once(':').unwrap();
        let mut subtopology = Subtopology {
            id: SubtopologyId::new(id.trim()),
            source_topics: Vec::new(),
            source_topic_regex: Vec::new(),
            repartition_sources: Vec::new(),
            repartition_sinks: Vec::new(),
            changelogs: Vec::new(),
            copartition_groups: Vec::new(),
        };
        for word in words.split_whitespace() {
            match word.split_at(1) {
                ("<", read) => {
                    let (name, count) = read.split_once('/').unwrap_or((read, "0"));
                    subtopology.repartition_sources.push(internal(name, count.parse().unwrap()));
                }
                (">", written) => subtopology.repartition_sinks.push(written.to_owned()),
                ("*", changelog) => subtopology.changelogs.push(internal(changelog, 0)),
                ("&", joined) => {
                    let group = joined_in(&subtopology, joined);
                    subtopology.copartition_groups.push(group);
                }
                _ => subtopology.source_topics.push(word.to_owned()),
            }
        }
        subtopology
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    StreamsTopology { epoch: 1, subtopologies: lines.map(subtopology).collect() }
}

fn joined_in(subtopology: &Subtopology, names: &str) -> CopartitionGroup {
    let mut group = CopartitionGroup::default();
    for name in names.split('&') {
        let source = subtopology.source_topics.iter().position(|topic| topic == name);
        let read = subtopology.repartition_sources.iter().position(|topic| topic.name == name);
        group.source_topics.extend(source.map(|at| at as i16));
        group.repartition_sources.extend(read.map(|at| at as i16));
    }
    group
}

#[expect(clippy::needless_pass_by_value, reason = "an Expect is written in place")]
fn check(of: &[(&str, i32)], text: &str, expected: Expect) {
    let topology = topology(text);
    topology.check().unwrap();
    let configuration = Configuration::of(&topology, &topics(of));
    let mut out = String::new();
    if let Some(status) = configuration.status() {
        writeln!(out, "{:?}: {}", status.code, status.detail).unwrap();
    }
    for topic in configuration.missing() {
        writeln!(out, "+ {}/{}", topic.name, topic.partitions).unwrap();
    }
    if let Some(layout) = configuration.layout() {
        for (id, part) in &layout.parts {
            writeln!(out, "{id}: {} tasks, stateful: {}", part.tasks, part.is_stateful).unwrap();
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn tasks_are_as_many_as_the_greatest_source_has_partitions() {
    check(
        &[("a", 2), ("b", 5), ("s", 5)],
        "0: a b *s
         1: a",
        expect![[r"
            0: 5 tasks, stateful: true
            1: 2 tasks, stateful: false
        "]],
    );
}

#[test]
fn counts_go_through_chains_of_subtopologies() {
    check(
        &[("a", 3), ("b", 7)],
        "0: a >r
         1: <r b >q
         2: <q *s >p
         3: <p",
        expect![[r"
            MissingInternalTopics: Internal topics are missing: p, q, r, s
            + p/7
            + q/7
            + r/3
            + s/7
        "]],
    );
}

#[test]
fn what_the_application_has_fixed_counts_downstream_too() {
    check(
        &[("a", 3)],
        "0: a >r
         1: <r/9 >q
         2: <q *s",
        expect![[r"
            MissingInternalTopics: Internal topics are missing: q, r, s
            + q/9
            + r/9
            + s/9
        "]],
    );
}

#[test]
fn several_writers_and_circles_give_the_greatest_count() {
    check(
        &[("a", 3), ("b", 5), ("c", 4)],
        "0: a >r
         1: b >r
         2: c <r <back >q
         3: <q >back",
        expect![[r"
            MissingInternalTopics: Internal topics are missing: back, q, r
            + back/5
            + q/5
            + r/5
        "]],
    );
}

#[test]
fn sources_that_are_missing_are_named() {
    check(
        &[("a", 3)],
        "0: c a b
         1: b <r >r",
        expect![[r"
            MissingSourceTopics: Source topics b, c are missing.
        "]],
    );
    check(
        &[("a", 3)],
        "0: a
         1: <nobody-writes-it",
        expect![[r"
            MissingSourceTopics: Failed to compute number of partitions for all repartition topics, make sure all user input topics are created and all Pattern subscriptions match at least one topic in the cluster
        "]],
    );
}

#[test]
fn what_is_joined_has_as_many_partitions_as_each_other() {
    let topology = "0: a >r
                    1: b >q
                    2: <r <q &r&q *s
                    3: <r c &r&c";
    check(
        &[("a", 3), ("b", 5), ("c", 4)],
        topology,
        expect![[r"
            MissingInternalTopics: Internal topics are missing: q, r, s
            + q/4
            + r/4
            + s/4
        "]],
    );
    check(
        &[("a", 3), ("b", 5)],
        "0: a >r
         1: b >q
         2: <r <q &r&q",
        expect![[r"
            MissingInternalTopics: Internal topics are missing: q, r
            + q/5
            + r/5
        "]],
    );
    check(
        &[("a", 3), ("b", 5)],
        "0: a b &a&b",
        expect![[r"
            IncorrectlyPartitionedTopics: Following topics do not have the same number of partitions: [a=3, b=5]
        "]],
    );
    check(
        &[("a", 3)],
        "0: a >r
         1: a <r/4 &a&r",
        expect![[r"
            IncorrectlyPartitionedTopics: Following topics do not have the same number of partitions: [a=3, r=4]
        "]],
    );
}

#[test]
fn internal_topics_that_exist_must_have_what_was_worked_out() {
    let topology = "0: a >r *s
                    1: <r";
    check(
        &[("a", 3), ("r", 3), ("s", 3)],
        topology,
        expect![[r"
            0: 3 tasks, stateful: true
            1: 3 tasks, stateful: false
        "]],
    );
    check(
        &[("a", 3), ("r", 2), ("s", 3)],
        topology,
        expect![[r"
            IncorrectlyPartitionedTopics: Existing topic r has different number of partitions: expected 3, found 2
        "]],
    );
}

#[test]
fn a_source_may_be_its_own_changelog() {
    check(
        &[("a", 2), ("b", 4)],
        "0: a b *a",
        expect![[r"
            0: 4 tasks, stateful: true
        "]],
    );
}

#[test]
fn there_is_a_greatest_number_of_tasks() {
    check(
        &[("a", 60_000)],
        "0: a
         1: a",
        expect![[r"
            IncorrectlyPartitionedTopics: The topology has 120000 tasks, more than the 100000 that a group may have
        "]],
    );
}

#[test]
fn a_long_list_of_names_is_cut() {
    let names = (0..23).map(|number| format!("t{number:02}"));
    assert_eq!(
        check_sources(&topology(&format!("0: {}", names.collect::<Vec<_>>().join(" "))), &Topics::default())
            .unwrap_err()
            .detail,
        "Source topics t00, t01, t02, t03, t04, t05, t06, t07, t08, t09, t10, t11, t12, t13, t14, t15, t16, t17, \
         t18, t19 and 3 more are missing."
    );
}

/// Counts from scratch: each topic that is not fixed gets more as long as something that its writers read has more;
/// then joined topics are brought together, as long as something changes. None if something does not fit.
fn naive(topology: &StreamsTopology, topics: &Topics) -> Option<BTreeMap<String, i32>> {
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    let mut fixed: BTreeMap<String, i32> = BTreeMap::new();
    for subtopology in &topology.subtopologies {
        for name in &subtopology.source_topics {
            fixed.insert(name.clone(), topics.get(name)?.partitions);
        }
        for topic in &subtopology.repartition_sources {
            counts.insert(topic.name.clone(), 0);
            if topic.partitions > 0 {
                fixed.insert(topic.name.clone(), topic.partitions);
            }
        }
    }
    counts.extend(fixed.clone());
    loop {
        let before = counts.clone();
        for subtopology in &topology.subtopologies {
            let most = subtopology.consumed().map(|name| counts[name]).max().unwrap_or(0);
            for sink in &subtopology.repartition_sinks {
                if let Some(count) = counts.get_mut(sink).filter(|_| !fixed.contains_key(sink)) {
                    *count = most.max(*count);
                }
            }
        }
        if counts == before {
            break;
        }
    }
    if counts.values().any(|count| *count == 0) {
        return None;
    }
    loop {
        let before = (counts.clone(), fixed.clone());
        for subtopology in &topology.subtopologies {
            for group in &subtopology.copartition_groups {
                let names = subtopology.copartitioned(group).unwrap();
                let decided = names.iter().find_map(|name| fixed.get(*name)).copied();
                let count = decided.or_else(|| names.iter().map(|name| counts[*name]).max()).unwrap_or(0);
                for name in names {
                    match fixed.get(name) {
                        Some(other) if *other != count => return None,
                        Some(_) => {}
                        None => {
                            counts.insert(name.to_owned(), count);
                            if decided.is_some() {
                                fixed.insert(name.to_owned(), count);
                            }
                        }
                    }
                }
            }
        }
        if (&counts, &fixed) == (&before.0, &before.1) {
            return Some(counts);
        }
    }
}

/// Subtopologies over the topics a to d, which have these counts, and over the repartition topics r0 to r4.
fn random() -> impl Strategy<Value = (Vec<i32>, StreamsTopology)> {
    let fixed = prop::collection::vec(prop_oneof![4 => Just(0), 1 => 1..4_i32], 5);
    let places = |of: usize| prop::collection::btree_set(0..of, 0..3);
    let subtopology = (places(4), places(5), places(5), any::<bool>(), any::<bool>());
    let counts = prop::collection::vec(1..4_i32, 4);
    (counts, fixed, prop::collection::vec(subtopology, 1..6)).prop_map(|(counts, fixed, parts)| {
        let part = |(id, (sources, reads, writes, state, joins)): (usize, Said)| {
            let source_topics: Vec<String> =
                sources.iter().map(|at| ["a", "b", "c", "d"][*at].to_owned()).collect();
            let repartition_sources: Vec<InternalTopic> =
                reads.iter().map(|at| internal(&format!("r{at}"), fixed[*at])).collect();
            let group = CopartitionGroup {
                source_topics: (0..source_topics.len() as i16).collect(),
                source_topic_regex: Vec::new(),
                repartition_sources: (0..repartition_sources.len() as i16).collect(),
            };
            Subtopology {
                id: SubtopologyId::from(id.to_string()),
                source_topics,
                source_topic_regex: Vec::new(),
                repartition_sources,
                repartition_sinks: writes.iter().map(|at| format!("r{at}")).collect(),
                changelogs: if state { vec![internal(&format!("s{id}"), 0)] } else { Vec::new() },
                copartition_groups: if joins { vec![group] } else { Vec::new() },
            }
        };
        let subtopologies = parts.into_iter().enumerate().map(part);
        let subtopologies = subtopologies.filter(|part| part.consumed().next().is_some()).collect();
        (counts, StreamsTopology { epoch: 0, subtopologies })
    })
}

type Said = (BTreeSet<usize>, BTreeSet<usize>, BTreeSet<usize>, bool, bool);

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_worked_out_agrees_with_a_naive_reckoning((counts, topology) in random()) {
        topology.check().unwrap();
        let known: Vec<(&str, i32)> = ["a", "b", "c", "d"].into_iter().zip(counts).collect();
        let topics = topics(&known);
        let layout = lay_out(&topology, &topics).ok();
        let expected = naive(&topology, &topics);
        prop_assert_eq!(layout.is_some(), expected.is_some());
        let (Some(layout), Some(expected)) = (layout, expected) else {
            return Ok(());
        };
        for subtopology in &topology.subtopologies {
            let part = &layout.parts[&subtopology.id];
            let most = subtopology.consumed().map(|name| expected[name]).max();
            prop_assert_eq!(Some(part.tasks), most);
            for topic in &subtopology.repartition_sources {
                prop_assert_eq!(layout.internal[&topic.name], expected[&topic.name]);
            }
            for topic in &subtopology.changelogs {
                prop_assert_eq!(layout.internal[&topic.name], part.tasks);
            }
        }
    }

    /// What is to be made, once made, is all that was missing, in whatever order the subtopologies are said.
    #[test]
    fn once_the_missing_topics_are_made_it_is_ready((counts, topology) in random()) {
        let mut known: Vec<(&str, i32)> = ["a", "b", "c", "d"].into_iter().zip(counts).collect();
        let configuration = Configuration::of(&topology, &topics(&known));
        let mut turned = topology.clone();
        turned.subtopologies.reverse();
        prop_assert_eq!(&Configuration::of(&turned, &topics(&known)), &configuration);
        let missing = configuration.missing();
        known.extend(missing.iter().map(|topic| (topic.name.as_str(), topic.partitions)));
        let after = Configuration::of(&topology, &topics(&known));
        prop_assert_eq!(after.is_ready(), !matches!(configuration, Configuration::Impossible(_)));
    }
}
