//! Writes the protocol's primitives; what is already bytes elsewhere is passed by reference.

use bytes::{BufMut, Bytes, BytesMut};
use headwater_model::Uuid;

use super::{Chunk, MAX_STRING, Records};
use crate::Message;

/// Byte fields from this size on are passed by reference; below, a copy is cheaper than one more chunk.
const SHARE_FROM: usize = 4 * 1024;

/// A message under construction.
///
/// Writing cannot fail: `flex` and `null_ok` mean what they mean for [`Reader`](super::Reader), null where it is not
/// legal is written as empty, and a string longer than [`MAX_STRING`] is cut at a character's boundary.
#[derive(Debug, Default)]
pub struct Writer {
    /// Everything written so far but the shared chunks.
    buf: BytesMut,
    /// Shared chunks, each with its place in `buf`, in order.
    shared: Vec<(usize, Chunk)>,
    shared_len: usize,
}

/// The tagged fields of one struct, begun and not ended.
#[derive(Debug, Clone, Copy)]
pub struct TagSection {
    count_at: usize,
}

/// One tagged field, begun and not ended.
#[derive(Debug, Clone, Copy)]
pub struct TagMark {
    start: usize,
    first_shared: usize,
    len_before: usize,
}

impl Writer {
    /// Nothing written.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing written, with the first four bytes left for the length of the frame; see [`Writer::finish_frame`].
    pub fn new_frame() -> Self {
        let mut writer = Self::default();
        writer.put_i32(0);
        writer
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.buf.len() + self.shared_len
    }

    /// True if nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was written, in order.
    pub fn finish(self) -> Vec<Chunk> {
        let mut buf = self.buf.freeze();
        let mut chunks = Vec::with_capacity(2 * self.shared.len() + 1);
        let mut done = 0;
        for (at, chunk) in self.shared {
            let before = buf.split_to(at - done);
            done = at;
            if !before.is_empty() {
                chunks.push(Chunk::Bytes(before));
            }
            chunks.push(chunk);
        }
        if !buf.is_empty() {
            chunks.push(Chunk::Bytes(buf));
        }
        chunks
    }

    /// What was written, in one piece; of what holds no records, for those that lie in files are left out.
    pub fn into_bytes(self) -> Bytes {
        if self.shared.is_empty() {
            return self.buf.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for chunk in self.finish() {
            if let Chunk::Bytes(bytes) = chunk {
                whole.extend_from_slice(&bytes);
            }
        }
        whole.freeze()
    }

    /// What was written since [`Writer::new_frame`], with its length in front.
    pub fn finish_frame(mut self) -> Vec<Chunk> {
        let length = self.len().saturating_sub(4) as i32;
        if let Some(prefix) = self.buf.first_chunk_mut::<4>() {
            *prefix = length.to_be_bytes();
        }
        self.finish()
    }

    /// An int8.
    pub fn put_i8(&mut self, value: i8) {
        self.buf.put_i8(value);
    }

    /// An int16.
    pub fn put_i16(&mut self, value: i16) {
        self.buf.put_i16(value);
    }

    /// A uint16.
    pub fn put_u16(&mut self, value: u16) {
        self.buf.put_u16(value);
    }

    /// An int32.
    pub fn put_i32(&mut self, value: i32) {
        self.buf.put_i32(value);
    }

    /// A uint32.
    pub fn put_u32(&mut self, value: u32) {
        self.buf.put_u32(value);
    }

    /// An int64.
    pub fn put_i64(&mut self, value: i64) {
        self.buf.put_i64(value);
    }

    /// A float64.
    pub fn put_f64(&mut self, value: f64) {
        self.buf.put_f64(value);
    }

    /// A bool.
    pub fn put_bool(&mut self, value: bool) {
        self.buf.put_u8(u8::from(value));
    }

    /// A uuid.
    pub fn put_uuid(&mut self, value: Uuid) {
        self.buf.put_slice(value.as_bytes());
    }

    /// An unsigned variable-length number.
    pub fn put_uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buf.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buf.put_u8(value as u8);
    }

