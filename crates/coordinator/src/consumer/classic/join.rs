//! JoinGroup of a member of the classic protocol: it says what it wants and what it has given back, and is answered at once.

use std::sync::Arc;

use headwater_model::{Entropy, ErrorCode};

use super::ClassicSide;
use crate::classic::{CONSUMER_PROTOCOL_TYPE, new_member_id};
use crate::consumer::member::Member;
use crate::consumer::{Consumer, Subscription};
use crate::consumer_protocol::EmbeddedSubscription;
use crate::effects::Turn;
use crate::membership::Owned;
use crate::{Join, JoinRefused, Joined, MemberId, Topics};

impl Consumer {
    pub(crate) fn classic_join(
        &mut self,
        turn: &mut Turn<'_>,
        entropy: &mut Entropy,
        topics: &Topics,
        join: Join,
    ) -> Result<Joined, JoinRefused> {
        let member = join.member.clone();
        let refused = |error: ErrorCode| JoinRefused { error, member: member.clone() };
        let known = self.knows(join.member.as_ref(), join.instance.as_ref());
        if !known && self.len() >= turn.config.max_group_size {
            return Err(refused(ErrorCode::GroupMaxSizeReached));
        }
        let said = self.check_protocols(&join).map_err(refused)?;
        let id = member.clone().unwrap_or_else(|| new_member_id(&join, entropy));
        if join.member.is_none() && join.instance.is_none() && join.requires_known_member {
            return Err(JoinRefused { error: ErrorCode::MemberIdRequired, member: Some(id) });
        }
        self.admit_classic(turn, &join, &id).map_err(refused)?;
        let owned = said.owned(topics);
        self.subscribe(turn, topics, &id, Subscription::of_classic(join, said));
        self.retarget(turn, topics);
        let known_epoch = self.members.get(&id).map_or(0, |member| member.current.epoch);
        self.reconcile(turn, &id, known_epoch, Owned::These(&owned));
        self.renew_classic_session(&id, turn.now.monotonic);
        // Until it has synced.
        self.rejoins.cancel(&id);
        self.await_rejoin(&id, turn.now.monotonic);
        self.joined(&id).ok_or_else(|| refused(ErrorCode::UnknownMemberId))
    }

    /// That the group, with this member in it, has a protocol that all of the classic ones support. Gives what it says.
    fn check_protocols(&self, join: &Join) -> Result<EmbeddedSubscription, ErrorCode> {
        let others = self.members.iter().filter(|(id, _)| Some(*id) != join.member.as_ref());
        let others: Vec<&ClassicSide> =
            others.filter_map(|(_, other)| other.subscription.classic.as_ref()).collect();
        let mut protocols = join.protocols.iter();
        let fits = join.protocol_type == CONSUMER_PROTOCOL_TYPE
            && protocols.any(|protocol| others.iter().all(|other| other.supports(&protocol.name)));
        let preferred = join.protocols.first().filter(|_| fits);
        let said = preferred.and_then(|protocol| EmbeddedSubscription::parse(&protocol.metadata));
        said.ok_or(ErrorCode::InconsistentGroupProtocol)
    }

    fn admit_classic(&mut self, turn: &mut Turn<'_>, join: &Join, id: &MemberId) -> Result<(), ErrorCode> {
        let holder = join.instance.as_ref().map(|instance| self.statics.get(instance).cloned());
        match (holder, &join.member) {
            (Some(Some(old)), None) => self.replace(turn, &old, id),
            (Some(Some(old)), Some(member)) if old != *member => Err(ErrorCode::FencedInstanceId),
            (Some(None), Some(_)) => Err(ErrorCode::UnknownMemberId),
            _ => {
                let member = self.members.entry(id.clone()).or_insert_with(Member::joining);
                if member.current.is_away() {
                    member.current = member.current.succeeded();
                }
                Ok(())
            }
        }
    }

    fn joined(&self, id: &MemberId) -> Option<Joined> {
        let member = self.members.get(id)?;
        Some(Joined {
            generation: member.current.epoch,
            protocol_type: Arc::from(CONSUMER_PROTOCOL_TYPE),
            protocol: member.subscription.classic.as_ref()?.protocol()?.clone(),
            leader: MemberId::new(""),
            member: id.clone(),
            skip_assignment: false,
            members: Vec::new(),
        })
    }
}

impl Subscription {
    fn of_classic(join: Join, said: EmbeddedSubscription) -> Self {
        Self {
            instance: join.instance,
            rack: said.rack,
            client_id: join.client_id,
            client_host: join.client_host,
            rebalance_timeout: join.rebalance_timeout,
            topics: said.topics,
            pattern: None,
            assignor: None,
            classic: Some(ClassicSide { session_timeout: join.session_timeout, protocols: join.protocols }),
        }
    }
}
