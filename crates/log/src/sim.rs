//! A disk in memory that fails on command. For tests and for simulating the whole system; never for data.
//!
//! Owns: [`SimDisk`], its faults and its power losses.
//!
//! Invariants: deterministic, given the seed and the order of operations. A power loss keeps what was synced; of every
//! change to a file since, it keeps all, nothing, or a part, whatever happened to changes before; of the changes to a
//! folder's names it keeps the first ones (as journaling file systems do). After a failed sync the changes that it was
//! to save are kept or lost one by one, and no later sync saves them.
//!
//! Does not know: time (operations take none).

mod file;
mod inode;
mod tree;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_model::Entropy;

use crate::disk::{Disk, DiskFile, Entry};
use file::SimFile;
use inode::Inode;
use tree::Tree;

/// How often operations fail, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultRates {
    /// Reads that fail with an I/O error.
    pub read: u32,
    /// Writes that fail with an I/O error, after writing any part.
    pub write: u32,
    /// Writes that fail because the disk is full, after writing any part.
    pub no_space: u32,
    /// Syncs of files that fail with an I/O error.
    pub sync: u32,
}

/// A kind of operation that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Reading from a file.
    Read,
    /// Writing to a file.
    Write,
    /// Cutting a file.
    Truncate,
    /// Syncing files.
    Sync,
    /// Making, renaming or removing a name, or syncing a folder.
    Name,
}

/// The next operation of that kind, after so many that succeed, fails so.
#[derive(Debug)]
struct Scripted {
    successes: u64,
    operation: Operation,
    kind: io::ErrorKind,
}

/// A disk in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    entropy: Entropy,
    rates: FaultRates,
    capacity: Option<u64>,
    /// Failures that were asked for.
    scripted: Vec<Scripted>,
    /// Changing operations so far, and the one during which the power fails.
    operations: u64,
    power_fails_at: Option<u64>,
    powered: bool,
    /// Files opened before a power loss are dead.
    generation: u64,
}

impl SimDisk {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        let state = State {
            tree: Tree::default(),
            entropy: Entropy::from_seed(seed),
            rates: FaultRates::default(),
            capacity: None,
            scripted: Vec::new(),
            operations: 0,
            power_fails_at: None,
            powered: true,
            generation: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Makes operations fail at random from now on.
    pub fn set_fault_rates(&self, rates: FaultRates) {
        self.state().rates = rates;
    }

    /// Makes the next operation of a kind fail so; several are failed one after the other.
    pub fn fail_next(&self, operation: Operation, kind: io::ErrorKind) {
        self.fail_after(0, operation, kind);
    }

    /// The same after so many operations of the kind that succeed.
    pub fn fail_after(&self, successes: u64, operation: Operation, kind: io::ErrorKind) {
        self.state().scripted.push(Scripted { successes, operation, kind });
    }

    /// Forgets the failures that were asked for and did not come; gives how many these are.
    pub fn forget_failures(&self) -> usize {
        std::mem::take(&mut self.state().scripted).len()
    }

    /// How many bytes the disk takes; what does not fit any more is not written.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// How many operations have changed, or tried to change, something.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets the power fail during the changing operation of that number, counted from 1 over the disk's life.
    pub fn power_fails_at(&self, operation: u64) {
        self.state().power_fails_at = Some(operation);
    }

    /// True until the power fails.
    pub fn is_powered(&self) -> bool {
        self.state().powered
    }

    /// The power fails now, if it has not, and comes back: what was not synced is lost at random, and files that were
    /// open are no longer.
    pub fn power_loss(&self) {
        let mut state = self.state();
        let State { tree, entropy, .. } = &mut *state;
        tree.lose_power(entropy);
        state.powered = true;
        state.power_fails_at = None;
        state.scripted.clear();
        state.generation += 1;
    }

    /// A disk of its own that holds the same, as if there had been a power loss there; this one goes on.
    #[must_use]
    pub fn fork_after_power_loss(&self, seed: u64) -> Self {
        let mut entropy = Entropy::from_seed(seed);
        let mut tree = self.state().tree.deep_clone();
        tree.lose_power(&mut entropy);
        let fork = Self::new(seed);
        fork.state().tree = tree;
        fork
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a changing operation; an error if it fails outright. `Ok(true)` if the power fails during it.
    fn begin(&mut self, operation: Operation) -> io::Result<bool> {
        self.check_power()?;
        self.operations += 1;
        if let Some(kind) = self.scripted_failure(operation) {
            return Err(kind.into());
        }
        let fails = self.power_fails_at == Some(self.operations);
        if fails {
            self.powered = false;
        }
        Ok(fails)
    }

    fn check_power(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(io::Error::other("the power is off")) }
    }

    fn scripted_failure(&mut self, operation: Operation) -> Option<io::ErrorKind> {
        let index = self.scripted.iter().position(|scripted| scripted.operation == operation)?;
        let scripted = self.scripted.get_mut(index)?;
        match scripted.successes.checked_sub(1) {
            Some(left) => {
                scripted.successes = left;
                None
            }
            None => Some(self.scripted.remove(index).kind),
        }
    }

    /// A change of names: done, unless the power is off; then the change may still be found later.
    fn change_names<T>(&mut self, change: impl FnOnce(&mut Tree) -> io::Result<T>) -> io::Result<T> {
        let power_fails = self.begin(Operation::Name)?;
        let changed = change(&mut self.tree)?;
        if power_fails { Err(power_failed()) } else { Ok(changed) }
    }
}

fn power_failed() -> io::Error {
    io::Error::other("the power failed")
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.state().change_names(|tree| tree.create(path))?;
        Ok(self.handle(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        state.check_power()?;
        let inode = state.tree.file(path)?;
        drop(state);
        Ok(self.handle(inode))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        state.check_power()?;
        state.tree.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().change_names(|tree| tree.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().change_names(|tree| tree.remove(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.state().change_names(|tree| tree.create_dir(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.state().change_names(|tree| tree.remove_dir(path))
    }

    fn sync(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        let mut inodes = Vec::with_capacity(files.len());
        for file in files {
            let any: &dyn std::any::Any = file.as_ref();
            let file = any.downcast_ref::<SimFile>().ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "the file belongs to another disk")
            })?;
            inodes.push(Arc::clone(file.inode()));
        }
        let mut state = self.state();
        let sync_rate = state.rates.sync;
        let began = match state.begin(Operation::Sync) {
            Ok(_) if state.entropy.chance(u64::from(sync_rate), 1_000_000) => {
                Err(io::Error::other("a simulated I/O error"))
            }
            began => began,
        };
        match began {
            Ok(true) => Err(power_failed()),
            Ok(false) => {
                for inode in inodes {
                    inode::lock(&inode).sync();
                }
                Ok(())
            }
            Err(error) if state.powered => {
                for inode in inodes {
                    inode::lock(&inode).fail_sync(&mut state.entropy);
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.begin(Operation::Name)? {
            return Err(power_failed());
        }
        state.tree.sync_dir(dir)
    }
}

impl SimDisk {
    fn handle(&self, inode: Arc<Mutex<Inode>>) -> Arc<dyn DiskFile> {
        let generation = self.state().generation;
        Arc::new(SimFile::new(self.clone(), inode, generation))
    }
}
