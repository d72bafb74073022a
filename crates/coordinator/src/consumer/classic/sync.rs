//! SyncGroup of a member of the classic protocol: it gets what it is to work on.

use std::sync::Arc;

use headwater_model::ErrorCode;

use crate::classic::CONSUMER_PROTOCOL_TYPE;
use crate::consumer::Consumer;
use crate::consumer_protocol::{EmbeddedSubscription, encode_assignment};
use crate::{MemberState, Now, Sync, Synced, Topics};

impl Consumer {
    pub(crate) fn classic_sync(
        &mut self,
        now: Now,
        topics: &Topics,
        sync: &Sync,
    ) -> Result<Synced, ErrorCode> {
        let id = &sync.member;
        let (member, classic) = self.classic_member(id, sync.instance.as_ref(), sync.generation)?;
        let preferred = classic.protocols.first().ok_or(ErrorCode::InconsistentGroupProtocol)?;
        let differs =
            |believed: &Option<String>, actual: &str| believed.as_deref().is_some_and(|one| one != actual);
        if differs(&sync.protocol_type, CONSUMER_PROTOCOL_TYPE) || differs(&sync.protocol, &preferred.name) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        // One that gives back has joined already: it is told what remains, and joins again.
        if member.current.epoch < self.epoch && member.current.state != MemberState::UnrevokedPartitions {
            self.await_rejoin(id, now.monotonic);
            return Err(ErrorCode::RebalanceInProgress);
        }
        let version = EmbeddedSubscription::parse(&preferred.metadata).map_or(0, |said| said.version);
        let synced = Synced {
            protocol_type: Arc::from(CONSUMER_PROTOCOL_TYPE),
            protocol: preferred.name.clone(),
            assignment: encode_assignment(version, &member.current.assigned, topics),
        };
        self.rejoins.cancel(id);
        self.renew_classic_session(id, now.monotonic);
        Ok(synced)
    }
}
