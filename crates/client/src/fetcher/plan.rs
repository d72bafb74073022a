//! Which requests are due.

use std::collections::BTreeMap;

use headwater_model::{Monotonic, TopicName, TopicPartition};
use headwater_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use headwater_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

use super::partition::{Cursor, Partition};
use super::{Asked, AskedPartition, FetchWork, Fetcher, Ticket, Whom};
use crate::cluster::ClusterView;
use crate::consumer::Isolation;

/// The first version of Fetch that names topics by id.
const FIRST_FETCH_BY_ID: i16 = 13;
/// How long a broker may hold an answer back while partitions that it leads were left out of the question.
const SHORT_WAIT_MS: i32 = 100;

impl Fetcher {
    /// The requests that are due and not under way. The cluster's view says who leads what.
    pub(crate) fn plan(&mut self, view: &ClusterView, now: Monotonic) -> Vec<FetchWork> {
        let mut work = Vec::new();
        work.extend(self.plan_committed(now));
        let led = self.led(view, now);
        work.extend(self.plan_list_offsets(view, &led, now));
        work.extend(self.plan_fetches(view, &led, now));
        work
    }

    /// When [`Fetcher::plan`] has to be called again because time has passed: a wait after a failure is over.
    pub(crate) fn deadline(&self, now: Monotonic) -> Option<Monotonic> {
        let partitions = self.partitions.values().filter(|partition| !partition.asked && !partition.frozen);
        let nodes = self.nodes.values().map(|node| node.not_before);
        partitions.map(|partition| partition.not_before).chain(nodes).filter(|moment| *moment > now).min()
    }

    fn plan_committed(&mut self, now: Monotonic) -> Option<FetchWork> {
        if self.under_way.values().any(|asked| asked.whom == Whom::Coordinator) {
            return None;
        }
        let due = |partition: &Partition| {
            matches!(partition.cursor, Cursor::Committed) && is_due(partition, now) && !partition.frozen
        };
        let partitions: Vec<_> = self.with(due).collect();
        if partitions.is_empty() {
            return None;
        }
        let ticket = self.ask(Whom::Coordinator, &partitions);
        Some(FetchWork::Committed { ticket, partitions })
    }

    /// The partitions by leader. Where there is none known, one is to be looked up.
    fn led(&mut self, view: &ClusterView, now: Monotonic) -> BTreeMap<i32, Vec<TopicPartition>> {
        let mut led: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for (at, partition) in &self.partitions {
            match view.leader(at) {
                Some(leader) => led.entry(leader).or_default().push(at.clone()),
                None if partition.not_before <= now && !partition.is_silent() => {
                    self.stale.insert(at.topic.clone());
                }
                None => {}
            }
        }
        self.nodes.retain(|node, _| led.contains_key(node));
        led
    }

    fn plan_list_offsets(
        &mut self,
        view: &ClusterView,
        led: &BTreeMap<i32, Vec<TopicPartition>>,
        now: Monotonic,
    ) -> Vec<FetchWork> {
        let mut work = Vec::new();
        for (node, partitions) in led {
            let mut topics: Vec<ListOffsetsTopic> = Vec::new();
            let mut asked = Vec::new();
            for at in partitions {
                let Some(partition) = self.partitions.get(at) else { continue };
                let Cursor::Lookup(spec) = partition.cursor else { continue };
                if !is_due(partition, now) || partition.frozen || !self.is_open(*node, now) {
                    continue;
                }
                asked.push(at.clone());
                let question = ListOffsetsPartition {
                    partition_index: at.partition.0,
                    current_leader_epoch: leader_epoch(view, at),
                    timestamp: spec.timestamp(),
                };
                match topics.last_mut().filter(|topic| topic.name == at.topic.as_str()) {
                    Some(topic) => topic.partitions.push(question),
                    None => topics.push(ListOffsetsTopic {
                        name: at.topic.as_str().to_owned(),
                        partitions: vec![question],
                    }),
                }
            }
            if asked.is_empty() {
                continue;
            }
            let request = ListOffsetsRequest {
                replica_id: -1,
                isolation_level: self.isolation_level(),
                topics,
                ..Default::default()
            };
            let ticket = self.ask(Whom::ListingLeader(*node), &asked);
            work.push(FetchWork::ListOffsets { ticket, node: *node, request });
        }
        work
    }

