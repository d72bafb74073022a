//! The handlers, one file per API: decode (done by the table), one domain call, encode (done by the table).
//!
//! Invariants: a handler keeps no state and holds no lock across an await.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod alter_configs;
pub(crate) mod alter_share_group_offsets;
pub(crate) mod api_versions;
mod config_change;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_share_group_offsets;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_share_group_offsets;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
mod groups;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod list_transactions;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
mod share;
pub(crate) mod share_acknowledge;
pub(crate) mod share_fetch;
pub(crate) mod share_group_describe;
pub(crate) mod share_group_heartbeat;
pub(crate) mod streams_group_describe;
pub(crate) mod streams_group_heartbeat;
pub(crate) mod sync_group;
mod transactions;
pub(crate) mod txn_offset_commit;
pub(crate) mod write_txn_markers;

/// Operations on a topic that a client may do, as a bit set of Kafka's `AclOperation` codes. Everything, while nobody has
/// to authenticate: read, write, create, delete, alter, describe, describe and alter configs.
const ALL_TOPIC_OPERATIONS: i32 = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);
/// The same for the cluster: create, alter, describe, cluster action, describe and alter configs, idempotent write.
const ALL_CLUSTER_OPERATIONS: i32 = bits(&[5, 7, 8, 9, 10, 11, 12]);
/// The same for a group: read, delete, describe, describe and alter configs.
const ALL_GROUP_OPERATIONS: i32 = bits(&[3, 6, 8, 10, 11]);
/// Says that the client did not ask.
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

const fn bits(codes: &[i32]) -> i32 {
    let mut set = 0;
    let mut rest = codes;
    while let [code, others @ ..] = rest {
        set |= 1 << *code;
        rest = others;
    }
    set
}
