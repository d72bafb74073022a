//! The APIs that the broker serves: one table of keys, versions and handlers.
//!
//! Owns: the table, the dispatch of a request to its handler, and what happens to requests that are not in the table.
//!
//! Invariants: what the table does not list is not served. An ApiVersions request of an unknown version is answered in
//! version 0, with the table; any other request that is not in the table closes its connection.
//!
//! Does not know: what handlers do.

use std::fmt::Debug;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::frame::{RequestHeader, encode_response};
use headwater_wire::messages::api_versions::ApiVersionsRequest;
use headwater_wire::protocol::{Chunk, DecodeError, Reader};
use headwater_wire::{ApiKey, Request};
use tokio::sync::watch;

use crate::broker::Broker;
use crate::config::Advertised;
use crate::handler;

/// What a handler knows besides its request.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) broker: Broker,
    /// The number of the connection, which no other has.
    pub(crate) connection: u64,
    /// Who is at the other end, for people.
    pub(crate) peer: String,
    /// The address on which the client connected.
    pub(crate) local: Option<SocketAddr>,
    /// Whether the client waits for something behind what is under way.
    pub(crate) waits: watch::Sender<bool>,
}

impl Context {
    /// Completes once the client asks for something else, which is answered after what is under way: whoever holds an
    /// answer back for want of news gives it then. Another long poll is no reason: a client that always has two of them
    /// under way would never rest.
    pub(crate) async fn is_waited_for(&self) {
        // The sender is as alive as this.
        let _ = self.waits.subscribe().wait_for(|waits| *waits).await;
    }

    /// Where this client reaches the broker.
    pub(crate) fn advertised(&self) -> Advertised {
        if let Some(advertised) = &self.broker.config().advertised {
            return advertised.clone();
        }
        match self.local {
            Some(address) => Advertised { host: address.ip().to_string(), port: address.port() },
            None => Advertised { host: "localhost".to_owned(), port: 9092 },
        }
    }
}

/// What a handler needs to know of the request's header.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) version: i16,
    pub(crate) client_id: Option<String>,
}

/// A request under way.
pub(crate) struct Started {
    pub(crate) answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
    /// True if further requests of its kind may start before it is answered.
    pub(crate) pipelined: bool,
}

/// What a request comes to.
pub(crate) enum Answer {
    Frame(Vec<Chunk>),
    /// Nothing is sent (`acks=0`).
    Silence,
    /// The connection is closed, which is the only way to tell of an error where nothing is sent.
    Close,
}

/// What a handler gives back: a response, mostly.
#[derive(Debug)]
pub(crate) enum Reply<T> {
    Response(T),
    Silence,
    Close,
}

impl<T> From<T> for Reply<T> {
    fn from(response: T) -> Self {
        Self::Response(response)
    }
}

/// Why a request is not served. Closes the connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("a request has no legal header: {0}")]
    Header(DecodeError),
    #[error("a request asks for API {0}, which is not served here")]
    UnknownApi(i16),
    #[error("a request asks for version {version} of {api}; served are {} to {}", served.start(), served.end())]
    UnsupportedVersion { api: ApiKey, version: i16, served: RangeInclusive<i16> },
    #[error("a {api} request of version {version} is malformed: {error}")]
    Malformed { api: ApiKey, version: i16, error: DecodeError },
}

/// An API that is served.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) versions: RangeInclusive<i16>,
}

/// The API whose requests may be under way together.
pub(crate) const PIPELINED: i16 = ApiKey::Produce as i16;
/// The APIs whose answers are held back for want of news.
pub(crate) const LONG_POLLS: [i16; 2] = [ApiKey::Fetch as i16, ApiKey::ShareFetch as i16];

