//! A simulated file: what a reader sees, and what a power loss would leave.

use std::sync::{Mutex, MutexGuard, PoisonError};

use headwater_model::Entropy;

/// Real disks keep or lose whole sectors.
const SECTOR: usize = 512;

/// A file's content.
#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    /// What a reader sees.
    pub current: Vec<u8>,
    /// What is safe.
    durable: Vec<u8>,
    /// What has been done since the last sync, oldest first.
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

pub(super) fn lock(inode: &Mutex<Inode>) -> MutexGuard<'_, Inode> {
    inode.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inode {
    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        write(&mut self.current, at, bytes);
        self.pending.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.current.resize(len, 0);
        self.pending.push(Change::Truncate { len });
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// What a sync that fails leaves: each change is safe or will never be.
    pub(super) fn fail_sync(&mut self, entropy: &mut Entropy) {
        for change in self.pending.drain(..) {
            if entropy.chance(1, 2) {
                apply(&mut self.durable, &change);
            }
        }
    }

    pub(super) fn lose_power(&mut self, entropy: &mut Entropy) {
        // Often all or nothing survives; the mixtures in between are for the rest.
        let mood = entropy.below(4);
        for change in std::mem::take(&mut self.pending) {
            let survives = match mood {
                0 => true,
                1 => false,
                _ => entropy.chance(1, 2),
            };
            if survives {
                apply(&mut self.durable, &change);
            } else if let (Change::Write { at, bytes }, 2..) = (&change, mood) {
                tear(&mut self.durable, *at, bytes, entropy);
            }
        }
        self.current.clone_from(&self.durable);
    }
}

/// Keeps a part of a write: a prefix, or any of its sectors.
fn tear(content: &mut Vec<u8>, at: usize, bytes: &[u8], entropy: &mut Entropy) {
    match entropy.below(3) {
        0 => {}
        1 => {
            let kept = entropy.below(bytes.len() as u64) as usize;
            write(content, at, bytes.get(..kept).unwrap_or_default());
        }
        _ => {
            for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                if entropy.chance(1, 2) {
                    write(content, at + index * SECTOR, sector);
                }
            }
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, bytes } => write(content, *at, bytes),
        Change::Truncate { len } => content.resize(*len, 0),
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end && !bytes.is_empty() {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}
