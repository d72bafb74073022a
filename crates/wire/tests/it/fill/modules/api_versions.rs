//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::api_versions::*;

use crate::fill::{Fill, Source};

impl Fill for ApiVersionsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            client_software_name: if version >= 3 { Fill::fill(source, version) } else { String::new() },
            client_software_version: if version >= 3 { Fill::fill(source, version) } else { String::new() },
            cluster_id: if version >= 5 { source.option(true, version) } else { None },
            node_id: if version >= 5 { Fill::fill(source, version) } else { -1 },
        }
    }
}

impl Fill for ApiVersionsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            api_keys: Fill::fill(source, version),
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            supported_features: if version >= 3 { Fill::fill(source, version) } else { Vec::new() },
            finalized_features_epoch: if version >= 3 { Fill::fill(source, version) } else { -1 },
            finalized_features: if version >= 3 { Fill::fill(source, version) } else { Vec::new() },
            zk_migration_ready: if version >= 3 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for ApiVersion {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            api_key: Fill::fill(source, version),
            min_version: Fill::fill(source, version),
            max_version: Fill::fill(source, version),
        }
    }
}

impl Fill for SupportedFeatureKey {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            min_version: Fill::fill(source, version),
            max_version: Fill::fill(source, version),
        }
    }
}

impl Fill for FinalizedFeatureKey {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            max_version_level: Fill::fill(source, version),
            min_version_level: Fill::fill(source, version),
        }
    }
}
