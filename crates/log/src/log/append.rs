//! Appending: a batch is checked, given its place, and written by one call, or not at all.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use headwater_model::{LeaderEpoch, Offset, Timestamp};
use headwater_wire::batch::{self, Batch, BatchError, BatchHeader, ControlMarker, TimestampType};

use super::Log;
use crate::producers::Admission;
use crate::segment::Segment;
use crate::transactions::AbortedEntry;
use crate::{LogConfig, LogError, Poison, Producers};

/// What the broker gives to batches on append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assign {
    /// The epoch of the leader, that is of this run of the broker.
    pub leader_epoch: LeaderEpoch,
    /// The time.
    pub now: Timestamp,
    /// Whether records keep their times, or get the time of the append.
    pub timestamp_type: TimestampType,
}

/// Where batches are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first record.
    pub first_offset: Offset,
    /// The offset of the last record; once the high watermark is past it, they are durable.
    pub last_offset: Offset,
    /// The time given to the records, or [`Timestamp::NONE`] if they keep theirs.
    pub log_append_time: Timestamp,
    /// The first offset of the log.
    pub start_offset: Offset,
    /// True if nothing was written because the same batch had been: these are the offsets that it has.
    pub duplicate: bool,
}

/// Who has written batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    Client,
    Broker,
}

impl Log {
    /// Appends one or more batches, all or none.
    ///
    /// Checked are lengths, format, checksum, codec, the record count against the offsets, the size against the
    /// settings, and a producer's sequence. The batches' interiors are their producer's business.
    pub fn append(&mut self, batches: Bytes, assign: Assign) -> Result<Appended, LogError> {
        self.append_checked(batches, assign, Author::Client)
    }

    /// Appends what the broker itself has to say: control batches may be among it, and what it writes in a producer's
    /// name is not held to that producer's sequence.
    pub fn append_coordinated(&mut self, batches: Bytes, assign: Assign) -> Result<Appended, LogError> {
        self.append_checked(batches, assign, Author::Broker)
    }

    fn append_checked(
        &mut self,
        batches: Bytes,
        assign: Assign,
        author: Author,
    ) -> Result<Appended, LogError> {
        self.refuse_if_poisoned()?;
        let Checked { mut headers, markers } = check(&batches, &self.config, author)?;
        let start_offset = self.start_offset();
        if author == Author::Client
            && let Admission::Duplicate(written) = self.producers.admit_all(&headers)?
        {
            return Ok(Appended {
                first_offset: written.first_offset,
                last_offset: written.last_offset,
                log_append_time: written.append_time,
                start_offset,
                duplicate: true,
            });
        }
        let first_offset = self.end_offset();
        let bytes = place(batches, &mut headers, first_offset, assign)?;
        let end = headers.last().map_or(first_offset, BatchHeader::next_offset);
        self.make_room(&headers, bytes.len(), end, assign.now)?;
        self.write(&bytes)?;
        self.finish(&headers, &markers, end, assign)?;
        Ok(Appended {
            first_offset,
            last_offset: Offset(end.0 - 1),
            log_append_time: match assign.timestamp_type {
                TimestampType::CreateTime => Timestamp::NONE,
                TimestampType::LogAppendTime => assign.now,
            },
            start_offset,
            duplicate: false,
        })
    }

    /// Begins a new segment where Kafka would.
    fn make_room(
        &mut self,
        headers: &[BatchHeader],
        size: usize,
        end: Offset,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let limit = self.config.segment_bytes.min(i32::MAX as u32);
        if size > limit as usize {
            return Err(LogError::LargerThanSegment { size, limit });
        }
        let active = self.active();
        let contents = active.contents();
        if contents.size == 0 && active.can_hold(end) {
            return Ok(());
        }
        let newest = headers.iter().map(|header| header.max_timestamp).max().unwrap_or(now);
        let too_old = contents
            .first_timestamp
            .filter(|first| first.0 >= 0 && newest.0 >= 0)
            .is_some_and(|first| newest.ms_since(first) > self.config.segment_ms);
        let full = contents.size + size as u64 > u64::from(limit)
            || active.index_is_full(self.config.segment_index_bytes)
            || !active.can_hold(end);
        if full || too_old { self.begin_segment() } else { Ok(()) }
    }

    /// Begins a new segment, unless the last one is empty.
    pub fn roll(&mut self) -> Result<(), LogError> {
        self.refuse_if_poisoned()?;
        if self.active().contents().size == 0 { Ok(()) } else { self.begin_segment() }
    }

    fn begin_segment(&mut self) -> Result<(), LogError> {
        self.anchor_once()?;
        let full = self.active();
        let next = Arc::new(Segment::create(&self.disk, &self.dir, self.end_offset())?);
        self.unsynced.files.extend(full.seal_indexes(self.disk.as_ref()));
        self.unsynced.files.push(Arc::clone(full.file()));
        self.unsynced.directories.insert(self.dir.clone());
        let mut segments = self.reader.segments().as_ref().clone();
        segments.push(next);
        self.reader.set_segments(segments);
        self.rolled_producers = Some(self.snapshot_producers());
        Ok(())
    }

