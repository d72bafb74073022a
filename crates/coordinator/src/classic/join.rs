//! JoinGroup: become a member, or come back for the next generation.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode};

use crate::classic::{Classic, Member, Phase, Protocol};
use crate::effects::Turn;
use crate::{GroupId, GroupsConfig, InstanceId, JoinRefused, Joined, JoinedMember, MemberId, Reply, Token};

/// Clients know a handful of protocols; all are compared with everybody's.
const MAX_PROTOCOLS: usize = 100;

/// A request to join a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// The group.
    pub group: GroupId,
    /// The member's id, if it has one.
    pub member: Option<MemberId>,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// How long a rebalance may wait for it.
    pub rebalance_timeout: Duration,
    /// The kind of group: "consumer", "connect", ...
    pub protocol_type: String,
    /// The protocols that it supports, the preferred one first.
    pub protocols: Vec<Protocol>,
    /// A new dynamic member is first given its id, and joins with it (from version 4; KIP-394).
    pub requires_known_member: bool,
    /// A static leader that comes back can be told to keep the standing assignment (from version 9; KIP-814).
    pub can_skip_assignment: bool,
}

impl Join {
    /// What can be said without looking at the group.
    pub(crate) fn check(&self, config: &GroupsConfig) -> Result<(), ErrorCode> {
        let sessions = config.min_session_timeout..=config.max_session_timeout;
        let said = |protocol: &Protocol| protocol.name.len() + protocol.metadata.len();
        if !self.group.is_legal() {
            Err(ErrorCode::InvalidGroupId)
        } else if self.protocols.len() > MAX_PROTOCOLS {
            Err(ErrorCode::InvalidRequest)
        } else if !sessions.contains(&self.session_timeout) {
            Err(ErrorCode::InvalidSessionTimeout)
        } else if self.protocol_type.is_empty() || self.protocols.is_empty() {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else if self.protocols.iter().map(said).sum::<usize>() > config.max_member_metadata_bytes {
            Err(ErrorCode::InvalidRequest)
        } else {
            Ok(())
        }
    }
}

impl Classic {
    /// Answers `token` now, or when the group's next generation begins.
    pub(crate) fn join(&mut self, turn: &mut Turn<'_>, entropy: &mut Entropy, token: Token, join: Join) {
        let member = join.member.clone();
        let refused = if !self.has_room(member.as_ref(), turn.config) {
            if let Some(member) = &member {
                self.announced.remove(member);
            }
            Err(ErrorCode::GroupMaxSizeReached)
        } else if !self.fits(&join) {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else {
            match member.clone() {
                None => {
                    self.join_anew(turn, entropy, token, join);
                    Ok(())
                }
                Some(member) => self.join_again(turn, token, member, join),
            }
        };
        if let Err(error) = refused {
            turn.refuse_join(token, error, member);
        }
        // The chance is taken even after a refusal: the announced member that was refused may have been the last
        // one waited for.
        self.begin_generation_if_all_joined(turn);
    }

    fn has_room(&self, member: Option<&MemberId>, config: &GroupsConfig) -> bool {
        let known = member.and_then(|member| self.members.get(member));
        match self.phase {
            Phase::Empty => true,
            // A full group that rebalances takes whoever comes first.
            Phase::Preparing { .. } => {
                let joining = self.members.values().filter(|member| member.joining.is_some());
                known.is_some_and(|known| known.joining.is_some()) || joining.count() < config.max_group_size
            }
            Phase::Completing | Phase::Stable => {
                known.is_some() || self.members.len() < config.max_group_size
            }
        }
    }

    /// Whether the group, with this member in it, would have a protocol that all support.
    fn fits(&self, join: &Join) -> bool {
        if self.members.is_empty() {
            return true;
        }
        let supported_by_all =
            |protocol: &Protocol| self.members.values().all(|member| member.supports(&protocol.name));
        self.protocol_type.as_deref() == Some(&*join.protocol_type)
            && join.protocols.iter().any(supported_by_all)
    }

    fn join_anew(&mut self, turn: &mut Turn<'_>, entropy: &mut Entropy, token: Token, join: Join) {
        let member = new_member_id(&join, entropy);
        match join.instance.as_ref().and_then(|instance| self.statics.get(instance)) {
            Some(old) => {
                let old = old.clone();
                self.replace_static_member(turn, token, &old, &member, join);
            }
            None if join.instance.is_none() && join.requires_known_member => {
                if self.announced.len() >= turn.config.max_group_size {
                    turn.refuse_join(token, ErrorCode::GroupMaxSizeReached, None);
                    return;
                }
                let until = turn.now.monotonic + join.session_timeout;
                self.announced.insert(member.clone(), until);
                turn.refuse_join(token, ErrorCode::MemberIdRequired, Some(member));
            }
            None => self.add_member(turn, token, member, join),
        }
    }

    fn join_again(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        member: MemberId,
        join: Join,
    ) -> Result<(), ErrorCode> {
        if join.instance.is_none() && self.announced.remove(&member).is_some() {
            self.add_member(turn, token, member, join);
            return Ok(());
        }
        self.current_member(&member, join.instance.as_ref())?;
        let unchanged = self.members.get(&member).is_some_and(|known| known.protocols == join.protocols);
        let is_leader = self.leader.as_ref() == Some(&member);
        match self.phase {
            Phase::Empty => return Err(ErrorCode::UnknownMemberId),
            // It did not get the answer, or asks twice: the generation stands.
            Phase::Completing if unchanged => self.answer_join(turn, token, &member, is_leader, false),
            Phase::Stable if unchanged && !is_leader => {
                self.answer_join(turn, token, &member, false, false);
            }
            // The leader rejoins a stable group in order to assign anew.
            Phase::Preparing { .. } | Phase::Completing | Phase::Stable => {
                if let Some(known) = self.members.get_mut(&member) {
                    known.update(join);
                    let superseded = known.joining.replace(token);
                    if let Some(superseded) = superseded {
                        turn.refuse_join(superseded, ErrorCode::RebalanceInProgress, Some(member));
                    }
                }
                self.rebalance(turn);
            }
        }
        Ok(())
    }

    fn add_member(&mut self, turn: &mut Turn<'_>, token: Token, id: MemberId, join: Join) {
        if let Phase::Preparing { initial: Some(initial), .. } = &mut self.phase {
            initial.newcomer = true;
        }
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::from(&*join.protocol_type));
        }
        if let Some(instance) = &join.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let until = turn.now.monotonic + turn.config.new_member_join_timeout;
        self.members.insert(id, Member::joining(join, token, until));
        self.rebalance(turn);
    }

