//! Members of a share group (KIP-932) that acknowledge record by record: how many a broker gets through, and how long an
//! acknowledgement takes.
//!
//! Requests are written by hand, a connection for each member. A member fetches, says of each record by a request of its own
//! that it accepts it, waits for the answer, and fetches again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use headwater_wire::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch, ShareAcknowledgeRequest,
};
use headwater_wire::messages::share_fetch::{FetchPartition, FetchTopic, ShareFetchRequest};
use headwater_wire::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use serde::Serialize;

use crate::Target;
use crate::by_hand::{Connection, find_coordinator, wait_for_word};

const VERSION: i16 = 2;
const GROUP_RESOURCE: i8 = 32;
const ACCEPT: i8 = 1;
/// No more records than wanted.
const RECORD_LIMIT: i8 = 1;
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Until every member has all partitions.
const MOST_ROUNDS: usize = 300;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Share {
    /// How many members
    #[arg(long)]
    members: usize,
    /// Records that a member fetches at a time
    #[arg(long, default_value_t = 100)]
    fetch: i32,
    /// Waits for a line on standard input before the first fetch
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    records: u64,
    seconds: f64,
    p50_us: u64,
    p99_us: u64,
}

struct Member {
    connection: Connection,
    group: String,
    id: String,
    epoch: i32,
    session: i32,
    assigned: BTreeMap<Uuid, Vec<i32>>,
    last_beat: Instant,
    took_us: Vec<u64>,
}

impl Member {
    async fn beat(&mut self, topic: &str) -> anyhow::Result<()> {
        let request = ShareGroupHeartbeatRequest {
            group_id: self.group.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            subscribed_topic_names: (self.epoch == 0).then(|| vec![topic.to_owned()]),
            ..Default::default()
        };
        let mut rounds = 0;
        let response = loop {
            let response = self.connection.call(1, &request).await?;
            let code = response.error_code;
            rounds += 1;
            // A broker may take a while until it coordinates a group.
            if !ErrorCode::from_code(code).is_retriable() || rounds > MOST_ROUNDS {
                anyhow::ensure!(code == 0, "a heartbeat failed: {code} {:?}", response.error_message);
                break response;
            }
            tokio::time::sleep(PAUSE).await;
        };
        self.epoch = response.member_epoch;
        self.last_beat = Instant::now();
        if let Some(assignment) = response.assignment {
            let topics = assignment.topic_partitions.into_iter();
            self.assigned = topics.map(|topic| (topic.topic_id, topic.partitions)).collect();
        }
        Ok(())
    }

