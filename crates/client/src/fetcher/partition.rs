//! One partition that is being read.

use std::collections::VecDeque;

use headwater_model::{Monotonic, Offset, Timestamp, TopicPartition};
use headwater_wire::batch::Batch;

use crate::consumer::{ConsumeError, Fetched, StartAt, Watermarks};

/// Where reading (ahead of the application) is.
#[derive(Debug, Clone)]
pub(super) enum Cursor {
    /// The group's offset has to be asked for.
    Committed,
    /// An offset has to be asked for.
    Lookup(Spec),
    /// At this offset.
    At(Offset),
    /// Nowhere, until sought elsewhere.
    Broken(ConsumeError),
}

impl Cursor {
    /// True if an answer to what was asked for `asked` still serves.
    pub(super) fn is_same(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::Committed, Self::Committed) => true,
            (Self::Lookup(left), Self::Lookup(right)) => left == right,
            (Self::At(left), Self::At(right)) => left == right,
            _ => false,
        }
    }
}

/// An offset that the leader has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spec {
    Earliest,
    Latest,
    At(Timestamp),
}

impl Spec {
    /// As ListOffsets has it.
    pub(super) fn timestamp(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::At(timestamp) => timestamp.0.max(0),
        }
    }
}

/// Something read ahead: a batch, or offsets without records for the application, which only move its position.
#[derive(Debug)]
pub(super) struct Buffered {
    pub(super) batch: Option<(Batch, Offset /* high watermark */)>,
    /// The first offset that was asked for.
    pub(super) from: Offset,
    pub(super) next: Offset,
}

impl Buffered {
    fn bytes(&self) -> usize {
        self.batch.as_ref().map_or(0, |(batch, _)| batch.size())
    }
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Partition {
    /// Differs after each seek and assignment.
    pub(super) epoch: u64,
    /// Where the application is.
    pub(super) position: Option<Offset>,
    pub(super) cursor: Cursor,
    pub(super) buffer: VecDeque<Buffered>,
    pub(super) buffered_bytes: usize,
    pub(super) paused: bool,
    pub(super) frozen: bool,
    /// True while it is in the fetcher's `ready`.
    pub(super) queued: bool,
    /// True while a request for it is under way.
    pub(super) asked: bool,
    pub(super) failures: u32,
    pub(super) not_before: Monotonic,
    /// The count of the last answer with data, for taking turns.
    pub(super) served: u64,
    pub(super) watermarks: Option<Watermarks>,
}

impl Partition {
    pub(super) fn new(start: StartAt, epoch: u64) -> Self {
        let (position, cursor) = match start {
            StartAt::Offset(offset) => (Some(offset), Cursor::At(offset)),
            StartAt::Earliest => (None, Cursor::Lookup(Spec::Earliest)),
            StartAt::Latest => (None, Cursor::Lookup(Spec::Latest)),
            StartAt::Timestamp(timestamp) => (None, Cursor::Lookup(Spec::At(timestamp))),
            StartAt::Committed => (None, Cursor::Committed),
        };
        Self {
            epoch,
            position,
            cursor,
            buffer: VecDeque::new(),
            buffered_bytes: 0,
            paused: false,
            frozen: false,
            queued: false,
            asked: false,
            failures: 0,
            not_before: Monotonic::ORIGIN,
            served: 0,
            watermarks: None,
        }
    }

    /// True if nothing is handed out or asked for.
    pub(super) fn is_silent(&self) -> bool {
        self.paused || self.frozen
    }

    /// Begins, or goes on, at an offset that was found out.
    pub(super) fn start(&mut self, offset: Offset) {
        self.cursor = Cursor::At(offset);
        if self.buffer.is_empty() {
            self.position = Some(offset);
        } else {
            // The application gets there when it has had what was read before.
            self.buffer.push_back(Buffered { batch: None, from: offset, next: offset });
        }
    }

    pub(super) fn push(&mut self, buffered: Buffered) {
        self.buffered_bytes += buffered.bytes();
        self.cursor = Cursor::At(buffered.next);
        self.buffer.push_back(buffered);
    }

    /// Hands out batches while there is room.
    pub(super) fn take(&mut self, at: &TopicPartition, room: &mut usize, batches: &mut Vec<Fetched>) {
        while let Some(first) = self.buffer.front() {
            let bytes = first.bytes();
            let fits = bytes <= *room || batches.is_empty();
            if !fits {
                *room = 0;
                return;
            }
            let Some(first) = self.buffer.pop_front() else {
                return;
            };
            self.buffered_bytes -= bytes;
            *room = room.saturating_sub(bytes);
            self.position = Some(first.next);
            if let Some((batch, high_watermark)) = first.batch {
                batches.push(Fetched {
                    topic_partition: at.clone(),
                    batch,
                    from: first.from,
                    high_watermark,
                });
            }
        }
    }

    pub(super) fn drop_buffer(&mut self) {
        self.trim(0);
    }

    /// Drops what was read ahead past so many bytes, to be read again.
    pub(super) fn trim(&mut self, keep: usize) {
        let mut kept = 0;
        let surplus = self.buffer.iter().position(|buffered| {
            kept += buffered.bytes();
            kept > keep || keep == 0
        });
        let Some(surplus) = surplus else {
            return;
        };
        if let Some(first) = self.buffer.get(surplus) {
            self.cursor = Cursor::At(first.from);
        }
        self.buffer.truncate(surplus);
        self.buffered_bytes = self.buffer.iter().map(Buffered::bytes).sum();
    }
}
