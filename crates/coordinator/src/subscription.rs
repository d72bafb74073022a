//! What a consumer's metadata says about its topics, so far as expiry and deletion of offsets need it.

use std::collections::BTreeSet;

/// The topics that a consumer subscribes to, by its metadata (Kafka's ConsumerProtocolSubscription, whose first
/// fields are the same in every version). None if it cannot be read.
pub(crate) fn subscribed_topics(metadata: &[u8]) -> Option<BTreeSet<&str>> {
    let (_version, mut rest) = metadata.split_at_checked(2)?;
    let count = i32::from_be_bytes(*take(&mut rest)?);
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        let length = usize::try_from(i16::from_be_bytes(*take(&mut rest)?)).ok()?;
        let (topic, after) = rest.split_at_checked(length)?;
        topics.insert(std::str::from_utf8(topic).ok()?);
        rest = after;
    }
    Some(topics)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_from_any_version_and_whatever_follows_is_ignored() {
        let metadata = b"\0\x03\0\0\0\x02\0\x01a\0\x02bb\xff\xff\xff\xff and more";
        assert_eq!(subscribed_topics(metadata), Some(BTreeSet::from(["a", "bb"])));
    }

    #[test]
    fn metadata_that_is_no_subscription_is_not_taken_for_one() {
        assert_eq!(subscribed_topics(b""), None);
        assert_eq!(subscribed_topics(b"\0\0\x7f\xff\xff\xff"), None);
        assert_eq!(subscribed_topics(b"\0\0\0\0\0\x01\0\x05a"), None);
        assert_eq!(subscribed_topics(b"\0\0\0\0\0\x01\xff\xff"), None);
    }
}
