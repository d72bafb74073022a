//! Before anything runs: which topics there are, which must be made, how many partitions they have.

use std::collections::BTreeMap;

use headwater_client::admin::{NewTopic, OffsetSpec, TopicDescription};
use headwater_client::{AdminError, Client, Connector};
use headwater_model::{ErrorCode, Offset, PartitionId, TopicName, TopicPartition};

use super::error::StreamsError;
use super::topic_configs::InternalTopicConfigs;
use crate::task::TaskConfig;
use crate::topology::{InternalTopicKind, Plan, Topology};

/// Checks the topics that a topology reads, and makes its internal ones.
pub(super) async fn topics<C: Connector>(
    client: &Client<C>,
    topology: &Topology,
    configs: &InternalTopicConfigs,
) -> Result<Plan, StreamsError> {
    configs.check(topology)?;
    let sources: Vec<TopicName> = topology.source_topics().into_iter().cloned().collect();
    let existing = partition_counts(client, &sources).await?;
    let application = || topology.application_id().to_owned();
    let plan = Plan::new(topology, &existing)
        .map_err(|source| StreamsError::Plan { application: application(), source })?;
    make_internal_topics(client, internal_topics(topology, &plan), configs).await?;
    Ok(plan)
}

/// Checks that there is a dead-letter topic, if one is needed.
pub(super) async fn dead_letter_topic<C: Connector>(
    client: &Client<C>,
    config: &TaskConfig,
) -> Result<(), StreamsError> {
    if config.lacks_dead_letter_topic() {
        return Err(StreamsError::NoDeadLetterTopic);
    }
    if let Some(topic) = &config.dead_letter_topic {
        client.admin().describe_topic(topic).await?;
    }
    Ok(())
}

/// The partitions of a topic of the plan.
pub(super) fn partitions(plan: &Plan, topic: &TopicName) -> impl Iterator<Item = TopicPartition> + use<> {
    let topic = topic.clone();
    (0..plan.partitions(&topic).unwrap_or_default())
        .map(move |partition| TopicPartition::new(topic.clone(), PartitionId(partition)))
}

/// Offsets of partitions.
pub(super) async fn listed<C: Connector>(
    client: &Client<C>,
    partitions: impl Iterator<Item = TopicPartition>,
    spec: OffsetSpec,
) -> Result<BTreeMap<TopicPartition, Offset>, StreamsError> {
    let wanted: Vec<_> = partitions.map(|partition| (partition, spec)).collect();
    let listed = client.admin().offsets(&wanted).await?;
    Ok(listed.into_iter().filter_map(|(at, listed)| Some((at, listed.offset?))).collect())
}

async fn partition_counts<C: Connector>(
    client: &Client<C>,
    topics: &[TopicName],
) -> Result<BTreeMap<TopicName, i32>, StreamsError> {
    let mut counts = BTreeMap::new();
    for (topic, described) in client.admin().describe_topics(topics).await? {
        match described {
            Ok(TopicDescription { partitions, .. }) => {
                counts.insert(topic, partitions.len() as i32);
            }
            // The plan names all that are missing.
            Err(AdminError::NoSuchTopic(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(counts)
}

/// The internal topics of a topology, and how many partitions each needs.
fn internal_topics(topology: &Topology, plan: &Plan) -> BTreeMap<TopicName, (InternalTopicKind, i32)> {
    let repartitions = plan.repartition_topics();
    let repartitions =
        repartitions.map(|(topic, count)| (topic.clone(), (InternalTopicKind::Repartition, count)));
    let changelogs = topology.sub_topologies().iter().flat_map(|sub| {
        let tasks = plan.tasks(sub.number()).count() as i32;
        let topics = topology.changelogs(sub).cloned();
        topics.map(move |topic| (topic, (InternalTopicKind::Changelog, tasks)))
    });
    repartitions.chain(changelogs).collect()
}

/// All partitions of a topology's internal topics.
pub(super) fn internal_partitions(
    topology: &Topology,
    plan: &Plan,
) -> impl Iterator<Item = TopicPartition> + use<> {
    internal_topics(topology, plan).into_iter().flat_map(|(topic, (_, count))| {
        (0..count).map(move |partition| TopicPartition::new(topic.clone(), PartitionId(partition)))
    })
}

async fn make_internal_topics<C: Connector>(
    client: &Client<C>,
    needed: BTreeMap<TopicName, (InternalTopicKind, i32)>,
    configs: &InternalTopicConfigs,
) -> Result<(), StreamsError> {
    let new = needed.iter().map(|(topic, (kind, partitions))| {
        let new = NewTopic::new(topic.clone(), *partitions);
        let configs = configs.of(topic, *kind).into_iter();
        configs.fold(new, |new, (config, value)| new.with_config(config, value))
    });
    let new: Vec<NewTopic> = new.collect();
    if new.is_empty() {
        return Ok(());
    }
    for created in client.admin().create_topics(&new).await.into_values() {
        match created {
            Err(error) if error.code() != Some(ErrorCode::TopicAlreadyExists) => return Err(error.into()),
            _ => {}
        }
    }
    let names: Vec<_> = needed.keys().cloned().collect();
    for (topic, described) in client.admin().describe_topics(&names).await? {
        let found = described?.partitions.len();
        if let Some((kind, needed)) = needed.get(&topic).filter(|(_, needed)| found != *needed as usize) {
            return Err(StreamsError::InternalCount { kind: *kind, topic, found, needed: *needed });
        }
    }
    Ok(())
}
