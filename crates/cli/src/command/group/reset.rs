//! `headwater group reset-offsets`.
//!
//! Owns: which partitions are meant, and where the group is to go on in each ([`position`], pure).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use headwater_client::TcpConnector;
use headwater_client::admin::{Admin, AdminError, OffsetSpec};
use headwater_model::{ErrorCode, Offset, Timestamp, TopicName, TopicPartition};
use serde::Serialize;

use super::super::connect;
use super::{number, there};
use crate::arguments::{Cluster, Format, ResetTo, SomeOfTopic};
use crate::output;

/// What was asked for.
pub(super) struct Wish {
    pub(super) group: String,
    pub(super) topics: Vec<SomeOfTopic>,
    pub(super) to: ResetTo,
    pub(super) dry_run: bool,
}

#[derive(Serialize)]
struct Reset {
    topic: String,
    partition: i32,
    before: Option<i64>,
    after: i64,
    lag: i64,
}

type Offsets = BTreeMap<TopicPartition, Offset>;

pub(super) async fn run(wish: &Wish, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let admin = connect::client(cluster).await?.admin();
    let kind = refuse_a_live_group(&admin, &wish.group).await?;
    let committed = where_it_is(&admin, &wish.group, kind).await?;
    let partitions = partitions(&admin, wish, &committed).await?;
    if format == Format::Text {
        for topic in gone(&partitions, &committed, wish) {
            output::line(format_args!("topic {topic} is gone: where the group was in it stays as it is"))?;
        }
    }
    let earliest = offsets(&admin, &partitions, OffsetSpec::Earliest).await?;
    let latest = offsets(&admin, &partitions, OffsetSpec::Latest).await?;
    let by_time = match wish.to.to_time {
        Some(time) => {
            let time = OffsetSpec::AtTime(Timestamp(time.as_millisecond()));
            offsets(&admin, &partitions, time).await?
        }
        None => Offsets::new(),
    };
    let mut after = Offsets::new();
    let mut resets = Vec::new();
    for at in &partitions {
        let known = Known {
            committed: committed.get(at).copied(),
            earliest: earliest.get(at).copied().unwrap_or(Offset(0)),
            latest: latest.get(at).copied().unwrap_or(Offset(0)),
            by_time: by_time.get(at).copied(),
        };
        let offset = position(&wish.to, &known).with_context(|| format!("{at} cannot be reset"))?;
        resets.push(Reset {
            topic: at.topic.to_string(),
            partition: at.partition.0,
            before: known.committed.map(|offset| offset.0),
            after: offset.0,
            lag: known.latest.0 - offset.0,
        });
        after.insert(at.clone(), offset);
    }
    if !wish.dry_run {
        let done = match kind {
            Kind::Share => admin.set_share_group_offsets(&wish.group, &after).await,
            Kind::Committing => admin.set_group_offsets(&wish.group, &after).await,
        };
        done.map_err(|error| explained(error, &wish.group))?;
    }
    print(wish, resets, format)
}

/// How a group keeps where it is.
#[derive(Clone, Copy)]
enum Kind {
    /// By committed offsets: classic, consumer and streams groups.
    Committing,
    /// By where each partition starts.
    Share,
}

/// What kind of group it is, if nobody is a member of it.
async fn refuse_a_live_group(admin: &Admin<TcpConnector>, group: &str) -> anyhow::Result<Kind> {
    match admin.describe_groups(&[group]).await.remove(group) {
        Some(Ok(description)) if !description.members.is_empty() => Err(is_live(group)),
        Some(Ok(description)) if description.kind == "share" => Ok(Kind::Share),
        // One that does not exist yet may be given a place to begin.
        Some(Err(error)) if error.code() != Some(ErrorCode::GroupIdNotFound) => Err(error.into()),
        _ => Ok(Kind::Committing),
    }
}

async fn where_it_is(admin: &Admin<TcpConnector>, group: &str, kind: Kind) -> anyhow::Result<Offsets> {
    Ok(match kind {
        Kind::Committing => {
            let committed = admin.group_offsets(group).await?;
            committed.into_iter().map(|(at, found)| (at, found.offset)).collect()
        }
        Kind::Share => {
            let offsets = admin.share_group_offsets(group).await?;
            offsets.into_iter().filter_map(|(at, found)| Some((at, found.start?))).collect()
        }
    })
}

fn is_live(group: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "the group \"{group}\" has members, which would go on where they are: stop them first (`headwater group describe \
         {group}` shows them). Nothing was changed"
    )
}

/// Members may have come in the meantime.
fn explained(error: AdminError, group: &str) -> anyhow::Error {
    match error.code() {
        Some(ErrorCode::UnknownMemberId | ErrorCode::NonEmptyGroup) => is_live(group),
        _ => error.into(),
    }
}

