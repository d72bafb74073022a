//! Kafka's error codes, with sentences for people.

use std::fmt;

macro_rules! error_codes {
    ($($code:literal $name:ident $retriable:ident $message:literal)*) => {
        /// An error code of Kafka's protocol. Prints as a sentence for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("Code ", stringify!($code), ": ", $message, ".")] $name,)*
            /// A code that this version of Headwater does not know.
            Other(i16),
        }

        impl ErrorCode {
            /// The code as a number of the wire.
            pub fn code(self) -> i16 {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(code) => code,
                }
            }

            /// The error behind a number of the wire; 0 is [`ErrorCode::None`].
            pub fn from_code(code: i16) -> Self {
                match code {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }

            /// True where Kafka's clients try the same request again, perhaps elsewhere.
            pub fn is_retriable(self) -> bool {
                match self {
                    $(Self::$name => $retriable,)*
                    Self::Other(_) => false,
                }
            }

            /// What the code means.
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)*
                    Self::Other(_) => "an error that this version of Headwater does not know",
                }
            }
        }
    };
}

impl ErrorCode {
    /// True for anything but [`ErrorCode::None`].
    pub fn is_error(self) -> bool {
        self != Self::None
    }

    /// `Ok` for [`ErrorCode::None`], else the error.
    pub fn ok(self) -> Result<(), Self> {
        if self.is_error() { Err(self) } else { Ok(()) }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error code {})", self.message(), self.code())
    }
}

impl std::error::Error for ErrorCode {}

