//! One step of a shard: reads what a member may acquire, and acquires it.
//!
//! Owns: how far is read, which batches are for consumers, which of them an answer has.
//!
//! Invariants: nothing beyond the high watermark is given out, nor anything undecided or aborted to a group that reads
//! committed records. The first partition that has records gives at least one batch, whatever the limits say.
//!
//! Does not know: who has what (the crate `headwater-coordinator`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use headwater_coordinator::{
    Acquire, Acquired, Now, ReadBatch, SharePartitionEffects, SharePartitionId, SharePartitionReply,
    SharePartitions, Token,
};
use headwater_log::AbortedTransaction;
use headwater_model::{ErrorCode, Offset, ProducerId};
use headwater_wire::batch::{Batch, ControlMarker, batches};
use headwater_wire::protocol::{Chunk, Records};

use super::{Ask, Taken, Wish, add, reply};
use crate::partition::{Isolation, Partition};

/// How often is read on where there was nothing to acquire: records that are there no more, or not for consumers.
const MOST_ROUNDS: usize = 16;
/// Read at a time, so that little is read for nothing if few records are wanted.
const READ_BYTES: usize = 64 * 1024;

/// What an answer still has room for.
struct Room {
    records: u64,
    bytes: usize,
    is_empty_handed: bool,
}

/// What was read of a partition.
struct Read {
    from: Offset,
    blocks: Vec<Bytes>,
    batches: Vec<(ReadBatch, Piece)>,
}

/// Where the bytes of a batch are.
struct Piece {
    block: usize,
    range: Range<usize>,
}

/// Gives a member what it may have of each partition, in order, as far as there is room.
pub(super) fn acquire(
    machine: &mut SharePartitions,
    ask: &Ask,
    now: Now,
    token: Token,
    sum: &mut SharePartitionEffects,
) -> Vec<Result<Taken, ErrorCode>> {
    let wish = &ask.wish;
    let mut room = Room { records: wish.max_records, bytes: wish.max_bytes, is_empty_handed: true };
    let mut outcomes = Vec::with_capacity(ask.partitions.len());
    for (id, partition) in &ask.partitions {
        outcomes.push(if room.records == 0 || (room.bytes == 0 && !room.is_empty_handed) {
            Ok(Taken::default())
        } else {
            acquire_of(machine, wish, (id, partition), &room, (now, token), sum)
        });
        if let Some(Ok(taken)) = outcomes.last() {
            room.records = room.records.saturating_sub(taken.acquired.iter().map(count).sum());
            room.bytes = room.bytes.saturating_sub(taken.records.len());
            room.is_empty_handed &= taken.records.is_empty();
        }
    }
    outcomes
}

fn count(acquired: &Acquired) -> u64 {
    (acquired.last.0 - acquired.first.0 + 1).cast_unsigned()
}

