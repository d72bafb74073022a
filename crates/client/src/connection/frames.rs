//! Frames on a byte stream: each a length of four bytes and that many bytes.
//!
//! Invariants: a length from outside is checked against the limit, and memory is reserved in proportion to the bytes
//! that have come, never by the length alone beyond [`FIRST_RESERVATION`].

use std::io::{self, IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use headwater_wire::protocol::Chunk;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Disconnect;

/// Reserved for reading while it is not known what comes.
const READ_AHEAD: usize = 16 << 10;
/// The most that is reserved because a length says so.
const FIRST_RESERVATION: usize = 1 << 20;
/// How many chunks go into one write.
const MAX_SLICES: usize = 64;

/// Cuts a stream into frames.
#[derive(Debug)]
pub(super) struct FrameReader<S> {
    stream: S,
    buffer: BytesMut,
    limit: usize,
}

impl<S: AsyncRead + Unpin> FrameReader<S> {
    pub(super) fn new(stream: S, limit: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), limit }
    }

    /// The next frame without its length. Cancel-safe: what was read stays in the buffer.
    pub(super) async fn next(&mut self) -> Result<Bytes, Disconnect> {
        loop {
            let missing = match self.buffer.first_chunk::<4>() {
                None => READ_AHEAD,
                Some(prefix) => {
                    let claimed = i32::from_be_bytes(*prefix);
                    let length = usize::try_from(claimed).ok().filter(|length| *length <= self.limit);
                    let Some(length) = length else {
                        return Err(Disconnect::FrameTooLarge {
                            size: i64::from(claimed),
                            limit: self.limit,
                        });
                    };
                    if self.buffer.len() >= length + 4 {
                        self.buffer.advance(4);
                        return Ok(self.buffer.split_to(length).freeze());
                    }
                    length + 4 - self.buffer.len()
                }
            };
            // As much as is missing, but not more than a step, or what has come already: so reserving doubles at most.
            let step = FIRST_RESERVATION.max(self.buffer.len());
            self.buffer.reserve(missing.min(step));
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(Disconnect::Closed),
                Ok(_) => {}
                Err(error) => return Err(Disconnect::Io(error)),
            }
        }
    }
}

/// Writes a frame; `begun` is called once, when its first bytes have been written.
pub(super) async fn write_frame<S: AsyncWrite + Unpin>(
    stream: &mut S,
    frame: Vec<Chunk>,
    begun: impl FnOnce(),
) -> io::Result<()> {
    let mut begun = Some(begun);
    let mut slices = frame.iter().map(Chunk::to_bytes).collect::<io::Result<Vec<Bytes>>>()?;
    slices.reverse();
    while !slices.is_empty() {
        let io_slices: Vec<IoSlice<'_>> =
            slices.iter().rev().take(MAX_SLICES).map(|bytes| IoSlice::new(bytes)).collect();
        let mut written = stream.write_vectored(&io_slices).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if let Some(begun) = begun.take() {
            begun();
        }
        while let Some(first) = slices.last_mut() {
            let step = written.min(first.len());
            first.advance(step);
            written -= step;
            if !first.is_empty() {
                break;
            }
            slices.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_cut_wherever_the_stream_breaks_them() {
        let mut bytes = Vec::new();
        for length in [0_usize, 1, 5, 40_000] {
            bytes.extend_from_slice(&(length as i32).to_be_bytes());
            bytes.extend(std::iter::repeat_n(length as u8, length));
        }
        for step in [1, 3, 4, 5, 100_000] {
            let mut builder = tokio_test_stream(bytes.clone(), step);
            for length in [0_usize, 1, 5, 40_000] {
                let frame = builder.next().await.unwrap();
                assert_eq!(frame, vec![length as u8; length]);
            }
            assert!(matches!(builder.next().await, Err(Disconnect::Closed)));
        }
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_and_reserves_nothing() {
        for claimed in [101, i32::MAX, -1] {
            let mut reader = tokio_test_stream(claimed.to_be_bytes().to_vec(), 4);
            reader.limit = 100;
            assert!(matches!(reader.next().await, Err(Disconnect::FrameTooLarge { .. })));
            assert!(reader.buffer.capacity() <= READ_AHEAD);
        }
    }

    #[tokio::test]
    async fn a_claimed_length_alone_reserves_one_step_at_most() {
        let mut reader = tokio_test_stream((100_i32 << 20).to_be_bytes().to_vec(), 4);
        reader.limit = 200 << 20;
        assert!(matches!(reader.next().await, Err(Disconnect::Closed)));
        assert!(reader.buffer.capacity() <= 2 * FIRST_RESERVATION);
    }

    #[tokio::test]
    async fn a_frame_of_many_chunks_arrives_whole() {
        let chunks: Vec<Chunk> =
            (0..200_u8).map(|n| Chunk::Bytes(Bytes::from(vec![n; usize::from(n)]))).collect();
        let expected: Vec<u8> = (0..200_u8).flat_map(|n| vec![n; usize::from(n)]).collect();
        let (mut left, mut right) = tokio::io::duplex(64);
        let mut calls = 0;
        let write = async {
            write_frame(&mut left, chunks, || calls += 1).await.unwrap();
            drop(left);
        };
        let mut received = Vec::new();
        let ((), read) = tokio::join!(write, right.read_to_end(&mut received));
        read.unwrap();
        assert_eq!(received, expected);
        assert_eq!(calls, 1);
    }

    /// A stream that gives `step` bytes per read.
    fn tokio_test_stream(bytes: Vec<u8>, step: usize) -> FrameReader<impl AsyncRead + Unpin> {
        let (mut left, right) = tokio::io::duplex(step);
        tokio::spawn(async move {
            for piece in bytes.chunks(step) {
                left.write_all(piece).await.unwrap();
            }
        });
        FrameReader::new(right, usize::MAX)
    }
}
