//! A classic group that was a consumer group until now.

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Monotonic;

use crate::classic::{Classic, Member, Phase};
use crate::effects::Turn;
use crate::{ClassicSide, GroupsConfig, MemberId, Subscription};

impl Classic {
    /// Takes in a member that has worked on `assignment` in an epoch.
    pub(crate) fn take_in(
        &mut self,
        now: Monotonic,
        id: &MemberId,
        epoch: i32,
        subscription: &Subscription,
        said: ClassicSide,
        assignment: Bytes,
    ) {
        if let Some(instance) = &subscription.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.generations_before.insert(id.clone(), epoch);
        let member = Member {
            instance: subscription.instance.clone(),
            client_id: subscription.client_id.clone(),
            client_host: subscription.client_host.clone(),
            rebalance_timeout: subscription.rebalance_timeout,
            session_timeout: said.session_timeout,
            protocols: said.protocols,
            assignment,
            is_new: false,
            session_until: now + said.session_timeout,
            joining: None,
            syncing: None,
        };
        self.members.insert(id.clone(), member);
    }

    /// Whether the members have a protocol in common, and a record has room for them.
    pub(crate) fn fits_as_it_is(&self, config: &GroupsConfig) -> bool {
        self.elect_protocol().is_some() && self.fits_into_a_record(config)
    }

    /// The next generation has those that were taken in, as they are; then they are asked to join the one after it.
    pub(crate) fn begin_with_those_taken_in(&mut self, turn: &mut Turn<'_>, protocol_type: &str) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol_type = Some(Arc::from(protocol_type));
        self.protocol = self.elect_protocol();
        self.leader = self.members.keys().next().cloned();
        self.enter(Phase::Stable, turn.now.wall);
        self.store(turn);
        self.rebalance(turn);
    }
}
