//! For tests: what members do and tell, in words.

use std::collections::BTreeSet;

use headwater_model::{Monotonic, PartitionId, TopicName, TopicPartition};
use headwater_wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;

use super::{Effect, GroupEvent, GroupRequest, Membership, Ticket};
use crate::assignor::protocol::{decode_assignment, decode_subscription};

pub(super) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(super) fn topics(names: &[&str]) -> BTreeSet<TopicName> {
    names.iter().map(|name| topic(name)).collect()
}

pub(super) fn partitions(of: &[(&str, i32)]) -> Vec<TopicPartition> {
    of.iter().map(|(name, number)| TopicPartition::new(topic(name), PartitionId(*number))).collect()
}

fn listed<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> String {
    partitions.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Lets what is due happen; gives what is wanted, and keeps the ticket of the last that is answered.
pub(super) fn effects(membership: &mut dyn Membership, now: Monotonic, ticket: &mut Ticket) -> Vec<String> {
    membership.tick(now);
    let mut lines = Vec::new();
    for effect in membership.take_effects() {
        lines.push(match effect {
            Effect::Send(asked, request) => {
                *ticket = asked;
                sent(request)
            }
            Effect::Count(asked, topics) => {
                *ticket = asked;
                format!("count {topics:?}")
            }
            Effect::Resolve(asked, ids) => {
                *ticket = asked;
                format!("resolve {}", ids.len())
            }
            Effect::ForgetCoordinator => "forget the coordinator".into(),
            Effect::Start(partitions) => format!("start {}", listed(&partitions)),
            Effect::Freeze(partitions) => format!("freeze {}", listed(&partitions)),
            Effect::Stop(partitions) => format!("stop {}", listed(&partitions)),
        });
    }
    lines
}

fn sent(request: GroupRequest) -> String {
    match request {
        GroupRequest::Join(join) => {
            let told = decode_subscription(join.protocols[0].metadata.clone()).unwrap();
            let owned = match told.generation {
                Some(generation) if !told.owned.is_empty() => {
                    format!(" with {} of {generation}", listed(&told.owned))
                }
                _ => String::new(),
            };
            format!("join as {:?}{owned}", join.member_id)
        }
        GroupRequest::Sync(sync) => {
            let given = sync.assignments.into_iter().map(|given| {
                let partitions = decode_assignment(given.assignment).unwrap();
                format!(" {}={}", given.member_id, listed(&partitions))
            });
            format!("sync {}{}", sync.generation_id, given.collect::<String>())
        }
        GroupRequest::Heartbeat(beat) => format!("heartbeat {}", beat.generation_id),
        GroupRequest::Leave(leave) => format!("leave as {:?}", leave.member_id),
        GroupRequest::ConsumerHeartbeat(beat) => format!("heartbeat {}{}", beat.member_epoch, told(&beat)),
        GroupRequest::ConsumerLeave(leave) => format!("leave {}{}", leave.member_epoch, told(&leave)),
        other => unreachable!("not of a consumer: {other:?}"),
    }
}

/// What a heartbeat tells beside who sends it.
fn told(beat: &ConsumerGroupHeartbeatRequest) -> String {
    let within = Some(beat.rebalance_timeout_ms).filter(|timeout| *timeout >= 0);
    let owned = beat.topic_partitions.as_ref().map(|owned| {
        let numbers = owned.iter().flat_map(|topic| &topic.partitions).map(ToString::to_string);
        numbers.collect::<Vec<_>>().join(",")
    });
    let words = [
        within.map(|timeout| format!(" within {timeout}")),
        beat.rack_id.as_ref().map(|rack| format!(" at {rack}")),
        beat.server_assignor.as_ref().map(|assignor| format!(" by {assignor}")),
        beat.subscribed_topic_names.as_ref().map(|topics| format!(" wants [{}]", topics.join(","))),
        beat.subscribed_topic_regex.as_ref().map(|pattern| format!(" like {pattern:?}")),
        owned.map(|numbers| format!(" owns [{numbers}]")),
    ];
    words.into_iter().flatten().collect()
}

/// One poll of the application, and what it is told.
pub(super) fn poll(membership: &mut dyn Membership, now: Monotonic) -> Vec<String> {
    membership.poll_begins(now);
    let mut told = Vec::new();
    // An error that stays is told without end.
    while let Some(event) = membership.next_event() {
        told.push(match event {
            GroupEvent::Assigned(partitions) => format!("assigned {}", listed(&partitions)),
            GroupEvent::Revoked(partitions) => format!("revoked {}", listed(&partitions)),
            GroupEvent::Lost(partitions) => format!("lost {}", listed(&partitions)),
            GroupEvent::Failed(error) => {
                told.push(format!("failed: {error}"));
                break;
            }
        });
    }
    membership.poll_ends(now);
    told
}