    fn plan_fetches(
        &mut self,
        view: &ClusterView,
        led: &BTreeMap<i32, Vec<TopicPartition>>,
        now: Monotonic,
    ) -> Vec<FetchWork> {
        let waiting: usize =
            self.partitions.values().filter(|p| !p.is_silent()).map(|p| p.buffered_bytes).sum();
        if waiting >= self.config.prefetch_bytes {
            return Vec::new();
        }
        let mut work = Vec::new();
        for (node, partitions) in led {
            let whom = Whom::Leader(*node);
            if !self.is_open(*node, now) {
                continue;
            }
            let mut asked: Vec<(u64, TopicPartition)> = Vec::new();
            for at in partitions {
                let Some(partition) = self.partitions.get(at) else { continue };
                if matches!(partition.cursor, Cursor::At(_))
                    && is_due(partition, now)
                    && !partition.is_silent()
                {
                    asked.push((partition.served, at.clone()));
                }
            }
            if asked.is_empty() {
                continue;
            }
            if let Some(under_way) = self.under_way.values_mut().find(|asked| asked.whom == whom) {
                if !std::mem::replace(&mut under_way.is_urgent, true) {
                    work.push(FetchWork::Nudge { node: *node });
                }
                continue;
            }
            let is_partial = asked.len() < partitions.len();
            // Brokers fill an answer in the order of the question: who was served last comes last.
            asked.sort();
            let asked: Vec<_> = asked.into_iter().map(|(_, at)| at).collect();
            let (request, max_version) = self.fetch_request(view, &asked, is_partial);
            let ids = request.topics.iter().map(|topic| topic.topic_id);
            let ids = ids
                .zip(request.topics.iter().filter_map(|topic| TopicName::new(&topic.topic).ok()))
                .collect();
            let ticket = self.ask(whom, &asked);
            if let Some(asked) = self.under_way.get_mut(&ticket) {
                asked.topics = ids;
            }
            work.push(FetchWork::Fetch { ticket, node: *node, request, max_version });
        }
        work
    }

    fn fetch_request(
        &self,
        view: &ClusterView,
        asked: &[TopicPartition],
        is_partial: bool,
    ) -> (FetchRequest, i16) {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for at in asked {
            let Some(Cursor::At(offset)) = self.partitions.get(at).map(|partition| &partition.cursor) else {
                continue;
            };
            let question = FetchPartition {
                partition: at.partition.0,
                current_leader_epoch: leader_epoch(view, at),
                fetch_offset: offset.0,
                partition_max_bytes: saturated(self.config.partition_max_bytes),
                ..Default::default()
            };
            match topics.iter_mut().find(|topic| topic.topic == at.topic.as_str()) {
                Some(topic) => topic.partitions.push(question),
                None => topics.push(FetchTopic {
                    topic: at.topic.as_str().to_owned(),
                    topic_id: view.topic_id(&at.topic).unwrap_or_default(),
                    partitions: vec![question],
                }),
            }
        }
        let has_ids = topics.iter().all(|topic| !topic.topic_id.is_zero());
        let max_wait_ms = saturated(self.config.max_wait.as_millis() as usize);
        let request = FetchRequest {
            max_wait_ms: if is_partial { max_wait_ms.min(SHORT_WAIT_MS) } else { max_wait_ms },
            min_bytes: saturated(self.config.min_bytes),
            max_bytes: saturated(self.config.max_bytes.min(self.config.prefetch_bytes)),
            isolation_level: self.isolation_level(),
            topics,
            ..Default::default()
        };
        (request, if has_ids { i16::MAX } else { FIRST_FETCH_BY_ID - 1 })
    }

    fn isolation_level(&self) -> i8 {
        match self.config.isolation {
            Isolation::ReadUncommitted => 0,
            Isolation::ReadCommitted => 1,
        }
    }

    fn is_open(&self, node: i32, now: Monotonic) -> bool {
        self.nodes.get(&node).is_none_or(|node| node.not_before <= now)
    }

    fn with(&self, condition: impl Fn(&Partition) -> bool) -> impl Iterator<Item = TopicPartition> {
        let chosen = self.partitions.iter().filter(move |(_, partition)| condition(partition));
        chosen.map(|(at, _)| at.clone())
    }

    /// Notes what a request is asked for.
    fn ask(&mut self, whom: Whom, partitions: &[TopicPartition]) -> Ticket {
        self.last_ticket += 1;
        let mut asked = Vec::with_capacity(partitions.len());
        for at in partitions {
            if let Some(partition) = self.partitions.get_mut(at) {
                partition.asked = true;
                asked.push(AskedPartition {
                    at: at.clone(),
                    epoch: partition.epoch,
                    cursor: partition.cursor.clone(),
                });
            }
        }
        self.under_way.insert(
            self.last_ticket,
            Asked { whom, topics: Vec::new(), partitions: asked, is_urgent: false },
        );
        self.last_ticket
    }
}

fn is_due(partition: &Partition, now: Monotonic) -> bool {
    !partition.asked && partition.not_before <= now
}

fn leader_epoch(view: &ClusterView, at: &TopicPartition) -> i32 {
    view.partition(at).and_then(|partition| partition.leader_epoch).map_or(-1, |epoch| epoch.0)
}

fn saturated(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
