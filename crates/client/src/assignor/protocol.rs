//! The bytes by which members tell what they want and the leader tells what they get (Kafka's `ConsumerProtocol`).
//!
//! Two bytes of version, then the message. A newer version is read as the newest that we know, as Kafka's clients do:
//! fields are only ever added at the end. For the same reason older clients read what we write.

use std::collections::BTreeSet;

use bytes::Bytes;
use headwater_model::{PartitionId, TopicName, TopicPartition};
use headwater_wire::Message;
use headwater_wire::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition, ConsumerProtocolSubscription,
    ConsumerProtocolSubscriptionTopicPartition,
};
use headwater_wire::protocol::{DecodeError, Reader, Writer};

/// The protocol type of consumers' groups.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

/// The first version of a subscription that has all there is to say.
const SUBSCRIPTION_VERSION: i16 = 3;

/// No later version of an assignment says more.
const ASSIGNMENT_VERSION: i16 = 1;

/// What a member tells of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Subscription {
    /// What it wants.
    pub(crate) topics: BTreeSet<TopicName>,
    /// What it has, and keeps while it joins.
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// The generation that it was last a member of.
    pub(crate) generation: Option<i32>,
    /// Where it is.
    pub(crate) rack: Option<String>,
}

/// `user_data` is the assignor's own.
pub(crate) fn encode_subscription(subscription: &Subscription, user_data: Option<Bytes>) -> Bytes {
    let topics = subscription.topics.iter().map(|topic| topic.as_str().to_owned());
    let owned = by_topic(&subscription.owned).into_iter();
    let owned_partitions =
        owned.map(|(topic, partitions)| ConsumerProtocolSubscriptionTopicPartition { topic, partitions });
    let message = ConsumerProtocolSubscription {
        topics: topics.collect(),
        user_data,
        owned_partitions: owned_partitions.collect(),
        generation_id: subscription.generation.unwrap_or(-1),
        rack_id: subscription.rack.clone(),
    };
    encode(&message, SUBSCRIPTION_VERSION)
}

/// What a member tells; names that no topic can have are left out. Where its version has no generation, that is in the
/// user data if the group's assignor put it there (see [`encode_generation`]).
pub(crate) fn decode_subscription(bytes: Bytes) -> Result<Subscription, DecodeError> {
    let newest = *ConsumerProtocolSubscription::VERSIONS.end();
    let subscription: ConsumerProtocolSubscription = decode(bytes, newest)?;
    let generation = Some(subscription.generation_id).filter(|generation| *generation >= 0);
    let owned = subscription.owned_partitions.into_iter().map(|owned| (owned.topic, owned.partitions));
    Ok(Subscription {
        topics: subscription.topics.iter().filter_map(|name| TopicName::new(name).ok()).collect(),
        owned: flattened(owned),
        generation: generation.or_else(|| decode_generation(subscription.user_data)),
        rack: subscription.rack_id.filter(|rack| !rack.is_empty()),
    })
}

/// The user data by which Kafka's cooperative-sticky assignor tells a generation to leaders who know no field for it.
pub(crate) fn encode_generation(generation: Option<i32>) -> Bytes {
    Bytes::copy_from_slice(&generation.unwrap_or(-1).to_be_bytes())
}

fn decode_generation(user_data: Option<Bytes>) -> Option<i32> {
    let generation = Reader::new(user_data?).i32().ok();
    generation.filter(|generation| *generation >= 0)
}

pub(crate) fn encode_assignment(partitions: &[TopicPartition]) -> Bytes {
    let assigned = by_topic(partitions).into_iter();
    let assigned_partitions =
        assigned.map(|(topic, partitions)| ConsumerProtocolAssignmentTopicPartition { topic, partitions });
    let message = ConsumerProtocolAssignment {
        assigned_partitions: assigned_partitions.collect(),
        ..Default::default()
    };
    encode(&message, ASSIGNMENT_VERSION)
}

/// The partitions that a member gets, sorted.
pub(crate) fn decode_assignment(bytes: Bytes) -> Result<BTreeSet<TopicPartition>, DecodeError> {
    // A member that gets nothing may get no bytes at all.
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let newest = *ConsumerProtocolAssignment::VERSIONS.end();
    let assignment: ConsumerProtocolAssignment = decode(bytes, newest)?;
    let assigned = assignment.assigned_partitions.into_iter();
    Ok(flattened(assigned.map(|assigned| (assigned.topic, assigned.partitions))))
}

/// Neighbours of one topic together.
fn by_topic<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Vec<(String, Vec<i32>)> {
    let mut topics: Vec<(String, Vec<i32>)> = Vec::new();
    for at in partitions {
        match topics.last_mut().filter(|(last, _)| last == at.topic.as_str()) {
            Some((_, partitions)) => partitions.push(at.partition.0),
            None => topics.push((at.topic.as_str().to_owned(), vec![at.partition.0])),
        }
    }
    topics
}

