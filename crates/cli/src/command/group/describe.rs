//! `headwater group describe`, for groups of every kind.
//!
//! Owns: what programs read ([`Described`]), what people see, and who reads what ([`readers`], pure).

use std::collections::{BTreeMap, BTreeSet};

use headwater_client::admin::{
    self, Admin, GroupDescription, MemberDescription, StreamsMemberDescription, StreamsTopology,
};
use headwater_client::{TaskAssignment, Tasks, TcpConnector};
use headwater_model::{PartitionId, TopicName, TopicPartition};
use serde::Serialize;

use super::super::connect;
use super::{no_such_group, number, there};
use crate::arguments::{Cluster, Format};
use crate::output;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    topology: Option<Topology>,
    members: Vec<Member>,
    partitions: Vec<Position>,
}

#[derive(Serialize)]
struct Topology {
    epoch: i32,
    subtopologies: Vec<Subtopology>,
}

#[derive(Serialize)]
struct Subtopology {
    id: String,
    source_topics: Vec<String>,
    repartition_sources: Vec<String>,
    repartition_sinks: Vec<String>,
    changelogs: Vec<String>,
}

#[derive(Serialize)]
struct Member {
    member: String,
    instance: Option<String>,
    client_id: String,
    host: String,
    rack: Option<String>,
    epoch: Option<i32>,
    assignment: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<StreamsMember>,
}

#[derive(Serialize)]
struct StreamsMember {
    process: String,
    topology_epoch: i32,
    endpoint: Option<String>,
    tags: BTreeMap<String, String>,
    tasks: TaskLists,
    target: TaskLists,
}

#[derive(Serialize)]
struct TaskLists {
    active: Vec<String>,
    standby: Vec<String>,
    warm_up: Vec<String>,
}

#[derive(Serialize)]
struct Position {
    topic: String,
    partition: i32,
    committed: Option<i64>,
    /// Of a share group: every record before is done with.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<i64>,
    end: Option<i64>,
    lag: Option<i64>,
    /// Who reads it alone.
    member: Option<String>,
    /// Who shares it, in a share group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<String>,
    /// The topic does not exist any more, or has fewer partitions.
    gone: bool,
}

/// Where a group is in a partition.
#[derive(Default)]
struct Progress {
    committed: Option<i64>,
    start: Option<i64>,
    lag: Option<i64>,
}

pub(super) async fn run(group: &str, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let admin = connect::client(cluster).await?.admin();
    let description = admin.describe_groups(&[group]).await.remove(group).transpose()?;
    let description = description.ok_or_else(|| no_such_group(group))?;
    let progress = progress(&admin, &description).await?;
    let mut readers = readers(&description);
    let mut known: BTreeSet<TopicPartition> = progress.keys().chain(readers.keys()).cloned().collect();
    let existing = there::existing(&admin, &known).await?;
    // The topics of a subtopology need not have the same number of partitions.
    readers.retain(|at, _| description.topology.is_none() || existing.contains(at));
    known.retain(|at| progress.contains_key(at) || readers.contains_key(at));
    let ends = there::ends(&admin, &known).await?;
    let is_share = description.kind == "share";
    let positions = known.into_iter().map(|at| {
        let end = ends.get(&at).and_then(|end| end.offset).map(|end| end.0);
        position(&at, progress.get(&at), end, ends.contains_key(&at), readers.remove(&at), is_share)
    });
    let described = described(description, positions.collect());
    match format {
        Format::Json => output::json_line(&described),
        Format::Text => print(described),
    }
}

async fn progress(
    admin: &Admin<TcpConnector>,
    group: &GroupDescription,
) -> anyhow::Result<BTreeMap<TopicPartition, Progress>> {
    if group.kind == "share" {
        let offsets = admin.share_group_offsets(&group.group).await?.into_iter();
        let progress = offsets.map(|(at, offset)| {
            let start = offset.start.map(|start| start.0);
            (at, Progress { start, lag: offset.lag, committed: None })
        });
        return Ok(progress.collect());
    }
    let offsets = admin.group_offsets(&group.group).await?.into_iter();
    let progress = offsets
        .map(|(at, committed)| (at, Progress { committed: Some(committed.offset.0), ..Progress::default() }));
    Ok(progress.collect())
}

fn position(
    at: &TopicPartition,
    progress: Option<&Progress>,
    end: Option<i64>,
    is_there: bool,
    readers: Option<Vec<String>>,
    is_share: bool,
) -> Position {
    let committed = progress.and_then(|progress| progress.committed);
    let lag = progress.and_then(|progress| progress.lag);
    let mut readers = readers.unwrap_or_default();
    let (member, members) = if is_share { (None, readers) } else { (readers.pop(), Vec::new()) };
    Position {
        topic: at.topic.to_string(),
        partition: at.partition.0,
        committed,
        start: progress.and_then(|progress| progress.start),
        end,
        lag: lag.or_else(|| committed.zip(end).map(|(committed, end)| (end - committed).max(0))),
        member,
        members,
        gone: !is_there,
    }
}