    /// Answers a join with the generation as it stands.
    pub(super) fn answer_join(
        &self,
        turn: &mut Turn<'_>,
        token: Token,
        member: &MemberId,
        with_members: bool,
        skip_assignment: bool,
    ) {
        let (Some(protocol_type), Some(protocol), Some(leader)) =
            (&self.protocol_type, &self.protocol, &self.leader)
        else {
            turn.reply(
                token,
                Reply::Join(Err(JoinRefused {
                    error: ErrorCode::UnknownMemberId,
                    member: Some(member.clone()),
                })),
            );
            return;
        };
        turn.reply(
            token,
            Reply::Join(Ok(Joined {
                generation: self.generation,
                protocol_type: protocol_type.clone(),
                protocol: protocol.clone(),
                leader: leader.clone(),
                member: member.clone(),
                skip_assignment,
                members: if with_members { self.joined_members(protocol) } else { Vec::new() },
            })),
        );
    }

    fn joined_members(&self, protocol: &str) -> Vec<JoinedMember> {
        let joined = |(id, member): (&MemberId, &Member)| JoinedMember {
            member: id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol).cloned().unwrap_or_default(),
        };
        self.members.iter().map(joined).collect()
    }

    /// The protocol that most members prefer among those that all support; of equals the first by name.
    pub(super) fn elect_protocol(&self) -> Option<Arc<str>> {
        let mut members = self.members.values();
        let first = members.next()?;
        let mut candidates: BTreeSet<&Arc<str>> =
            first.protocols.iter().map(|protocol| &protocol.name).collect();
        for member in members {
            candidates.retain(|candidate| member.supports(candidate));
        }
        let votes_for = |candidate: &Arc<str>| {
            let vote = |member: &&Member| {
                let preferred = member.protocols.iter().map(|protocol| &protocol.name);
                preferred.into_iter().find(|name| candidates.contains(name)) == Some(candidate)
            };
            self.members.values().filter(vote).count()
        };
        let elected = candidates.iter().rev().max_by_key(|candidate| votes_for(candidate))?;
        Some(Arc::clone(elected))
    }
}

/// The id of a member that joins without one.
pub(crate) fn new_member_id(join: &Join, entropy: &mut Entropy) -> MemberId {
    let prefix = join.instance.as_ref().map_or(&*join.client_id, InstanceId::as_str);
    MemberId::from(format!("{prefix}-{}", hyphenated(entropy)))
}

/// A random UUID in its usual form, as Kafka's member ids end.
fn hyphenated(entropy: &mut Entropy) -> String {
    let uuid = u128::from_be_bytes(*entropy.uuid().as_bytes());
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        uuid >> 96,
        (uuid >> 80) & 0xffff,
        (uuid >> 64) & 0xffff,
        (uuid >> 48) & 0xffff,
        uuid & 0xffff_ffff_ffff
    )
}
