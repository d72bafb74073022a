//! One member of a classic group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_model::{ErrorCode, Monotonic};

use crate::classic::Join;
use crate::effects::Turn;
use crate::{InstanceId, MemberId, Reply, Token};

/// A way of assigning that a member supports, with what it has to say to the leader under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, "range" for example.
    pub name: Arc<str>,
    /// The member's metadata: its subscription, for consumers.
    pub metadata: Bytes,
}

/// A member, or a static one that may be away.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Option<InstanceId>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) session_timeout: Duration,
    /// In the member's order of preference.
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) assignment: Bytes,
    /// It has not been told its generation yet, so that it cannot send heartbeats.
    pub(super) is_new: bool,
    pub(super) session_until: Monotonic,
    pub(super) joining: Option<Token>,
    pub(super) syncing: Option<Token>,
}

impl Member {
    /// A member that has just asked to join.
    pub(super) fn joining(join: Join, token: Token, until: Monotonic) -> Self {
        Self {
            instance: join.instance,
            client_id: join.client_id,
            client_host: join.client_host,
            rebalance_timeout: join.rebalance_timeout,
            session_timeout: join.session_timeout,
            protocols: join.protocols,
            assignment: Bytes::new(),
            is_new: true,
            session_until: until,
            joining: Some(token),
            syncing: None,
        }
    }

    /// The member told of itself anew.
    pub(super) fn update(&mut self, join: Join) {
        self.client_id = join.client_id;
        self.client_host = join.client_host;
        self.rebalance_timeout = join.rebalance_timeout;
        self.session_timeout = join.session_timeout;
        self.protocols = join.protocols;
    }

    pub(super) fn renew_session(&mut self, now: Monotonic) {
        self.session_until = now + self.session_timeout;
    }

    /// When it is out unless heard of. One that waits for its reply cannot be late, except a new one.
    pub(super) fn expires_at(&self) -> Option<Monotonic> {
        let waits = self.joining.is_some() || self.syncing.is_some();
        (self.is_new || !waits).then_some(self.session_until)
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|supported| &*supported.name == protocol)
    }

    pub(crate) fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        let supported = self.protocols.iter().find(|supported| &*supported.name == protocol)?;
        Some(&supported.metadata)
    }

    /// Answers whatever the member waits for with an error.
    pub(super) fn dismiss(&mut self, turn: &mut Turn<'_>, member: &MemberId, error: ErrorCode) {
        if let Some(token) = self.joining.take() {
            turn.refuse_join(token, error, Some(member.clone()));
        }
        if let Some(token) = self.syncing.take() {
            turn.reply(token, Reply::Sync(Err(error)));
        }
    }

    /// Bytes that its record takes, about.
    pub(super) fn stored_bytes(&self) -> usize {
        const FIXED: usize = 64;
        let metadata = self.protocols.iter().map(|protocol| protocol.metadata.len()).max();
        let instance = self.instance.as_ref().map_or(0, |instance| instance.as_str().len());
        // The member id begins with the client id or the instance id.
        FIXED + 2 * (self.client_id.len() + instance) + self.client_host.len() + metadata.unwrap_or(0)
    }
}