/// Who reads each partition. In a streams group that follows from the tasks: some of the partitions may not exist.
fn readers(group: &GroupDescription) -> BTreeMap<TopicPartition, Vec<String>> {
    let mut readers: BTreeMap<TopicPartition, Vec<String>> = BTreeMap::new();
    for member in &group.members {
        let given = member.assignment.iter().cloned();
        let tasks = member.streams.iter().map(|streams| &streams.tasks.active);
        let read = tasks.flat_map(|tasks| read_by(tasks, group.topology.as_ref()));
        for at in given.chain(read) {
            readers.entry(at).or_default().push(member.member.clone());
        }
    }
    readers
}

fn read_by(tasks: &Tasks, topology: Option<&StreamsTopology>) -> Vec<TopicPartition> {
    let subtopologies = topology.map(|topology| topology.subtopologies.as_slice()).unwrap_or_default();
    let mut partitions = Vec::new();
    for task in tasks {
        let of_task = subtopologies.iter().filter(|subtopology| subtopology.id == task.subtopology);
        let topics = of_task.flat_map(admin::Subtopology::inputs);
        let topics = topics.filter_map(|topic| TopicName::new(topic).ok());
        partitions.extend(topics.map(|topic| TopicPartition::new(topic, PartitionId(task.partition.0))));
    }
    partitions
}

fn described(group: GroupDescription, partitions: Vec<Position>) -> Described {
    Described {
        group: group.group,
        kind: group.kind,
        epoch: group.epochs.map(|epochs| epochs.group),
        assignment_epoch: group.epochs.map(|epochs| epochs.assignment),
        state: group.state,
        protocol_type: group.protocol_type,
        assignor: group.assignor,
        topology: group.topology.map(topology),
        partitions,
        members: group.members.into_iter().map(member).collect(),
    }
}

fn topology(topology: StreamsTopology) -> Topology {
    let subtopologies = topology.subtopologies.into_iter().map(|part| Subtopology {
        id: part.id,
        source_topics: part.source_topics,
        repartition_sources: part.repartition_sources.into_iter().map(|topic| topic.name).collect(),
        repartition_sinks: part.repartition_sinks,
        changelogs: part.changelogs.into_iter().map(|topic| topic.name).collect(),
    });
    Topology { epoch: topology.epoch, subtopologies: subtopologies.collect() }
}

fn member(member: MemberDescription) -> Member {
    Member {
        member: member.member,
        instance: member.instance,
        client_id: member.client_id,
        host: member.client_host,
        rack: member.rack,
        epoch: member.epoch,
        assignment: member.assignment.iter().map(ToString::to_string).collect(),
        streams: member.streams.map(streams_member),
    }
}

fn streams_member(member: StreamsMemberDescription) -> StreamsMember {
    StreamsMember {
        process: member.process_id,
        topology_epoch: member.topology_epoch,
        endpoint: member.endpoint.map(|(host, port)| format!("{host}:{port}")),
        tags: member.tags,
        tasks: task_lists(&member.tasks),
        target: task_lists(&member.target),
    }
}

fn task_lists(tasks: &TaskAssignment) -> TaskLists {
    let names = |tasks: &Tasks| tasks.iter().map(ToString::to_string).collect();
    TaskLists { active: names(&tasks.active), standby: names(&tasks.standby), warm_up: names(&tasks.warm_up) }
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
    if let Some(topology) = group.topology {
        print_topology(topology)?;
    }
    output::line("")?;
    print_positions(group.partitions, group.kind == "share")?;
    if group.members.is_empty() {
        return output::line("\nno members");
    }
    output::line("")?;
    if group.kind == "streams" { print_streams_members(group.members) } else { print_members(group.members) }
}

fn print_topology(topology: Topology) -> anyhow::Result<()> {
    output::line(format_args!("topology  epoch {}\n", topology.epoch))?;
    output::table(
        ["SUBTOPOLOGY", "READS", "REPARTITIONED", "WRITES", "CHANGELOGS"],
        topology.subtopologies.into_iter().map(|part| {
            let lists =
                [part.source_topics, part.repartition_sources, part.repartition_sinks, part.changelogs];
            let [reads, repartitioned, writes, changelogs] = lists.map(|list| listed(&list));
            [part.id, reads, repartitioned, writes, changelogs]
        }),
    )
}

