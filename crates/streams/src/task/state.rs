//! How a task's stores are filled again, and how far they have come.
//!
//! A store is backed by its changelog, or by the topic that it is read from. Before its first record a task reads, of each
//! backing, what is part of its last commit; changes behind that, of a task that died between telling its changelogs and
//! committing, are taken back: their entries get, in the changelog, the values that they had. So a task begins with just
//! the state that fits its positions, whatever happened to those before it. An entry whose committed value compaction has
//! removed meanwhile, because of a later one that was never committed, keeps the later one: effects of some records are
//! then in it twice, and none are lost.

use std::time::Duration;

use headwater_model::{Offset, Timestamp, TopicPartition};
use headwater_wire::batch::{Batch, OpenBatch};

use super::Task;
use super::backing::Found;
use super::commit::Commit;
use crate::changes::{NEW_ENTRY, StoreWrites};
use crate::error::{Location, TaskError};
use crate::graph::StoreId;
use crate::store::disk::TaskFolder;
use crate::store::{DiskStore, Reflected, StoreError};

/// How many bytes of keys that changed are remembered before it is time to commit.
const MOST_CHANGED: usize = 64 << 20;

/// How long what is committed may wait to be written to disk: what a crash leaves to be read from changelogs again.
const MOST_DELAY: Duration = Duration::from_secs(30);

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
        let mut on_disk = self.context.on_disk(backing.store);
        let reflected = on_disk.as_ref().and_then(|store| store.reflected());
        let span = match backing.span(reflected, found, now) {
            Ok(span) => span,
            Err(committed) => return Ok(Err(committed)),
        };
        if let Some(store) = on_disk.as_mut().filter(|_| span.clears) {
            store.clear()?;
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

    /// Ends filling: what was written to changelogs and never committed is taken back with the next changes.
    pub(crate) fn end_restore(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.context.restore_stream_time(commit.stream_time);
        for backing in &mut self.backings {
            backing.position = backing.until;
            for (key, change) in std::mem::take(&mut backing.uncommitted) {
                let is_lost = !change.is_new && self.context.store(backing.store).get(&key)?.is_none();
                if is_lost {
                    let (value, timestamp) = (change.value.as_deref(), change.timestamp);
                    self.context.restore_entry(backing.store, &key, value, timestamp)?;
                }
                self.context.take_back(backing.store, &key)?;
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
    pub fn must_commit(&self) -> bool {
        let room = self.folder.as_ref().map_or(usize::MAX, TaskFolder::room);
        self.context.unwritten_bytes() > room || self.context.changed_bytes() > MOST_CHANGED
    }

    /// What changelogs must hear of all changes since this was last asked; nothing unless the task was told to keep them.
    pub fn take_changes(&mut self) -> Result<StoreWrites, StoreError> {
        self.context.take_changes()
    }

    /// Says that everything up to now is committed: stores on disk may write what waits, and do if it is much or has
    /// waited for long.
    pub fn has_committed(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for index in 0..self.backings.len() {
            let input = self.backings.get(index).and_then(|backing| backing.input);
            let position = input.and_then(|input| self.position(input));
            if let (Some(backing), Some(position)) = (self.backings.get_mut(index), position) {
                backing.position = position;
            }
        }
        self.context.all_on_disk().try_for_each(DiskStore::has_committed)?;
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let is_much = self.context.unwritten_bytes() > folder.room() / 2;
        let is_long = (now.0 - self.written_at.0).unsigned_abs() >= MOST_DELAY.as_millis() as u64;
        if is_much || is_long { self.write_stores(now) } else { Ok(()) }
    }

    /// Writes what waits in stores on disk, if all of it is committed: for whoever lets go of the task. Others wait for it,
    /// so what would take long is left to the changelogs.
    pub fn write_committed(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let is_committed = self.context.all_on_disk().all(|store| store.is_committed());
        let is_crowded = self.context.all_on_disk().any(|store| store.is_crowded());
        if is_committed && !is_crowded { self.write_stores(now) } else { Ok(()) }
    }

    /// Writes what waits in stores on disk, each with how far it has come.
    fn write_stores(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for backing in &self.backings {
            if let Some(store) = self.context.on_disk(backing.store) {
                let at = backing.as_of(store.reflected(), now);
                store.write(Reflected { topic_id: backing.topic_id, offset: backing.position, at })?;
            }
        }
        self.written_at = now;
        Ok(())
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
                let is_new = record.headers().any(|header| header.is_ok_and(|(name, _)| name == NEW_ENTRY));
                backing.note_uncommitted(key, record.value, record.timestamp, is_new);
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

#[cfg(test)]
mod tests {
    use headwater_model::{PartitionId, Uuid};
    use headwater_schema::{long, serdes, utf8};
    use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, Header};

    use std::ops::Bound::Unbounded;

    use tempfile::TempDir;

    use super::*;
    use crate::store::{ByteStore, StatePlace};
    use crate::task::TaskConfig;
    use crate::topology::{Guarantee, TaskId, Topology};

    /// How much memory a task on disk has.
    const MEMORY: usize = 64 << 10;

    fn topology() -> Topology {
        let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
        app.stream::<String, i64, _, _>("in", serdes(utf8(), long())).group_by_key().count("counts");
        app.build().expect("a topology")
    }

    const ID: TaskId = TaskId { sub_topology: 0, partition: PartitionId(0) };

    fn task() -> Task {
        let config = TaskConfig { keeps_store_writes: true, ..TaskConfig::default() };
        let topology = topology();
        topology.task(ID, &topology.global_stores(&config), &config).expect("a task")
    }

    fn task_on_disk(folder: &TempDir) -> Task {
        let config = TaskConfig { keeps_store_writes: true, ..TaskConfig::default() };
        let topology = topology();
        let place = StatePlace { folder: folder.path().to_owned(), memory: MEMORY };
        let made = topology.task_on_disk(ID, &topology.global_stores(&config), &config, &place);
        made.expect("a folder").expect("a task")
    }

    /// A batch of a changelog that begins at this offset; entries are keys, values and whether they are new.
    fn batch(base: i64, entries: &[(&str, Option<i64>, bool)]) -> Batch {
        let mut builder = BatchBuilder::new(Compression::None);
        for (key, value, is_new) in entries {
            let value = value.map(i64::to_be_bytes);
            let value = value.as_ref().map(<[u8; 8]>::as_slice);
            let headers = [Header { key: NEW_ENTRY, value: None }];
            let headers = if *is_new { headers.as_slice() } else { &[] };
            builder.append(Timestamp(7), Some(key.as_bytes()), value, headers);
        }
        let meta = BatchMeta { base_offset: Offset(base), ..BatchMeta::default() };
        Batch::parse(&builder.build(&meta)).expect("a batch")
    }

    fn changes(task: &mut Task) -> Vec<(String, Option<i64>, bool)> {
        let taken = task.take_changes().expect("memory does not fail");
        let entries = taken.iter().map(|write| {
            let value = write.value.map(|value| i64::from_be_bytes(value.try_into().expect("a count")));
            (String::from_utf8_lossy(write.key).into_owned(), value, write.is_new)
        });
        entries.collect()
    }

    fn value(task: &Task, key: &str) -> Option<i64> {
        let entries = task.entries("counts", &utf8(), &long())?.expect("memory does not fail");
        entries.into_iter().find(|(found, _): &(String, i64)| found == key).map(|(_, value)| value)
    }

    #[test]
    fn changes_behind_the_commit_are_taken_back_but_for_what_compaction_left_alone() {
        let now = Timestamp(100);
        let mut task = task();
        let found =
            Found { topic_id: Uuid::ZERO, start: Offset(0), end: Offset(9), committed: Some(Offset(3)) };
        let from = task.begin_restore(0, found, now).expect("memory").expect("long enough");
        assert_eq!(from, Offset(0));
        // Of "lost", the committed value was compacted away; "gone" had been removed, and was made and removed again.
        let committed = [("kept", Some(1), true), ("changed", Some(2), true), ("removed", Some(3), true)];
        task.restore(0, &batch(0, &committed), Offset(0), now).expect("memory");
        assert!(!task.is_restored(0, Offset(3)));
        let uncommitted = [
            ("changed", Some(20), false),
            ("made", Some(4), true),
            ("made", Some(5), false),
            ("removed", None, false),
            ("lost", Some(6), false),
            ("gone", None, false),
        ];
        task.restore(0, &batch(3, &uncommitted), Offset(3), now).expect("memory");
        assert!(task.is_restored(0, Offset(9)));
        let mut commit = Commit::new(Timestamp(50));
        commit.set_changelog("counts", Offset(3));
        task.end_restore(&commit).expect("memory");
        let values = ["kept", "changed", "removed", "made", "lost", "gone"].map(|key| value(&task, key));
        assert_eq!(values, [Some(1), Some(2), Some(3), None, Some(6), None]);
        assert_eq!(task.stream_time(), Timestamp(50));
        let expected = [
            ("changed", Some(2), false),
            ("gone", None, false),
            ("lost", Some(6), false),
            ("made", None, false),
            ("removed", Some(3), false),
        ];
        assert_eq!(changes(&mut task), expected.map(|(key, value, new)| (key.to_owned(), value, new)));
        assert_eq!(task.commit(), commit, "until the changelog is known to reach further");
        assert_eq!(changes(&mut task), []);
    }

    #[test]
    fn what_is_committed_may_wait_for_the_disk_and_what_is_not_must() {
        let folder = TempDir::new().expect("a folder");
        let second = |second: i64| Timestamp(1_000_000_000 + second * 1_000);
        let keys = |task: &Task| -> Vec<String> {
            let entries = task.entries::<String, i64>("counts", &utf8(), &long()).expect("the store");
            entries.expect("readable").into_iter().map(|(key, _)| key).collect()
        };
        let put = |task: &mut Task, key: &str| {
            task.context.put(task.backings[0].store, key.as_bytes(), &[0; 16]).expect("room");
        };
        let mut task = task_on_disk(&folder);
        put(&mut task, "first commit");
        task.has_committed(second(0)).expect("a disk");
        put(&mut task, "waits");
        task.has_committed(second(29)).expect("a disk");
        put(&mut task, "uncommitted");
        task.write_committed(second(29)).expect("a disk");
        drop(task);
        let mut task = task_on_disk(&folder);
        assert_eq!(keys(&task), ["first commit"]);
        put(&mut task, "new task");
        task.has_committed(second(40)).expect("a disk");
        put(&mut task, "waits for long");
        task.has_committed(second(70)).expect("a disk");
        drop(task);
        let mut task = task_on_disk(&folder);
        assert_eq!(keys(&task), ["first commit", "new task", "waits for long"]);
        task.has_committed(second(80)).expect("a disk");
        put(&mut task, "last commit");
        task.has_committed(second(81)).expect("a disk");
        task.write_committed(second(81)).expect("a disk");
        drop(task);
        assert_eq!(keys(&task_on_disk(&folder)).len(), 4);
    }

    #[test]
    fn much_that_is_committed_does_not_wait_for_the_disk() {
        let folder = TempDir::new().expect("a folder");
        let mut task = task_on_disk(&folder);
        task.has_committed(Timestamp(7)).expect("a disk");
        let store = task.backings[0].store;
        for number in 0..100_u64 {
            assert!(!task.must_commit());
            task.context.put(store, &number.to_be_bytes(), &[0; 1 << 10]).expect("room");
            task.has_committed(Timestamp(8)).expect("a disk");
            assert!(task.context.unwritten_bytes() <= MEMORY / 4, "half of its room");
        }
        drop(task);
        let mut task = task_on_disk(&folder);
        assert!(task.context.on_disk(store).expect("on disk").range((Unbounded, Unbounded)).count() > 80);
    }

    #[test]
    fn an_entry_that_comes_and_goes_between_two_commits_is_not_told() {
        let mut task = task();
        task.context.put(task.backings[0].store, b"a", &[0; 16]).expect("memory");
        task.context.put(task.backings[0].store, b"b", &[0; 16]).expect("memory");
        task.context.delete(task.backings[0].store, b"a").expect("memory");
        assert_eq!(changes(&mut task), [("b".to_owned(), Some(0), true)]);
        task.context.put(task.backings[0].store, b"b", &[1; 16]).expect("memory");
        task.context.delete(task.backings[0].store, b"b").expect("memory");
        assert_eq!(changes(&mut task), [("b".to_owned(), None, false)]);
    }
}
