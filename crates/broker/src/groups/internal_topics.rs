//! Makes the topics that a streams group needs for itself (KIP-1071, "Topology initialization").
//!
//! Invariants: nobody waits for them longer than [`PATIENCE`]; what could not be made is tried again with the next heartbeat,
//! and the members are told why.

use std::time::Duration;

use headwater_coordinator::{MissingTopic, StatusCode, StreamsAnswer};

use crate::broker::Broker;
use crate::topics::{NewTopic, TopicError};

/// How long a heartbeat waits for topics that are being made.
const PATIENCE: Duration = Duration::from_millis(500);
/// Whose topics are being made comes again that much sooner: nothing else tells it that they are there.
const WAITING_FACTOR: u32 = 10;

impl Broker {
    /// Makes the topics that a member's group lacks, and tells the member of those that cannot be made.
    pub(crate) async fn make_internal_topics(&self, answer: &mut StreamsAnswer) {
        let missing = std::mem::take(&mut answer.to_create);
        if missing.is_empty() {
            return;
        }
        let broker = self.clone();
        // On a task of its own: who asked may have no patience.
        let making = tokio::spawn(async move {
            let mut failures = Vec::new();
            for topic in missing {
                failures.extend(broker.make_internal_topic(topic).await.err());
            }
            failures
        });
        let failures = match tokio::time::timeout(PATIENCE, making).await {
            Ok(Ok(failures)) => failures,
            // They are still being made, or the broker ends.
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if failures.is_empty() {
            answer.heartbeat_interval /= WAITING_FACTOR;
            return;
        }
        let lacks = |code| code == StatusCode::MissingInternalTopics;
        if let Some(status) = answer.status.iter_mut().find(|status| lacks(status.code)) {
            status.detail.push_str("; creation failed: ");
            status.detail.push_str(&failures.join("; "));
        }
    }

    async fn make_internal_topic(&self, topic: MissingTopic) -> Result<(), String> {
        let name = topic.name.to_string();
        let wish = NewTopic {
            name: name.clone(),
            partitions: topic.partitions,
            replication_factor: topic.replication_factor.unwrap_or(-1),
            settings: topic.configs.into_iter().map(|(name, value)| (name, Some(value))).collect(),
            ..NewTopic::default()
        };
        match self.create_topic(wish).await {
            // Another member's heartbeat has come before.
            Ok(_) | Err(TopicError::Exists(_)) => Ok(()),
            Err(error) => {
                tracing::warn!(topic = %name, %error, "cannot make an internal topic of a streams group");
                Err(format!("{name} ({error})"))
            }
        }
    }
}
