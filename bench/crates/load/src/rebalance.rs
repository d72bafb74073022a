//! How long it takes from a change in a group's membership until partitions are read by their new owners.
//!
//! Owns: the members (headwater's client, by the consumer protocol, KIP-848), each with connections of its own; one more
//! whose requests are written by hand, so that it is known when it was heard of last before it died; and the figures. Every
//! partition holds records, and nobody ever commits: whoever is
//! given a partition reads it from its beginning, so that the arrival of its first record says who has it.
//!
//! Does not know: the broker's intervals but for what it is told of them, to know when a group is at rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use headwater_client::{Client, ClientConfig, ConsumerConfig, GroupProtocol, OffsetReset};
use headwater_model::TopicName;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Target, by_hand};

/// No change takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Rebalance {
    /// How many members
    #[arg(long)]
    members: usize,
    /// How often each kind of change happens
    #[arg(long, default_value_t = 3)]
    changes: usize,
    /// A group that does not change for so long is at rest
    #[arg(long, default_value_t = 2_500)]
    rest_ms: u64,
}

/// From the change until the first of the partitions that change hands is read by its new owner, and until the last is:
/// medians, in milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    join_first_ms: f64,
    join_last_ms: f64,
    leave_first_ms: f64,
    leave_last_ms: f64,
    death_first_ms: f64,
    death_last_ms: f64,
}

/// Somebody has read the first record of a partition.
struct Seen {
    member: usize,
    partition: i32,
    at: Instant,
}

/// Reads as a member until it is told to leave, or dropped.
async fn read(
    target: Target,
    group: String,
    mut stop: oneshot::Receiver<()>,
    tell: impl Fn(i32),
) -> anyhow::Result<()> {
    let client = Client::connect(ClientConfig::new([target.bootstrap.clone()])).await?;
    let consumer = client.consumer(ConsumerConfig {
        group_protocol: GroupProtocol::Consumer { server_assignor: None },
        auto_offset_reset: OffsetReset::Earliest,
        ..ConsumerConfig::in_group(group)
    });
    consumer.subscribe([TopicName::new(&target.topic)?])?;
    loop {
        tokio::select! {
            _ = &mut stop => break,
            fetched = consumer.poll(Duration::from_secs(1)) => {
                for fetched in fetched? {
                    tell(fetched.topic_partition.partition.0);
                }
            }
        }
    }
    consumer.close().await;
    Ok(())
}

/// Is a member until it is told to die; after a last heartbeat, and without a word, it is gone.
async fn live_and_die(
    target: Target,
    group: String,
    mut stop: oneshot::Receiver<()>,
    tell: impl Fn(i32),
    pause: Duration,
) -> anyhow::Result<Instant> {
    let mut connection = by_hand::Connection::open(&target).await?;
    let mut member = by_hand::Member::new(format!("by-hand-{}", pause.as_millis()));
    loop {
        member.beat(&mut connection, &group, &target.topic).await?;
        if member.has_news {
            member.partitions().for_each(&tell);
            continue;
        }
        if tokio::time::timeout(member.interval, &mut stop).await.is_ok() {
            break;
        }
    }
    tokio::time::sleep(pause).await;
    member.beat(&mut connection, &group, &target.topic).await?;
    Ok(Instant::now())
}

struct Member {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

struct Group {
    target: Target,
    name: String,
    rest: Duration,
    tell: UnboundedSender<Seen>,
    seen: UnboundedReceiver<Seen>,
    members: BTreeMap<usize, Member>,
    next: usize,
    /// Who has read which partition last.
    owners: BTreeMap<i32, usize>,
}

impl Group {
    fn new(target: &Target, how: &Rebalance) -> Self {
        let (tell, seen) = unbounded_channel();
        Self {
            target: target.clone(),
            name: format!("{}-{}", target.topic, std::process::id()),
            rest: Duration::from_millis(how.rest_ms),
            tell,
            seen,
            members: BTreeMap::new(),
            next: 0,
            owners: BTreeMap::new(),
        }
    }

    fn join(&mut self) -> usize {
        let number = self.next;
        self.next += 1;
        let (stop, stopped) = oneshot::channel();
        let tell = self.tell.clone();
        let tell = move |partition| {
            let _ = tell.send(Seen { member: number, partition, at: Instant::now() });
        };
        let task = tokio::spawn(read(self.target.clone(), self.name.clone(), stopped, tell));
        self.members.insert(number, Member { stop, task });
        number
    }

    /// A member that will die: it says which partitions it has, as all others do. Gives when it was heard of last.
    fn join_by_hand(&mut self) -> (usize, oneshot::Sender<()>, JoinHandle<anyhow::Result<Instant>>) {
        let number = self.next;
        self.next += 1;
        let (stop, stopped) = oneshot::channel();
        let tell = self.tell.clone();
        let tell = move |partition| {
            let _ = tell.send(Seen { member: number, partition, at: Instant::now() });
        };
        let dying = live_and_die(self.target.clone(), self.name.clone(), stopped, tell, self.pause());
        (number, stop, tokio::spawn(dying))
    }

