//! `headwater group list|describe|reset-offsets|delete`.

mod describe;
mod reset;
mod there;

use headwater_model::ErrorCode;
use serde::Serialize;

use super::connect;
use crate::arguments::{Cluster, Format, Group};
use crate::output;

pub(super) async fn run(command: Group) -> anyhow::Result<()> {
    match command {
        Group::List { cluster, output } => list(&cluster, output.output).await,
        Group::Describe { group, cluster, output } => describe::run(&group, &cluster, output.output).await,
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
