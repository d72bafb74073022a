//! Cuts the bytes of a connection into frames.
//!
//! Owns: the buffer that a connection is read into; frames are slices of it, never copies.
//!
//! Invariants: a length is checked before anything is reserved for it. What is reserved ahead of bytes that have really
//! arrived is at most the largest frame that this peer has ever sent (and [`EAGER`]): one that claims 100 MB and sends
//! nothing costs next to nothing, however many connections it has.
//!
//! Does not know: what a frame means.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Reserved for the first read of a frame whose length is not known yet.
const FIRST_READ: usize = 16 * 1024;
/// Less room than this is not worth a read.
const LEAST_ROOM: usize = 1024;
/// At most so much is reserved ahead of a peer that has sent frames as large.
const EAGER: usize = 1024 * 1024;
/// So much is reserved ahead of anybody.
const EAGER_AT_FIRST: usize = 64 * 1024;
/// A frame of which so much is missing gets a buffer to itself.
const LARGE: usize = 32 * 1024;
/// The length in front of a frame.
const PREFIX: usize = 4;

/// Why the bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a request claims a length of {0} bytes, which is below zero")]
    Negative(i32),
    #[error("a request of {length} bytes is larger than the {max} bytes allowed")]
    TooLarge { length: usize, max: usize },
}

/// Bytes read and not yet taken as frames.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    buffer: BytesMut,
    max_frame: usize,
    /// So much is reserved ahead of bytes.
    eager: usize,
}

impl FrameBuffer {
    pub(crate) fn new(max_frame: usize) -> Self {
        Self { buffer: BytesMut::new(), max_frame, eager: EAGER_AT_FIRST }
    }

    /// The next whole frame, without its length; `None` if it has not arrived yet.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = self.claimed()? else {
            return Ok(None);
        };
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        self.eager = self.eager.max(length.min(EAGER));
        if self.buffer.len() == length && length >= LARGE {
            // Nobody else has these bytes, so the log can write its offsets into them instead of into a copy.
            return Ok(Some(std::mem::take(&mut self.buffer).freeze()));
        }
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// True if a whole frame has arrived.
    pub(crate) fn has_frame(&self) -> Result<bool, FrameError> {
        Ok(self.claimed()?.is_some_and(|length| self.buffer.len() >= PREFIX + length))
    }

    /// The API that the next frame is for, if that much of it has arrived.
    pub(crate) fn peek_api_key(&self) -> Option<i16> {
        let key = self.buffer.get(PREFIX..PREFIX + 2)?;
        Some(i16::from_be_bytes(*key.first_chunk::<2>()?))
    }

    /// The buffer with room for what comes next; to be read into. Nothing is read beyond the end of a large frame.
    pub(crate) fn room(&mut self) -> Limit<&mut BytesMut> {
        let have = self.buffer.len();
        let spare = self.buffer.capacity() - have;
        let missing = match self.claimed() {
            Ok(Some(length)) => (PREFIX + length).saturating_sub(have),
            _ => LEAST_ROOM,
        };
        if spare < missing.clamp(1, FIRST_READ) {
            self.buffer.reserve(missing.min(self.eager.max(have)).max(FIRST_READ));
        }
        let limit = if missing >= LARGE { missing } else { usize::MAX };
        (&mut self.buffer).limit(limit)
    }

    /// True if part of a frame has arrived.
    pub(crate) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn claimed(&self) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(*prefix);
        let Ok(length) = usize::try_from(length) else {
            return Err(FrameError::Negative(length));
        };
        if length > self.max_frame {
            return Err(FrameError::TooLarge { length, max: self.max_frame });
        }
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as i32).to_be_bytes()[..], payload].concat()
    }

    #[test]
    fn a_claimed_length_without_data_reserves_next_to_nothing() {
        let mut frames = FrameBuffer::new(100 << 20);
        frames.room().put_slice(&(100i32 << 20).to_be_bytes());
        assert_eq!(frames.next_frame(), Ok(None));
        assert!(frames.room().get_ref().capacity() <= 2 * EAGER_AT_FIRST);
    }

    #[test]
    fn who_has_sent_large_frames_is_given_room_for_the_next_one_at_once() {
        let payload = vec![7u8; 300_000];
        let mut frames = FrameBuffer::new(100 << 20);
        let mut rooms = Vec::new();
        for _ in 0..2 {
            let stream = framed(&payload);
            let (mut at, mut rounds) = (0, 0);
            let frame = loop {
                if let Some(frame) = frames.next_frame().unwrap() {
                    break frame;
                }
                let mut room = frames.room();
                let take = room.chunk_mut().len().min(stream.len() - at);
                room.put_slice(&stream[at..at + take]);
                (at, rounds) = (at + take, rounds + 1);
            };
            assert_eq!(frame, payload);
            rooms.push(rounds);
        }
        assert!(rooms[1] < rooms[0] && rooms[1] <= 2, "{rooms:?}");
    }

    #[test]
    fn lengths_out_of_bounds_are_errors() {
        let mut frames = FrameBuffer::new(10);
        frames.room().put_slice(&11i32.to_be_bytes());
        assert_eq!(frames.next_frame(), Err(FrameError::TooLarge { length: 11, max: 10 }));
        let mut frames = FrameBuffer::new(10);
        frames.room().put_slice(&(-1i32).to_be_bytes());
        assert_eq!(frames.next_frame(), Err(FrameError::Negative(-1)));
    }

    #[test]
    fn a_large_frame_arrives_with_few_reservations() {
        let payload = vec![7u8; 5 << 20];
        let stream = framed(&payload);
        let mut frames = FrameBuffer::new(100 << 20);
        let (mut at, mut grown) = (0, 0);
        loop {
            if let Some(frame) = frames.next_frame().unwrap() {
                assert_eq!(frame, payload);
                break;
            }
            let mut room = frames.room();
            let take = room.chunk_mut().len().min(60_000).min(stream.len() - at);
            assert!(take > 0);
            let before = room.get_ref().capacity();
            room.put_slice(&stream[at..at + take]);
            at += take;
            grown += usize::from(frames.buffer.capacity() != before);
        }
        assert_eq!(grown, 0, "reading never outgrows the room that was made");
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
            cut in 1usize..200,
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|payload| framed(payload)).collect();
            let mut frames = FrameBuffer::new(1_000);
            let mut seen = Vec::new();
            for piece in stream.chunks(cut) {
                frames.room().put_slice(piece);
                while let Some(frame) = frames.next_frame().unwrap() {
                    seen.push(frame.to_vec());
                }
            }
            prop_assert_eq!(seen, payloads);
            prop_assert!(!frames.is_mid_frame());
        }
    }
}
