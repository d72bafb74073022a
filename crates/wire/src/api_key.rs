//! The APIs of the protocol: their codes, the versions known here, and their first flexible versions.
//!
//! Written by `cargo xtask codegen` from the field tables; do not edit.

use std::fmt;
use std::ops::RangeInclusive;

/// An API of the protocol that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// Code 0, versions 3 to 13.
    Produce = 0,
    /// Code 1, versions 4 to 18.
    Fetch = 1,
    /// Code 2, versions 1 to 11.
    ListOffsets = 2,
    /// Code 3, versions 0 to 13.
    Metadata = 3,
    /// Code 8, versions 2 to 10.
    OffsetCommit = 8,
    /// Code 9, versions 1 to 10.
    OffsetFetch = 9,
    /// Code 10, versions 0 to 6.
    FindCoordinator = 10,
    /// Code 11, versions 0 to 9.
    JoinGroup = 11,
    /// Code 12, versions 0 to 4.
    Heartbeat = 12,
    /// Code 13, versions 0 to 5.
    LeaveGroup = 13,
    /// Code 14, versions 0 to 5.
    SyncGroup = 14,
    /// Code 15, versions 0 to 6.
    DescribeGroups = 15,
    /// Code 16, versions 0 to 5.
    ListGroups = 16,
    /// Code 17, versions 0 to 1.
    SaslHandshake = 17,
    /// Code 18, versions 0 to 5.
    ApiVersions = 18,
    /// Code 19, versions 2 to 7.
    CreateTopics = 19,
    /// Code 20, versions 1 to 6.
    DeleteTopics = 20,
    /// Code 21, versions 0 to 2.
    DeleteRecords = 21,
    /// Code 22, versions 0 to 5.
    InitProducerId = 22,
    /// Code 23, versions 2 to 4.
    OffsetForLeaderEpoch = 23,
    /// Code 24, versions 0 to 5.
    AddPartitionsToTxn = 24,
    /// Code 25, versions 0 to 4.
    AddOffsetsToTxn = 25,
    /// Code 26, versions 0 to 5.
    EndTxn = 26,
    /// Code 27, versions 1 to 2.
    WriteTxnMarkers = 27,
    /// Code 28, versions 0 to 6.
    TxnOffsetCommit = 28,
    /// Code 32, versions 1 to 4.
    DescribeConfigs = 32,
    /// Code 33, versions 0 to 2.
    AlterConfigs = 33,
    /// Code 35, versions 1 to 5.
    DescribeLogDirs = 35,
    /// Code 36, versions 0 to 2.
    SaslAuthenticate = 36,
    /// Code 37, versions 0 to 3.
    CreatePartitions = 37,
    /// Code 42, versions 0 to 3.
    DeleteGroups = 42,
    /// Code 44, versions 0 to 1.
    IncrementalAlterConfigs = 44,
    /// Code 46, versions 0 to 0.
    ListPartitionReassignments = 46,
    /// Code 47, versions 0 to 0.
    OffsetDelete = 47,
    /// Code 60, versions 0 to 2.
    DescribeCluster = 60,
    /// Code 61, versions 0 to 0.
    DescribeProducers = 61,
    /// Code 65, versions 0 to 0.
    DescribeTransactions = 65,
    /// Code 66, versions 0 to 2.
    ListTransactions = 66,
    /// Code 68, versions 0 to 1.
    ConsumerGroupHeartbeat = 68,
    /// Code 69, versions 0 to 1.
    ConsumerGroupDescribe = 69,
    /// Code 71, versions 0 to 0.
    GetTelemetrySubscriptions = 71,
    /// Code 72, versions 0 to 0.
    PushTelemetry = 72,
    /// Code 74, versions 0 to 1.
    ListConfigResources = 74,
    /// Code 75, versions 0 to 0.
    DescribeTopicPartitions = 75,
    /// Code 76, versions 1 to 1.
    ShareGroupHeartbeat = 76,
    /// Code 77, versions 1 to 1.
    ShareGroupDescribe = 77,
    /// Code 78, versions 1 to 2.
    ShareFetch = 78,
    /// Code 79, versions 1 to 2.
    ShareAcknowledge = 79,
    /// Code 88, versions 0 to 1.
    StreamsGroupHeartbeat = 88,
    /// Code 89, versions 0 to 1.
    StreamsGroupDescribe = 89,
    /// Code 90, versions 0 to 1.
    DescribeShareGroupOffsets = 90,
    /// Code 91, versions 0 to 0.
    AlterShareGroupOffsets = 91,
    /// Code 92, versions 0 to 0.
    DeleteShareGroupOffsets = 92,
}