macro_rules! apis {
    (@pipelined) => { |_, _, _| false };
    (@pipelined $condition:path) => { $condition };
    ($($key:ident $from:literal ..= $to:literal $module:ident :: $request:ident
        $(, pipelined if $condition:path)?;)*) => {
        /// Every API that is served, with its versions.
        pub(crate) const TABLE: &[Api] = &[$(Api { key: ApiKey::$key, versions: $from..=$to },)*];

        fn dispatch(
            context: &Arc<Context>,
            key: ApiKey,
            header: &RequestHeader,
            reader: &mut Reader,
        ) -> Result<Started, Refusal> {
            match key {
                $(ApiKey::$key => run(
                    context,
                    header,
                    reader,
                    handler::$module::handle,
                    |context: &Context, version: i16, request: &headwater_wire::messages::$module::$request| {
                        let condition: fn(&Context, i16, &_) -> bool = apis!(@pipelined $($condition)?);
                        condition(context, version, request)
                    },
                ),)*
                _ => Err(Refusal::UnknownApi(header.api_key)),
            }
        }
    };
}

apis! {
    Produce          3..=13 produce::ProduceRequest, pipelined if handler::produce::take_their_place;
    Fetch            4..=18 fetch::FetchRequest;
    ListOffsets      1..=11 list_offsets::ListOffsetsRequest;
    Metadata         0..=13 metadata::MetadataRequest;
    OffsetCommit     2..=10 offset_commit::OffsetCommitRequest;
    OffsetFetch      1..=10 offset_fetch::OffsetFetchRequest;
    FindCoordinator  0..=6  find_coordinator::FindCoordinatorRequest;
    JoinGroup        0..=9  join_group::JoinGroupRequest;
    Heartbeat        0..=4  heartbeat::HeartbeatRequest;
    LeaveGroup       0..=5  leave_group::LeaveGroupRequest;
    SyncGroup        0..=5  sync_group::SyncGroupRequest;
    DescribeGroups   0..=6  describe_groups::DescribeGroupsRequest;
    ListGroups       0..=5  list_groups::ListGroupsRequest;
    ApiVersions      0..=4  api_versions::ApiVersionsRequest;
    CreateTopics     2..=7  create_topics::CreateTopicsRequest;
    DeleteTopics     1..=6  delete_topics::DeleteTopicsRequest;
    DeleteRecords    0..=2  delete_records::DeleteRecordsRequest;
    InitProducerId   0..=5  init_producer_id::InitProducerIdRequest;
    OffsetForLeaderEpoch 2..=4 offset_for_leader_epoch::OffsetForLeaderEpochRequest;
    AddPartitionsToTxn 0..=5 add_partitions_to_txn::AddPartitionsToTxnRequest;
    AddOffsetsToTxn  0..=4  add_offsets_to_txn::AddOffsetsToTxnRequest;
    EndTxn           0..=5  end_txn::EndTxnRequest;
    WriteTxnMarkers  1..=2  write_txn_markers::WriteTxnMarkersRequest;
    TxnOffsetCommit  0..=6  txn_offset_commit::TxnOffsetCommitRequest;
    DescribeConfigs  1..=4  describe_configs::DescribeConfigsRequest;
    AlterConfigs     0..=2  alter_configs::AlterConfigsRequest;
    DescribeLogDirs  1..=4  describe_log_dirs::DescribeLogDirsRequest;
    CreatePartitions 0..=3  create_partitions::CreatePartitionsRequest;
    DeleteGroups     0..=3  delete_groups::DeleteGroupsRequest;
    IncrementalAlterConfigs 0..=1 incremental_alter_configs::IncrementalAlterConfigsRequest;
    ListPartitionReassignments 0..=0 list_partition_reassignments::ListPartitionReassignmentsRequest;
    OffsetDelete     0..=0  offset_delete::OffsetDeleteRequest;
    DescribeCluster  0..=2  describe_cluster::DescribeClusterRequest;
    DescribeProducers 0..=0 describe_producers::DescribeProducersRequest;
    DescribeTransactions 0..=0 describe_transactions::DescribeTransactionsRequest;
    ListTransactions 0..=2  list_transactions::ListTransactionsRequest;
    ConsumerGroupHeartbeat 0..=1 consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
    ConsumerGroupDescribe 0..=1 consumer_group_describe::ConsumerGroupDescribeRequest;
    ListConfigResources 0..=1 list_config_resources::ListConfigResourcesRequest;
    DescribeTopicPartitions 0..=0 describe_topic_partitions::DescribeTopicPartitionsRequest;
    ShareGroupHeartbeat 1..=1 share_group_heartbeat::ShareGroupHeartbeatRequest;
    ShareGroupDescribe 1..=1 share_group_describe::ShareGroupDescribeRequest;
    ShareFetch       1..=2 share_fetch::ShareFetchRequest;
    ShareAcknowledge 1..=2 share_acknowledge::ShareAcknowledgeRequest;
    StreamsGroupHeartbeat 0..=1 streams_group_heartbeat::StreamsGroupHeartbeatRequest;
    StreamsGroupDescribe 0..=1 streams_group_describe::StreamsGroupDescribeRequest;
    DescribeShareGroupOffsets 0..=1 describe_share_group_offsets::DescribeShareGroupOffsetsRequest;
    AlterShareGroupOffsets 0..=0 alter_share_group_offsets::AlterShareGroupOffsetsRequest;
    DeleteShareGroupOffsets 0..=0 delete_share_group_offsets::DeleteShareGroupOffsetsRequest;
}

