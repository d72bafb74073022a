//! Walking over the batches of a file without keeping their records.
//!
//! Invariants: reads only below the given end; memory is one window, whatever lengths the file claims.

use std::io;
use std::sync::Arc;

use headwater_wire::batch::{BatchError, BatchHeader, HEADER_SIZE};

use crate::disk::DiskFile;

/// A window for lookups, which look at few headers.
pub(crate) const SMALL_WINDOW: usize = 4 << 10;
/// A window for reading all of a file.
pub(crate) const LARGE_WINDOW: usize = 256 << 10;

/// Where the bytes that the checksum covers begin.
const CHECKED_FROM: u64 = 21;

/// A batch's header, and where the batch starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located {
    pub position: u64,
    pub header: BatchHeader,
}

impl Located {
    /// Where the batch ends.
    pub(crate) fn end(&self) -> u64 {
        self.position + self.header.size as u64
    }
}

/// Why a walk ended before the end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("no valid batch at byte {position}: {fault}")]
    Invalid { position: u64, fault: BatchError },
}

/// A walk over the batches of a file.
#[derive(Debug)]
pub(crate) struct Scan {
    file: Arc<dyn DiskFile>,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
    window_size: usize,
}

impl Scan {
    /// A walk from a position, where a batch starts, to an end.
    pub(crate) fn new(file: Arc<dyn DiskFile>, position: u64, end: u64, window_size: usize) -> Self {
        Self { file, position, end, window: Vec::new(), window_start: 0, window_size }
    }

    /// The next batch's header.
    pub(crate) fn next(&mut self) -> Result<Option<Located>, ScanError> {
        let position = self.position;
        let left = self.end.saturating_sub(position);
        if left == 0 {
            return Ok(None);
        }
        let invalid = |fault| ScanError::Invalid { position, fault };
        let wanted = HEADER_SIZE.min(usize::try_from(left).unwrap_or(HEADER_SIZE));
        let header = BatchHeader::parse(self.view(position, wanted)?).map_err(invalid)?;
        if header.size as u64 > left {
            let available = usize::try_from(left).unwrap_or(usize::MAX);
            return Err(invalid(BatchError::Incomplete { needed: header.size, available }));
        }
        let located = Located { position, header };
        self.position = located.end();
        Ok(Some(located))
    }

    /// The next batch's header, its checksum verified.
    pub(crate) fn next_verified(&mut self) -> Result<Option<Located>, ScanError> {
        let Some(located) = self.next()? else {
            return Ok(None);
        };
        let computed = self.checksum(&located)?;
        if computed == located.header.crc {
            return Ok(Some(located));
        }
        self.position = located.position;
        let fault = BatchError::BadChecksum { stored: located.header.crc, computed };
        Err(ScanError::Invalid { position: located.position, fault })
    }

    fn checksum(&mut self, located: &Located) -> io::Result<u32> {
        let (mut at, end, mut checksum) = (located.position + CHECKED_FROM, located.end(), 0);
        while at < end {
            let view = self.view(at, 1)?;
            let taken = view.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            checksum = crc32c::crc32c_append(checksum, view.get(..taken).unwrap_or_default());
            at += taken as u64;
        }
        Ok(checksum)
    }

    /// At least `least` of the bytes from a position on, which must be there.
    fn view(&mut self, at: u64, least: usize) -> io::Result<&[u8]> {
        let window_end = self.window_start + self.window.len() as u64;
        if at < self.window_start || at + least as u64 > window_end {
            let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
            self.window.resize(self.window_size.min(left), 0);
            if let Err(error) = self.file.read_exact_at(&mut self.window, at) {
                self.window.clear();
                return Err(error);
            }
            self.window_start = at;
        }
        let from = usize::try_from(at - self.window_start).map_err(io::Error::other)?;
        Ok(self.window.get(from..).unwrap_or_default())
    }
}
