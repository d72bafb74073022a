//! `headwater group list|describe|reset-offsets|delete`.

mod reset;

use std::collections::BTreeMap;

use headwater_client::admin::{GroupDescription, OffsetSpec};
use headwater_model::{ErrorCode, TopicPartition};
use serde::Serialize;

use super::connect;
use crate::arguments::{Cluster, Format, Group};
use crate::output;

pub(super) async fn run(command: Group) -> anyhow::Result<()> {
    match command {
        Group::List { cluster, output } => list(&cluster, output.output).await,
        Group::Describe { group, cluster, output } => describe(&group, &cluster, output.output).await,
        Group::ResetOffsets { group, topics, to, dry_run, cluster, output } => {
            let wish = reset::Wish { group, topics, to, dry_run };
            reset::run(&wish, &cluster, output.output).await
        }
        Group::Delete { group, cluster, output } => delete(&group, &cluster, output.output).await,
    }
}

#[derive(Serialize)]
struct Listed {
    group: String,
    state: String,
    protocol_type: String,
    #[serde(rename = "type")]
    kind: String,
}

async fn list(cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let groups = connect::client(cluster).await?.admin().list_groups().await?;
    let listed = groups.into_iter().map(|group| Listed {
        group: group.group,
        state: group.state,
        protocol_type: group.protocol_type,
        kind: group.kind,
    });
    match format {
        Format::Json => listed.into_iter().try_for_each(|group| output::json_line(&group)),
        Format::Text if listed.len() == 0 => output::line("no groups"),
        Format::Text => output::table(
            ["GROUP", "STATE", "PROTOCOL", "TYPE"],
            listed.map(|group| [group.group, group.state, group.protocol_type, group.kind]),
        ),
    }
}

#[derive(Serialize)]
struct Described {
    group: String,
    #[serde(rename = "type")]
    kind: String,
    state: String,
    epoch: Option<i32>,
    assignment_epoch: Option<i32>,
    protocol_type: String,
    assignor: String,
    members: Vec<Member>,
    partitions: Vec<Position>,
}

#[derive(Serialize)]
struct Member {
    member: String,
    instance: Option<String>,
    client_id: String,
    host: String,
    epoch: Option<i32>,
    assignment: Vec<String>,
}

#[derive(Serialize)]
struct Position {
    topic: String,
    partition: i32,
    committed: Option<i64>,
    end: Option<i64>,
    lag: Option<i64>,
    member: Option<String>,
}

async fn describe(group: &str, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let admin = connect::client(cluster).await?.admin();
    let description = admin.describe_groups(&[group]).await.remove(group).transpose()?;
    let Some(description) = description else {
        anyhow::bail!(
            "the cluster says nothing about the group \"{group}\"; `headwater group list` shows the groups"
        );
    };
    let committed = admin.group_offsets(group).await?;
    if description.state.eq_ignore_ascii_case("dead") && committed.is_empty() {
        return Err(no_such_group(group));
    }
    let owners = owners(&description);
    let mut partitions: Vec<&TopicPartition> = committed.keys().chain(owners.keys().copied()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    let wanted: Vec<_> =
        partitions.iter().map(|partition| ((*partition).clone(), OffsetSpec::Latest)).collect();
    let ends = admin.offsets(&wanted).await?;
    let positions = partitions.iter().map(|partition| {
        let committed = committed.get(*partition).map(|committed| committed.offset.0);
        let end = ends.get(*partition).and_then(|end| end.offset).map(|end| end.0);
        Position {
            topic: partition.topic.to_string(),
            partition: partition.partition.0,
            committed,
            end,
            lag: committed.zip(end).map(|(committed, end)| (end - committed).max(0)),
            member: owners.get(*partition).map(|member| (*member).to_owned()),
        }
    });
    let described = Described {
        group: description.group.clone(),
        kind: description.kind.clone(),
        epoch: description.epochs.map(|epochs| epochs.group),
        assignment_epoch: description.epochs.map(|epochs| epochs.assignment),
        state: description.state.clone(),
        protocol_type: description.protocol_type.clone(),
        assignor: description.assignor.clone(),
        partitions: positions.collect(),
        members: description.members.iter().map(member).collect(),
    };
    match format {
        Format::Json => output::json_line(&described),
        Format::Text => print(described),
    }
}

fn owners(group: &GroupDescription) -> BTreeMap<&TopicPartition, &str> {
    let members = group.members.iter();
    members
        .flat_map(|member| member.assignment.iter().map(|partition| (partition, member.member.as_str())))
        .collect()
}

fn member(member: &headwater_client::admin::MemberDescription) -> Member {
    Member {
        member: member.member.clone(),
        instance: member.instance.clone(),
        client_id: member.client_id.clone(),
        host: member.client_host.clone(),
        epoch: member.epoch,
        assignment: member.assignment.iter().map(ToString::to_string).collect(),
    }
}

fn print(group: Described) -> anyhow::Result<()> {
    output::line(format_args!("group     {}", group.group))?;
    output::line(format_args!("type      {}", group.kind))?;
    output::line(format_args!("state     {}", group.state))?;
    if let (Some(epoch), Some(assigned)) = (group.epoch, group.assignment_epoch) {
        output::line(format_args!("epoch     {epoch} (assigned: {assigned})"))?;
    }
    if !group.assignor.is_empty() {
        output::line(format_args!("assignor  {}", group.assignor))?;
    }
    output::line("")?;
    output::table(
        ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"],
        group.partitions.into_iter().map(|position| {
            [
                position.topic,
                position.partition.to_string(),
                number(position.committed),
                number(position.end),
                number(position.lag),
                position.member.unwrap_or_else(|| "-".to_owned()),
            ]
        }),
    )?;
    if group.members.is_empty() {
        return output::line("\nno members");
    }
    output::line("")?;
    output::table(
        ["MEMBER", "CLIENT", "HOST", "INSTANCE", "EPOCH", "PARTITIONS"],
        group.members.into_iter().map(|member| {
            [
                member.member,
                member.client_id,
                member.host,
                member.instance.unwrap_or_else(|| "-".to_owned()),
                number(member.epoch),
                member.assignment.len().to_string(),
            ]
        }),
    )
}

/// A number where there is one.
fn number<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

#[derive(Serialize)]
struct Deleted<'a> {
    deleted: &'a str,
}

async fn delete(group: &str, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let admin = connect::client(cluster).await?.admin();
    admin.delete_group(group).await.map_err(|error| match error.code() {
        Some(ErrorCode::NonEmptyGroup) => anyhow::anyhow!(
            "the group \"{group}\" has members: stop them first (`headwater group describe {group}` shows them)"
        ),
        Some(ErrorCode::GroupIdNotFound) => no_such_group(group),
        _ => error.into(),
    })?;
    match format {
        Format::Json => output::json_line(&Deleted { deleted: group }),
        Format::Text => output::line(format_args!("deleted group {group}")),
    }
}

fn no_such_group(group: &str) -> anyhow::Error {
    anyhow::anyhow!("there is no group \"{group}\"; `headwater group list` shows the groups")
}
