//! How many partitions repartition topics get.
//!
//! A topic whose count the application did not fix gets the greatest count of all topics that are read by those who
//! write it. Counts spread from the greatest on, so that the first one that reaches a topic is the one that it gets,
//! also in chains and circles of subtopologies.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::Topics;
use crate::streams::status::{StatusCode, StreamsStatus};
use crate::streams::topology::{StreamsTopology, Subtopology};

/// The counts of all repartition topics that are read, by name.
pub(super) fn of_repartition_topics<'a>(
    topology: &'a StreamsTopology,
    topics: &Topics,
) -> Result<BTreeMap<&'a str, i32>, StreamsStatus> {
    let mut spread = Spread::new(topology, topics);
    spread.run();
    if spread.counts.len() < spread.readers.len() {
        let detail = "Failed to compute number of partitions for all repartition topics, make sure all user input \
                      topics are created and all Pattern subscriptions match at least one topic in the cluster";
        return Err(StreamsStatus { code: StatusCode::MissingSourceTopics, detail: detail.to_owned() });
    }
    Ok(spread.counts)
}

struct Spread<'a> {
    /// Those that are known.
    counts: BTreeMap<&'a str, i32>,
    /// Who reads each repartition topic.
    readers: BTreeMap<&'a str, Vec<&'a Subtopology>>,
    /// What has reached a subtopology, the greatest count first.
    reached: BinaryHeap<Reached<'a>>,
}

/// A count that has reached a subtopology.
struct Reached<'a>(i32, &'a Subtopology);

impl PartialEq for Reached<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Reached<'_> {}

impl PartialOrd for Reached<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reached<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, &self.1.id).cmp(&(other.0, &other.1.id))
    }
}

impl<'a> Spread<'a> {
    /// Where the counts are known: at topics from outside, and at those that are fixed.
    fn new(topology: &'a StreamsTopology, topics: &Topics) -> Self {
        let (mut counts, mut reached) = (BTreeMap::new(), BinaryHeap::new());
        let mut readers: BTreeMap<&str, Vec<&Subtopology>> = BTreeMap::new();
        for subtopology in &topology.subtopologies {
            for topic in &subtopology.repartition_sources {
                readers.entry(&topic.name).or_default().push(subtopology);
                if topic.partitions > 0 {
                    counts.insert(topic.name.as_str(), topic.partitions);
                }
            }
            let external = subtopology.source_topics.iter().filter_map(|name| topics.get(name));
            let external = external.map(|topic| topic.partitions);
            let fixed = subtopology.repartition_sources.iter().map(|topic| topic.partitions);
            if let Some(count) = external.chain(fixed).max().filter(|count| *count > 0) {
                reached.push(Reached(count, subtopology));
            }
        }
        Self { counts, readers, reached }
    }

    fn run(&mut self) {
        let mut seen = BTreeSet::new();
        while let Some(Reached(count, subtopology)) = self.reached.pop() {
            if !seen.insert(&subtopology.id) {
                continue;
            }
            for sink in &subtopology.repartition_sinks {
                let Some(readers) = self.readers.get(sink.as_str()) else {
                    continue;
                };
                if !self.counts.contains_key(sink.as_str()) {
                    self.counts.insert(sink, count);
                    self.reached.extend(readers.iter().map(|reader| Reached(count, reader)));
                }
            }
        }
    }
}
