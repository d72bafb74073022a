//! A group at rest, to its record and back.

use headwater_model::Monotonic;

use crate::classic::{Classic, Member, Phase, Protocol};
use crate::effects::Turn;
use crate::{Change, MemberId, StoredGroup, StoredMember};

impl Classic {
    /// Records the group as it is.
    pub(super) fn store(&mut self, turn: &mut Turn<'_>) {
        self.stored = true;
        turn.record(Change::GroupStored(self.to_stored()));
    }

    fn to_stored(&self) -> StoredGroup {
        let stored = |(id, member): (&MemberId, &Member)| StoredMember {
            member: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout,
            session_timeout: member.session_timeout,
            metadata: self
                .protocol
                .as_ref()
                .and_then(|protocol| member.metadata(protocol).cloned())
                .unwrap_or_default(),
            assignment: member.assignment.clone(),
        };
        StoredGroup {
            group: self.id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| "".into()),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_since: self.state_since,
            members: self.members.iter().map(stored).collect(),
        }
    }

    /// The group that a record tells of. Sessions begin with [`Classic::loaded`].
    pub(crate) fn from_stored(stored: StoredGroup) -> Self {
        let mut group = Self::new(stored.group);
        group.stored = true;
        group.generation = stored.generation;
        group.state_since = stored.state_since;
        if !stored.protocol_type.is_empty() {
            group.protocol_type = Some(stored.protocol_type);
        }
        if stored.members.is_empty() {
            return group;
        }
        group.phase = Phase::Stable;
        let protocol = stored.protocol.unwrap_or_else(|| "".into());
        for member in stored.members {
            if let Some(instance) = &member.instance {
                group.statics.insert(instance.clone(), member.member.clone());
            }
            let restored = Member {
                instance: member.instance,
                client_id: member.client_id,
                client_host: member.client_host,
                rebalance_timeout: member.rebalance_timeout,
                session_timeout: member.session_timeout,
                protocols: vec![Protocol { name: protocol.clone(), metadata: member.metadata }],
                assignment: member.assignment,
                is_new: false,
                session_until: Monotonic::ORIGIN,
                joining: None,
                syncing: None,
            };
            group.members.insert(member.member, restored);
        }
        group.protocol = Some(protocol);
        let leader = stored.leader.filter(|leader| group.members.contains_key(leader));
        group.leader = leader.or_else(|| group.members.keys().next().cloned());
        group
    }

    /// The log has been replayed: members have a whole session to be heard of.
    pub(crate) fn loaded(&mut self, now: Monotonic) {
        for member in self.members.values_mut() {
            member.renew_session(now);
        }
    }
}