fn print_positions(partitions: Vec<Position>, is_share: bool) -> anyhow::Result<()> {
    let headings = if is_share { ["START", "MEMBERS"] } else { ["COMMITTED", "MEMBER"] };
    let [where_it_is, who] = headings;
    output::table(
        ["TOPIC", "PARTITION", where_it_is, "END", "LAG", who],
        partitions.into_iter().map(|position| {
            let members: Vec<String> = position.member.into_iter().chain(position.members).collect();
            [
                position.topic,
                position.partition.to_string(),
                number(position.committed.or(position.start)),
                if position.gone { "gone".to_owned() } else { number(position.end) },
                number(position.lag),
                listed(&members),
            ]
        }),
    )
}

fn print_members(members: Vec<Member>) -> anyhow::Result<()> {
    output::table(
        ["MEMBER", "CLIENT", "HOST", "INSTANCE", "EPOCH", "PARTITIONS"],
        members.into_iter().map(|member| {
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

fn print_streams_members(members: Vec<Member>) -> anyhow::Result<()> {
    output::table(
        ["MEMBER", "CLIENT", "HOST", "INSTANCE", "PROCESS", "EPOCH", "ACTIVE", "STANDBY", "WARM-UP"],
        members.into_iter().filter_map(|member| {
            let streams = member.streams?;
            let tasks = [streams.tasks.active, streams.tasks.standby, streams.tasks.warm_up];
            let [active, standby, warm_up] = tasks.map(|tasks| listed(&tasks));
            Some([
                member.member,
                member.client_id,
                member.host,
                member.instance.unwrap_or_else(|| "-".to_owned()),
                streams.process,
                number(member.epoch),
                active,
                standby,
                warm_up,
            ])
        }),
    )
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

#[cfg(test)]
mod tests {
    use headwater_client::TaskId;

    use super::*;

    fn member(name: &str) -> MemberDescription {
        MemberDescription {
            member: name.to_owned(),
            instance: None,
            client_id: "c".to_owned(),
            client_host: "h".to_owned(),
            epoch: Some(3),
            rack: None,
            assignment: Vec::new(),
            streams: None,
        }
    }

    fn group(kind: &str, members: Vec<MemberDescription>) -> GroupDescription {
        GroupDescription {
            group: "g".to_owned(),
            kind: kind.to_owned(),
            state: "Stable".to_owned(),
            protocol_type: kind.to_owned(),
            epochs: None,
            assignor: String::new(),
            members,
            topology: None,
        }
    }

    fn at(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition::new(TopicName::new(topic).unwrap(), PartitionId(partition))
    }

    #[test]
    fn who_shares_a_partition_is_listed() {
        let sharing = |name| MemberDescription { assignment: vec![at("t", 0)], ..member(name) };
        let group = group("share", vec![sharing("a"), sharing("b")]);
        assert_eq!(readers(&group), BTreeMap::from([(at("t", 0), vec!["a".to_owned(), "b".to_owned()])]));
    }

    #[test]
    fn the_member_with_the_active_task_reads_its_partitions() {
        let subtopology = |id: &str, sources: &[&str]| admin::Subtopology {
            id: id.to_owned(),
            source_topics: sources.iter().map(|&name| name.to_owned()).collect(),
            repartition_sources: Vec::new(),
            repartition_sinks: Vec::new(),
            changelogs: Vec::new(),
        };
        let tasks = TaskAssignment {
            active: Tasks::from([TaskId::new("0", 1)]),
            standby: Tasks::from([TaskId::new("1", 1)]),
            warm_up: Tasks::new(),
        };
        let streams = StreamsMemberDescription {
            topology_epoch: 0,
            process_id: "p".to_owned(),
            endpoint: None,
            tags: BTreeMap::new(),
            tasks: tasks.clone(),
            target: tasks,
            is_classic: false,
        };
        let working = MemberDescription { streams: Some(streams), ..member("a") };
        let group = GroupDescription {
            topology: Some(StreamsTopology {
                epoch: 0,
                subtopologies: vec![subtopology("0", &["t", "u"]), subtopology("1", &["v"])],
            }),
            ..group("streams", vec![working])
        };
        let expected = [at("t", 1), at("u", 1)].map(|at| (at, vec!["a".to_owned()]));
        assert_eq!(readers(&group), BTreeMap::from(expected));
    }

    #[test]
    fn a_partition_that_is_gone_has_no_end_and_no_lag() {
        let progress = Progress { committed: Some(3), ..Progress::default() };
        let gone = position(&at("t", 0), Some(&progress), None, false, None, false);
        assert!(gone.gone && gone.end.is_none() && gone.lag.is_none() && gone.committed == Some(3));
        let there = position(&at("t", 0), Some(&progress), Some(5), true, Some(vec!["a".into()]), false);
        assert_eq!((there.gone, there.lag, there.member.as_deref()), (false, Some(2), Some("a")));
    }
}
