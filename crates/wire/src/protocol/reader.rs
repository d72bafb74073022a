//! Reads the protocol's primitives out of a buffer.
//!
//! Invariant: see [`super`]; byte fields share the buffer that is read.

use bytes::{Buf, Bytes, TryGetError};
use headwater_model::Uuid;

use super::{DecodeError, MAX_STRING, Records};
use crate::Message;

/// An array's first reservation is at most this many bytes; what follows grows with the elements really read.
const FIRST_RESERVATION: usize = 16 * 1024;

/// A position in a buffer that holds a message.
///
/// Where a method takes `flex`, it says whether the message's version is a flexible one (KIP-482): lengths are then
/// variable-length numbers, one more than the length, zero for null. Where a method takes `null_ok`, it says whether
/// null is legal in this version.
#[derive(Debug, Clone)]
pub struct Reader {
    buf: Bytes,
}

impl From<TryGetError> for DecodeError {
    fn from(error: TryGetError) -> Self {
        Self::Truncated { needed: error.requested, remaining: error.available }
    }
}

impl Reader {
    /// Reads `buf` from its start.
    pub fn new(buf: Bytes) -> Self {
        Self { buf }
    }

    /// How many bytes have not been read.
    pub fn remaining(&self) -> usize {
        self.buf.len()
    }

    /// The bytes that have not been read.
    pub fn rest(&self) -> &Bytes {
        &self.buf
    }