fn flattened(topics: impl Iterator<Item = (String, Vec<i32>)>) -> BTreeSet<TopicPartition> {
    let mut partitions = BTreeSet::new();
    for (topic, of_topic) in topics {
        if let Ok(name) = TopicName::new(&topic) {
            let of_topic = of_topic.into_iter().map(PartitionId);
            partitions.extend(of_topic.map(|partition| TopicPartition::new(name.clone(), partition)));
        }
    }
    partitions
}

fn encode<T: Message>(message: &T, version: i16) -> Bytes {
    let mut w = Writer::new();
    w.put_i16(version);
    message.encode(&mut w, version);
    w.into_bytes()
}

fn decode<T: Message>(bytes: Bytes, newest: i16) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes);
    let version = r.i16()?;
    T::decode(&mut r, version.min(newest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(of: &[(&str, i32)]) -> BTreeSet<TopicPartition> {
        let partition = |(name, number): &(&str, i32)| {
            TopicPartition::new(TopicName::new(name).unwrap(), PartitionId(*number))
        };
        of.iter().map(partition).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let subscription = Subscription {
            topics: ["a", "b"].iter().map(|name| TopicName::new(name).unwrap()).collect(),
            owned: partitions(&[("a", 1), ("a", 3), ("b", 0)]),
            generation: Some(5),
            rack: Some("r".to_owned()),
        };
        let bytes = encode_subscription(&subscription, Some(encode_generation(Some(5))));
        assert_eq!(
            &bytes[..],
            b"\0\x03\0\0\0\x02\0\x01a\0\x01b\0\0\0\x04\0\0\0\x05\
              \0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\x01\0\0\0\x03\0\x01b\0\0\0\x01\0\0\0\0\
              \0\0\0\x05\0\x01r"
        );
        assert_eq!(decode_subscription(bytes), Ok(subscription));
        let nothing = Subscription::default();
        assert_eq!(decode_subscription(encode_subscription(&nothing, None)), Ok(nothing));
        let assigned = partitions(&[("a", 0), ("a", 2), ("b", 1)]);
        let bytes = encode_assignment(&assigned.iter().cloned().collect::<Vec<_>>());
        assert_eq!(
            &bytes[..],
            b"\0\x01\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x02\0\x01b\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff"
        );
        assert_eq!(decode_assignment(bytes), Ok(assigned));
    }

    #[test]
    fn the_generation_of_an_older_version_is_in_its_user_data() {
        let told = |bytes: &'static [u8]| {
            let subscription = decode_subscription(Bytes::from_static(bytes)).unwrap();
            (subscription.owned, subscription.generation)
        };
        let owned = partitions(&[("a", 7)]);
        let nothing = BTreeSet::new();
        // Before partitions were told; then with them; with a generation of nobody; with the field, which counts.
        assert_eq!(told(b"\0\0\0\0\0\x01\0\x01a\0\0\0\x04\0\0\0\x05"), (nothing, Some(5)));
        let v1 = b"\0\x01\0\0\0\x01\0\x01a\0\0\0\x04\0\0\0\x05\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\x07";
        assert_eq!(told(v1), (owned.clone(), Some(5)));
        let v1 = b"\0\x01\0\0\0\x01\0\x01a\0\0\0\x04\xff\xff\xff\xff\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\x07";
        assert_eq!(told(v1), (owned.clone(), None));
        let v1 = b"\0\x01\0\0\0\x01\0\x01a\xff\xff\xff\xff\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\x07";
        assert_eq!(told(v1), (owned.clone(), None));
        let v2 =
            b"\0\x02\0\0\0\x01\0\x01a\0\0\0\x04\0\0\0\x05\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\x07\0\0\0\x09";
        assert_eq!(told(v2), (owned, Some(9)));
    }

    #[test]
    fn a_newer_version_is_read_as_the_newest_known() {
        let newer = Bytes::from_static(b"\0\x63\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\x07\xff\xff\xff\xffmore");
        assert_eq!(decode_assignment(newer), Ok(partitions(&[("a", 7)])));
    }

    #[test]
    fn nothing_is_an_assignment_of_nothing_and_garbage_is_none() {
        assert_eq!(decode_assignment(Bytes::new()), Ok(BTreeSet::new()));
        assert!(decode_assignment(Bytes::from_static(b"\0\x01\x7f\xff\xff\xff")).is_err());
        assert!(decode_subscription(Bytes::from_static(b"\xff\xff")).is_err());
    }
}
