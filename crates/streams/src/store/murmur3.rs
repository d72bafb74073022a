//! The 128-bit hash by which a foreign-key join knows whether a row has changed meanwhile: murmur3 for x64, with the seed
//! that Kafka Streams uses.

/// Kafka Streams' seed.
const SEED: u64 = 104_729;

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// A block is two lanes of eight bytes.
const BLOCK_SIZE: usize = 16;

/// The hash of these bytes, its first half first.
pub(crate) fn hash(data: &[u8]) -> u128 {
    seeded(data, SEED)
}

fn seeded(data: &[u8], seed: u64) -> u128 {
    let (mut h1, mut h2) = (seed, seed);
    let (blocks, tail) = data.as_chunks::<BLOCK_SIZE>();
    for block in blocks {
        let (k1, k2) = lanes(block);
        h1 = (h1 ^ mix_first(k1)).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix_second(k2)).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (k1, k2) = lanes(&padded(tail));
    let length = data.len() as u64;
    finish(h1 ^ mix_first(k1) ^ length, h2 ^ mix_second(k2) ^ length)
}

fn finish(h1: u64, h2: u64) -> u128 {
    let h1 = h1.wrapping_add(h2);
    let h2 = h2.wrapping_add(h1);
    let (h1, h2) = (scatter(h1), scatter(h2));
    let h1 = h1.wrapping_add(h2);
    let h2 = h2.wrapping_add(h1);
    (u128::from(h1) << 64) | u128::from(h2)
}

/// The two lanes of a block, as two numbers, least byte first.
fn lanes(block: &[u8; BLOCK_SIZE]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

fn padded(tail: &[u8]) -> [u8; BLOCK_SIZE] {
    let mut block = [0; BLOCK_SIZE];
    for (to, from) in block.iter_mut().zip(tail) {
        *to = *from;
    }
    block
}

fn mix_first(lane: u64) -> u64 {
    lane.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix_second(lane: u64) -> u64 {
    lane.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn scatter(half: u64) -> u64 {
    let half = (half ^ (half >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let half = (half ^ (half >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    half ^ (half >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_known_one_within_a_block_and_over_several() {
        let known = [
            ("", 0),
            ("hello", 0xcbd8_a7b3_41bd_9b02_5b1e_906a_48ae_1d19),
            ("The quick brown fox jumps over the lazy dog", 0xe34b_bc7b_bc07_1b6c_7a43_3ca9_c49a_9347),
        ];
        for (data, expected) in known {
            assert_eq!(seeded(data.as_bytes(), 0), expected, "{data}");
        }
    }
}
