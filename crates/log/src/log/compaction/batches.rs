//! Reading the batches of a segment, a chunk at a time.
//!
//! Invariants: memory is one chunk, or one batch if that is larger; batches above a limit are passed over by their header
//! alone.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use headwater_wire::batch::{BatchError, BatchHeader, HEADER_SIZE};

use crate::LogError;
use crate::scan::{Located, ScanError};
use crate::segment::Segment;

/// How much is read at once, in bytes.
pub(super) const CHUNK: usize = 1 << 20;

/// A walk over the batches of a segment.
pub(super) struct Batches {
    segment: Arc<Segment>,
    position: u64,
    end: u64,
    /// No batch larger than this is read.
    largest: usize,
    chunk: Bytes,
    chunk_at: u64,
}

impl Batches {
    /// A walk from a position, where a batch starts.
    pub(super) fn new(segment: &Arc<Segment>, position: u64, largest: usize) -> Self {
        let end = segment.contents().size;
        Self { segment: Arc::clone(segment), position, end, largest, chunk: Bytes::new(), chunk_at: 0 }
    }

    /// The next batch, with its bytes, unless it is too large.
    pub(super) fn next(&mut self) -> Result<Option<(Located, Option<Bytes>)>, LogError> {
        let position = self.position;
        let left = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let invalid = |segment: &Segment, fault| segment.failed(ScanError::Invalid { position, fault });
        let start = self.view(HEADER_SIZE.min(left))?;
        let header = BatchHeader::parse(&start).map_err(|fault| invalid(&self.segment, fault))?;
        if header.size > left {
            let fault = BatchError::Incomplete { needed: header.size, available: left };
            return Err(invalid(&self.segment, fault));
        }
        let bytes = if header.size > self.largest { None } else { Some(self.view(header.size)?) };
        let located = Located { position, header };
        self.position = located.end();
        Ok(Some((located, bytes)))
    }

    /// So many bytes from the position on, which are there.
    fn view(&mut self, len: usize) -> Result<Bytes, LogError> {
        let held = self.chunk_at..self.chunk_at + self.chunk.len() as u64;
        if !held.contains(&self.position) || held.end - self.position < len as u64 {
            let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
            let mut chunk = BytesMut::zeroed(CHUNK.max(len).min(left));
            self.segment
                .file()
                .read_exact_at(&mut chunk, self.position)
                .map_err(|error| LogError::io("read", self.segment.path(), error))?;
            self.chunk = chunk.freeze();
            self.chunk_at = self.position;
        }
        let at = usize::try_from(self.position - self.chunk_at).unwrap_or(usize::MAX);
        Ok(self.chunk.slice(at..at + len))
    }
}