    /// An error if bytes are left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.buf.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes(left)),
        }
    }

    /// The next `len` bytes, sharing the buffer.
    pub fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if len > self.buf.len() {
            return Err(DecodeError::Truncated { needed: len, remaining: self.buf.len() });
        }
        Ok(self.buf.split_to(len))
    }

    /// An int8.
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(self.buf.try_get_i8()?)
    }

    /// An int16.
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(self.buf.try_get_i16()?)
    }

    /// A uint16.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(self.buf.try_get_u16()?)
    }

    /// An int32.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(self.buf.try_get_i32()?)
    }

    /// A uint32.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(self.buf.try_get_u32()?)
    }

    /// An int64.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(self.buf.try_get_i64()?)
    }

    /// A float64.
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(self.buf.try_get_f64()?)
    }

    /// A bool: any byte but zero is true.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.buf.try_get_u8()? != 0)
    }

    /// A uuid.
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        let mut bytes = [0; 16];
        self.buf.try_copy_to_slice(&mut bytes)?;
        Ok(Uuid::from_bytes(bytes))
    }

    /// An unsigned variable-length number of at most 32 bits.
    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.buf.try_get_u8()?;
            if shift == 28 && byte > 0x0F {
                break;
            }
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::InvalidVarint)
    }

    /// A count or length of 32 bits, as arrays and bytes have it.
    fn length(&mut self, flex: bool) -> Result<Option<usize>, DecodeError> {
        let length = if flex { i64::from(self.uvarint()?) - 1 } else { i64::from(self.i32()?) };
        match length {
            -1 => Ok(None),
            0.. => Ok(Some(length as usize)),
            _ => Err(DecodeError::InvalidLength(length)),
        }
    }

    /// A string that may be null if `null_ok`.
    pub fn opt_string(&mut self, flex: bool, null_ok: bool) -> Result<Option<String>, DecodeError> {
        let length = if flex { i64::from(self.uvarint()?) - 1 } else { i64::from(self.i16()?) };
        match length {
            -1 if null_ok => Ok(None),
            -1 => Err(DecodeError::UnexpectedNull),
            0.. if length as usize > MAX_STRING => Err(DecodeError::StringTooLong(length as usize)),
            0.. => {
                let bytes = self.take(length as usize)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| DecodeError::InvalidUtf8)?;
                Ok(Some(text.to_owned()))
            }
            _ => Err(DecodeError::InvalidLength(length)),
        }
    }

    /// A string.
    pub fn string(&mut self, flex: bool) -> Result<String, DecodeError> {
        self.opt_string(flex, false)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Bytes that may be null if `null_ok`; they share the buffer.
    pub fn opt_bytes(&mut self, flex: bool, null_ok: bool) -> Result<Option<Bytes>, DecodeError> {
        match self.length(flex)? {
            Some(length) => self.take(length).map(Some),
            None if null_ok => Ok(None),
            None => Err(DecodeError::UnexpectedNull),
        }
    }

    /// Bytes; they share the buffer.
    pub fn bytes(&mut self, flex: bool) -> Result<Bytes, DecodeError> {
        self.opt_bytes(flex, false)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Records that may be null if `null_ok`; they share the buffer.
    pub fn records(&mut self, flex: bool, null_ok: bool) -> Result<Option<Records>, DecodeError> {
        Ok(self.opt_bytes(flex, null_ok)?.map(Records::from))
    }

    /// An array that may be null if `null_ok`, of elements of at least `min_size` bytes each.
    pub fn opt_array<T>(
        &mut self,
        flex: bool,
        null_ok: bool,
        min_size: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.count(flex, null_ok, min_size)? else {
            return Ok(None);
        };
        let mut elements = Vec::with_capacity(count.min(FIRST_RESERVATION / size_of::<T>().max(1)));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// An array of elements of at least `min_size` bytes each.
    pub fn array<T>(
        &mut self,
        flex: bool,
        min_size: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.opt_array(flex, false, min_size, element)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// An array of strings that may be null if `null_ok`.
    pub fn opt_strings(&mut self, flex: bool, null_ok: bool) -> Result<Option<Vec<String>>, DecodeError> {
        let min_size = if flex { 1 } else { 2 };
        self.opt_array(flex, null_ok, min_size, |reader| reader.string(flex))
    }

    /// An array of strings.
    pub fn strings(&mut self, flex: bool) -> Result<Vec<String>, DecodeError> {
        self.opt_strings(flex, false)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// An array of structs that may be null if `null_ok`.
    pub fn opt_structs<T: Message>(
        &mut self,
        flex: bool,
        null_ok: bool,
        version: i16,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        self.opt_array(flex, null_ok, T::MIN_SIZE, |reader| T::decode(reader, version))
    }

    /// An array of structs.
    pub fn structs<T: Message>(&mut self, flex: bool, version: i16) -> Result<Vec<T>, DecodeError> {
        self.array(flex, T::MIN_SIZE, |reader| T::decode(reader, version))
    }

    /// A struct that may be null: a byte in front says whether it is.
    pub fn opt_struct<T: Message>(&mut self, version: i16) -> Result<Option<T>, DecodeError> {
        if self.i8()? < 0 { Ok(None) } else { T::decode(self, version).map(Some) }
    }

    /// An array's count, refused if the remaining bytes cannot hold that many elements.
    fn count(&mut self, flex: bool, null_ok: bool, min_size: usize) -> Result<Option<usize>, DecodeError> {
        match self.length(flex)? {
            Some(count) if count > self.buf.len() / min_size.max(1) => {
                Err(DecodeError::InvalidCount { count, remaining: self.buf.len() })
            }
            None if !null_ok => Err(DecodeError::UnexpectedNull),
            count => Ok(count),
        }
    }

    /// The tagged fields of a struct: `field` is given the tag and a reader of that field alone, and says whether it
    /// knows the tag.
    pub fn tagged(
        &mut self,
        mut field: impl FnMut(u32, &mut Self) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let length = self.uvarint()? as usize;
            let mut contents = Self::new(self.take(length)?);
            if field(tag, &mut contents)? {
                contents.finish()?;
            }
        }
        Ok(())
    }

    /// Passes over the tagged fields of a struct that has none that are known.
    pub fn skip_tagged(&mut self) -> Result<(), DecodeError> {
        self.tagged(|_, _| Ok(false))
    }
}
