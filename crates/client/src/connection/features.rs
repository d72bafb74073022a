//! The features that a cluster as a whole has, as brokers tell when versions are exchanged (KIP-584).

use std::sync::{Mutex, PoisonError};

use headwater_wire::messages::api_versions::ApiVersionsResponse;

/// The feature by which brokers add partitions to transactions (KIP-890), from level 2 on.
const TRANSACTION_VERSION: &str = "transaction.version";

/// What the newest exchange told.
#[derive(Debug, Default)]
pub(crate) struct Features(Mutex<Finalized>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Finalized {
    /// -1 where a broker does not count the changes.
    epoch: i64,
    transaction_version: i16,
}

impl Default for Finalized {
    fn default() -> Self {
        Self { epoch: -1, transaction_version: 0 }
    }
}

impl Features {
    /// Takes over what a broker tells, unless another one told of a later change.
    pub(crate) fn learn(&self, told: &ApiVersionsResponse) {
        let features = &told.finalized_features;
        let version = features.iter().find(|feature| feature.name == TRANSACTION_VERSION);
        let told = Finalized {
            epoch: told.finalized_features_epoch,
            transaction_version: version.map_or(0, |version| version.max_version_level),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.epoch >= known.epoch {
            *known = told;
        }
    }

    /// The level of `transaction.version`; 0 where there is none.
    pub(crate) fn transaction_version(&self) -> i16 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).transaction_version
    }
}

#[cfg(test)]
mod tests {
    use headwater_wire::messages::api_versions::FinalizedFeatureKey;

    use super::*;

    #[test]
    fn what_was_told_of_the_latest_change_counts() {
        let features = Features::default();
        let learn = |epoch: i64, level: Option<i16>| {
            let feature = |max_version_level| FinalizedFeatureKey {
                name: TRANSACTION_VERSION.to_owned(),
                max_version_level,
                min_version_level: 0,
            };
            features.learn(&ApiVersionsResponse {
                finalized_features_epoch: epoch,
                finalized_features: level.map(feature).into_iter().collect(),
                ..Default::default()
            });
            features.transaction_version()
        };
        // A broker without features tells no epoch.
        for (epoch, level, expected) in [(-1, None, 0), (7, Some(2), 2), (5, Some(1), 2), (8, None, 0)] {
            assert_eq!(learn(epoch, level), expected, "{epoch} {level:?}");
        }
    }
}
