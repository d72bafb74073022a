//! What a foreign-key join sends and keeps, in Kafka Streams' formats.
//!
//! A subscription says that a row of the left table wants the values of a foreign key:
//!
//! ```text
//! 0 version 1 (7 bits), 0x80 if there is no hash | 1 instruction u8 | 2 hash of the left value, 16 bytes, if any
//! | the left key's bytes | partition of the left row i32
//! ```
//!
//! A response brings such a value back, to the partition that the subscription names:
//!
//! ```text
//! 0 version 0 (6 bits), 0x80 if there is no hash, 0x40 if the value is there and empty | 1 hash, 16 bytes, if any
//! | the right value's bytes; none if there is no value
//! ```
//!
//! The mark 0x40 is an addition: Kafka Streams takes a value without bytes for none.
//!
//! The store of subscriptions, by foreign key:
//!
//! ```text
//! key:   0 length of the foreign key u32 | 4 the foreign key's bytes | the left key's bytes
//! value: as in `timed`, of a subscription
//! ```

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::{PartitionId, Timestamp};
use headwater_schema::{Serde, SerdeError};

use super::timed::{read_timed, write_present, write_timed};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;

const VERSION: u8 = 1;
const NO_HASH: u8 = 0x80;
const EMPTY_VALUE: u8 = 0x40;

/// What the right side is to do about a subscription. The numbers are Kafka Streams'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Instruction {
    /// Forget it, and say nothing.
    Unsubscribe = 0,
    /// Forget it, and say that there is no value.
    UnsubscribeAndSay = 1,
    /// Keep it, and send the value, or say that there is none.
    Subscribe = 2,
    /// Keep it, and send the value if there is one.
    SubscribeSilently = 3,
}

/// A row of the left table wants the values of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription<K> {
    /// Of the left value; `None` if the row was removed.
    pub(crate) hash: Option<u128>,
    pub(crate) instruction: Instruction,
    pub(crate) key: K,
    /// Where the left row is, which need not be where the key's hash would have it.
    pub(crate) partition: i32,
}

/// A value of the right table, or none, for a row of the left one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response<T> {
    /// Of the left value that asked.
    pub(crate) hash: Option<u128>,
    pub(crate) value: Option<T>,
    /// Where the left row is. It is not written: a response that has been read is there.
    pub(crate) partition: Option<PartitionId>,
}

/// How subscriptions are written; see the module.
pub(crate) struct SubscriptionSerde<K> {
    pub(crate) keys: Arc<dyn Serde<K>>,
}

/// How responses are written; see the module.
pub(crate) struct ResponseSerde<T> {
    pub(crate) values: Arc<dyn Serde<T>>,
}