    /// Fetches, acknowledges one by one, and so on, until all members together have so many.
    async fn work(&mut self, how: &Share, topic: &str, records: u64, done: &AtomicU64) -> anyhow::Result<()> {
        while done.load(Ordering::Relaxed) < records {
            if self.last_beat.elapsed() > HEARTBEAT {
                self.beat(topic).await?;
            }
            for (topic_id, partition, offset) in self.fetch(how).await? {
                let begun = Instant::now();
                self.accept(topic_id, partition, offset).await?;
                self.took_us.push(begun.elapsed().as_micros() as u64);
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    async fn fetch(&mut self, how: &Share) -> anyhow::Result<Vec<(Uuid, i32, i64)>> {
        let topic = |(topic_id, partitions): (&Uuid, &Vec<i32>)| FetchTopic {
            topic_id: *topic_id,
            partitions: partitions
                .iter()
                .map(|index| FetchPartition { partition_index: *index, ..Default::default() })
                .collect(),
        };
        let opens = self.session == 0;
        let request = ShareFetchRequest {
            group_id: Some(self.group.clone()),
            member_id: Some(self.id.clone()),
            share_session_epoch: self.session,
            max_wait_ms: 100,
            min_bytes: 1,
            max_bytes: 50 << 20,
            max_records: how.fetch,
            batch_size: how.fetch,
            share_acquire_mode: RECORD_LIMIT,
            topics: if opens { self.assigned.iter().map(topic).collect() } else { Vec::new() },
            ..Default::default()
        };
        let response = self.connection.call(VERSION, &request).await?;
        anyhow::ensure!(response.error_code == 0, "a fetch failed: {:?}", response.error_message);
        self.session += 1;
        let mut acquired = Vec::new();
        for topic in response.responses {
            for partition in topic.partitions {
                anyhow::ensure!(partition.error_code == 0, "a fetch failed: {:?}", partition.error_message);
                for range in partition.acquired_records {
                    let offsets = range.first_offset..=range.last_offset;
                    acquired
                        .extend(offsets.map(|offset| (topic.topic_id, partition.partition_index, offset)));
                }
            }
        }
        Ok(acquired)
    }

    async fn accept(&mut self, topic_id: Uuid, partition_index: i32, offset: i64) -> anyhow::Result<()> {
        let batch = AcknowledgementBatch {
            first_offset: offset,
            last_offset: offset,
            acknowledge_types: vec![ACCEPT],
        };
        let partition = AcknowledgePartition { partition_index, acknowledgement_batches: vec![batch] };
        let request = ShareAcknowledgeRequest {
            group_id: Some(self.group.clone()),
            member_id: Some(self.id.clone()),
            share_session_epoch: self.session,
            topics: vec![AcknowledgeTopic { topic_id, partitions: vec![partition] }],
            ..Default::default()
        };
        let response = self.connection.call(VERSION, &request).await?;
        anyhow::ensure!(response.error_code == 0, "an acknowledgement failed: {:?}", response.error_message);
        self.session += 1;
        let answer = response.responses.first().and_then(|topic| topic.partitions.first());
        let error = answer.context("no answer")?.error_code;
        anyhow::ensure!(error == 0, "the acknowledgement of {offset} failed: {error}");
        Ok(())
    }
}

pub(crate) fn run(target: &Target, how: &Share) -> anyhow::Result<Report> {
    crate::runtime()?.block_on(async {
        let group = format!("{}-{}", target.topic, std::process::id());
        let mut members = Vec::new();
        for number in 0..how.members {
            members.push(Member {
                connection: Connection::open(target).await?,
                group: group.clone(),
                id: format!("m{number:05}"),
                epoch: 0,
                session: 0,
                assigned: BTreeMap::new(),
                last_beat: Instant::now(),
                took_us: Vec::new(),
            });
        }
        let first = members.first_mut().context("no member")?;
        find_coordinator(&mut first.connection, &group).await?;
        begin_at_the_first_record(first).await?;
        settle(&mut members, target).await?;
        if how.wait {
            wait_for_word().await?;
        }
        let started = Instant::now();
        let done = Arc::new(AtomicU64::new(0));
        let mut crowd = tokio::task::JoinSet::new();
        for mut member in members {
            let (how, topic, records, done) =
                (how.clone(), target.topic.clone(), target.records, done.clone());
            crowd.spawn(async move {
                member.work(&how, &topic, records, &done).await?;
                anyhow::Ok(member.took_us)
            });
        }
        let mut took_us = Vec::new();
        while let Some(member) = crowd.join_next().await {
            took_us.extend(member??);
        }
        let seconds = started.elapsed().as_secs_f64();
        took_us.sort_unstable();
        let at = |share: f64| took_us.get(((took_us.len() as f64 - 1.0) * share) as usize).copied();
        Ok(Report {
            records: took_us.len() as u64,
            seconds,
            p50_us: at(0.5).context("no acknowledgement")?,
            p99_us: at(0.99).context("no acknowledgement")?,
        })
    })
}

async fn begin_at_the_first_record(member: &mut Member) -> anyhow::Result<()> {
    let setting = AlterableConfig {
        name: "share.auto.offset.reset".to_owned(),
        config_operation: 0,
        value: Some("earliest".to_owned()),
    };
    let resource = AlterConfigsResource {
        resource_type: GROUP_RESOURCE,
        resource_name: member.group.clone(),
        configs: vec![setting],
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let response = member.connection.call(1, &request).await?;
    let outcome = response.responses.first().context("no answer")?;
    anyhow::ensure!(outcome.error_code == 0, "the setting is refused: {:?}", outcome.error_message);
    Ok(())
}

/// Everybody in turn, until all have come to one epoch, and all partitions are read.
async fn settle(members: &mut [Member], target: &Target) -> anyhow::Result<()> {
    for _ in 0..MOST_ROUNDS {
        let mut read = std::collections::BTreeSet::new();
        for member in members.iter_mut() {
            member.beat(&target.topic).await?;
            read.extend(member.assigned.values().flatten().copied());
        }
        let same = members.iter().all(|member| member.epoch == members[0].epoch);
        if same && read.len() == target.partitions as usize {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("the group does not come to rest")
}
