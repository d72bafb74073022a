//! What a broker writes into a producer's batch when it appends it.

use headwater_model::{LeaderEpoch, Offset, Timestamp};

use super::header::{APPEND_TIME_BIT, ATTRIBUTES_AT, LEADER_EPOCH_AT, MAX_TIMESTAMP_AT, stamp_crc};
use super::{BatchError, HEADER_SIZE};

/// Gives a batch its place in the log. The checksum does not cover these fields and stays.
pub fn assign(batch: &mut [u8], base_offset: Offset, leader_epoch: LeaderEpoch) -> Result<(), BatchError> {
    put(batch, 0, base_offset.0.to_be_bytes())?;
    put(batch, LEADER_EPOCH_AT, leader_epoch.0.to_be_bytes())
}

/// Gives all records of a batch the time of its append, and the batch a new checksum.
pub fn stamp_append_time(batch: &mut [u8], time: Timestamp) -> Result<(), BatchError> {
    let attributes = i16::from_be_bytes(take(batch, ATTRIBUTES_AT)?);
    put(batch, ATTRIBUTES_AT, (attributes | APPEND_TIME_BIT).to_be_bytes())?;
    put(batch, MAX_TIMESTAMP_AT, time.0.to_be_bytes())?;
    stamp_crc(batch);
    Ok(())
}

fn put<const N: usize>(batch: &mut [u8], at: usize, value: [u8; N]) -> Result<(), BatchError> {
    let available = batch.len();
    let place = batch.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
    *place.ok_or(BatchError::Incomplete { needed: HEADER_SIZE, available })? = value;
    Ok(())
}

fn take<const N: usize>(batch: &[u8], at: usize) -> Result<[u8; N], BatchError> {
    let place = batch.get(at..).and_then(|rest| rest.first_chunk());
    place.copied().ok_or(BatchError::Incomplete { needed: HEADER_SIZE, available: batch.len() })
}