    /// Differs from change to change, so that changes come at any time between members' heartbeats.
    fn pause(&self) -> Duration {
        Duration::from_millis(self.next as u64 * 377 % 1_000)
    }

    /// Notes what is seen until nothing has changed for a while, every partition has an owner and no two owners differ by
    /// more than one. Gives what was seen.
    async fn come_to_rest(&mut self, members: usize) -> anyhow::Result<Vec<Seen>> {
        let deadline = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        loop {
            match tokio::time::timeout(self.rest, self.seen.recv()).await {
                Ok(Some(seen)) => {
                    self.owners.insert(seen.partition, seen.member);
                    all.push(seen);
                }
                Ok(None) => anyhow::bail!("nobody is there"),
                Err(_) if self.is_balanced(members) => return Ok(all),
                Err(_) => {}
            }
            for (number, member) in &self.members {
                anyhow::ensure!(!member.task.is_finished(), "member {number} has ended");
            }
            anyhow::ensure!(Instant::now() < deadline, "the group of {members} does not come to rest");
        }
    }

    fn is_balanced(&self, members: usize) -> bool {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for owner in self.owners.values() {
            *counts.entry(*owner).or_default() += 1;
        }
        let (least, most) = (counts.values().min(), counts.values().max());
        self.owners.len() == self.target.partitions as usize
            && counts.len() == members
            && least.zip(most).is_some_and(|(least, most)| most - least <= 1)
    }

    fn owned_by(&self, member: usize) -> Vec<i32> {
        self.owners.iter().filter(|(_, owner)| **owner == member).map(|(partition, _)| *partition).collect()
    }
}

/// From the change to the first and the last of what counts.
fn took(since: Instant, seen: &[Seen], counts: impl Fn(&Seen) -> bool) -> anyhow::Result<[f64; 2]> {
    let mut times: Vec<f64> = seen
        .iter()
        .filter(|seen| counts(seen))
        .map(|seen| seen.at.saturating_duration_since(since).as_secs_f64() * 1e3)
        .collect();
    times.sort_by(f64::total_cmp);
    Ok([*times.first().context("nothing has changed hands")?, *times.last().context("nothing")?])
}

fn medians(mut times: Vec<[f64; 2]>) -> [f64; 2] {
    let middle = times.len() / 2;
    [0, 1].map(|which| {
        times.sort_by(|left, right| left[which].total_cmp(&right[which]));
        times.get(middle).map_or(0.0, |times| times[which])
    })
}

pub(crate) fn run(target: &Target, how: &Rebalance) -> anyhow::Result<Report> {
    crate::runtime()?.block_on(async {
        let mut group = Group::new(target, how);
        for _ in 0..how.members {
            group.join();
        }
        group.come_to_rest(how.members).await?;
        let (mut joins, mut leaves, mut deaths) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..how.changes {
            tokio::time::sleep(group.pause()).await;
            let joined = Instant::now();
            let newcomer = group.join();
            let seen = group.come_to_rest(how.members + 1).await?;
            joins.push(took(joined, &seen, |seen| seen.member == newcomer)?);

            let owned = group.owned_by(newcomer);
            tokio::time::sleep(group.pause()).await;
            let left = Instant::now();
            let member = group.members.remove(&newcomer).context("it is there")?;
            let _ = member.stop.send(());
            member.task.await??;
            let seen = group.come_to_rest(how.members).await?;
            leaves.push(took(left, &seen, |seen| owned.contains(&seen.partition))?);

            let (victim, stop, dying) = group.join_by_hand();
            group.come_to_rest(how.members + 1).await?;
            let owned = group.owned_by(victim);
            let _ = stop.send(());
            let heard_of = dying.await??;
            let seen = group.come_to_rest(how.members).await?;
            deaths.push(took(heard_of, &seen, |seen| owned.contains(&seen.partition))?);
        }
        for (_, member) in std::mem::take(&mut group.members) {
            member.task.abort();
        }
        let [[join_first_ms, join_last_ms], [leave_first_ms, leave_last_ms], [death_first_ms, death_last_ms]] =
            [joins, leaves, deaths].map(medians);
        Ok(Report { join_first_ms, join_last_ms, leave_first_ms, leave_last_ms, death_first_ms, death_last_ms })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_taken_figure_by_figure() {
        assert_eq!(medians(vec![[1.0, 9.0], [3.0, 7.0], [2.0, 8.0]]), [2.0, 8.0]);
    }

    #[test]
    fn only_what_counts_is_timed() {
        let since = Instant::now();
        let seen = |member, ms| Seen { member, partition: 0, at: since + Duration::from_millis(ms) };
        let all = [seen(1, 5), seen(2, 10), seen(2, 30), seen(1, 50)];
        assert_eq!(took(since, &all, |seen| seen.member == 2).unwrap(), [10.0, 30.0]);
        assert!(took(since, &all, |seen| seen.member == 3).is_err());
    }
}
