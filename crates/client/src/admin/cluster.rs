//! The cluster and its brokers.

use headwater_model::ErrorCode;
use headwater_wire::messages::describe_cluster::DescribeClusterRequest;

use super::{Admin, AdminError, Refusal, retrying};
use crate::call::Destination;
use crate::connector::Connector;

/// The cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id.
    pub cluster_id: String,
    /// The broker that takes changes, if there is one just now.
    pub controller: Option<i32>,
    /// The brokers that live, by id.
    pub brokers: Vec<BrokerDescription>,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerDescription {
    /// Its id.
    pub id: i32,
    /// The host that clients connect to.
    pub host: String,
    /// The port that clients connect to.
    pub port: u16,
    /// Where it stands, if it was told.
    pub rack: Option<String>,
}

impl<C: Connector> Admin<C> {
    /// What the cluster consists of.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, AdminError> {
        const ACTION: &str = "describe the cluster";
        retrying!(self.client, async {
            let response = self.client.call(Destination::Any, &DescribeClusterRequest::default()).await;
            let response = response.map_err(AdminError::call(ACTION))?;
            Refusal::check(response.error_code, response.error_message.as_deref())
                .map_err(|refusal| refusal.into_error(ACTION.to_owned()))?;
            let mut brokers = Vec::new();
            for broker in response.brokers {
                brokers.push(BrokerDescription {
                    id: broker.broker_id,
                    host: broker.host,
                    port: u16::try_from(broker.port)
                        .map_err(|_| AdminError::refused(ACTION, ErrorCode::UnknownServerError))?,
                    rack: broker.rack,
                });
            }
            brokers.sort_by_key(|broker| broker.id);
            Ok(ClusterDescription {
                cluster_id: response.cluster_id,
                controller: Some(response.controller_id).filter(|id| *id >= 0),
                brokers,
            })
        })
    }
}
