//! Heartbeats of members of a consumer group that is at rest, as fast as a broker answers them: what they cost it.
//!
//! Requests are written by hand, many members to a connection, so that the client's own work is small.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use crate::Target;
use crate::by_hand::{Connection, Member, find_coordinator, wait_for_word};

/// Rounds of everybody until the group is at rest, and what lies between them: a broker may take its time to divide.
const MOST_ROUNDS: usize = 300;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Heartbeats {
    /// How many members
    #[arg(long)]
    members: usize,
    /// Connections that they share
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Waits for a line on standard input before the heartbeats that count
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    heartbeats: u64,
    seconds: f64,
}

pub(crate) fn run(target: &Target, how: &Heartbeats) -> anyhow::Result<Report> {
    crate::runtime()?.block_on(async {
        let group = format!("{}-{}", target.topic, std::process::id());
        let mut connections = Vec::new();
        for _ in 0..how.connections {
            connections.push(Connection::open(target).await?);
        }
        let first = connections.first_mut().context("no connection")?;
        find_coordinator(first, &group).await?;
        let mut members: Vec<Member> =
            (0..how.members).map(|number| Member::new(format!("m{number:05}"))).collect();
        settle(first, &mut members, &group, target).await?;
        if how.wait {
            wait_for_word().await?;
        }
        let started = Instant::now();
        let each = target.records / how.connections as u64;
        let share = how.members.div_ceil(how.connections);
        let mut crowd = tokio::task::JoinSet::new();
        for mut connection in connections {
            let mut mine: Vec<Member> = members.drain(..share.min(members.len())).collect();
            let (group, topic) = (group.clone(), target.topic.clone());
            crowd.spawn(async move {
                let count = mine.len().max(1);
                for number in 0..each as usize {
                    let member = mine.get_mut(number % count).context("a connection without a member")?;
                    member.beat(&mut connection, &group, &topic).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = crowd.join_next().await {
            done??;
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(Report { heartbeats: each * how.connections as u64, seconds })
    })
}

/// Everybody in turn, until all partitions are owned and nobody is told anything new.
async fn settle(
    connection: &mut Connection,
    members: &mut [Member],
    group: &str,
    target: &Target,
) -> anyhow::Result<()> {
    for _ in 0..MOST_ROUNDS {
        for member in members.iter_mut() {
            member.beat(connection, group, &target.topic).await?;
        }
        let owned: usize = members.iter().map(|member| member.partitions().count()).sum();
        let same = members.iter().all(|member| !member.has_news && member.epoch == members[0].epoch);
        if owned == target.partitions as usize && same {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("the group does not come to rest")
}
