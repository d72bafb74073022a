//! The primitives: what is legal, what is refused, what is written where null or length is not legal.

use bytes::Bytes;
use headwater_wire::protocol::{Chunk, DecodeError, MAX_STRING, Reader, Records, Writer};
use proptest::prelude::*;

fn reader(bytes: impl Into<Vec<u8>>) -> Reader {
    Reader::new(Bytes::from(bytes.into()))
}

fn written(write: impl FnOnce(&mut Writer)) -> Bytes {
    let mut writer = Writer::new();
    write(&mut writer);
    let len = writer.len();
    let bytes = Records::from(writer.finish()).to_bytes().unwrap();
    assert_eq!(bytes.len(), len);
    bytes
}

#[test]
fn variable_length_numbers_end_within_32_bits() {
    assert_eq!(reader([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]).uvarint(), Ok(u32::MAX));
    assert_eq!(reader([0xFF, 0xFF, 0xFF, 0xFF, 0x1F]).uvarint(), Err(DecodeError::InvalidVarint));
    assert_eq!(reader([0x80, 0x80, 0x80, 0x80, 0x80]).uvarint(), Err(DecodeError::InvalidVarint));
    assert_eq!(reader([0x80]).uvarint(), Err(DecodeError::Truncated { needed: 1, remaining: 0 }));
}

proptest! {
    #[test]
    fn variable_length_numbers_are_read_as_written(value: u32) {
        let mut reader = Reader::new(written(|w| w.put_uvarint(value)));
        prop_assert_eq!(reader.uvarint(), Ok(value));
        prop_assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn null_is_read_only_where_it_is_legal() {
    for (flex, null) in [(false, vec![0xFF; 4]), (true, vec![0])] {
        assert_eq!(reader(null.clone()).opt_string(flex, true), Ok(None));
        assert_eq!(reader(null.clone()).opt_bytes(flex, true), Ok(None));
        assert_eq!(reader(null.clone()).records(flex, true), Ok(None));
        assert_eq!(reader(null.clone()).opt_array(flex, true, 4, Reader::i32), Ok(None));

        assert_eq!(reader(null.clone()).string(flex), Err(DecodeError::UnexpectedNull));
        assert_eq!(reader(null.clone()).bytes(flex), Err(DecodeError::UnexpectedNull));
        assert_eq!(reader(null.clone()).records(flex, false), Err(DecodeError::UnexpectedNull));
        assert_eq!(reader(null).array(flex, 4, Reader::i32), Err(DecodeError::UnexpectedNull));
    }
}

#[test]
fn lengths_below_zero_are_refused_even_where_null_is_legal() {
    assert_eq!(reader([0xFF, 0xFE]).opt_string(false, true), Err(DecodeError::InvalidLength(-2)));
    let minus_two = (-2_i32).to_be_bytes();
    assert_eq!(reader(minus_two).opt_bytes(false, true), Err(DecodeError::InvalidLength(-2)));
    assert_eq!(reader(minus_two).opt_array(false, true, 4, Reader::i32), Err(DecodeError::InvalidLength(-2)));
}

#[test]
fn a_count_may_not_exceed_what_the_remaining_bytes_can_hold() {
    let mut eight_bytes = vec![0, 0, 0, 2];
    eight_bytes.extend([0; 8]);
    assert_eq!(reader(eight_bytes.clone()).array(false, 4, Reader::i32), Ok(vec![0, 0]));
    eight_bytes[3] = 3;
    let refused = Err(DecodeError::InvalidCount { count: 3, remaining: 8 });
    assert_eq!(reader(eight_bytes).array(false, 4, Reader::i32), refused);
}

#[test]
fn strings_are_utf_8_and_of_limited_length() {
    assert_eq!(reader([0, 1, 0xFF]).string(false), Err(DecodeError::InvalidUtf8));
    let too_long = written(|w| {
        w.put_uvarint(MAX_STRING as u32 + 2);
        w.put_slice(&vec![b'x'; MAX_STRING + 1]);
    });
    assert_eq!(Reader::new(too_long).string(true), Err(DecodeError::StringTooLong(MAX_STRING + 1)));
}

#[test]
fn a_string_that_is_too_long_is_cut_between_characters() {
    let text = format!("x{}", "é".repeat(MAX_STRING));
    for flex in [false, true] {
        let mut reader = Reader::new(written(|w| w.put_string(&text, flex)));
        let read = reader.string(flex).unwrap();
        assert_eq!(read.len(), MAX_STRING);
        assert!(text.starts_with(&read));
        assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn null_is_written_as_empty_where_it_is_not_legal() {
    assert_eq!(written(|w| w.put_opt_string(None, false, false))[..], [0, 0]);
    assert_eq!(written(|w| w.put_opt_bytes(None, false, false))[..], [0, 0, 0, 0]);
    assert_eq!(written(|w| w.put_opt_strings(None, true, false))[..], [1]);
}

#[test]
fn tagged_fields_carry_their_length_even_around_shared_chunks() {
    let (short, long) = (Bytes::from(vec![1; 10]), Bytes::from(vec![2; 10_000]));
    let bytes = written(|w| {
        let section = w.begin_tagged();
        for (tag, value) in [(0, &long), (3, &short), (200, &long)] {
            let field = w.begin_tag(section, tag);
            w.put_bytes(value, true);
            w.put_i32(7);
            w.end_tag(field);
        }
        w.put_i8(5);
    });
    let mut reader = Reader::new(bytes);
    let mut read = Vec::new();
    reader
        .tagged(|tag, r| {
            read.push((tag, r.bytes(true)?, r.i32()?));
            Ok(true)
        })
        .unwrap();
    assert_eq!(read, [(0, long.clone(), 7), (3, short, 7), (200, long, 7)]);
    assert_eq!((reader.i8(), reader.remaining()), (Ok(5), 0));
}

#[test]
fn a_known_tagged_field_must_fill_its_length() {
    let refused = reader([1, 0, 2, 9, 9]).tagged(|_, r| r.i8().map(|_| true));
    assert_eq!(refused, Err(DecodeError::TrailingBytes(1)));
    let refused = reader([1, 0, 1, 9, 9]).tagged(|_, r| r.i16().map(|_| true));
    assert_eq!(refused, Err(DecodeError::Truncated { needed: 2, remaining: 1 }));
}

#[test]
fn large_bytes_are_shared_and_small_ones_copied() {
    for (len, chunks) in [(100, 1), (100_000, 3)] {
        let value = Bytes::from(vec![1; len]);
        let mut writer = Writer::new();
        writer.put_bytes(&value, false);
        writer.put_i8(0);
        let written = writer.finish();
        assert_eq!(written.len(), chunks, "{len} bytes");
        let shared = |chunk: &Chunk| matches!(chunk, Chunk::Bytes(bytes) if bytes.as_ptr() == value.as_ptr());
        assert_eq!(written.iter().any(shared), chunks == 3, "{len} bytes");
    }
}

#[test]
fn records_are_equal_if_their_bytes_are_however_they_are_cut() {
    let chunk = |text: &'static str| Chunk::Bytes(Bytes::from_static(text.as_bytes()));
    let whole = Records::from(vec![chunk("abc")]);
    assert_eq!(whole, Records::from(vec![chunk("a"), chunk(""), chunk("bc")]));
    assert_ne!(whole, Records::from(vec![chunk("a"), chunk("bd")]));
    assert_ne!(whole, Records::from(vec![chunk("ab")]));
    assert_eq!(whole.to_bytes().unwrap(), "abc");
}