fn acquire_of(
    machine: &mut SharePartitions,
    wish: &Wish,
    (id, partition): (&SharePartitionId, &Partition),
    room: &Room,
    (now, token): (Now, Token),
    sum: &mut SharePartitionEffects,
) -> Result<Taken, ErrorCode> {
    if partition.is_closed() {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    let log_start = partition.start_offset();
    if machine.describe(id).ok_or(ErrorCode::GroupIdNotFound)?.start < log_start {
        add(sum, machine.log_start_moved(now, id.topic, id.partition, log_start));
    }
    let mut before = None;
    for _ in 0..MOST_ROUNDS {
        let from = machine.next_fetch_offset(id);
        let Some(from) = from.filter(|_| from != before) else {
            return Ok(Taken { is_full: from.is_none(), ..Taken::default() });
        };
        before = Some(from);
        let read = read(partition, from, wish.isolation, room)?;
        if read.batches.is_empty() {
            return Ok(Taken::default());
        }
        let acquired = acquire_read(machine, wish, id, room, &read, (now, token), sum)?;
        if !acquired.is_empty() {
            return Ok(Taken { records: read.records_of(&acquired), acquired, is_full: false });
        }
    }
    Ok(Taken::default())
}

fn acquire_read(
    machine: &mut SharePartitions,
    wish: &Wish,
    id: &SharePartitionId,
    room: &Room,
    read: &Read,
    (now, token): (Now, Token),
    sum: &mut SharePartitionEffects,
) -> Result<Vec<Acquired>, ErrorCode> {
    let request = Acquire {
        member: wish.member.clone(),
        mode: wish.mode,
        max_records: room.records,
        batch_size: wish.batch_size,
        from: read.from,
        batches: read.batches.iter().map(|(batch, _)| *batch).collect(),
    };
    let mut effects = machine.acquire(now, token, id, &request);
    let reply = reply(&mut effects);
    add(sum, effects);
    match reply {
        Some(SharePartitionReply::Acquire(outcome)) => outcome,
        _ => Err(ErrorCode::UnknownServerError),
    }
}

/// Reads from an offset on until there are as many records as there is room for.
fn read(partition: &Partition, from: Offset, isolation: Isolation, room: &Room) -> Result<Read, ErrorCode> {
    let mut read = Read { from, blocks: Vec::new(), batches: Vec::new() };
    let limit = partition.limit(isolation);
    let (mut at, mut bytes, mut records) = (from, 0, 0);
    while at < limit && records < room.records && (bytes < room.bytes || bytes == 0) {
        let left = room.bytes.saturating_sub(bytes);
        let (block, aborted) = match read_block(partition, at, READ_BYTES.min(left), isolation) {
            // The log begins later now; the next look finds where.
            Err(ErrorCode::OffsetOutOfRange) => break,
            read => read?,
        };
        let may_exceed = bytes == 0 && room.is_empty_handed;
        if block.is_empty() || (block.len() > left && !may_exceed) {
            break;
        }
        bytes += block.len();
        let (next, more) = read.add(block, aborted).map_err(|error| {
            tracing::error!(partition = %partition.id(), %error, "cannot read for a share group");
            ErrorCode::CorruptMessage
        })?;
        records += more;
        at = next.max(at.next());
    }
    Ok(read)
}

/// At least one batch, if there is any.
fn read_block(
    partition: &Partition,
    at: Offset,
    max_bytes: usize,
    isolation: Isolation,
) -> Result<(Bytes, Vec<AbortedTransaction>), ErrorCode> {
    let read = match isolation {
        Isolation::Uncommitted => partition.read(at, max_bytes, true).map(|records| (records, Vec::new())),
        Isolation::Committed => partition.read_committed(at, max_bytes, true),
    };
    let (records, aborted) = read.map_err(|error| error.error_code())?;
    let bytes = records.to_bytes().map_err(|error| {
        tracing::error!(partition = %partition.id(), %error, "cannot read for a share group");
        ErrorCode::KafkaStorageError
    })?;
    Ok((bytes, aborted))
}

impl Read {
    /// Adds the batches of a block. Gives the offset after them, and how many records for consumers they have.
    fn add(
        &mut self,
        block: Bytes,
        aborted: Vec<AbortedTransaction>,
    ) -> Result<(Offset, u64), headwater_wire::batch::BatchError> {
        let mut aborted = Aborted::new(aborted);
        let (mut next, mut records, mut at) = (Offset::ZERO, 0, 0);
        for batch in batches(block.clone()) {
            let batch = batch?;
            let range = at..at + batch.bytes().len();
            at = range.end;
            next = batch.next_offset();
            let is_deliverable = !aborted.include(&batch)? && !batch.is_control();
            let read = ReadBatch { first: batch.base_offset(), last: batch.last_offset(), is_deliverable };
            if is_deliverable {
                records += (next.0 - read.first.max(self.from).0).max(0).cast_unsigned();
            }
            self.batches.push((read, Piece { block: self.blocks.len(), range }));
        }
        self.blocks.push(block);
        Ok((next, records))
    }

    /// The batches that have any of the acquired records: neighbours in one piece.
    fn records_of(&self, acquired: &[Acquired]) -> Records {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut wanted = acquired.iter().peekable();
        for (batch, piece) in &self.batches {
            while wanted.next_if(|acquired| acquired.last < batch.first).is_some() {}
            let Some(next) = wanted.peek() else {
                break;
            };
            if next.first > batch.last {
                continue;
            }
            match pieces.last_mut() {
                Some(last) if last.block == piece.block && last.range.end == piece.range.start => {
                    last.range.end = piece.range.end;
                }
                _ => pieces.push(Piece { block: piece.block, range: piece.range.clone() }),
            }
        }
        let chunk =
            |piece: Piece| self.blocks.get(piece.block).map(|block| Chunk::from(block.slice(piece.range)));
        Records::from(pieces.into_iter().filter_map(chunk).collect::<Vec<_>>())
    }
}

/// Which batches are of aborted transactions.
struct Aborted {
    /// Those that have yet to begin: of each producer, where.
    begin: BTreeMap<ProducerId, BTreeSet<Offset>>,
    /// Whose transactions have begun.
    begun: BTreeSet<ProducerId>,
}

impl Aborted {
    fn new(transactions: Vec<AbortedTransaction>) -> Self {
        let mut begin: BTreeMap<ProducerId, BTreeSet<Offset>> = BTreeMap::new();
        for transaction in transactions {
            begin.entry(transaction.producer).or_default().insert(transaction.first_offset);
        }
        Self { begin, begun: BTreeSet::new() }
    }

    /// Whether the next batch is of an aborted transaction.
    fn include(&mut self, batch: &Batch) -> Result<bool, headwater_wire::batch::BatchError> {
        let producer = batch.producer_id();
        if let Some(begin) = self.begin.get_mut(&producer)
            && begin.first().is_some_and(|first| *first <= batch.last_offset())
        {
            begin.pop_first();
            self.begun.insert(producer);
        }
        if batch.is_control() {
            if ControlMarker::of(batch)? == Some(ControlMarker::Abort) {
                self.begun.remove(&producer);
            }
            return Ok(false);
        }
        Ok(batch.is_transactional() && self.begun.contains(&producer))
    }
}
