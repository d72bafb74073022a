//! The codecs of record batches: gzip, snappy, lz4, zstd.
//!
//! Owns: which bytes a codec writes (framings that the Java client and librdkafka read) and a decompression that is
//! bounded by its caller.
//!
//! Invariants: no input panics; no input makes more than `limit` bytes of output, nor reserves more than that.
//!
//! Does not know: batches and records.

mod lz4;
mod xerial;

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

/// A codec of record batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Compression {
    /// Records as they are.
    #[default]
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Snappy in the xerial framing that Kafka's Java client writes.
    Snappy,
    /// LZ4 frames of independent blocks.
    Lz4,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// A codec's name that is none of the five.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no compression {0:?}; use one of none, gzip, snappy, lz4, zstd")]
pub struct UnknownCompression(pub String);

/// Why compressed records could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// More output than the caller allows.
    #[error(
        "the records are larger than {limit} bytes once decompressed ({compression}); raise the limit to read them"
    )]
    TooLarge {
        /// The codec.
        compression: Compression,
        /// The greatest size allowed, in bytes.
        limit: usize,
    },
    /// Bytes that the codec cannot have written.
    #[error("the compressed records are damaged ({compression})")]
    Damaged {
        /// The codec.
        compression: Compression,
        /// What the codec says.
        source: io::Error,
    },
}

impl Compression {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The code in the lowest three bits of a batch's attributes.
    pub fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The codec of that code.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.code() == code)
    }

    /// The name that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Compresses `input` to the end of `output`.
    pub(crate) fn compress(self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::None => output.extend_from_slice(input),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(output, flate2::Compression::default());
                encoder.write_all(input)?;
                encoder.finish()?;
            }
            Self::Snappy => xerial::compress(input, output)?,
            Self::Lz4 => lz4::compress(input, output)?,
            Self::Zstd => output.extend_from_slice(&zstd::bulk::compress(input, ZSTD_LEVEL)?),
        }
        Ok(())
    }

    /// Decompresses `input` into at most `limit` bytes.
    pub(crate) fn decompress(self, input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
        let output = match self {
            Self::None if input.len() > limit => Err(Failure::TooLarge),
            Self::None => Ok(input.to_vec()),
            Self::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(input), limit),
            Self::Snappy => xerial::decompress(input, limit),
            Self::Lz4 => lz4::decompress(input, limit),
            Self::Zstd => decompress_zstd(input, limit),
        };
        output.map_err(|failure| match failure {
            Failure::TooLarge => DecompressError::TooLarge { compression: self, limit },
            Failure::Damaged(source) => DecompressError::Damaged { compression: self, source },
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, UnknownCompression> {
        let found = Self::ALL.into_iter().find(|codec| codec.name() == name);
        found.ok_or_else(|| UnknownCompression(name.to_owned()))
    }
}

/// The level that Kafka's clients use unless told otherwise.
const ZSTD_LEVEL: i32 = 3;

/// What a codec reports; its caller adds the codec and the limit.
#[derive(Debug)]
enum Failure {
    TooLarge,
    Damaged(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Damaged(error)
    }
}

impl Failure {
    fn damaged(what: &'static str) -> Self {
        Self::Damaged(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}

/// Reads to the end, growing as output comes, and gives up one byte past the limit.
fn read_bounded(reader: impl Read, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    let read = reader.take((limit as u64).saturating_add(1)).read_to_end(&mut output)?;
    if read > limit { Err(Failure::TooLarge) } else { Ok(output) }
}

/// Frames that record their size are decompressed at once, others (Java's) as a stream.
fn decompress_zstd(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    match zstd::bulk::Decompressor::upper_bound(input) {
        Some(size) if size > limit => Err(Failure::TooLarge),
        Some(size) => Ok(zstd::bulk::decompress(input, size)?),
        None => read_bounded(zstd::stream::read::Decoder::with_buffer(input)?, limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compressed(codec: Compression, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        codec.compress(input, &mut output).unwrap();
        output
    }

    #[test]
    fn names_and_codes_correspond() {
        for codec in Compression::ALL {
            assert_eq!(codec.to_string().parse(), Ok(codec));
            assert_eq!(Compression::from_code(codec.code()), Some(codec));
        }
        assert_eq!(Compression::from_code(5), None);
        assert!("LZ4".parse::<Compression>().is_err());
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let zeros = vec![0; 1 << 22];
        for codec in Compression::ALL {
            let bomb = compressed(codec, &zeros);
            assert!(codec.decompress(&bomb, zeros.len()).unwrap() == zeros, "{codec}");
            let refused = codec.decompress(&bomb, zeros.len() - 1);
            assert!(matches!(refused, Err(DecompressError::TooLarge { .. })), "{codec}: {refused:?}");
        }
    }

    #[test]
    fn zstd_without_a_recorded_size_is_read_and_bounded() {
        let text = b"no size in the header ".repeat(10_000);
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(&text).unwrap();
        let frame = encoder.finish().unwrap();
        assert_eq!(zstd::bulk::Decompressor::upper_bound(&frame), None);
        assert!(Compression::Zstd.decompress(&frame, text.len()).unwrap() == text);
        let refused = Compression::Zstd.decompress(&frame, text.len() - 1);
        assert!(matches!(refused, Err(DecompressError::TooLarge { .. })));
    }

    /// Long enough for several blocks of every framing, and only partly compressible.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        (prop::collection::vec(any::<u8>(), 0..3_000), 1usize..120)
            .prop_map(|(part, times)| part.repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_codec_gives_back_what_it_was_given(text in texts()) {
            for codec in Compression::ALL {
                let output = codec.decompress(&compressed(codec, &text), text.len()).unwrap();
                prop_assert!(output == text, "{codec}");
            }
        }

        #[test]
        fn damaged_input_is_an_error_or_within_the_limit(
            text in prop::collection::vec(any::<u8>(), 0..300),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            keep in any::<prop::sample::Index>(),
        ) {
            for codec in Compression::ALL {
                let mut bytes = compressed(codec, &text.repeat(3));
                if !bytes.is_empty() {
                    for (index, byte) in &changes {
                        let index = index.index(bytes.len());
                        bytes[index] = *byte;
                    }
                    bytes.truncate(keep.index(bytes.len() * 2));
                }
                if let Ok(output) = codec.decompress(&bytes, 1_000) {
                    prop_assert!(output.len() <= 1_000);
                }
            }
        }

        #[test]
        fn noise_is_an_error_or_within_the_limit(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            for codec in Compression::ALL {
                if let Ok(output) = codec.decompress(&noise, 500) {
                    prop_assert!(output.len() <= 500);
                }
            }
        }
    }
}
