//! ListGroups and DescribeGroups: groups as seen from outside.

use std::sync::Arc;

use bytes::Bytes;

use crate::classic::{Classic, Member};
use crate::group::Kind;
use crate::{GroupId, GroupState, Groups, InstanceId, MemberId};

/// Which groups to list. An empty list lets everything pass; letter case does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListFilter {
    /// Names of states.
    pub states: Vec<String>,
    /// Names of group types: "classic", "consumer", "share", "streams".
    pub types: Vec<String>,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedGroup {
    /// The group.
    pub group: GroupId,
    /// Its kind; none if it never had members.
    pub protocol_type: Option<Arc<str>>,
    /// Its state.
    pub state: GroupState,
    /// Its type: "classic", "consumer", "share" or "streams".
    pub group_type: &'static str,
}

/// A group in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    /// The group.
    pub group: GroupId,
    /// Its state.
    pub state: GroupState,
    /// Its generation.
    pub generation: i32,
    /// Its kind; none if it never had members.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen protocol, while it is stable.
    pub protocol: Option<Arc<str>>,
    /// Its members, by id.
    pub members: Vec<DescribedMember>,
}

/// A member in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedMember {
    /// The member.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// What it said under the chosen protocol, while the group is stable.
    pub metadata: Bytes,
    /// What it works on, while the group is stable.
    pub assignment: Bytes,
}

impl Groups {
    /// The groups that pass the filter, by name.
    pub fn list(&self, filter: &ListFilter) -> Vec<ListedGroup> {
        let passes = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        self.groups
            .values()
            .map(|group| ListedGroup {
                group: group.id.clone(),
                protocol_type: group.protocol_type(),
                state: group.state(),
                group_type: group.kind.name(),
            })
            .filter(|listed| passes(&filter.states, &listed.state.to_string()))
            .filter(|listed| passes(&filter.types, listed.group_type))
            .collect()
    }

    /// A classic group in detail. None if there is no group of that name, or it is of another kind.
    pub fn describe(&self, group: &GroupId) -> Option<DescribedGroup> {
        let Kind::Classic(classic) = &self.groups.get(group)?.kind else {
            return None;
        };
        let stable = classic.state() == GroupState::Stable;
        Some(DescribedGroup {
            group: group.clone(),
            state: classic.state(),
            generation: classic.generation(),
            protocol_type: classic.protocol_type().cloned(),
            protocol: classic.protocol().filter(|_| stable).cloned(),
            members: describe_members(classic, stable),
        })
    }
}

fn describe_members(classic: &Classic, stable: bool) -> Vec<DescribedMember> {
    let protocol = classic.protocol().filter(|_| stable);
    let described = |(id, member): (&MemberId, &Member)| DescribedMember {
        member: id.clone(),
        instance: member.instance.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: protocol.and_then(|protocol| member.metadata(protocol).cloned()).unwrap_or_default(),
        assignment: if stable { member.assignment.clone() } else { Bytes::new() },
    };
    classic.members().map(described).collect()
}
