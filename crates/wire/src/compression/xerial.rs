//! Snappy as Kafka's Java client frames it (`org.xerial.snappy.SnappyOutputStream`).
//!
//! ```text
//! 0x82 "SNAPPY" 0x00 | version i32 = 1 | oldest compatible version i32 = 1 | ( length i32 | raw snappy block )*
//! ```
//! Integers are big-endian. librdkafka and others write one raw block without any framing; both are read.

use super::Failure;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// How much goes into one block: the Java class's default.
const BLOCK_SIZE: usize = 32 * 1024;
/// The most that one compressed byte can become (a copy of 64 bytes takes 3), rounded up.
const GREATEST_RATIO: usize = 22;

/// Writes the header and a block for every 32 KiB of input.
pub(super) fn compress(input: &[u8], output: &mut Vec<u8>) -> std::io::Result<()> {
    output.extend_from_slice(&HEADER);
    let mut encoder = snap::raw::Encoder::new();
    let mut block = vec![0; snap::raw::max_compress_len(BLOCK_SIZE.min(input.len()))];
    for chunk in input.chunks(BLOCK_SIZE) {
        let length = encoder.compress(chunk, &mut block).map_err(std::io::Error::from)?;
        output.extend_from_slice(&(length as u32).to_be_bytes());
        output.extend_from_slice(block.get(..length).unwrap_or_default());
    }
    Ok(())
}

/// Reads either form.
pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    if !input.starts_with(&MAGIC) {
        decompress_block(input, &mut output, limit)?;
        return Ok(output);
    }
    let mut rest = input;
    while !rest.is_empty() {
        // A stream may be several streams one after the other, each with its header; no block is as long as its magic says.
        if rest.starts_with(&MAGIC) {
            rest = rest.get(HEADER.len()..).ok_or_else(|| Failure::damaged("the header is cut off"))?;
            continue;
        }
        let cut_off = || Failure::damaged("a block is cut off");
        let (length, after) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let (block, after) =
            after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(cut_off)?;
        decompress_block(block, &mut output, limit)?;
        rest = after;
    }
    Ok(output)
}

fn decompress_block(block: &[u8], output: &mut Vec<u8>, limit: usize) -> Result<(), Failure> {
    let size = snap::raw::decompress_len(block).map_err(std::io::Error::from)?;
    if size > block.len().saturating_mul(GREATEST_RATIO) {
        return Err(Failure::damaged("a block claims more than it can hold"));
    }
    let start = output.len();
    if size > limit.saturating_sub(start) {
        return Err(Failure::TooLarge);
    }
    output.resize(start + size, 0);
    let room = output.get_mut(start..).unwrap_or_default();
    let written = snap::raw::Decoder::new().decompress(block, room).map_err(std::io::Error::from)?;
    output.truncate(start + written);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_block_is_read() {
        let text = b"as librdkafka writes it ".repeat(100);
        let raw = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        assert_eq!(decompress(&raw, text.len()).unwrap(), text);
    }

    #[test]
    fn the_framing_is_the_java_streams() {
        let mut output = Vec::new();
        compress(&vec![7; BLOCK_SIZE + 1], &mut output).unwrap();
        let (header, blocks) = output.split_at(16);
        assert_eq!(header, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
        let first = u32::from_be_bytes(blocks[..4].try_into().unwrap()) as usize;
        assert_eq!(snap::raw::decompress_len(&blocks[4..4 + first]), Ok(BLOCK_SIZE));
        assert_eq!(blocks[4 + first..], [0, 0, 0, 3, 1, 0, 7]);
    }

    #[test]
    fn concatenated_streams_are_read() {
        let mut output = Vec::new();
        compress(b"one ", &mut output).unwrap();
        compress(b"two", &mut output).unwrap();
        assert_eq!(decompress(&output, 100).unwrap(), b"one two");
    }

    #[test]
    fn a_claim_beyond_what_the_block_can_hold_reserves_nothing() {
        let claims_1_gib = [0x80, 0x80, 0x80, 0x80, 0x04, 0];
        assert!(matches!(decompress(&claims_1_gib, usize::MAX), Err(Failure::Damaged(_))));
    }
}
