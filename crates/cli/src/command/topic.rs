//! `headwater topic create|list|describe|alter|import|delete`.

mod import;

use std::collections::BTreeMap;

use headwater_broker::TopicImport;
use headwater_client::admin::{ConfigChange, ConfigResource, NewTopic, OffsetSpec};
use headwater_model::TopicPartition;
use serde::Serialize;

use super::connect;
use crate::arguments::{Cluster, Format, Topic};
use crate::output;

pub(super) async fn run(command: Topic) -> anyhow::Result<()> {
    match command {
        Topic::Create { topic, partitions, replication_factor, configs, cluster, output } => {
            let new = NewTopic {
                name: connect::topic_name(&topic)?,
                partitions: Some(partitions),
                replication_factor: (replication_factor != -1).then_some(replication_factor),
                configs: configs.into_iter().collect(),
            };
            create(new, &cluster, output.output).await
        }
        Topic::List { cluster, output } => list(&cluster, output.output).await,
        Topic::Describe { topic, cluster, output } => describe(&topic, &cluster, output.output).await,
        Topic::Alter { topic, partitions, configs, unset, cluster, output } => {
            let set = configs.into_iter().map(|(name, value)| (name, ConfigChange::Set(value)));
            let unset = unset.into_iter().map(|name| (name, ConfigChange::Unset));
            let changes = set.chain(unset).collect();
            alter(&topic, partitions, changes, &cluster, output.output).await
        }
        Topic::Import { topic, from, data_dir, configs, output } => {
            let import = TopicImport { topic, from, settings: configs.into_iter().collect() };
            // Copying blocks, for as long as there is something to copy.
            tokio::task::spawn_blocking(move || import::run(&import, data_dir, output.output)).await?
        }
        Topic::Delete { topic, cluster, output } => delete(&topic, &cluster, output.output).await,
    }
}

async fn create(topic: NewTopic, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let name = topic.name.clone();
    connect::client(cluster).await?.admin().create_topic(topic).await?;
    match format {
        Format::Text => output::line(format_args!("created topic {name}")),
        Format::Json => output::json_line(&BTreeMap::from([("created", name.as_str())])),
    }
}

async fn alter(
    topic: &str,
    partitions: Option<i32>,
    changes: BTreeMap<String, ConfigChange>,
    cluster: &Cluster,
    format: Format,
) -> anyhow::Result<()> {
    let name = connect::topic_name(topic)?;
    let admin = connect::client(cluster).await?.admin();
    if !changes.is_empty() {
        admin.alter_configs(&ConfigResource::Topic(name.clone()), &changes).await?;
    }
    if let Some(partitions) = partitions {
        admin.create_partitions(&name, partitions).await?;
    }
    match format {
        Format::Text => output::line(format_args!("altered topic {name}")),
        Format::Json => output::json_line(&BTreeMap::from([("altered", name.as_str())])),
    }
}

async fn delete(topic: &str, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let name = connect::topic_name(topic)?;
    let deleted = connect::client(cluster).await?.admin().delete_topics(std::slice::from_ref(&name)).await;
    for outcome in deleted.into_values() {
        outcome?;
    }
    match format {
        Format::Text => output::line(format_args!("deleted topic {name}")),
        Format::Json => output::json_line(&BTreeMap::from([("deleted", name.as_str())])),
    }
}

#[derive(Serialize)]
struct Listed {
    topic: String,
    partitions: usize,
    replication_factor: usize,
    internal: bool,
}

async fn list(cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let topics = connect::client(cluster).await?.admin().list_topics().await?;
    match format {
        Format::Json => topics.into_iter().try_for_each(|topic| {
            output::json_line(&Listed {
                topic: topic.name.to_string(),
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                internal: topic.internal,
            })
        }),
        Format::Text if topics.is_empty() => {
            output::line("no topics yet; `headwater topic create NAME` makes one")
        }
        Format::Text => output::table(
            ["TOPIC", "PARTITIONS", "REPLICAS", "INTERNAL"],
            topics.into_iter().map(|topic| {
                let internal = if topic.internal { "yes" } else { "" };
                [
                    topic.name.to_string(),
                    topic.partitions.to_string(),
                    topic.replication_factor.to_string(),
                    internal.to_owned(),
                ]
            }),
        ),
    }
}

#[derive(Serialize)]
struct Described {
    topic: String,
    topic_id: String,
    internal: bool,
    partitions: Vec<DescribedPartition>,
    configs: BTreeMap<String, Option<String>>,
}

#[derive(Serialize)]
struct DescribedPartition {
    partition: i32,
    leader: Option<i32>,
    replicas: Vec<i32>,
    in_sync: Vec<i32>,
    start_offset: Option<i64>,
    end_offset: Option<i64>,
}

async fn describe(topic: &str, cluster: &Cluster, format: Format) -> anyhow::Result<()> {
    let name = connect::topic_name(topic)?;
    let admin = connect::client(cluster).await?.admin();
    let topic = admin.describe_topic(&name).await?;
    let at = |spec| {
        let wanted = topic
            .partitions
            .iter()
            .map(|partition| (TopicPartition::new(name.clone(), partition.partition), spec));
        wanted.collect::<Vec<_>>()
    };
    let starts = admin.offsets(&at(OffsetSpec::Earliest)).await?;
    let ends = admin.offsets(&at(OffsetSpec::Latest)).await?;
    let resource = ConfigResource::Topic(name.clone());
    let configs =
        admin.describe_configs(std::slice::from_ref(&resource)).await.remove(&resource).transpose()?;
    let described = Described {
        topic: name.to_string(),
        topic_id: topic.id.to_string(),
        internal: topic.internal,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| {
                let key = TopicPartition::new(name.clone(), partition.partition);
                let offset = |of: &BTreeMap<_, headwater_client::admin::ListedOffset>| {
                    of.get(&key).and_then(|listed| listed.offset).map(|offset| offset.0)
                };
                DescribedPartition {
                    partition: partition.partition.0,
                    leader: partition.leader,
                    replicas: partition.replicas.clone(),
                    in_sync: partition.in_sync.clone(),
                    start_offset: offset(&starts),
                    end_offset: offset(&ends),
                }
            })
            .collect(),
        configs: configs
            .unwrap_or_default()
            .into_iter()
            .filter(|entry| format == Format::Json || !entry.is_default)
            .map(|entry| (entry.name, entry.value))
            .collect(),
    };
    match format {
        Format::Json => output::json_line(&described),
        Format::Text => print(&described),
    }
}

fn print(topic: &Described) -> anyhow::Result<()> {
    output::line(format_args!("topic     {}", topic.topic))?;
    output::line(format_args!("id        {}", topic.topic_id))?;
    for (name, value) in &topic.configs {
        output::line(format_args!("config    {name}={}", value.as_deref().unwrap_or("(not shown)")))?;
    }
    let number = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let rows = topic.partitions.iter().map(|partition| {
        [
            partition.partition.to_string(),
            number(partition.leader.map(i64::from)),
            partition.replicas.len().to_string(),
            number(partition.start_offset),
            number(partition.end_offset),
        ]
    });
    output::line("")?;
    output::table(["PARTITION", "LEADER", "REPLICAS", "START", "END"], rows)
}