    /// Writes at the end of the file; after a failure the file is as before, or the log is poisoned.
    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let active = self.active();
        let size = active.contents().size;
        let Err(error) = active.file().write_all_at(bytes, size) else {
            self.told_full = false;
            return Ok(());
        };
        let undone = active.file().truncate(size);
        let failure = LogError::io("append to", active.path(), error);
        if let (LogError::DiskFull { .. }, Ok(())) = (&failure, &undone) {
            if !std::mem::replace(&mut self.told_full, true) {
                tracing::error!(error = %failure, "appends are refused until there is room");
            }
            return Err(failure);
        }
        // What was not undone would be taken for records; and a disk that fails to write is not to be trusted.
        if let LogError::Io { cause, .. } | LogError::DiskFull { cause, .. } = &failure {
            self.poison(Poison::from(cause));
        }
        Err(failure)
    }

    fn finish(
        &mut self,
        headers: &[BatchHeader],
        markers: &[(usize, ControlMarker)],
        end: Offset,
        assign: Assign,
    ) -> Result<(), LogError> {
        let active = self.active();
        active.publish(headers, self.config.index_interval_bytes);
        let mut markers = markers.iter().peekable();
        for (index, header) in headers.iter().enumerate() {
            self.producers.record(header, assign.now);
            let marker = markers.next_if(|(at, _)| *at == index).map(|(_, marker)| *marker);
            if let Err(error) = self.transact(&active, header, marker) {
                // Without the entry, aborted records would count: nobody may see them.
                if let LogError::Io { cause, .. } | LogError::DiskFull { cause, .. } = &error {
                    self.poison(Poison::from(cause));
                }
                return Err(error);
            }
        }
        let first_offset = headers.first().map_or(end, |header| header.base_offset);
        if self.reader.change_epochs(|epochs| epochs.assign(assign.leader_epoch, first_offset)) {
            self.unsynced.epochs = true;
        }
        self.unsynced.active = true;
        self.reader.set_end(end);
        Ok(())
    }

    /// Takes note of what a batch that was written, or its marker, means for transactions.
    fn transact(
        &mut self,
        segment: &Segment,
        header: &BatchHeader,
        marker: Option<ControlMarker>,
    ) -> Result<(), LogError> {
        if !header.is_transactional() {
            return Ok(());
        }
        let ended = match marker {
            Some(marker) => end_transaction(&mut self.producers, segment, header, marker)?,
            None => None,
        };
        let open = self.producers.open().first();
        self.reader.change_unstable(|unstable| {
            unstable.set_open(open);
            if let Some(first) = ended {
                unstable.end(first, header.base_offset);
            }
        });
        Ok(())
    }
}

/// Ends a producer's transaction by a marker, and puts it into the segment's index if that aborts it. Gives its first
/// offset, if it had written anything.
pub(super) fn end_transaction(
    producers: &mut Producers,
    segment: &Segment,
    header: &BatchHeader,
    marker: ControlMarker,
) -> Result<Option<Offset>, LogError> {
    if marker != ControlMarker::Abort && marker != ControlMarker::Commit {
        return Ok(None);
    }
    let Some(first) = producers.end_transaction(header.producer_id) else {
        return Ok(None);
    };
    if marker == ControlMarker::Abort {
        let marker = header.base_offset;
        let last_stable = producers.open().first().unwrap_or(marker.next());
        let entry = AbortedEntry { producer: header.producer_id, first, marker, last_stable };
        segment
            .add_aborted(entry)
            .map_err(|error| LogError::io("read an index of", segment.path(), error))?;
    }
    Ok(Some(first))
}

/// Batches that may be written.
struct Checked {
    headers: Vec<BatchHeader>,
    /// What control batches say, each with its index.
    markers: Vec<(usize, ControlMarker)>,
}

/// Checks everything that can be checked without opening the batches.
fn check(batches: &Bytes, config: &LogConfig, author: Author) -> Result<Checked, LogError> {
    let (mut headers, mut markers) = (Vec::with_capacity(1), Vec::new());
    let mut rest = batches.clone();
    while !rest.is_empty() {
        let index = headers.len();
        let invalid = |source| LogError::InvalidBatch { index, source };
        let batch = Batch::parse(&rest).map_err(invalid)?;
        if batch.size() > config.max_message_bytes as usize {
            return Err(LogError::BatchTooLarge { size: batch.size(), limit: config.max_message_bytes });
        }
        batch.verify_crc().map_err(invalid)?;
        batch.check_dense().map_err(invalid)?;
        batch.compression().map_err(invalid)?;
        let header = *batch.header();
        if header.is_control() {
            if author == Author::Client {
                return Err(LogError::ControlBatch);
            }
            let marker = ControlMarker::of(&batch).and_then(|marker| marker.ok_or(BatchError::NotAMarker));
            markers.push((index, marker.map_err(invalid)?));
        }
        let sequenced = header.base_sequence >= 0 && header.producer_epoch.0 >= 0;
        if header.producer_id.0 >= 0 && !header.is_control() && !sequenced {
            return Err(LogError::MissingSequence);
        }
        rest = rest.slice(batch.size()..);
        headers.push(header);
    }
    if headers.is_empty() { Err(LogError::Empty) } else { Ok(Checked { headers, markers }) }
}

/// Gives batches their place; copies them unless nobody else has these bytes.
fn place(
    batches: Bytes,
    headers: &mut [BatchHeader],
    first_offset: Offset,
    assign: Assign,
) -> Result<BytesMut, LogError> {
    let mut bytes = batches.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    let (mut rest, mut offset) = (bytes.as_mut(), first_offset);
    for (index, header) in headers.iter_mut().enumerate() {
        let invalid = |source: BatchError| LogError::InvalidBatch { index, source };
        let (batch, after) = rest.split_at_mut(header.size);
        batch::assign(batch, offset, assign.leader_epoch).map_err(invalid)?;
        if assign.timestamp_type == TimestampType::LogAppendTime {
            batch::stamp_append_time(batch, assign.now).map_err(invalid)?;
        }
        *header = BatchHeader::parse(batch).map_err(|error| match error {
            BatchError::ImpossibleHeader { .. } => LogError::OffsetsUsedUp,
            source => invalid(source),
        })?;
        offset = header.next_offset();
        rest = after;
    }
    Ok(bytes)
}