    /// Bytes as they are, without a length.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.buf.put_slice(bytes);
    }

    /// A count or length of 32 bits, as arrays and bytes have it.
    fn put_length(&mut self, length: Option<usize>, flex: bool, null_ok: bool) {
        match length.or(if null_ok { None } else { Some(0) }) {
            Some(length) if flex => self.put_uvarint(length as u32 + 1),
            Some(length) => self.put_i32(length as i32),
            None if flex => self.put_uvarint(0),
            None => self.put_i32(-1),
        }
    }

    /// A string that may be null if `null_ok`.
    pub fn put_opt_string(&mut self, value: Option<&str>, flex: bool, null_ok: bool) {
        match value {
            None if null_ok && flex => self.put_uvarint(0),
            None if null_ok => self.put_i16(-1),
            value => self.put_string(value.unwrap_or_default(), flex),
        }
    }

    /// A string.
    pub fn put_string(&mut self, value: &str, flex: bool) {
        let bytes = value.get(..value.floor_char_boundary(MAX_STRING)).unwrap_or_default().as_bytes();
        if flex {
            self.put_uvarint(bytes.len() as u32 + 1);
        } else {
            self.put_i16(bytes.len() as i16);
        }
        self.buf.put_slice(bytes);
    }

    /// Bytes that may be null if `null_ok`.
    pub fn put_opt_bytes(&mut self, value: Option<&Bytes>, flex: bool, null_ok: bool) {
        self.put_length(value.map(Bytes::len), flex, null_ok);
        match value {
            Some(bytes) if bytes.len() >= SHARE_FROM => self.share(Chunk::Bytes(bytes.clone())),
            Some(bytes) => self.buf.put_slice(bytes),
            None => {}
        }
    }

    /// Bytes.
    pub fn put_bytes(&mut self, value: &Bytes, flex: bool) {
        self.put_opt_bytes(Some(value), flex, false);
    }

    /// Records that may be null if `null_ok`; their chunks are passed by reference.
    pub fn put_records(&mut self, value: Option<&Records>, flex: bool, null_ok: bool) {
        self.put_length(value.map(Records::len), flex, null_ok);
        for chunk in value.map(Records::chunks).unwrap_or_default() {
            if !chunk.is_empty() {
                self.share(chunk.clone());
            }
        }
    }

    /// An array of numbers that may be null if `null_ok`; `put` writes one of them.
    pub fn put_opt_array<T: Copy>(
        &mut self,
        values: Option<&[T]>,
        flex: bool,
        null_ok: bool,
        put: impl Fn(&mut Self, T),
    ) {
        self.put_length(values.map(<[T]>::len), flex, null_ok);
        for value in values.unwrap_or_default() {
            put(self, *value);
        }
    }

    /// An array of numbers; `put` writes one of them.
    pub fn put_array<T: Copy>(&mut self, values: &[T], flex: bool, put: impl Fn(&mut Self, T)) {
        self.put_opt_array(Some(values), flex, false, put);
    }

    /// An array of strings that may be null if `null_ok`.
    pub fn put_opt_strings(&mut self, values: Option<&[String]>, flex: bool, null_ok: bool) {
        self.put_length(values.map(<[String]>::len), flex, null_ok);
        for value in values.unwrap_or_default() {
            self.put_string(value, flex);
        }
    }

    /// An array of strings.
    pub fn put_strings(&mut self, values: &[String], flex: bool) {
        self.put_opt_strings(Some(values), flex, false);
    }

    /// An array of structs that may be null if `null_ok`.
    pub fn put_opt_structs<T: Message>(
        &mut self,
        values: Option<&[T]>,
        flex: bool,
        null_ok: bool,
        version: i16,
    ) {
        self.put_length(values.map(<[T]>::len), flex, null_ok);
        for value in values.unwrap_or_default() {
            value.encode(self, version);
        }
    }

    /// An array of structs.
    pub fn put_structs<T: Message>(&mut self, values: &[T], flex: bool, version: i16) {
        self.put_opt_structs(Some(values), flex, false, version);
    }

    /// A struct that may be null: a byte in front says whether it is.
    pub fn put_opt_struct<T: Message>(&mut self, value: Option<&T>, version: i16) {
        match value {
            Some(value) => {
                self.put_i8(1);
                value.encode(self, version);
            }
            None => self.put_i8(-1),
        }
    }

    /// No tagged fields.
    pub fn put_no_tagged(&mut self) {
        self.buf.put_u8(0);
    }

    /// Begins the tagged fields of a struct; there may be up to 127, in ascending order of their tags.
    pub fn begin_tagged(&mut self) -> TagSection {
        let count_at = self.buf.len();
        self.buf.put_u8(0);
        TagSection { count_at }
    }

    /// Begins one tagged field; its contents follow, then [`Writer::end_tag`].
    pub fn begin_tag(&mut self, section: TagSection, tag: u32) -> TagMark {
        if let Some(count) = self.buf.get_mut(section.count_at) {
            *count += 1;
        }
        self.put_uvarint(tag);
        TagMark { start: self.buf.len(), first_shared: self.shared.len(), len_before: self.len() }
    }

    /// Ends a tagged field: its length is put in front of its contents.
    pub fn end_tag(&mut self, mark: TagMark) {
        let length = self.len() - mark.len_before;
        let end = self.buf.len();
        self.put_uvarint(length as u32);
        let shift = self.buf.len() - end;
        if let Some(contents) = self.buf.get_mut(mark.start..) {
            contents.rotate_right(shift);
        }
        for (at, _) in self.shared.iter_mut().skip(mark.first_shared) {
            *at += shift;
        }
    }

    fn share(&mut self, chunk: Chunk) {
        self.shared_len += chunk.len();
        self.shared.push((self.buf.len(), chunk));
    }
}
