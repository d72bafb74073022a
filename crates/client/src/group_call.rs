//! How a member's requests reach its coordinator: on which connection, in which versions, how long they may wait.
//!
//! Does not know: why anything is sent; see [`crate::membership`].

use std::time::Duration;

use headwater_wire::Request;

use crate::call::{CallOptions, Destination};
use crate::client::Client;
use crate::connector::Connector;
use crate::error::CallError;
use crate::membership::{GroupAnswer, GroupRequest};
use crate::pool::{OwnerId, Purpose};

/// The first version of ConsumerGroupHeartbeat in which members choose their own ids (KIP-1082).
const FIRST_VERSION_WITH_OWN_ID: i16 = 1;

/// A member as its requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) group: &'a str,
    pub(crate) owner: OwnerId,
    /// How long joining a classic group may wait for its other members.
    pub(crate) rebalance: Duration,
}

impl Sender<'_> {
    /// Sends a request of membership.
    pub(crate) async fn send<C: Connector>(&self, client: &Client<C>, request: GroupRequest) -> GroupAnswer {
        // A join waits until all members have joined, a sync until the leader has assigned.
        let options = CallOptions { purpose: Purpose::Group(self.owner), ..CallOptions::default() };
        let waits = CallOptions { extra_wait: self.rebalance, ..options };
        match request {
            GroupRequest::Join(request) => GroupAnswer::Join(self.ask(client, waits, &request).await),
            GroupRequest::Sync(request) => GroupAnswer::Sync(self.ask(client, waits, &request).await),
            GroupRequest::Heartbeat(request) => {
                GroupAnswer::Heartbeat(self.ask(client, options, &request).await)
            }
            GroupRequest::ConsumerHeartbeat(request) => {
                let options = CallOptions { min_version: FIRST_VERSION_WITH_OWN_ID, ..options };
                GroupAnswer::ConsumerHeartbeat(self.ask(client, options, &request).await)
            }
            GroupRequest::ConsumerLeave(request) => {
                drop(self.ask(client, options, &request).await);
                GroupAnswer::Leave
            }
            GroupRequest::ShareHeartbeat(request) => {
                GroupAnswer::ShareHeartbeat(self.ask(client, options, &request).await)
            }
            GroupRequest::ShareLeave(request) => {
                drop(self.ask(client, options, &request).await);
                GroupAnswer::Leave
            }
            GroupRequest::StreamsHeartbeat(request) => {
                let answer = self.ask(client, options, &*request).await;
                GroupAnswer::StreamsHeartbeat(answer.map(Box::new))
            }
            GroupRequest::StreamsLeave(request) => {
                drop(self.ask(client, options, &*request).await);
                GroupAnswer::Leave
            }
            // Not behind a join that may wait for long.
            GroupRequest::Leave(request) => {
                drop(self.ask(client, CallOptions::default(), &request).await);
                GroupAnswer::Leave
            }
        }
    }

    async fn ask<C: Connector, R: Request + Sync>(
        &self,
        client: &Client<C>,
        options: CallOptions,
        request: &R,
    ) -> Result<R::Response, CallError> {
        client.call_with(Destination::Coordinator(self.group.to_owned()), options, request).await
    }
}