/// The partitions that are meant, in order.
async fn partitions(
    admin: &Admin<TcpConnector>,
    wish: &Wish,
    committed: &Offsets,
) -> anyhow::Result<BTreeSet<TopicPartition>> {
    if wish.topics.is_empty() {
        ensure!(
            !committed.is_empty(),
            "the group \"{}\" is nowhere yet: say with --topic which topics it is to begin with",
            wish.group
        );
        return Ok(there::existing(admin, &committed.keys().cloned().collect()).await?);
    }
    let mut partitions = BTreeSet::new();
    for some in &wish.topics {
        let topic = TopicName::new(&some.topic)?;
        let described = admin.describe_topic(&topic).await?;
        let all = described.partitions.iter().map(|partition| partition.partition);
        let chosen: Vec<_> = all.filter(|id| some.partition.is_none_or(|wanted| wanted == id.0)).collect();
        if let (Some(wanted), true) = (some.partition, chosen.is_empty()) {
            bail!("topic \"{topic}\" has no partition {wanted}: it has {}", described.partitions.len());
        }
        partitions.extend(chosen.into_iter().map(|id| TopicPartition::new(topic.clone(), id)));
    }
    Ok(partitions)
}

/// The topics that the group has been in and that do not exist any more, or not in whole.
fn gone<'a>(
    partitions: &BTreeSet<TopicPartition>,
    committed: &'a Offsets,
    wish: &Wish,
) -> BTreeSet<&'a TopicName> {
    let left_out = committed.keys().filter(|at| wish.topics.is_empty() && !partitions.contains(at));
    left_out.map(|at| &at.topic).collect()
}

async fn offsets(
    admin: &Admin<TcpConnector>,
    partitions: &BTreeSet<TopicPartition>,
    spec: OffsetSpec,
) -> anyhow::Result<Offsets> {
    let wanted: Vec<_> = partitions.iter().map(|at| (at.clone(), spec)).collect();
    let found = admin.offsets(&wanted).await?;
    Ok(found.into_iter().filter_map(|(at, found)| Some((at, found.offset?))).collect())
}

/// What is known of a partition.
struct Known {
    committed: Option<Offset>,
    earliest: Offset,
    latest: Offset,
    /// `None` if no record is that young.
    by_time: Option<Offset>,
}

/// Where the group is to go on: never before the oldest record, nor after the end.
fn position(to: &ResetTo, known: &Known) -> anyhow::Result<Offset> {
    let wanted = if to.to_earliest {
        known.earliest
    } else if to.to_latest {
        known.latest
    } else if to.to_time.is_some() {
        known.by_time.unwrap_or(known.latest)
    } else if let Some(shift) = to.shift_by {
        let committed =
            known.committed.context("the group has committed nothing there that could be shifted")?;
        Offset(committed.0.saturating_add(shift))
    } else {
        Offset(to.to_offset.context("nothing says where to")?)
    };
    Ok(wanted.max(known.earliest).min(known.latest))
}

fn print(wish: &Wish, resets: Vec<Reset>, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return resets.iter().try_for_each(output::json_line);
    }
    let rows = resets.into_iter().map(|reset| {
        let (partition, after) = (reset.partition.to_string(), reset.after.to_string());
        [reset.topic, partition, number(reset.before), after, reset.lag.to_string()]
    });
    output::table(["TOPIC", "PARTITION", "BEFORE", "AFTER", "LAG"], rows)?;
    if wish.dry_run {
        output::line("\nnothing was changed (--dry-run)")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: ResetTo =
        ResetTo { to_earliest: false, to_latest: false, to_time: None, shift_by: None, to_offset: None };

    fn known(committed: Option<i64>, by_time: Option<i64>) -> Known {
        Known {
            committed: committed.map(Offset),
            earliest: Offset(10),
            latest: Offset(20),
            by_time: by_time.map(Offset),
        }
    }

    #[test]
    fn a_group_goes_on_where_it_is_told_to_within_what_is_there() {
        let shift = |by| ResetTo { shift_by: Some(by), ..NOWHERE };
        let offset = |at| ResetTo { to_offset: Some(at), ..NOWHERE };
        let time = ResetTo { to_time: Some(jiff::Timestamp::UNIX_EPOCH), ..NOWHERE };
        for (to, committed, by_time, expected) in [
            (ResetTo { to_earliest: true, ..NOWHERE }, None, None, 10),
            (ResetTo { to_latest: true, ..NOWHERE }, None, None, 20),
            (time.clone(), None, Some(15), 15),
            (time, None, None, 20),
            (shift(-3), Some(17), None, 14),
            (shift(-30), Some(17), None, 10),
            (shift(i64::MAX), Some(17), None, 20),
            (offset(12), Some(17), None, 12),
            (offset(0), None, None, 10),
            (offset(99), None, None, 20),
        ] {
            assert_eq!(position(&to, &known(committed, by_time)).unwrap(), Offset(expected), "{to:?}");
        }
        assert!(position(&shift(1), &known(None, None)).is_err());
    }
}
