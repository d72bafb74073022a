//! An open simulated file.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use headwater_wire::protocol::ReadAt;

use super::inode::{self, Inode};
use super::{Operation, SimDisk, State, power_failed};
use crate::disk::DiskFile;

#[derive(Debug)]
pub(super) struct SimFile {
    disk: SimDisk,
    inode: Arc<Mutex<Inode>>,
    generation: u64,
}

impl SimFile {
    pub(super) fn new(disk: SimDisk, inode: Arc<Mutex<Inode>>, generation: u64) -> Self {
        Self { disk, inode, generation }
    }

    pub(super) fn inode(&self) -> &Arc<Mutex<Inode>> {
        &self.inode
    }

    fn check(&self, state: &State) -> io::Result<()> {
        state.check_power()?;
        if self.generation == state.generation {
            Ok(())
        } else {
            Err(io::Error::other("the file was opened before the power failed"))
        }
    }
}

impl ReadAt for SimFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        self.check(&state)?;
        if let Some(kind) = state.scripted_failure(Operation::Read) {
            return Err(kind.into());
        }
        let rate = state.rates.read;
        if rate > 0 && state.entropy.chance(u64::from(rate), 1_000_000) {
            return Err(io::Error::other("a simulated I/O error"));
        }
        let inode = inode::lock(&self.inode);
        let from = position(offset)?;
        let bytes = from.checked_add(buf.len()).and_then(|end| inode.current.get(from..end));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn as_std_file(&self) -> Option<&File> {
        None
    }
}

impl DiskFile for SimFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        self.check(&state)?;
        let at = position(offset)?;
        let fault = match state.begin(Operation::Write) {
            Ok(true) => Some(power_failed()),
            Ok(false) => random_fault(&mut state),
            Err(error) => Some(error),
        };
        if let Some(fault) = fault {
            let written = state.entropy.below(bytes.len() as u64 + 1) as usize;
            inode::lock(&self.inode).write(at, bytes.get(..written).unwrap_or_default());
            return Err(fault);
        }
        let fitting = fitting(&state, &self.inode, at, bytes.len());
        let mut inode = inode::lock(&self.inode);
        inode.write(at, bytes.get(..fitting).unwrap_or_default());
        if fitting < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        self.check(&self.disk.state())?;
        Ok(inode::lock(&self.inode).current.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        self.check(&state)?;
        let power_fails = state.begin(Operation::Truncate)?;
        inode::lock(&self.inode).truncate(position(len)?);
        if power_fails { Err(power_failed()) } else { Ok(()) }
    }
}

fn random_fault(state: &mut State) -> Option<io::Error> {
    let rates = state.rates;
    let mut happens = |rate: u32| rate > 0 && state.entropy.chance(u64::from(rate), 1_000_000);
    if happens(rates.write) {
        Some(io::Error::other("a simulated I/O error"))
    } else if happens(rates.no_space) {
        Some(io::ErrorKind::StorageFull.into())
    } else {
        None
    }
}

/// How many of the bytes fit on the disk.
fn fitting(state: &State, inode: &Mutex<Inode>, at: usize, len: usize) -> usize {
    let Some(capacity) = state.capacity else {
        return len;
    };
    let size = inode::lock(inode).current.len();
    let others = state.tree.used().saturating_sub(size as u64);
    let end = usize::try_from(capacity.saturating_sub(others)).unwrap_or(usize::MAX).max(size);
    end.saturating_sub(at).min(len)
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}
