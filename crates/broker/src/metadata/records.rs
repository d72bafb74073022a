//! How the events of `__headwater_metadata` are written: one event is the value of one record, without key.
//!
//! ```text
//! value := format:int8 (1)  kind:int8  body
//!
//! kind  body
//!    0  cluster created        cluster_id:uuid
//!    1  broker started         leader_epoch:int32
//!    2  topic created          topic_id:uuid name:string partitions:int32 internal:bool settings:[name:string value:string]
//!    3  topic deleted          topic_id:uuid
//!    4  producer ids reserved  next:int64               (ids below it may have been given away)
//!    5  topic grown            topic_id:uuid partitions:int32   (the new number of all)
//!    6  topic altered          topic_id:uuid settings:[name:string value:string]   (all of its own, instead of those before)
//!    7  group altered          group:string settings:[name:string value:string]    (the same)
//! ```
//!
//! The primitives are those of Kafka's flexible messages (compact strings and arrays). Each body ends with a section of
//! tagged fields, so that fields can be added which an older version skips. The record's timestamp says when.
//!
//! Invariants: an unknown kind or format, or a number that no broker can have written, is an error, never skipped, since
//! the state would silently differ.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_model::{LeaderEpoch, TopicName, Uuid};
use headwater_wire::protocol::{DecodeError, Reader, Writer};

const FORMAT: i8 = 1;
/// No topic can be given more partitions, whatever the limits that are configured.
pub(crate) const MOST_PARTITIONS: i32 = 10_000;

/// Something that happened to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    ClusterCreated { cluster_id: Uuid },
    BrokerStarted { leader_epoch: LeaderEpoch },
    TopicCreated(TopicCreated),
    TopicDeleted { topic_id: Uuid },
    ProducerIdsReserved { next: i64 },
    TopicGrown { topic_id: Uuid, partitions: i32 },
    TopicAltered { topic_id: Uuid, settings: Settings },
    GroupAltered { group: String, settings: Settings },
}

/// The own settings of a topic or a group, by Kafka's names.
pub(crate) type Settings = BTreeMap<String, String>;

/// A topic as it was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicCreated {
    pub(crate) topic_id: Uuid,
    pub(crate) name: TopicName,
    pub(crate) partitions: i32,
    /// True for topics that the broker made for itself.
    pub(crate) internal: bool,
    pub(crate) settings: Settings,
}

/// Why an event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The record has no value.
    #[error("a record of the metadata log has no value")]
    NoValue,
    /// Written by another version of Headwater.
    #[error(
        "the metadata log has an event of format {format}, kind {kind}, which this version does not know: \
         it was written by a newer version"
    )]
    Unknown {
        /// Its format.
        format: i8,
        /// Its kind.
        kind: i8,
    },
    /// The bytes are no event.
    #[error("an event of the metadata log is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A number is out of its bounds.
    #[error("an event of the metadata log has {value} for its {what}, which no broker has written")]
    Impossible {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: i64,
    },
    /// The topic's name is illegal.
    #[error("the metadata log names an illegal topic: {0}")]
    Name(#[from] headwater_model::InvalidName),
}

impl Event {
    /// The value of the event's record.
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new();
        w.put_i8(FORMAT);
        match self {
            Self::ClusterCreated { cluster_id } => {
                w.put_i8(0);
                w.put_uuid(*cluster_id);
            }
            Self::BrokerStarted { leader_epoch } => {
                w.put_i8(1);
                w.put_i32(leader_epoch.0);
            }
            Self::TopicCreated(topic) => {
                w.put_i8(2);
                w.put_uuid(topic.topic_id);
                w.put_string(topic.name.as_str(), true);
                w.put_i32(topic.partitions);
                w.put_bool(topic.internal);
                put_settings(&mut w, &topic.settings);
            }
            Self::TopicDeleted { topic_id } => {
                w.put_i8(3);
                w.put_uuid(*topic_id);
            }
            Self::ProducerIdsReserved { next } => {
                w.put_i8(4);
                w.put_i64(*next);
            }
            Self::TopicGrown { topic_id, partitions } => {
                w.put_i8(5);
                w.put_uuid(*topic_id);
                w.put_i32(*partitions);
            }
            Self::TopicAltered { topic_id, settings } => {
                w.put_i8(6);
                w.put_uuid(*topic_id);
                put_settings(&mut w, settings);
            }
            Self::GroupAltered { group, settings } => {
                w.put_i8(7);
                w.put_string(group, true);
                put_settings(&mut w, settings);
            }
        }
        w.put_no_tagged();
        w.into_bytes()
    }

    /// The event of a record's value.
    pub(crate) fn decode(value: Bytes) -> Result<Self, EventError> {
        let mut r = Reader::new(value);
        let (format, kind) = (r.i8()?, r.i8()?);
        let event = match (format, kind) {
            (FORMAT, 0) => Self::ClusterCreated { cluster_id: r.uuid()? },
            (FORMAT, 1) => Self::BrokerStarted { leader_epoch: leader_epoch(&mut r)? },
            (FORMAT, 2) => Self::TopicCreated(TopicCreated {
                topic_id: r.uuid()?,
                name: TopicName::new(&r.string(true)?)?,
                partitions: partitions(&mut r)?,
                internal: r.bool()?,
                settings: settings(&mut r)?,
            }),
            (FORMAT, 3) => Self::TopicDeleted { topic_id: r.uuid()? },
            (FORMAT, 4) => Self::ProducerIdsReserved { next: producer_id(&mut r)? },
            (FORMAT, 5) => Self::TopicGrown { topic_id: r.uuid()?, partitions: partitions(&mut r)? },
            (FORMAT, 6) => Self::TopicAltered { topic_id: r.uuid()?, settings: settings(&mut r)? },
            (FORMAT, 7) => Self::GroupAltered { group: r.string(true)?, settings: settings(&mut r)? },
            _ => return Err(EventError::Unknown { format, kind }),
        };
        r.skip_tagged()?;
        r.finish()?;
        Ok(event)
    }
}

