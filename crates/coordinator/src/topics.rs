//! The topics that exist, as the machine is told of them from outside.
//!
//! Does not know: who may see a topic, where its partitions are.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{TopicName, Uuid};

/// A topic of a [`Topics`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has; their numbers begin at 0.
    pub partitions: i32,
}

/// All topics at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics {
    by_name: BTreeMap<TopicName, Topic>,
    names: BTreeMap<Uuid, TopicName>,
}

impl Topics {
    /// The topic of that name.
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    /// The topic of that name, with its name.
    pub(crate) fn entry(&self, name: &str) -> Option<(&TopicName, &Topic)> {
        self.by_name.get_key_value(name)
    }

    /// The name of the topic with that id.
    pub fn name(&self, id: Uuid) -> Option<&TopicName> {
        self.names.get(&id)
    }

    /// The names of all topics, in order.
    pub fn names(&self) -> impl Iterator<Item = &TopicName> {
        self.by_name.keys()
    }

    /// A number that changes when one of these topics is made, deleted, made anew or given partitions. It is stored:
    /// the same topics have the same number for ever.
    pub(crate) fn fingerprint(&self, names: &BTreeSet<TopicName>) -> u64 {
        let mut hash = Fnv::default();
        for (name, topic) in names.iter().filter_map(|name| Some((name, self.by_name.get(name)?))) {
            hash.write(name.as_str().as_bytes());
            // No name has this byte: what follows cannot be taken for one.
            hash.write(b"/");
            hash.write(topic.id.as_bytes());
            hash.write(&topic.partitions.to_be_bytes());
        }
        hash.0
    }
}

impl FromIterator<(TopicName, Topic)> for Topics {
    fn from_iter<I: IntoIterator<Item = (TopicName, Topic)>>(topics: I) -> Self {
        let by_name: BTreeMap<TopicName, Topic> = topics.into_iter().collect();
        let names = by_name.iter().map(|(name, topic)| (topic.id, name.clone())).collect();
        Self { by_name, names }
    }
}

/// FNV-1a with 64 bits.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(of: &[(&str, u64, i32)]) -> Topics {
        let topic = |(name, id, partitions): &(&str, u64, i32)| {
            let topic = Topic { id: Uuid::from_u64_pair(0, *id), partitions: *partitions };
            (TopicName::new(name).unwrap(), topic)
        };
        of.iter().map(topic).collect()
    }

    #[test]
    fn a_fingerprint_tells_what_happened_to_the_topics_that_count() {
        let names = BTreeSet::from([TopicName::new("a").unwrap(), TopicName::new("b").unwrap()]);
        let print = |of: &[(&str, u64, i32)]| topics(of).fingerprint(&names);
        let at_first = print(&[("a", 1, 3)]);
        assert_eq!(at_first, print(&[("a", 1, 3), ("c", 3, 1)]), "others do not count");
        for changed in [&[("a", 1, 4)][..], &[("a", 2, 3)], &[], &[("a", 1, 3), ("b", 2, 1)]] {
            assert_ne!(at_first, print(changed), "{changed:?}");
        }
    }

    #[test]
    fn a_fingerprint_never_changes_its_meaning() {
        let names = BTreeSet::from([TopicName::new("a").unwrap()]);
        assert_eq!(topics(&[]).fingerprint(&names), 0xcbf2_9ce4_8422_2325);
        assert_eq!(topics(&[("a", 1, 3)]).fingerprint(&names), 0x6967_b4aa_294d_af33);
    }
}
