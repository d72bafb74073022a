//! Where a bounded run begins, if it is to be elsewhere than where its application has come.

use std::collections::BTreeMap;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, Connector};
use headwater_model::{Offset, Timestamp, TopicPartition};

use super::error::StreamsError;
use super::prepare;
use crate::topology::{Plan, SubTopology, Topology};

/// Where a bounded run begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Begin {
    /// Where the application's group has committed; at the earliest records, if it has not.
    #[default]
    Committed,
    /// At each partition's first record that is stamped with this time or later; behind its last one, if there is none.
    At(Timestamp),
    /// At these offsets; at the earliest records of partitions that have none here.
    Offsets(BTreeMap<TopicPartition, Offset>),
}

/// Makes an application that has not begun yet begin elsewhere, by committing that.
///
/// What lies before is not processed. Tables that are read from topics hold all of it nevertheless, so that a stream that
/// begins later finds what was known then.
pub(super) async fn elsewhere<C: Connector>(
    client: &Client<C>,
    topology: &Topology,
    plan: &Plan,
    begin: &Begin,
) -> Result<(), StreamsError> {
    let (time, given) = match begin {
        Begin::Committed => return Ok(()),
        Begin::At(time) => (Some(*time), None),
        Begin::Offsets(offsets) => (None, Some(offsets)),
    };
    let sources: Vec<TopicPartition> = source_partitions(topology, plan).collect();
    refuse_if_begun(client, topology, plan, &sources).await?;
    let spec = time.map_or(OffsetSpec::Earliest, OffsetSpec::AtTime);
    let found = prepare::listed(client, sources.iter().cloned(), spec).await?;
    let ends = prepare::listed(client, sources.iter().cloned(), OffsetSpec::Latest).await?;
    let offsets = sources.into_iter().map(|at| {
        let given = given.and_then(|given| given.get(&at));
        let offset = given.or_else(|| found.get(&at)).or_else(|| ends.get(&at)).copied();
        (at, offset.unwrap_or_default())
    });
    client.admin().set_group_offsets(topology.application_id(), &offsets.collect()).await?;
    Ok(())
}

fn source_partitions(topology: &Topology, plan: &Plan) -> impl Iterator<Item = TopicPartition> {
    let sources = topology.sub_topologies().iter().flat_map(SubTopology::external_sources);
    sources.flat_map(|source| prepare::partitions(plan, &source.topic))
}

/// An application that has processed records, or has state, goes on where it is.
async fn refuse_if_begun<C: Connector>(
    client: &Client<C>,
    topology: &Topology,
    plan: &Plan,
    sources: &[TopicPartition],
) -> Result<(), StreamsError> {
    let application = topology.application_id();
    let has_begun = |at: &TopicPartition| {
        Err(StreamsError::HasBegun { application: application.to_owned(), at: at.clone() })
    };
    let committed = client.admin().group_offsets(application).await?;
    if let Some(at) = sources.iter().find(|at| committed.contains_key(at)) {
        return has_begun(at);
    }
    let internal: Vec<_> = prepare::internal_partitions(topology, plan).collect();
    let starts = prepare::listed(client, internal.iter().cloned(), OffsetSpec::Earliest).await?;
    let ends = prepare::listed(client, internal.iter().cloned(), OffsetSpec::Latest).await?;
    match internal.iter().find(|at| starts.get(at) != ends.get(at)) {
        Some(at) => has_begun(at),
        None => Ok(()),
    }
}
