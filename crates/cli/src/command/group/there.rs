//! Which partitions still exist of those that a group knows.
//!
//! A group may have been in topics that are gone, or that were made anew with fewer partitions: these are shown as gone and
//! left as they are, and spoil nothing else.

use std::collections::{BTreeMap, BTreeSet};

use headwater_client::TcpConnector;
use headwater_client::admin::{Admin, AdminError, ListedOffset, OffsetSpec};
use headwater_model::{TopicName, TopicPartition};

/// How often what exists is looked up, while topics are deleted meanwhile.
const LOOKS: usize = 3;

/// Those of the partitions that exist.
pub(super) async fn existing(
    admin: &Admin<TcpConnector>,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeSet<TopicPartition>, AdminError> {
    let topics = admin.list_topics().await?;
    let counts = topics.into_iter().map(|topic| (topic.name, topic.partitions)).collect();
    Ok(partitions.iter().filter(|at| exists(at, &counts)).cloned().collect())
}

fn exists(at: &TopicPartition, counts: &BTreeMap<TopicName, usize>) -> bool {
    let count = counts.get(&at.topic).copied().unwrap_or(0);
    usize::try_from(at.partition.0).is_ok_and(|partition| partition < count)
}

/// Where the partitions that exist end.
pub(super) async fn ends(
    admin: &Admin<TcpConnector>,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, ListedOffset>, AdminError> {
    let mut looks = 1;
    loop {
        let wanted: Vec<_> =
            existing(admin, partitions).await?.into_iter().map(|at| (at, OffsetSpec::Latest)).collect();
        match admin.offsets(&wanted).await {
            Err(AdminError::NoSuchTopic(_) | AdminError::NoSuchPartition { .. }) if looks < LOOKS => {
                looks += 1;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::PartitionId;

    use super::*;

    #[test]
    fn a_partition_exists_while_its_topic_has_so_many() {
        let name = |name| TopicName::new(name).unwrap();
        let counts = BTreeMap::from([(name("t"), 2)]);
        for (topic, partition, expected) in
            [("t", 0, true), ("t", 1, true), ("t", 2, false), ("t", -1, false), ("gone", 0, false)]
        {
            let at = TopicPartition::new(name(topic), PartitionId(partition));
            assert_eq!(exists(&at, &counts), expected, "{at}");
        }
    }
}
