//! What a log knows of its batches beyond their place, rebuilt when it is opened: leader epochs, producers, transactions.

use std::io;
use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_wire::batch::ControlMarker;

use super::Log;
use super::append::end_transaction;
use super::recovery::Recovered;
use crate::epochs::{self, Epochs};
use crate::producers::{ProducerSnapshot, StoredProducers};
use crate::segment::Segment;
use crate::{LogError, Producers, checkpoint, disk};

impl Log {
    /// Rebuilds all of it from the batches, as far as files do not cover them.
    pub(super) fn replay(&mut self, found: &mut Recovered, now: Timestamp) -> Result<(), LogError> {
        let (start, end) = (self.start_offset(), self.end_offset());
        let failed = |error| LogError::io("read the checkpoints of", &self.dir, error);
        let stored =
            checkpoint::read_text(self.disk.as_ref(), &self.dir.join(epochs::FILE_NAME)).map_err(failed)?;
        let stored_epochs = stored.as_deref().and_then(Epochs::parse);
        found.report.epochs_rebuilt = stored_epochs.is_none() && start < end;
        let epochs_from = match &stored_epochs {
            Some(_) => found.unsure_from.unwrap_or(end).max(start),
            None => start,
        };
        let known = self.read_producers().map_err(failed)?.unwrap_or_default();
        let (mut producers, producers_from) = (known.producers, known.offset.max(start));
        let mut epochs = stored_epochs.clone().unwrap_or_default();
        epochs.cut_end(end);
        let from = epochs_from.min(producers_from);
        let mut aborted_in: Vec<Arc<Segment>> = Vec::new();
        let mut batches = (from < end).then(|| self.batch_headers(from));
        while let Some(next) = batches.as_mut().and_then(super::BatchHeaders::next_in_segment) {
            let (segment, located) = next?;
            let header = &located.header;
            found.report.replayed_batches += 1;
            if header.last_offset() >= epochs_from {
                epochs.assign(header.leader_epoch, header.base_offset);
            }
            if header.last_offset() < producers_from {
                continue;
            }
            producers.record(header, now);
            if !header.is_transactional() || !header.is_control() {
                continue;
            }
            if let Some(marker) = segment.marker(&located)? {
                let ended = end_transaction(&mut producers, &segment, header, marker)?;
                let is_last = aborted_in.last().is_some_and(|last| last.base() == segment.base());
                if ended.is_some() && marker == ControlMarker::Abort && !is_last {
                    aborted_in.push(segment);
                }
            }
        }
        let active = self.active();
        for segment in aborted_in.iter().filter(|segment| segment.base() != active.base()) {
            let sealed = segment.seal_aborted();
            found
                .to_sync
                .extend(sealed.map_err(|error| LogError::io("write an index of", segment.path(), error))?);
        }
        epochs.cut_start(start);
        self.unsynced.epochs = stored_epochs.unwrap_or_default() != epochs;
        self.reader.change_epochs(|current| *current = epochs);
        self.reader.change_unstable(|unstable| unstable.set_open(producers.open().first()));
        producers.expire(now, self.config.producer_expiry_ms);
        self.producers = producers;
        Ok(())
    }

    /// The producers as they were stored last, if the log still reaches that far, and holds all that came after it: of
    /// batches that were deleted since, nothing is known. And if no transaction index has lost anything: which
    /// transactions a segment's markers aborted is told by where these began, in a segment before, perhaps.
    fn read_producers(&self) -> io::Result<Option<StoredProducers>> {
        let path = self.dir.join(ProducerSnapshot::FILE_NAME);
        let Some(file) = disk::open_if_there(self.disk.as_ref(), &path)? else {
            return Ok(None);
        };
        let snapshot = Producers::from_snapshot(&disk::read_to_end(file.as_ref())?);
        let held = self.start_offset()..=self.end_offset();
        Ok(snapshot.filter(|stored| {
            let mut expected = stored.aborted.clone();
            expected.retain(|base, _| *base >= self.reader.first_base());
            held.contains(&stored.offset) && self.count_aborted(stored.offset) == expected
        }))
    }
}