error_codes! {
    -1 UnknownServerError false "the broker failed in a way that it did not expect; its log says more"
    0 None false "no error"
    1 OffsetOutOfRange false "the offset is not within the partition's log"
    2 CorruptMessage true "the batch failed its checksum, or is malformed"
    3 UnknownTopicOrPartition true "the broker does not host that topic or partition"
    4 InvalidFetchSize false "the fetch size is invalid"
    5 LeaderNotAvailable true "the partition has no leader just now"
    6 NotLeaderOrFollower true "this broker does not lead that partition"
    7 RequestTimedOut true "the request timed out on the broker"
    8 BrokerNotAvailable false "the broker is not available"
    9 ReplicaNotAvailable true "the replica is not available"
    10 MessageTooLarge false "the batch is larger than the topic allows"
    11 StaleControllerEpoch false "the controller has moved"
    12 OffsetMetadataTooLarge false "the metadata of the committed offset is too large"
    13 NetworkException true "the connection was lost before an answer came"
    14 CoordinatorLoadInProgress true "the coordinator is still loading its state"
    15 CoordinatorNotAvailable true "the coordinator is not available"
    16 NotCoordinator true "this broker does not coordinate that group or transaction"
    17 InvalidTopicException false "the topic name is illegal, or the topic is internal"
    18 RecordListTooLarge false "the batch is larger than a segment"
    19 NotEnoughReplicas true "too few replicas are in sync"
    20 NotEnoughReplicasAfterAppend true "too few replicas were in sync after the write"
    21 InvalidRequiredAcks false "acks must be 0, 1 or -1"
    22 IllegalGeneration false "the group has moved on to another generation"
    23 InconsistentGroupProtocol false "the member's protocols do not fit the group's"
    24 InvalidGroupId false "the group id is invalid"
    25 UnknownMemberId false "the coordinator does not know this member"
    26 InvalidSessionTimeout false "the session timeout is outside of what the broker allows"
    27 RebalanceInProgress false "the group is rebalancing: rejoin"
    28 InvalidCommitOffsetSize false "the offset commit is too large"
    29 TopicAuthorizationFailed false "not authorized for that topic"
    30 GroupAuthorizationFailed false "not authorized for that group"
    31 ClusterAuthorizationFailed false "not authorized for the cluster"
    32 InvalidTimestamp false "the record's timestamp is out of range"
    33 UnsupportedSaslMechanism false "the broker does not support that SASL mechanism"
    34 IllegalSaslState false "the request does not fit the state of the SASL exchange"
    35 UnsupportedVersion false "the broker does not support that version of the API"
    36 TopicAlreadyExists false "a topic of that name exists"
    37 InvalidPartitions false "the number of partitions is invalid"
    38 InvalidReplicationFactor false "the replication factor is below 1 or above the number of brokers"
    39 InvalidReplicaAssignment false "the replica assignment is invalid"
    40 InvalidConfig false "a configuration is unknown or has an illegal value"
    41 NotController true "this broker is not the controller"
    42 InvalidRequest false "the request is malformed or contradicts itself"
    43 UnsupportedForMessageFormat false "the message format on the broker does not support the request"
    44 PolicyViolation false "the request violates a policy"
    45 OutOfOrderSequenceNumber false "the broker received a batch out of order from an idempotent producer"
    46 DuplicateSequenceNumber false "the broker has this batch already"
    47 InvalidProducerEpoch false "the producer's epoch is older than another's"
    48 InvalidTxnState false "the transaction is not in a state that allows this"
    49 InvalidProducerIdMapping false "the producer id does not belong to the transactional id"
    50 InvalidTransactionTimeout false "the transaction timeout is larger than the broker allows"
    51 ConcurrentTransactions true "another transaction operation is still under way"
    52 TransactionCoordinatorFenced false "the transaction coordinator has been replaced"
    53 TransactionalIdAuthorizationFailed false "not authorized for that transactional id"
    54 SecurityDisabled false "security features are off"
    55 OperationNotAttempted false "the broker did not attempt this"
    56 KafkaStorageError true "a disk error made the partition unavailable on this broker"
    57 LogDirNotFound false "the log directory does not exist"
    58 SaslAuthenticationFailed false "authentication failed"
    59 UnknownProducerId false "the broker holds no state for this producer id"
    60 ReassignmentInProgress false "a partition reassignment is under way"
    61 DelegationTokenAuthDisabled false "delegation tokens are off"
    62 DelegationTokenNotFound false "there is no such delegation token"
    63 DelegationTokenOwnerMismatch false "the delegation token belongs to somebody else"
    64 DelegationTokenRequestNotAllowed false "delegation tokens are not allowed on this connection"
    65 DelegationTokenAuthorizationFailed false "not authorized for delegation tokens"
    66 DelegationTokenExpired false "the delegation token has expired"
    67 InvalidPrincipalType false "the principal type is not supported"
    68 NonEmptyGroup false "the group has live members"
    69 GroupIdNotFound false "there is no such group"
    70 FetchSessionIdNotFound true "the broker does not know that fetch session"
    71 InvalidFetchSessionEpoch true "the fetch session epoch is not the expected one"
    72 ListenerNotFound true "the leader has no matching listener"
    73 TopicDeletionDisabled false "topics cannot be deleted on this broker"
    74 FencedLeaderEpoch true "the client's leader epoch is older than the broker's"
    75 UnknownLeaderEpoch true "the client's leader epoch is newer than the broker's"
    76 UnsupportedCompressionType false "the compression type does not fit the version of the request"
    77 StaleBrokerEpoch false "the broker epoch has changed"
    78 OffsetNotAvailable true "the leader's high watermark has not caught up yet"
    79 MemberIdRequired false "join again with the member id that this answer gives"
    80 PreferredLeaderNotAvailable true "the preferred leader is not available"
    81 GroupMaxSizeReached false "the group is full"
    82 FencedInstanceId false "another member has this group instance id"
    83 EligibleLeadersNotAvailable true "no eligible leader is available"
    84 ElectionNotNeeded true "the partition needs no election"
    85 NoReassignmentInProgress false "no partition reassignment is under way"
    86 GroupSubscribedToTopic false "the group is subscribed to that topic"
    87 InvalidRecord false "the broker refused a record of the batch"
    88 UnstableOffsetCommit true "offsets of an open transaction have not been settled yet"
    89 ThrottlingQuotaExceeded true "the quota has been exceeded"
    90 ProducerFenced false "a newer producer with the same transactional id exists"
    91 ResourceNotFound false "the resource does not exist"
    92 DuplicateResource false "the resource exists already"
    93 UnacceptableCredential false "the credential does not fulfil the requirements"
    94 InconsistentVoterSet false "the voter sets differ"
    95 InvalidUpdateVersion false "the update version is invalid"
    96 FeatureUpdateFailed false "the features could not be updated"
    97 PrincipalDeserializationFailure false "the forwarded principal could not be read"
    98 SnapshotNotFound false "the snapshot does not exist"
    99 PositionOutOfRange false "the position is out of range"
    100 UnknownTopicId true "the broker does not know that topic id"
    101 DuplicateBrokerRegistration false "the broker id is in use"
    102 BrokerIdNotRegistered false "the broker id is not registered"
    103 InconsistentTopicId true "the topic id does not match the topic name"
    104 InconsistentClusterId false "the cluster id does not match"
    105 TransactionalIdNotFound false "there is no such transactional id"
    106 FetchSessionTopicIdError true "the fetch session mixes topic ids and names"
    107 IneligibleReplica false "the replica is not eligible"
    108 NewLeaderElected false "a new leader was elected"
    109 OffsetMovedToTieredStorage false "the offset moved to tiered storage"
    110 FencedMemberEpoch false "the member's epoch is not the group's: rejoin"
    111 UnreleasedInstanceId false "another member still holds this instance id"
    112 UnsupportedAssignor false "the group does not support that assignor"
    113 StaleMemberEpoch false "the member's epoch is stale"
    114 MismatchedEndpointType false "the request went to an endpoint of the wrong type"
    115 UnsupportedEndpointType false "the endpoint type is not supported"
    116 UnknownControllerId false "the controller id is unknown"
    117 UnknownSubscriptionId false "the subscription id is unknown"
    118 TelemetryTooLarge false "the telemetry is too large"
    119 InvalidRegistration false "the registration is invalid"
    120 TransactionAbortable false "the transaction met an error; abort it"
    121 InvalidRecordState false "the record is not in a state that allows this"
    122 ShareSessionNotFound true "the broker does not know that share session"
    123 InvalidShareSessionEpoch true "the share session epoch is not the expected one"
    124 FencedStateEpoch false "the share state epoch is older than the coordinator's"
    125 InvalidVoterKey false "the voter key is wrong"
    126 DuplicateVoter false "the voter is part of the set already"
    127 VoterNotFound false "the voter is not part of the set"
    128 InvalidRegularExpression false "the regular expression is invalid"
    129 RebootstrapRequired false "the client must bootstrap again"
    130 StreamsInvalidTopology false "the topology is invalid"
    131 StreamsInvalidTopologyEpoch false "the topology epoch is invalid"
    132 StreamsTopologyFenced false "the topology epoch is older than the group's"
    133 ShareSessionLimitReached true "the broker's share sessions are all in use"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_errors_correspond() {
        for code in -2..=200 {
            assert_eq!(ErrorCode::from_code(code).code(), code);
        }
        assert!(!ErrorCode::from_code(0).is_error());
        assert!(ErrorCode::from_code(6).is_retriable());
    }
}