/// Starts a request. What must happen in the order of arrival has happened when this returns.
pub(crate) fn start(
    context: &Arc<Context>,
    header: &RequestHeader,
    reader: &mut Reader,
) -> Result<Started, Refusal> {
    let api = ApiKey::from_code(header.api_key)
        .and_then(|key| TABLE.iter().find(|api| api.key == key))
        .ok_or(Refusal::UnknownApi(header.api_key))?;
    if api.versions.contains(&header.api_version) {
        return dispatch(context, api.key, header, reader);
    }
    if api.key == ApiKey::ApiVersions {
        let response = handler::api_versions::table(ErrorCode::UnsupportedVersion);
        let frame = encode_response::<ApiVersionsRequest>(header.correlation_id, 0, &response);
        return Ok(Started { answer: Box::pin(std::future::ready(Answer::Frame(frame))), pipelined: false });
    }
    Err(Refusal::UnsupportedVersion {
        api: api.key,
        version: header.api_version,
        served: api.versions.clone(),
    })
}

fn run<R, H, P, F, A>(
    context: &Arc<Context>,
    header: &RequestHeader,
    reader: &mut Reader,
    handle: H,
    pipelined: P,
) -> Result<Started, Refusal>
where
    R: Request + 'static,
    H: FnOnce(Arc<Context>, Meta, R) -> F,
    P: FnOnce(&Context, i16, &R) -> bool,
    F: Future<Output = A> + Send + 'static,
    A: Into<Reply<R::Response>> + 'static,
{
    let version = header.api_version;
    let correlation_id = header.correlation_id;
    let request =
        R::decode(reader, version).map_err(|error| Refusal::Malformed { api: R::KEY, version, error })?;
    let pipelined = pipelined(context, version, &request);
    let meta = Meta { version, client_id: header.client_id.clone() };
    let reply = handle(context.clone(), meta, request);
    let answer = async move {
        match reply.await.into() {
            Reply::Response(response) => {
                Answer::Frame(encode_response::<R>(correlation_id, version, &response))
            }
            Reply::Silence => Answer::Silence,
            Reply::Close => Answer::Close,
        }
    };
    Ok(Started { answer: Box::pin(answer), pipelined })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_each_api_once_in_order_of_its_key() {
        assert!(TABLE.iter().map(|api| api.key.code()).is_sorted());
        assert!(TABLE.windows(2).all(|pair| pair[0].key != pair[1].key));
    }
}
