//! Record data on its way through: bytes in memory or a range of a file, never copied without need.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// Positioned reads of an immutable region of a file.
pub trait ReadAt: Send + Sync + Debug {
    /// Fills `buf` with the bytes from `offset` on; an error if the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// The file itself, where the operating system can send from it.
    fn as_std_file(&self) -> Option<&File>;
}

/// A region of a file whose bytes do not change any more.
#[derive(Debug, Clone)]
pub struct FileRange {
    /// The file.
    pub file: Arc<dyn ReadAt>,
    /// Where the region begins.
    pub offset: u64,
    /// How many bytes it has.
    pub len: usize,
}

impl PartialEq for FileRange {
    /// The same region of the same open file; the contents are not read.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.offset == other.offset && self.len == other.len
    }
}

/// A piece of what is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes still in a file.
    File(FileRange),
}

impl Chunk {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(range) => range.len,
        }
    }

    /// True if it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes: shared if they are in memory, else read from the file.
    pub fn to_bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(range) => {
                let mut buf = BytesMut::zeroed(range.len);
                range.file.read_exact_at(&mut buf, range.offset)?;
                Ok(buf.freeze())
            }
        }
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<FileRange> for Chunk {
    fn from(range: FileRange) -> Self {
        Self::File(range)
    }
}

/// Record batches one after the other, as a list of chunks.
#[derive(Debug, Clone, Default)]
pub struct Records {
    chunks: Vec<Chunk>,
}

impl Records {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(Chunk::len).sum()
    }

    /// True if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.chunks.iter().all(Chunk::is_empty)
    }

    /// The chunks, in order.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The chunks, in order, given away.
    pub fn into_chunks(self) -> Vec<Chunk> {
        self.chunks
    }

    /// All bytes in one buffer; nothing is copied if they already are.
    pub fn to_bytes(&self) -> io::Result<Bytes> {
        match self.chunks.as_slice() {
            [] => Ok(Bytes::new()),
            [chunk] => chunk.to_bytes(),
            chunks => {
                let mut whole = BytesMut::zeroed(self.len());
                let mut rest = &mut whole[..];
                for chunk in chunks {
                    let (buf, after) = rest.split_at_mut(chunk.len());
                    match chunk {
                        Chunk::Bytes(bytes) => buf.copy_from_slice(bytes),
                        Chunk::File(range) => range.file.read_exact_at(buf, range.offset)?,
                    }
                    rest = after;
                }
                Ok(whole.freeze())
            }
        }
    }
}

impl PartialEq for Records {
    /// Equal bytes where all of them are in memory, however they are cut; else equal chunks.
    fn eq(&self, other: &Self) -> bool {
        fn bytes_in_memory(records: &Records) -> Option<impl Iterator<Item = &u8>> {
            let slices: Option<Vec<&Bytes>> = records
                .chunks
                .iter()
                .map(|chunk| match chunk {
                    Chunk::Bytes(bytes) => Some(bytes),
                    Chunk::File(_) => None,
                })
                .collect();
            Some(slices?.into_iter().flatten())
        }
        match (bytes_in_memory(self), bytes_in_memory(other)) {
            (Some(left), Some(right)) => self.len() == other.len() && left.eq(right),
            _ => self.chunks == other.chunks,
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self { chunks: vec![Chunk::Bytes(bytes)] }
    }
}

impl From<FileRange> for Records {
    fn from(range: FileRange) -> Self {
        Self { chunks: vec![Chunk::File(range)] }
    }
}

impl From<Vec<Chunk>> for Records {
    fn from(chunks: Vec<Chunk>) -> Self {
        Self { chunks }
    }
}
