//! LZ4 frames. Written with independent blocks of at most 64 KiB, neither content size nor checksums: what Kafka's
//! `Lz4BlockOutputStream` writes and the only kind that its reader takes. Any frame without a dictionary is read.
//!
//! The reader is our own, over block decompression: it decompresses in place, and stays within its limit.
//! Checksums are skipped, not verified: the CRC of the batch has covered them.

use std::io::Write;

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::Failure;

const MAGIC: u32 = 0x184D_2204;
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
/// How far back a linked block can refer.
const WINDOW: usize = 64 * 1024;
/// The most that one compressed byte can become.
const GREATEST_RATIO: usize = 255;

/// Writes one frame.
pub(super) fn compress(input: &[u8], output: &mut Vec<u8>) -> std::io::Result<()> {
    let frame = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(frame, output);
    encoder.write_all(input)?;
    encoder.finish()?;
    Ok(())
}

/// Reads frames until the input ends.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let magic = take_u32(&mut rest)?;
        if magic & !0xF == SKIPPABLE_MAGIC {
            let length = take_u32(&mut rest)?;
            take(&mut rest, length as usize)?;
        } else if magic == MAGIC {
            let frame = Descriptor::read(&mut rest)?;
            read_blocks(&frame, &mut rest, &mut output, limit)?;
        } else {
            return Err(Failure::damaged("no LZ4 frame"));
        }
    }
    Ok(output)
}

/// The parts of a frame's descriptor that matter for reading.
struct Descriptor {
    linked_blocks: bool,
    block_checksums: bool,
    content_checksum: bool,
    max_block_size: usize,
}

impl Descriptor {
    fn read(rest: &mut &[u8]) -> Result<Self, Failure> {
        let [flags, sizes] = take_array(rest)?;
        if flags >> 6 != 1 {
            return Err(Failure::damaged("an LZ4 frame of an unknown version"));
        }
        if flags & 1 != 0 {
            return Err(Failure::damaged("an LZ4 frame that needs a dictionary"));
        }
        let max_block_size = match (sizes >> 4) & 7 {
            4 => 64 * 1024,
            5 => 256 * 1024,
            6 => 1024 * 1024,
            7 => 4 * 1024 * 1024,
            _ => return Err(Failure::damaged("an LZ4 frame of an unknown block size")),
        };
        let content_size_length = if flags & 8 == 0 { 0 } else { 8 };
        take(rest, content_size_length + 1)?; // and the descriptor's checksum
        Ok(Self {
            linked_blocks: flags & 0x20 == 0,
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 4 != 0,
            max_block_size,
        })
    }
}

fn read_blocks(
    frame: &Descriptor,
    rest: &mut &[u8],
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Failure> {
    let frame_start = output.len();
    loop {
        let length = take_u32(rest)?;
        if length == 0 {
            break;
        }
        let block = take(rest, (length & 0x7FFF_FFFF) as usize)?;
        if block.len() > frame.max_block_size {
            return Err(Failure::damaged("a block larger than the frame allows"));
        }
        if frame.block_checksums {
            take(rest, 4)?;
        }
        if length >> 31 == 1 {
            if block.len() > limit - output.len() {
                return Err(Failure::TooLarge);
            }
            output.extend_from_slice(block);
        } else {
            let history = if frame.linked_blocks { frame_start } else { output.len() };
            decompress_block(frame, block, history, output, limit)?;
        }
    }
    if frame.content_checksum {
        take(rest, 4)?;
    }
    Ok(())
}

/// Decompresses to the end of `output`, where what follows `history` may be referred to.
fn decompress_block(
    frame: &Descriptor,
    block: &[u8],
    history: usize,
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Failure> {
    let start = output.len();
    let most = frame.max_block_size.min(block.len().saturating_mul(GREATEST_RATIO));
    let room = most.min(limit - start);
    output.resize(start + room, 0);
    let (before, after) = output.split_at_mut(start);
    let dictionary = before.get(history.max(start.saturating_sub(WINDOW))..).unwrap_or_default();
    let written = if dictionary.is_empty() {
        decompress_into(block, after)
    } else {
        decompress_into_with_dict(block, after, dictionary)
    };
    match written {
        Ok(written) => {
            output.truncate(start + written);
            Ok(())
        }
        Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if room < most => Err(Failure::TooLarge),
        Err(error) => Err(Failure::Damaged(std::io::Error::new(std::io::ErrorKind::InvalidData, error))),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Failure> {
    let (taken, after) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    *rest = after;
    Ok(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Failure> {
    let (taken, after) = rest.split_first_chunk().ok_or_else(cut_off)?;
    *rest = after;
    Ok(*taken)
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, Failure> {
    take_array(rest).map(u32::from_le_bytes)
}

fn cut_off() -> Failure {
    Failure::damaged("the LZ4 frame is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_frame_is_of_the_kind_that_kafka_writes() {
        let mut output = Vec::new();
        compress(&[1, 2, 3], &mut output).unwrap();
        // Magic; version 1, independent blocks; 64 KiB; checksum of these two; a stored block of 3; the end.
        assert_eq!(output, [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 3, 0, 0, 0x80, 1, 2, 3, 0, 0, 0, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_frame_without_a_dictionary_is_read(
            part in prop::collection::vec(any::<u8>(), 1..5_000),
            times in 1usize..80,
            linked: bool,
            checksums: bool,
            sized: bool,
        ) {
            let text = part.repeat(times);
            let info = FrameInfo::new()
                .block_mode(if linked { BlockMode::Linked } else { BlockMode::Independent })
                .block_checksums(checksums)
                .content_checksum(checksums)
                .content_size(sized.then_some(text.len() as u64));
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(&text).unwrap();
            let frame = encoder.finish().unwrap();
            prop_assert!(decompress(&frame, text.len()).unwrap() == text);
            prop_assert!(matches!(decompress(&frame, text.len() - 1), Err(Failure::TooLarge)));
        }
    }
}
