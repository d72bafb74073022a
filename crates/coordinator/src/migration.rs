//! Groups with members change their kind: a classic group of Kafka consumers, when the first member of the newer protocol
//! joins it; and back, when the last has gone (KIP-848, "Migration"; Kafka's bidirectional migration policy).
//!
//! Invariants: the new kind's epoch is greater than the old one's, and its decisive record comes last, so that a log that
//! ends in the midst of a conversion tells of a group of the old kind. Members keep their ids, their partitions and, until
//! they join again, their generations.

use std::collections::BTreeSet;

use headwater_model::{Entropy, ErrorCode};

use crate::classic::{CONSUMER_PROTOCOL_TYPE, Classic};
use crate::consumer::{Consumer, Subscription};
use crate::consumer_protocol::{EmbeddedSubscription, encode_assignment, parse_assignment};
use crate::effects::Turn;
use crate::group::{Group, Kind};
use crate::{ClassicSide, Current, Join, Leaver, MemberId, Partitions, Reply, Token, Topics};

impl Group {
    /// A classic group becomes a consumer group with its members. None if it has others than Kafka consumers; then
    /// nothing has changed.
    pub(crate) fn convert_to_consumer(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
    ) -> Option<&mut Consumer> {
        let Kind::Classic(classic) = &mut self.kind else {
            return None;
        };
        let members = members_of_classic(classic, topics)?;
        classic.fail_pending(turn, ErrorCode::RebalanceInProgress);
        self.former.classic |= classic.is_stored();
        let stored = self.former.consumer.is_some();
        let mut consumer = Consumer::beginning_after(self.id.clone(), classic.generation(), stored);
        self.former.forget_consumer(&self.id, turn, false);
        consumer.take_over(turn, topics, members);
        self.kind = Kind::Consumer(consumer);
        self.consumer()
    }

    /// A member of the classic protocol joins a consumer group.
    pub(crate) fn classic_join(
        &mut self,
        turn: &mut Turn<'_>,
        entropy: &mut Entropy,
        topics: &Topics,
        token: Token,
        join: Join,
    ) {
        let Some(consumer) = self.consumer() else {
            // A group of another kind, with members.
            turn.refuse_join(token, ErrorCode::InconsistentGroupProtocol, join.member);
            return;
        };
        let outcome = consumer.classic_join(turn, entropy, topics, join);
        turn.reply(token, Reply::Join(outcome));
        self.become_classic_if_all_are(turn, topics);
    }

    /// Members of the classic protocol leave a consumer group.
    pub(crate) fn classic_leave(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &Topics,
        leavers: &[Leaver],
    ) -> Vec<ErrorCode> {
        let outcomes =
            self.consumer().map(|consumer| consumer.classic_leave(turn, topics, leavers)).unwrap_or_default();
        self.become_classic_if_all_are(turn, topics);
        outcomes
    }

    /// A consumer group whose members all speak the classic protocol becomes a classic group, which rebalances.
    pub(crate) fn become_classic_if_all_are(&mut self, turn: &mut Turn<'_>, topics: &Topics) {
        let Kind::Consumer(consumer) = &self.kind else {
            return;
        };
        if consumer.is_empty() || !consumer.is_all_classic() {
            return;
        }
        let mut classic = Classic::beginning_after(self.id.clone(), consumer.epoch(), true);
        for (id, subscription, current) in consumer.classic_members() {
            let Some(said) = subscription.classic.clone() else {
                continue;
            };
            let preferred = said.protocols.first();
            let said_by = preferred.and_then(|protocol| EmbeddedSubscription::parse(&protocol.metadata));
            let version = said_by.map_or(0, |said| said.version);
            let assignment = encode_assignment(version, &current.assigned, topics);
            classic.take_in(turn.now.monotonic, id, current.epoch, subscription, said, assignment);
        }
        if !classic.fits_as_it_is(turn.config) {
            return;
        }
        if consumer.is_stored() {
            self.former.consumer = Some(consumer.classic_members().map(|(id, ..)| id.clone()).collect());
        }
        self.former.classic = false;
        classic.begin_with_those_taken_in(turn, CONSUMER_PROTOCOL_TYPE);
        self.kind = Kind::Classic(classic);
    }
}

/// The members of a classic group, with what they say and work on. None if one is no Kafka consumer.
fn members_of_classic(
    classic: &Classic,
    topics: &Topics,
) -> Option<Vec<(MemberId, Subscription, Partitions)>> {
    if !classic.is_consumer_group() {
        return None;
    }
    let mut seen: BTreeSet<_> = BTreeSet::new();
    let mut members = Vec::new();
    for (id, member) in classic.members() {
        let chosen = classic.protocol().and_then(|protocol| member.metadata(protocol));
        let metadata = chosen.or_else(|| member.protocols.first().map(|protocol| &protocol.metadata))?;
        let said = EmbeddedSubscription::parse(metadata)?;
        let assigned = parse_assignment(&member.assignment, topics)?;
        // A leader may have given a partition to two; here one has it.
        let assigned = assigned.iter().filter(|partition| seen.insert(*partition)).collect();
        let subscription = Subscription {
            instance: member.instance.clone(),
            rack: said.rack,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout,
            topics: said.topics,
            pattern: None,
            assignor: None,
            classic: Some(ClassicSide {
                session_timeout: member.session_timeout,
                protocols: member.protocols.clone(),
            }),
        };
        members.push((id.clone(), subscription, assigned));
    }
    Some(members)
}

impl Current {
    /// Of a member that has worked on these in a classic group.
    pub(crate) fn taken_over(epoch: i32, assigned: Partitions) -> Self {
        Self { epoch, previous_epoch: epoch, assigned, ..Self::joining() }
    }
}