impl ApiKey {
    /// Every API that is known here, by code.
    pub const ALL: &[Self] = &[
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::OffsetCommit,
        Self::OffsetFetch,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::Heartbeat,
        Self::LeaveGroup,
        Self::SyncGroup,
        Self::DescribeGroups,
        Self::ListGroups,
        Self::SaslHandshake,
        Self::ApiVersions,
        Self::CreateTopics,
        Self::DeleteTopics,
        Self::DeleteRecords,
        Self::InitProducerId,
        Self::OffsetForLeaderEpoch,
        Self::AddPartitionsToTxn,
        Self::AddOffsetsToTxn,
        Self::EndTxn,
        Self::WriteTxnMarkers,
        Self::TxnOffsetCommit,
        Self::DescribeConfigs,
        Self::AlterConfigs,
        Self::DescribeLogDirs,
        Self::SaslAuthenticate,
        Self::CreatePartitions,
        Self::DeleteGroups,
        Self::IncrementalAlterConfigs,
        Self::ListPartitionReassignments,
        Self::OffsetDelete,
        Self::DescribeCluster,
        Self::DescribeProducers,
        Self::DescribeTransactions,
        Self::ListTransactions,
        Self::ConsumerGroupHeartbeat,
        Self::ConsumerGroupDescribe,
        Self::GetTelemetrySubscriptions,
        Self::PushTelemetry,
        Self::ListConfigResources,
        Self::DescribeTopicPartitions,
        Self::ShareGroupHeartbeat,
        Self::ShareGroupDescribe,
        Self::ShareFetch,
        Self::ShareAcknowledge,
        Self::StreamsGroupHeartbeat,
        Self::StreamsGroupDescribe,
        Self::DescribeShareGroupOffsets,
        Self::AlterShareGroupOffsets,
        Self::DeleteShareGroupOffsets,
    ];

    /// Its code on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The API of a code, if it is known here.
    pub const fn from_code(code: i16) -> Option<Self> {
        Some(match code {
            0 => Self::Produce,
            1 => Self::Fetch,
            2 => Self::ListOffsets,
            3 => Self::Metadata,
            8 => Self::OffsetCommit,
            9 => Self::OffsetFetch,
            10 => Self::FindCoordinator,
            11 => Self::JoinGroup,
            12 => Self::Heartbeat,
            13 => Self::LeaveGroup,
            14 => Self::SyncGroup,
            15 => Self::DescribeGroups,
            16 => Self::ListGroups,
            17 => Self::SaslHandshake,
            18 => Self::ApiVersions,
            19 => Self::CreateTopics,
            20 => Self::DeleteTopics,
            21 => Self::DeleteRecords,
            22 => Self::InitProducerId,
            23 => Self::OffsetForLeaderEpoch,
            24 => Self::AddPartitionsToTxn,
            25 => Self::AddOffsetsToTxn,
            26 => Self::EndTxn,
            27 => Self::WriteTxnMarkers,
            28 => Self::TxnOffsetCommit,
            32 => Self::DescribeConfigs,
            33 => Self::AlterConfigs,
            35 => Self::DescribeLogDirs,
            36 => Self::SaslAuthenticate,
            37 => Self::CreatePartitions,
            42 => Self::DeleteGroups,
            44 => Self::IncrementalAlterConfigs,
            46 => Self::ListPartitionReassignments,
            47 => Self::OffsetDelete,
            60 => Self::DescribeCluster,
            61 => Self::DescribeProducers,
            65 => Self::DescribeTransactions,
            66 => Self::ListTransactions,
            68 => Self::ConsumerGroupHeartbeat,
            69 => Self::ConsumerGroupDescribe,
            71 => Self::GetTelemetrySubscriptions,
            72 => Self::PushTelemetry,
            74 => Self::ListConfigResources,
            75 => Self::DescribeTopicPartitions,
            76 => Self::ShareGroupHeartbeat,
            77 => Self::ShareGroupDescribe,
            78 => Self::ShareFetch,
            79 => Self::ShareAcknowledge,
            88 => Self::StreamsGroupHeartbeat,
            89 => Self::StreamsGroupDescribe,
            90 => Self::DescribeShareGroupOffsets,
            91 => Self::AlterShareGroupOffsets,
            92 => Self::DeleteShareGroupOffsets,
            _ => return None,
        })
    }

    /// Its name in the protocol.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The versions that can be read and written.
    pub const fn versions(self) -> RangeInclusive<i16> {
        let (_, oldest, newest, _) = self.facts();
        oldest..=newest
    }

    /// The first flexible version (KIP-482); `i16::MAX` if there is none.
    pub const fn first_flexible(self) -> i16 {
        self.facts().3
    }

