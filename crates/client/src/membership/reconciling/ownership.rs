//! What the coordinator assigns, what we own of it, and what the application knows.
//!
//! Owns: [`Ownership`]: the sets, and the differences between them.
//!
//! Invariants: what is being let go of is known to the application; what the application knows is owned.
//!
//! Does not know: heartbeats, epochs, when anything happens.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{PartitionId, TopicName, TopicPartition, Uuid};

/// Partitions by the ids of their topics, as the coordinator names them.
pub(super) type ById = BTreeMap<Uuid, BTreeSet<PartitionId>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    /// What the coordinator last assigned; `None` until it has.
    target: Option<ById>,
    /// The topics of the target, so far as their names are known.
    names: BTreeMap<Uuid, TopicName>,
    /// Each with its topic's id: a topic that was made anew under its old name is another.
    owned: BTreeMap<TopicPartition, Uuid>,
    /// What the application knows to have.
    announced: BTreeSet<TopicPartition>,
    letting_go: Option<LettingGo>,
    /// Nothing was taken on yet since we joined.
    begins: bool,
}

#[derive(Debug)]
struct LettingGo {
    partitions: BTreeSet<TopicPartition>,
    /// The application has been told; it lets go with its next poll.
    told: bool,
}

/// What is owned and not assigned any more.
#[derive(Debug)]
pub(super) struct Excess {
    pub(super) announced: BTreeSet<TopicPartition>,
    /// The application does not know of them yet.
    pub(super) unheard: BTreeSet<TopicPartition>,
}

/// What was owned.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) owned: BTreeSet<TopicPartition>,
    /// What the application believes to have still.
    pub(super) lost: BTreeSet<TopicPartition>,
}

impl Ownership {
    /// The coordinator assigns these. True if that is something new.
    pub(super) fn aim_at(&mut self, target: ById) -> bool {
        if self.target.as_ref() == Some(&target) {
            return false;
        }
        self.begins |= self.target.is_none();
        self.names.retain(|id, _| target.contains_key(id));
        self.target = Some(target);
        true
    }

    /// True once the coordinator has assigned something (nothing, perhaps), until it is taken on.
    pub(super) fn begins(&self) -> bool {
        // Names that are waited for are part of the beginning.
        self.begins && (!self.names.is_empty() || !self.has_unknown())
    }

    /// The topics whose names have to be found out.
    pub(super) fn unknown(&self) -> BTreeSet<Uuid> {
        self.unnamed().copied().collect()
    }

    pub(super) fn has_unknown(&self) -> bool {
        self.unnamed().next().is_some()
    }

    fn unnamed(&self) -> impl Iterator<Item = &Uuid> {
        let assigned = self.target.iter().flat_map(BTreeMap::keys);
        assigned.filter(|id| !self.names.contains_key(id))
    }

    /// What topics are called. True if any of them matters.
    pub(super) fn learn(&mut self, names: BTreeMap<Uuid, TopicName>) -> bool {
        let unknown = self.unknown();
        let before = self.names.len();
        self.names.extend(names.into_iter().filter(|(id, _)| unknown.contains(id)));
        self.names.len() > before
    }

    /// What we own, by topic.
    pub(super) fn by_id(&self) -> ById {
        let mut owned = ById::new();
        for (at, id) in &self.owned {
            owned.entry(*id).or_default().insert(at.partition);
        }
        owned
    }

    pub(super) fn excess(&self) -> Excess {
        let is_assigned = |at: &TopicPartition, id: &Uuid| {
            let partitions = self.target.as_ref().and_then(|target| target.get(id));
            partitions.is_some_and(|partitions| partitions.contains(&at.partition))
        };
        let excess = self.owned.iter().filter(|(at, id)| !is_assigned(at, id)).map(|(at, _)| at.clone());
        let (announced, unheard) = excess.partition(|at| self.announced.contains(at));
        Excess { announced, unheard }
    }

    /// Takes on what is assigned and not owned, where the topic's name is known.
    pub(super) fn add_missing(&mut self) -> BTreeSet<TopicPartition> {
        self.begins &= !self.begins();
        let mut added = BTreeSet::new();
        for (id, partitions) in self.target.iter().flatten() {
            let Some(name) = self.names.get(id) else { continue };
            for partition in partitions {
                let at = TopicPartition::new(name.clone(), *partition);
                if !self.owned.contains_key(&at) {
                    self.owned.insert(at.clone(), *id);
                    added.insert(at);
                }
            }
        }
        added
    }

    /// The application has heard of these.
    pub(super) fn announce(&mut self, partitions: &[TopicPartition]) {
        self.announced.extend(partitions.iter().cloned());
    }

    pub(super) fn begin_to_let_go(&mut self, partitions: BTreeSet<TopicPartition>) {
        self.letting_go = Some(LettingGo { partitions, told: false });
    }

    pub(super) fn is_letting_go(&self) -> bool {
        self.letting_go.is_some()
    }

    /// The application has heard what to let go of.
    pub(super) fn tell_to_let_go(&mut self) {
        if let Some(letting_go) = &mut self.letting_go {
            letting_go.told = true;
        }
    }

    /// Lets go of what the application was told to; gives that.
    pub(super) fn let_go(&mut self) -> Option<BTreeSet<TopicPartition>> {
        let gone = self.letting_go.take_if(|letting_go| letting_go.told)?.partitions;
        self.drop(&gone);
        Some(gone)
    }

    /// Owns these no more.
    pub(super) fn drop(&mut self, partitions: &BTreeSet<TopicPartition>) {
        for at in partitions {
            self.owned.remove(at);
            self.announced.remove(at);
        }
    }

    /// Owns nothing any more, and is assigned nothing.
    pub(super) fn give_up(&mut self) -> GivenUp {
        let Self { owned, mut announced, letting_go, .. } = std::mem::take(self);
        if let Some(LettingGo { partitions, told: true }) = letting_go {
            announced.retain(|at| !partitions.contains(at));
        }
        GivenUp { owned: owned.into_keys().collect(), lost: announced }
    }

    #[cfg(test)]
    pub(super) fn owned(&self) -> impl Iterator<Item = &TopicPartition> {
        self.owned.keys()
    }
}
