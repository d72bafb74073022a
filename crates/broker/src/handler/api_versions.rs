//! ApiVersions: what the broker speaks.

use std::sync::Arc;

use headwater_model::ErrorCode;
use headwater_wire::ApiKey;
use headwater_wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};

use crate::api::{Api, Context, Meta, TABLE};

const FIRST_VERSION_WITH_LEVEL_0: i16 = 4;
/// The feature by which clients learn how transactions end here (KIP-890).
const TRANSACTION_VERSION: &str = "transaction.version";
/// Each transaction has an epoch of its own.
const NEW_TRANSACTIONS: i16 = 2;
/// The feature by which clients learn that there are streams groups (KIP-1071).
const STREAMS_VERSION: &str = "streams.version";
const STREAMS_GROUPS: i16 = 1;
/// The features, and the levels that they are at.
const FEATURES: [(&str, i16); 2] =
    [(TRANSACTION_VERSION, NEW_TRANSACTIONS), (STREAMS_VERSION, STREAMS_GROUPS)];

pub(crate) async fn handle(_: Arc<Context>, meta: Meta, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let legal = meta.version < 3
        || (is_legal(&request.client_software_name) && is_legal(&request.client_software_version));
    if legal {
        let mut response = table(ErrorCode::None);
        // Clients of before take no feature that may be absent (level 0).
        if meta.version < FIRST_VERSION_WITH_LEVEL_0 {
            for feature in &mut response.supported_features {
                feature.min_version = feature.min_version.max(1);
            }
        }
        response
    } else {
        ApiVersionsResponse { error_code: ErrorCode::InvalidRequest.code(), ..Default::default() }
    }
}

/// The table, with an error.
pub(crate) fn table(error: ErrorCode) -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: error.code(),
        api_keys: TABLE
            .iter()
            .map(|api| ApiVersion {
                api_key: api.key.code(),
                min_version: announced_from(api),
                max_version: *api.versions.end(),
            })
            .collect(),
        supported_features: FEATURES
            .iter()
            .map(|(name, level)| SupportedFeatureKey {
                name: (*name).to_owned(),
                min_version: 0,
                max_version: *level,
            })
            .collect(),
        finalized_features_epoch: 0,
        finalized_features: FEATURES
            .iter()
            .map(|(name, level)| FinalizedFeatureKey {
                name: (*name).to_owned(),
                max_version_level: *level,
                min_version_level: *level,
            })
            .collect(),
        ..Default::default()
    }
}

/// librdkafka takes a broker without Produce 0 for one that understands no compression, and sends everything
/// uncompressed; so Produce is announced from 0 on, as Apache Kafka does (KAFKA-18659). No client then uses those versions.
fn announced_from(api: &Api) -> i16 {
    if api.key == ApiKey::Produce { 0 } else { *api.versions.start() }
}

/// KIP-511: letters and digits, with `.` and `-` in between.
fn is_legal(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(name.as_bytes().first())
        && edge(name.as_bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clients_follow_kip_511() {
        for legal in ["librdkafka", "2.3.0", "apache-kafka-java", "x"] {
            assert!(is_legal(legal), "{legal}");
        }
        for illegal in ["", "-x", "x.", "a b", "a_b", "é"] {
            assert!(!is_legal(illegal), "{illegal}");
        }
    }
}