    /// Name, oldest version, newest version, first flexible version.
    const fn facts(self) -> (&'static str, i16, i16, i16) {
        match self {
            Self::Produce => ("Produce", 3, 13, 9),
            Self::Fetch => ("Fetch", 4, 18, 12),
            Self::ListOffsets => ("ListOffsets", 1, 11, 6),
            Self::Metadata => ("Metadata", 0, 13, 9),
            Self::OffsetCommit => ("OffsetCommit", 2, 10, 8),
            Self::OffsetFetch => ("OffsetFetch", 1, 10, 6),
            Self::FindCoordinator => ("FindCoordinator", 0, 6, 3),
            Self::JoinGroup => ("JoinGroup", 0, 9, 6),
            Self::Heartbeat => ("Heartbeat", 0, 4, 4),
            Self::LeaveGroup => ("LeaveGroup", 0, 5, 4),
            Self::SyncGroup => ("SyncGroup", 0, 5, 4),
            Self::DescribeGroups => ("DescribeGroups", 0, 6, 5),
            Self::ListGroups => ("ListGroups", 0, 5, 3),
            Self::SaslHandshake => ("SaslHandshake", 0, 1, i16::MAX),
            Self::ApiVersions => ("ApiVersions", 0, 5, 3),
            Self::CreateTopics => ("CreateTopics", 2, 7, 5),
            Self::DeleteTopics => ("DeleteTopics", 1, 6, 4),
            Self::DeleteRecords => ("DeleteRecords", 0, 2, 2),
            Self::InitProducerId => ("InitProducerId", 0, 5, 2),
            Self::OffsetForLeaderEpoch => ("OffsetForLeaderEpoch", 2, 4, 4),
            Self::AddPartitionsToTxn => ("AddPartitionsToTxn", 0, 5, 3),
            Self::AddOffsetsToTxn => ("AddOffsetsToTxn", 0, 4, 3),
            Self::EndTxn => ("EndTxn", 0, 5, 3),
            Self::WriteTxnMarkers => ("WriteTxnMarkers", 1, 2, 1),
            Self::TxnOffsetCommit => ("TxnOffsetCommit", 0, 6, 3),
            Self::DescribeConfigs => ("DescribeConfigs", 1, 4, 4),
            Self::AlterConfigs => ("AlterConfigs", 0, 2, 2),
            Self::DescribeLogDirs => ("DescribeLogDirs", 1, 5, 2),
            Self::SaslAuthenticate => ("SaslAuthenticate", 0, 2, 2),
            Self::CreatePartitions => ("CreatePartitions", 0, 3, 2),
            Self::DeleteGroups => ("DeleteGroups", 0, 3, 2),
            Self::IncrementalAlterConfigs => ("IncrementalAlterConfigs", 0, 1, 1),
            Self::ListPartitionReassignments => ("ListPartitionReassignments", 0, 0, 0),
            Self::OffsetDelete => ("OffsetDelete", 0, 0, i16::MAX),
            Self::DescribeCluster => ("DescribeCluster", 0, 2, 0),
            Self::DescribeProducers => ("DescribeProducers", 0, 0, 0),
            Self::DescribeTransactions => ("DescribeTransactions", 0, 0, 0),
            Self::ListTransactions => ("ListTransactions", 0, 2, 0),
            Self::ConsumerGroupHeartbeat => ("ConsumerGroupHeartbeat", 0, 1, 0),
            Self::ConsumerGroupDescribe => ("ConsumerGroupDescribe", 0, 1, 0),
            Self::GetTelemetrySubscriptions => ("GetTelemetrySubscriptions", 0, 0, 0),
            Self::PushTelemetry => ("PushTelemetry", 0, 0, 0),
            Self::ListConfigResources => ("ListConfigResources", 0, 1, 0),
            Self::DescribeTopicPartitions => ("DescribeTopicPartitions", 0, 0, 0),
            Self::ShareGroupHeartbeat => ("ShareGroupHeartbeat", 1, 1, 1),
            Self::ShareGroupDescribe => ("ShareGroupDescribe", 1, 1, 1),
            Self::ShareFetch => ("ShareFetch", 1, 2, 1),
            Self::ShareAcknowledge => ("ShareAcknowledge", 1, 2, 1),
            Self::StreamsGroupHeartbeat => ("StreamsGroupHeartbeat", 0, 1, 0),
            Self::StreamsGroupDescribe => ("StreamsGroupDescribe", 0, 1, 0),
            Self::DescribeShareGroupOffsets => ("DescribeShareGroupOffsets", 0, 1, 0),
            Self::AlterShareGroupOffsets => ("AlterShareGroupOffsets", 0, 0, 0),
            Self::DeleteShareGroupOffsets => ("DeleteShareGroupOffsets", 0, 0, 0),
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
