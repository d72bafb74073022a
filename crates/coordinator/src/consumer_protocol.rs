//! What members of the classic protocol say to each other within opaque bytes, if they are Kafka consumers: their
//! subscriptions, and the assignments that the leader makes (Kafka's ConsumerProtocolSubscription and
//! ConsumerProtocolAssignment).
//!
//! Invariant: nothing is reserved by a count that was read. What follows the fields that are known is ignored.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};
use headwater_model::PartitionId;

use crate::{Partitions, Topics};

/// The newest version of an assignment.
const NEWEST: i16 = 3;

/// A subscription.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EmbeddedSubscription {
    pub(crate) version: i16,
    pub(crate) topics: BTreeSet<String>,
    /// What the member has not given back, topics by name; nothing before version 1.
    owned: Vec<(String, Vec<i32>)>,
    /// From version 3.
    pub(crate) rack: Option<String>,
}

impl EmbeddedSubscription {
    /// None if it cannot be read.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let version = input.i16()?;
        let topics = input.array(Input::string)?;
        input.skip_bytes()?;
        let owned = if version >= 1 { input.array(Input::topic)? } else { Vec::new() };
        let _generation = if version >= 2 { input.i32()? } else { -1 };
        let rack = if version >= 3 { input.string() } else { None };
        Some(Self { version, topics: topics.into_iter().collect(), owned, rack })
    }

    /// What the member has not given back, of topics that exist.
    pub(crate) fn owned(&self, topics: &Topics) -> Partitions {
        by_id(&self.owned, topics)
    }
}

/// The partitions of an assignment, of topics that exist. None if it cannot be read; nothing at all is the assignment of a
/// member that has none yet.
pub(crate) fn parse_assignment(bytes: &[u8], topics: &Topics) -> Option<Partitions> {
    if bytes.is_empty() {
        return Some(Partitions::new());
    }
    let mut input = Input(bytes);
    let _version = input.i16()?;
    Some(by_id(&input.array(Input::topic)?, topics))
}

/// An assignment in a version, or the newest known one before that.
pub(crate) fn encode_assignment(version: i16, partitions: &Partitions, topics: &Topics) -> Bytes {
    let named: Vec<_> = partitions
        .by_topic()
        .filter_map(|(topic, partitions)| Some((topics.name(topic)?, partitions)))
        .collect();
    let mut bytes = BytesMut::new();
    bytes.put_i16(version.clamp(0, NEWEST));
    bytes.put_i32(named.len() as i32);
    for (name, partitions) in named {
        bytes.put_i16(name.as_str().len() as i16);
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_i32(partitions.len() as i32);
        for partition in partitions {
            bytes.put_i32(partition.0);
        }
    }
    // No user data.
    bytes.put_i32(-1);
    bytes.freeze()
}

fn by_id(named: &[(String, Vec<i32>)], topics: &Topics) -> Partitions {
    let known = named.iter().filter_map(|(name, partitions)| Some((topics.get(name)?, partitions)));
    known
        .flat_map(|(topic, partitions)| {
            let exists = |number: &&i32| (0..topic.partitions).contains(*number);
            partitions.iter().filter(exists).map(|number| (topic.id, PartitionId(*number)))
        })
        .collect()
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A text; one that is null, or not there, is none.
    fn string(&mut self) -> Option<String> {
        let length = usize::try_from(self.i16()?).ok()?;
        Some(std::str::from_utf8(self.take(length)?).ok()?.to_owned())
    }

    /// Bytes that may be null.
    fn skip_bytes(&mut self) -> Option<()> {
        let length = usize::try_from(self.i32()?).unwrap_or(0);
        self.take(length).map(drop)
    }

    fn array<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        for _ in 0..self.i32()? {
            all.push(one(self)?);
        }
        Some(all)
    }

    fn topic(&mut self) -> Option<(String, Vec<i32>)> {
        Some((self.string()?, self.array(Self::i32)?))
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::{TopicName, Uuid};

    use super::*;
    use crate::Topic;

    fn topics() -> Topics {
        let topic = Topic { id: Uuid::from_u64_pair(0, 1), partitions: 3 };
        [(TopicName::new("t").unwrap(), topic)].into_iter().collect()
    }

    fn of_t(numbers: &[i32]) -> Partitions {
        numbers.iter().map(|number| (Uuid::from_u64_pair(0, 1), PartitionId(*number))).collect()
    }

    #[test]
    fn subscriptions_of_each_version_are_read() {
        let body = b"\0\0\0\x01\0\x01t\xff\xff\xff\xff";
        let owned = b"\0\0\0\x02\0\x01t\0\0\0\x02\0\0\0\x01\0\0\0\x09\0\x01x\0\0\0\x01\0\0\0\0";
        let old = EmbeddedSubscription::parse(&[b"\0\0", &body[..]].concat()).unwrap();
        assert_eq!((old.version, old.topics.len(), old.owned(&topics())), (0, 1, of_t(&[])));
        let bytes = [b"\0\x03", &body[..], &owned[..], b"\0\0\0\x07\0\x02eu and more"].concat();
        let new = EmbeddedSubscription::parse(&bytes).unwrap();
        assert_eq!((new.version, new.rack.as_deref()), (3, Some("eu")));
        assert_eq!(new.owned(&topics()), of_t(&[1]), "what does not exist is not owned");
    }

    #[test]
    fn what_is_no_subscription_is_not_taken_for_one() {
        for bytes in [
            &b""[..],
            b"\0\0",
            b"\0\0\x7f\xff\xff\xff",
            b"\0\x01\0\0\0\0\xff\xff\xff\xff",
            b"\0\0\0\0\0\x01\0\x05a",
        ] {
            assert_eq!(EmbeddedSubscription::parse(bytes), None);
        }
    }

    #[test]
    fn assignments_are_read_as_they_were_written() {
        let partitions = of_t(&[0, 2]);
        let bytes = encode_assignment(1, &partitions, &topics());
        assert_eq!(&*bytes, b"\0\x01\0\0\0\x01\0\x01t\0\0\0\x02\0\0\0\0\0\0\0\x02\xff\xff\xff\xff");
        assert_eq!(parse_assignment(&bytes, &topics()), Some(partitions));
        assert_eq!(parse_assignment(b"", &topics()), Some(Partitions::new()));
        assert_eq!(parse_assignment(b"all", &topics()), None);
    }
}
