//! Which partition a record with a key goes to: Kafka's default, so that the same key goes to the same partition
//! whichever client wrote it. Pure.

use headwater_model::PartitionId;

/// The partition of a key among so many: Kafka's `BuiltInPartitioner.partitionForKey`.
///
/// ```
/// use headwater_client::partition_for_key;
/// assert_eq!(partition_for_key(b"foobar", 4).0, 2);
/// ```
pub fn partition_for_key(key: &[u8], partitions: usize) -> PartitionId {
    let hash = murmur2(key) & 0x7fff_ffff;
    PartitionId((hash as usize).checked_rem(partitions).unwrap_or(0) as i32)
}

/// MurmurHash2, 32 bits, with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let (words, tail) = data.as_chunks::<4>();
    let mut hash = SEED ^ data.len() as u32;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !tail.is_empty() {
        let rest = tail.iter().rev().fold(0_u32, |rest, byte| (rest << 8) | u32::from(*byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_kafkas() {
        // The vectors of Kafka's own UtilsTest.
        for (key, expected) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, expected, "{key}");
        }
    }

    #[test]
    fn a_partition_is_always_one_of_the_topics() {
        for partitions in 1..10 {
            for key in 0..1000_u32 {
                let partition = partition_for_key(&key.to_be_bytes(), partitions).0;
                assert!((0..partitions as i32).contains(&partition));
            }
        }
        assert_eq!(partition_for_key(b"x", 0), PartitionId(0));
    }
}