impl<K: 'static> Serde<Subscription<K>> for SubscriptionSerde<K> {
    fn serialize(&self, value: &Subscription<K>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.push(if value.hash.is_some() { VERSION } else { VERSION | NO_HASH });
        out.push(value.instruction as u8);
        write_hash(out, value.hash);
        self.keys.serialize(&value.key, out)?;
        out.extend_from_slice(&value.partition.to_be_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Subscription<K>, SerdeError> {
        let malformed = || SerdeError::malformed::<Subscription<K>>("not a subscription", bytes, None);
        let [head, instruction, rest @ ..] = bytes else {
            return Err(malformed());
        };
        if head & !NO_HASH != VERSION {
            return Err(malformed());
        }
        let instruction = Instruction::from_byte(*instruction).ok_or_else(malformed)?;
        let (hash, rest) = read_hash(*head, rest).ok_or_else(malformed)?;
        let (key, partition) = rest.split_last_chunk::<4>().ok_or_else(malformed)?;
        let (key, partition) = (self.keys.deserialize(key)?, i32::from_be_bytes(*partition));
        Ok(Subscription { hash, instruction, key, partition })
    }

    fn describe(&self) -> String {
        format!("subscription({})", self.keys.describe())
    }
}

impl<T: 'static> Serde<Response<T>> for ResponseSerde<T> {
    fn serialize(&self, value: &Response<T>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let head = out.len();
        out.push(if value.hash.is_some() { 0 } else { NO_HASH });
        write_hash(out, value.hash);
        let Some(value) = &value.value else {
            return Ok(());
        };
        let start = out.len();
        write_present(out, value, self.values.as_ref())?;
        if out.len() == start
            && let Some(head) = out.get_mut(head)
        {
            *head |= EMPTY_VALUE;
        }
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Response<T>, SerdeError> {
        let malformed = || SerdeError::malformed::<Response<T>>("not a response", bytes, None);
        let (head, rest) = bytes.split_first().ok_or_else(malformed)?;
        if head & !(NO_HASH | EMPTY_VALUE) != 0 {
            return Err(malformed());
        }
        let (hash, value) = read_hash(*head, rest).ok_or_else(malformed)?;
        let is_there = !value.is_empty() || head & EMPTY_VALUE != 0;
        let value = if is_there { Some(self.values.deserialize(value)?) } else { None };
        Ok(Response { hash, value, partition: None })
    }

    fn describe(&self) -> String {
        format!("response({})", self.values.describe())
    }
}

impl Instruction {
    fn from_byte(byte: u8) -> Option<Self> {
        let all = [Self::Unsubscribe, Self::UnsubscribeAndSay, Self::Subscribe, Self::SubscribeSilently];
        all.into_iter().find(|instruction| *instruction as u8 == byte)
    }
}

fn write_hash(out: &mut Vec<u8>, hash: Option<u128>) {
    if let Some(hash) = hash {
        out.extend_from_slice(&hash.to_be_bytes());
    }
}

fn read_hash(head: u8, rest: &[u8]) -> Option<(Option<u128>, &[u8])> {
    if head & NO_HASH != 0 {
        return Some((None, rest));
    }
    let (hash, rest) = rest.split_first_chunk::<16>()?;
    Some((Some(u128::from_be_bytes(*hash)), rest))
}

/// How one operator sees the store of subscriptions.
pub(crate) struct SubscriptionView<FK, K> {
    store: StoreId,
    foreign_keys: Arc<dyn Serde<FK>>,
    subscriptions: SubscriptionSerde<K>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<FK: 'static, K: 'static> SubscriptionView<FK, K> {
    pub(crate) fn new(store: StoreId, foreign_keys: Arc<dyn Serde<FK>>, keys: Arc<dyn Serde<K>>) -> Self {
        let subscriptions = SubscriptionSerde { keys };
        Self { store, foreign_keys, subscriptions, key: Vec::new(), value: Vec::new() }
    }

    /// Keeps a subscription.
    pub(crate) fn put(
        &mut self,
        foreign_key: &FK,
        subscription: &Subscription<K>,
        timestamp: Timestamp,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(foreign_key, &subscription.key, context)?;
        write_timed(&mut self.value, timestamp, subscription, &self.subscriptions)
            .map_err(|error| context.unstorable(self.store, error))?;
        context.put(self.store, &self.key, &self.value)
    }

    /// Forgets a subscription, which need not exist.
    pub(crate) fn delete(
        &mut self,
        foreign_key: &FK,
        key: &K,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(foreign_key, key, context)?;
        context.delete(self.store, &self.key)
    }

    /// Puts the subscriptions of a foreign key into `found`, as stored, in the order of the left keys' bytes.
    pub(crate) fn find(
        &mut self,
        foreign_key: &FK,
        found: &mut Vec<Bytes>,
        context: &Context,
    ) -> Result<(), NodeError> {
        found.clear();
        self.write_prefix(foreign_key, context)?;
        for entry in context.store(self.store).prefix(&self.key) {
            found.push(entry?.1);
        }
        Ok(())
    }

    /// Reads what was found.
    pub(crate) fn read(&self, stored: &[u8], context: &Context) -> Result<Subscription<K>, NodeError> {
        read_timed(stored, &self.subscriptions)
            .map(|(_, subscription)| subscription)
            .map_err(|error| context.stored(self.store, error))
    }

    fn write_key(&mut self, foreign_key: &FK, key: &K, context: &Context) -> Result<(), NodeError> {
        self.write_prefix(foreign_key, context)?;
        self.subscriptions
            .keys
            .serialize(key, &mut self.key)
            .map_err(|error| context.unstorable(self.store, error))
    }

    fn write_prefix(&mut self, foreign_key: &FK, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.key.extend_from_slice(&[0; 4]);
        self.foreign_keys
            .serialize(foreign_key, &mut self.key)
            .map_err(|error| context.unstorable(self.store, error))?;
        let length = self.key.len().saturating_sub(4) as u32;
        if let Some(place) = self.key.first_chunk_mut::<4>() {
            *place = length.to_be_bytes();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use headwater_schema::utf8;

    use super::*;

    fn subscriptions() -> SubscriptionSerde<String> {
        SubscriptionSerde { keys: Arc::new(utf8()) }
    }

    fn responses() -> ResponseSerde<String> {
        ResponseSerde { values: Arc::new(utf8()) }
    }

    #[test]
    fn a_subscription_is_written_as_kafka_streams_writes_it() {
        let hash = Some((1 << 64) | 2);
        let with_hash =
            Subscription { hash, instruction: Instruction::Subscribe, key: "a".to_owned(), partition: 7 };
        let without =
            Subscription { hash: None, instruction: Instruction::UnsubscribeAndSay, ..with_hash.clone() };
        let checks: [(Subscription<String>, &[u8]); 2] = [
            (with_hash, b"\x01\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02a\0\0\0\x07"),
            (without, b"\x81\x01a\0\0\0\x07"),
        ];
        for (subscription, expected) in checks {
            let mut bytes = Vec::new();
            subscriptions().serialize(&subscription, &mut bytes).unwrap();
            assert_eq!(bytes, expected);
            assert_eq!(subscriptions().deserialize(&bytes).unwrap(), subscription);
        }
    }

    #[test]
    fn a_response_is_written_as_kafka_streams_writes_it_but_an_empty_value_is_no_missing_one() {
        let value = |value: &str| Some(value.to_owned());
        let response = |hash, value| Response { hash, value, partition: None };
        let checks: [(Response<String>, &[u8]); 4] = [
            (response(Some(2), value("x")), b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02x"),
            (response(Some(2), None), b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"),
            (response(None, None), b"\x80"),
            (response(None, value("")), b"\xc0"),
        ];
        for (response, expected) in checks {
            let mut bytes = Vec::new();
            responses().serialize(&response, &mut bytes).unwrap();
            assert_eq!(bytes, expected);
            assert_eq!(responses().deserialize(&bytes).unwrap(), response);
        }
    }

    #[test]
    fn what_is_cut_off_or_of_another_version_is_refused() {
        for bytes in [&b""[..], b"\x01", b"\x02\x02", b"\x81\x09a\0\0\0\0", b"\x01\x02\0", b"\x81\x01\0\0"] {
            assert!(subscriptions().deserialize(bytes).is_err(), "{bytes:?}");
        }
        for bytes in [&b""[..], b"\x01", b"\0\0"] {
            assert!(responses().deserialize(bytes).is_err(), "{bytes:?}");
        }
    }
}
