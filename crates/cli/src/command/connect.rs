//! From arguments to a connected client.

use std::time::Duration;

use headwater_client::{Client, ClientConfig};
use headwater_model::TopicName;

use crate::arguments::Cluster;

/// How long a command waits for a cluster that does not answer, or not well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A client of the cluster that the arguments name.
pub(crate) async fn client(cluster: &Cluster) -> anyhow::Result<Client> {
    Ok(Client::connect(config(&cluster.bootstrap)).await?)
}

/// How commands set up their client.
pub(crate) fn config(bootstrap: &[String]) -> ClientConfig {
    ClientConfig {
        client_id: "headwater-cli".to_owned(),
        connect_timeout: Duration::from_secs(5),
        operation_timeout: PATIENCE,
        ..ClientConfig::new(bootstrap.iter().map(String::as_str))
    }
}

/// A topic's name, checked.
pub(crate) fn topic_name(text: &str) -> anyhow::Result<TopicName> {
    Ok(TopicName::new(text)?)
}