fn put_settings(w: &mut Writer, settings: &Settings) {
    let settings: Vec<_> = settings.iter().collect();
    w.put_array(&settings, true, |w, (name, value)| {
        w.put_string(name, true);
        w.put_string(value, true);
    });
}

fn leader_epoch(r: &mut Reader) -> Result<LeaderEpoch, EventError> {
    bounded("leader epoch", r.i32()?, 0, i32::MAX - 1).map(LeaderEpoch)
}

fn partitions(r: &mut Reader) -> Result<i32, EventError> {
    bounded("partitions", r.i32()?, 1, MOST_PARTITIONS)
}

fn producer_id(r: &mut Reader) -> Result<i64, EventError> {
    bounded("producer id", r.i64()?, 0, i64::MAX / 2)
}

fn bounded<T: Copy + PartialOrd + Into<i64>>(
    what: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<T, EventError> {
    if value < least || value > most {
        Err(EventError::Impossible { what, value: value.into() })
    } else {
        Ok(value)
    }
}

fn settings(r: &mut Reader) -> Result<Settings, DecodeError> {
    Ok(r.array(true, 2, |r| Ok((r.string(true)?, r.string(true)?)))?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events() -> impl Strategy<Value = Event> {
        let uuid = any::<(u64, u64)>().prop_map(|(high, low)| Uuid::from_u64_pair(high, low));
        let settings = proptest::collection::btree_map(".{0,10}", ".{0,10}", 0..4);
        prop_oneof![
            uuid.clone().prop_map(|cluster_id| Event::ClusterCreated { cluster_id }),
            (0..i32::MAX).prop_map(|epoch| Event::BrokerStarted { leader_epoch: LeaderEpoch(epoch) }),
            uuid.clone().prop_map(|topic_id| Event::TopicDeleted { topic_id }),
            (0..=i64::MAX / 2).prop_map(|next| Event::ProducerIdsReserved { next }),
            (uuid.clone(), 1..=MOST_PARTITIONS)
                .prop_map(|(topic_id, partitions)| Event::TopicGrown { topic_id, partitions }),
            (uuid.clone(), settings.clone())
                .prop_map(|(topic_id, settings)| Event::TopicAltered { topic_id, settings }),
            (".{0,20}", settings.clone())
                .prop_map(|(group, settings)| Event::GroupAltered { group, settings }),
            (uuid, "[a-z]{1,20}", 1..=MOST_PARTITIONS, any::<bool>(), settings).prop_map(
                |(topic_id, name, partitions, internal, settings)| {
                    Event::TopicCreated(TopicCreated {
                        topic_id,
                        name: TopicName::new(&name).unwrap(),
                        partitions,
                        internal,
                        settings,
                    })
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(event in events()) {
            prop_assert_eq!(Event::decode(event.encode()), Ok(event));
        }

        #[test]
        fn any_bytes_give_an_event_or_an_error(bytes: Vec<u8>) {
            let _ = Event::decode(Bytes::from(bytes));
        }
    }

    #[test]
    fn an_event_of_a_newer_version_is_an_error() {
        assert_eq!(
            Event::decode(Bytes::from_static(&[1, 99, 0])),
            Err(EventError::Unknown { format: 1, kind: 99 })
        );
        assert_eq!(
            Event::decode(Bytes::from_static(&[2, 0, 0])),
            Err(EventError::Unknown { format: 2, kind: 0 })
        );
    }

    #[test]
    fn numbers_that_no_broker_has_written_are_errors() {
        for (event, what) in [
            (Event::BrokerStarted { leader_epoch: LeaderEpoch(i32::MAX) }, "leader epoch"),
            (Event::ProducerIdsReserved { next: -1 }, "producer id"),
            (Event::TopicGrown { topic_id: Uuid::default(), partitions: 0 }, "partitions"),
            (Event::TopicGrown { topic_id: Uuid::default(), partitions: i32::MAX }, "partitions"),
        ] {
            let error = Event::decode(event.encode()).unwrap_err();
            assert!(matches!(error, EventError::Impossible { what: found, .. } if found == what), "{error}");
        }
    }

    #[test]
    fn the_layout_is_stable() {
        let event = Event::TopicCreated(TopicCreated {
            topic_id: Uuid::from_u64_pair(0, 7),
            name: TopicName::new("ab").unwrap(),
            partitions: 3,
            internal: false,
            settings: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        });
        let expected: Vec<u8> = [
            &[1, 2][..],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            &[3, b'a', b'b', 0, 0, 0, 3, 0],
            &[2, 2, b'k', 2, b'v'],
            &[0],
        ]
        .concat();
        assert_eq!(event.encode(), expected);
        let event = Event::GroupAltered {
            group: "g".to_owned(),
            settings: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        };
        assert_eq!(event.encode(), &[1, 7, 2, b'g', 2, 2, b'k', 2, b'v', 0][..]);
    }
}
