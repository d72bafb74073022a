//! Which partition of an internal topic coordinates a group or a transactional id: as in Kafka, so that its data can move
//! here and back.

/// The partition of a name among so many: Java's `hashCode` of its name, its absolute value, modulo.
pub(crate) fn partition_of(name: &str, partitions: usize) -> usize {
    let hash = java_hash(name);
    // Java has no absolute value of its least integer; Kafka takes 0.
    let positive = hash.checked_abs().unwrap_or(0);
    usize::try_from(positive).unwrap_or(0).checked_rem(partitions).unwrap_or(0)
}

fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_javas() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        // Beyond the basic plane Java counts surrogates.
        assert_eq!(java_hash("\u{1F600}"), 0xD83D * 31 + 0xDE00);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }

    #[test]
    fn names_stay_within_the_partitions() {
        assert_eq!(partition_of("hello", 50), 22);
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        assert_eq!(partition_of("anything", 1), 0);
        assert_eq!(partition_of("test", 50), 48);
    }
}
