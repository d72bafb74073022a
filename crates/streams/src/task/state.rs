//! How a task's stores are filled again, and how far they have come.
//!
//! A store is backed by its changelog, or by the topic that it is read from. Before its first record a task reads, of each
//! backing, what is part of its last commit; changes behind that, of a task that died before it could commit them, are
//! taken back: their keys get, in the changelog, the values that they had. So a task begins with just the state that fits
//! its positions, whatever happened to those before it.

use headwater_model::{Offset, Timestamp, TopicPartition};
use headwater_wire::batch::{Batch, OpenBatch};

use super::Task;
use super::backing::Found;
use super::commit::Commit;
use crate::error::{Location, TaskError};
use crate::graph::StoreId;
use crate::store::{Reflected, StoreError};

impl Task {
    /// The partitions that back the stores, and the input that each is, if it is no changelog.
    pub(crate) fn backings(&self) -> impl ExactSizeIterator<Item = (&TopicPartition, Option<usize>)> {
        self.backings.iter().map(|backing| (&backing.at, backing.input))
    }

    /// The end of a backing as of a commit of this task.
    pub(crate) fn committed_end(&self, backing: usize, commit: &Commit) -> Option<Offset> {
        commit.changelog(self.store_name(self.backings.get(backing)?.store))
    }

    /// Begins to fill a store; gives the offset to read from, or the committed end if its changelog is shorter than that.
    pub(crate) fn begin_restore(
        &mut self,
        index: usize,
        found: Found,
        now: Timestamp,
    ) -> Result<Result<Offset, Offset>, StoreError> {
        let Some(backing) = self.backings.get_mut(index) else {
            return Ok(Ok(found.end));
        };
        let store = self.graph.store(backing.store).name.as_str();
        let reflected = self.folder.as_ref().map(|folder| folder.reflected(store)).transpose()?.flatten();
        let span = match backing.span(reflected, found, now) {
            Ok(span) => span,
            Err(committed) => return Ok(Err(committed)),
        };
        if let Some(folder) = self.folder.as_ref().filter(|_| span.clears) {
            folder.clear(store)?;
        }
        backing.begin(found.topic_id, span);
        Ok(Ok(span.from))
    }

    /// True if a backing has been read as far as it is needed, when reading stands at `position`.
    pub(crate) fn is_restored(&self, backing: usize, position: Offset) -> bool {
        self.backings.get(backing).is_none_or(|backing| position >= backing.end)
    }

    /// Applies a batch of a backing, from an offset on. Batches come in the order of their offsets.
    pub(crate) fn restore(
        &mut self,
        index: usize,
        batch: &Batch,
        from: Offset,
        now: Timestamp,
    ) -> Result<(), TaskError> {
        if !batch.is_control() {
            let open = batch.open(self.max_batch_bytes).map_err(|source| {
                let at = self.backings.get(index).map(|backing| backing.at.clone());
                let at = at.unwrap_or_else(|| unreachable!("a task is asked for backings of its own"));
                TaskError::Batch { at: Location { topic_partition: at, offset: batch.base_offset() }, source }
            })?;
            self.restore_records(index, &open, from)?;
        }
        if let Some(backing) = self.backings.get_mut(index) {
            backing.advance(batch.next_offset());
        }
        if self.must_commit() { Ok(self.write_stores(now)?) } else { Ok(()) }
    }

    /// Ends filling: what was written to changelogs and never committed is taken back, in the outputs.
    pub(crate) fn end_restore(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.context.restore_stream_time(commit.stream_time);
        for backing in &mut self.backings {
            backing.position = backing.until;
            for key in std::mem::take(&mut backing.uncommitted) {
                self.context.repeat_entry(backing.store, &key)?;
            }
        }
        Ok(())
    }

    /// Says that changes of a store are in its changelog, and acknowledged, up to an offset.
    pub(crate) fn changelog_reaches(&mut self, store: StoreId, end: Offset) {
        let backing = self.backings.iter_mut().find(|backing| backing.store == store);
        if let Some(backing) = backing {
            backing.position = backing.position.max(end);
        }
    }

    /// What to commit beside the positions.
    pub(crate) fn commit(&self) -> Commit {
        let mut commit = Commit::new(self.context.stream_time());
        for backing in self.backings.iter().filter(|backing| backing.input.is_none()) {
            commit.set_changelog(self.store_name(backing.store), backing.position);
        }
        commit
    }

    /// True if more changes wait for a commit than there is room for.
    pub(crate) fn must_commit(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| self.context.unwritten_bytes() > folder.room())
    }

    /// Says that everything up to now is committed: stores on disk write what waits.
    pub(crate) fn has_committed(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for index in 0..self.backings.len() {
            let input = self.backings.get(index).and_then(|backing| backing.input);
            let position = input.and_then(|input| self.position(input));
            if let (Some(backing), Some(position)) = (self.backings.get_mut(index), position) {
                backing.position = position;
            }
        }
        self.write_stores(now)
    }

    /// Writes what waits in stores on disk, in one go with how far each of them has come.
    fn write_stores(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut batch = folder.batch();
        for backing in &self.backings {
            let reflected = Reflected { topic_id: backing.topic_id, offset: backing.position, at: now };
            folder.reflect(self.store_name(backing.store), reflected, &mut batch);
        }
        self.context.write_stores(&mut batch);
        batch.commit(self.backings.first().map_or("", |backing| self.store_name(backing.store)))
    }

    fn restore_records(&mut self, index: usize, open: &OpenBatch, from: Offset) -> Result<(), TaskError> {
        let Some(backing) = self.backings.get_mut(index) else {
            return Ok(());
        };
        let reader = self.readers.get(&backing.store);
        for record in open.records() {
            let record = record.map_err(|source| TaskError::Batch {
                at: Location { topic_partition: backing.at.clone(), offset: backing.position },
                source,
            })?;
            let Some(key) = record.key.filter(|_| record.offset >= from.max(backing.position)) else {
                continue;
            };
            if record.offset >= backing.until {
                backing.note_uncommitted(key);
                continue;
            }
            match reader {
                Some(read) => {
                    if let Some((key, value)) = read(key, record.value, record.timestamp) {
                        self.context.set_entry(backing.store, &key, value.as_deref())?;
                    }
                }
                None => self.context.restore_entry(backing.store, key, record.value, record.timestamp)?,
            }
        }
        Ok(())
    }

    fn store_name(&self, store: StoreId) -> &str {
        &self.graph.store(store).name
    }
}
