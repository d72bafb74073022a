//! Zigzag integers of variable length.

use super::RecordFault;

/// Takes an integer of at most 32 bits off the front.
#[inline]
pub(super) fn take_i32(rest: &mut &[u8]) -> Result<i32, RecordFault> {
    if let Some((&first, after)) = rest.split_first()
        && first < 0x80
    {
        *rest = after;
        return Ok(i32::from(first >> 1) ^ -i32::from(first & 1));
    }
    let raw = take_raw(rest, 5)?;
    let raw = u32::try_from(raw).map_err(|_| RecordFault::BadVarint)?;
    Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
}

/// Takes an integer of at most 64 bits off the front.
#[inline]
pub(super) fn take_i64(rest: &mut &[u8]) -> Result<i64, RecordFault> {
    let raw = take_raw(rest, 10)?;
    Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

fn take_raw(rest: &mut &[u8], greatest_length: usize) -> Result<u64, RecordFault> {
    let mut raw = 0u64;
    for (index, &byte) in rest.iter().take(greatest_length).enumerate() {
        let shift = 7 * index as u32;
        let bits = u64::from(byte & 0x7F);
        if bits << shift >> shift != bits {
            return Err(RecordFault::BadVarint);
        }
        raw |= bits << shift;
        if byte < 0x80 {
            *rest = rest.get(index + 1..).unwrap_or_default();
            return Ok(raw);
        }
    }
    Err(if rest.len() < greatest_length { RecordFault::Truncated } else { RecordFault::BadVarint })
}

/// Appends an integer; one of 32 bits is written as the same number of 64.
#[inline]
pub(super) fn put(output: &mut Vec<u8>, value: i64) {
    let mut raw = zigzag(value);
    while raw >= 0x80 {
        output.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    output.push(raw as u8);
}

/// How many bytes [`put`] appends.
#[inline]
pub(super) fn length(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_too_long_for_their_type_are_refused() {
        let cases: [(&[u8], Result<i32, RecordFault>); 6] = [
            (&[], Err(RecordFault::Truncated)),
            (&[0x80, 0x80], Err(RecordFault::Truncated)),
            (&[0xFE, 0xFF, 0xFF, 0xFF, 0x0F], Ok(i32::MAX)),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Ok(i32::MIN)),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F], Err(RecordFault::BadVarint)),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00], Err(RecordFault::BadVarint)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(take_i32(&mut &*bytes), expected, "{bytes:?}");
        }
        assert_eq!(take_i64(&mut &[0xFF; 10][..]), Err(RecordFault::BadVarint));
    }

    proptest! {
        #[test]
        fn what_is_put_is_taken(value: i64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            prop_assert_eq!(bytes.len(), length(value));
            let mut rest = &bytes[..];
            prop_assert_eq!(take_i64(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
            let narrow = take_i32(&mut &bytes[..]);
            prop_assert_eq!(narrow.ok(), i32::try_from(value).ok());
        }

        #[test]
        fn narrow_integers_are_taken(value: i32) {
            let mut bytes = Vec::new();
            put(&mut bytes, i64::from(value));
            prop_assert_eq!(take_i32(&mut &bytes[..]), Ok(value));
        }
    }
}
