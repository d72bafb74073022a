//! The segment that a group of segments becomes.
//!
//! Owns: its files, under temporary names; they are of no worth before they are synced and renamed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Offset;
use headwater_wire::batch::BatchHeader;

use super::batches::CHUNK;
use crate::LogError;
use crate::disk::{Disk, DiskFile};
use crate::names::{FileKind, Stage, staged_path};
use crate::scan::{LARGE_WINDOW, Scan};
use crate::segment::Segment;
use crate::transactions::AbortedEntry;

/// No segment is larger: positions have 31 bits in Kafka.
const LARGEST_SEGMENT: u64 = i32::MAX as u64;

#[derive(Debug)]
pub(super) struct Output {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment: Segment,
    /// What is to be written at the end of the file.
    buffer: Vec<u8>,
    /// The size of the file.
    written: u64,
    interval: u32,
}

impl Output {
    pub(super) fn create(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        base: Offset,
        interval: u32,
    ) -> Result<Self, LogError> {
        let segment = Segment::create_cleaned(disk, dir, base)?;
        let (disk, dir) = (Arc::clone(disk), dir.to_path_buf());
        Ok(Self { disk, dir, segment, buffer: Vec::new(), written: 0, interval })
    }

    /// Adds a batch.
    pub(super) fn append(&mut self, bytes: &Bytes) -> Result<(), LogError> {
        let header = BatchHeader::parse(bytes)
            .map_err(|error| self.failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))?;
        self.publish(&header)?;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Adds what lies between two positions of a segment, unopened.
    pub(super) fn copy(&mut self, from: &Segment, start: u64, end: u64) -> Result<(), LogError> {
        let mut scan = Scan::new(Arc::clone(from.file()), start, end, LARGE_WINDOW);
        while let Some(located) = scan.next().map_err(|error| from.failed(error))? {
            self.publish(&located.header)?;
        }
        self.flush()?;
        let mut at = start;
        while at < end {
            self.buffer.resize(CHUNK.min(usize::try_from(end - at).unwrap_or(CHUNK)), 0);
            let read = from.file().read_exact_at(&mut self.buffer, at);
            read.map_err(|error| LogError::io("read", from.path(), error))?;
            at += self.buffer.len() as u64;
            self.flush()?;
        }
        Ok(())
    }

    /// Adds entries of the transaction index.
    pub(super) fn add_aborted(&mut self, entry: AbortedEntry) -> Result<(), LogError> {
        self.segment.add_aborted(entry).map_err(|error| self.failed(error))
    }

    /// Writes the rest. Gives the segment, and the files of its indexes.
    pub(super) fn finish(mut self) -> Result<(Segment, Vec<Arc<dyn DiskFile>>), LogError> {
        self.flush()?;
        let mut indexes = self.segment.finish_indexes().map_err(|error| self.failed(error))?;
        if self.segment.aborted_count() == 0 {
            // An empty file takes the place of the old one.
            let path =
                staged_path(&self.dir, self.segment.base(), FileKind::TransactionIndex, Stage::Cleaned);
            indexes.push(self.disk.create(&path).map_err(|error| self.failed(error))?);
        }
        Ok((self.segment, indexes))
    }

    fn publish(&mut self, header: &BatchHeader) -> Result<(), LogError> {
        if self.segment.contents().size + header.size as u64 > LARGEST_SEGMENT {
            return Err(self.failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        self.segment.publish(std::slice::from_ref(header), self.interval);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let written = self.segment.file().write_all_at(&self.buffer, self.written);
        written.map_err(|error| self.failed(error))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> LogError {
        LogError::io("write", self.segment.path(), error)
    }
}
