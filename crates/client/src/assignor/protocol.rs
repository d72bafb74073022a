//! The bytes by which members tell what they want and the leader tells what they get (Kafka's `ConsumerProtocol`).
//!
//! Two bytes of version, then the message. A newer version is read as the newest that we know, as Kafka's clients do:
//! fields are only ever added at the end.

use std::collections::BTreeSet;

use bytes::Bytes;
use headwater_model::{PartitionId, TopicName, TopicPartition};
use headwater_wire::Message;
use headwater_wire::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition, ConsumerProtocolSubscription,
};
use headwater_wire::protocol::{Chunk, DecodeError, Reader, Writer};

/// The protocol type of consumers' groups.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

/// We own nothing while we join, and have no rack to tell of: version 1 says all there is.
const WRITTEN_VERSION: i16 = 1;

pub(crate) fn encode_subscription(topics: &BTreeSet<TopicName>) -> Bytes {
    let topics = topics.iter().map(|topic| topic.as_str().to_owned()).collect();
    encode(&ConsumerProtocolSubscription { topics, ..Default::default() })
}

/// The topics that a member wants; names that no topic can have are left out.
pub(crate) fn decode_subscription(bytes: Bytes) -> Result<BTreeSet<TopicName>, DecodeError> {
    let newest = *ConsumerProtocolSubscription::VERSIONS.end();
    let subscription: ConsumerProtocolSubscription = decode(bytes, newest)?;
    Ok(subscription.topics.iter().filter_map(|name| TopicName::new(name).ok()).collect())
}

pub(crate) fn encode_assignment(partitions: &[TopicPartition]) -> Bytes {
    let mut assignment = ConsumerProtocolAssignment::default();
    for partition in partitions {
        let topics = &mut assignment.assigned_partitions;
        match topics.last_mut().filter(|last| last.topic == partition.topic.as_str()) {
            Some(last) => last.partitions.push(partition.partition.0),
            None => topics.push(ConsumerProtocolAssignmentTopicPartition {
                topic: partition.topic.as_str().to_owned(),
                partitions: vec![partition.partition.0],
            }),
        }
    }
    encode(&assignment)
}

/// The partitions that a member gets, sorted.
pub(crate) fn decode_assignment(bytes: Bytes) -> Result<BTreeSet<TopicPartition>, DecodeError> {
    // A member that gets nothing may get no bytes at all.
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let newest = *ConsumerProtocolAssignment::VERSIONS.end();
    let assignment: ConsumerProtocolAssignment = decode(bytes, newest)?;
    let mut partitions = BTreeSet::new();
    for topic in assignment.assigned_partitions {
        if let Ok(name) = TopicName::new(&topic.topic) {
            let of_topic = topic.partitions.into_iter().map(PartitionId);
            partitions.extend(of_topic.map(|partition| TopicPartition::new(name.clone(), partition)));
        }
    }
    Ok(partitions)
}

fn encode<T: Message>(message: &T) -> Bytes {
    let mut w = Writer::new();
    w.put_i16(WRITTEN_VERSION);
    message.encode(&mut w, WRITTEN_VERSION);
    let bytes = w.finish().into_iter().find_map(|chunk| match chunk {
        Chunk::Bytes(bytes) => Some(bytes),
        Chunk::File(_) => None,
    });
    bytes.unwrap_or_default()
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
        let topics: BTreeSet<_> = ["a", "b"].iter().map(|name| TopicName::new(name).unwrap()).collect();
        assert_eq!(decode_subscription(encode_subscription(&topics)), Ok(topics));
        let assigned = partitions(&[("a", 0), ("a", 2), ("b", 1)]);
        let bytes = encode_assignment(&assigned.iter().cloned().collect::<Vec<_>>());
        assert_eq!(
            &bytes[..],
            b"\0\x01\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x02\0\x01b\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff"
        );
        assert_eq!(decode_assignment(bytes), Ok(assigned));
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
