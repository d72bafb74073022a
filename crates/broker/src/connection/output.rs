//! Writes the chunks of responses to a stream.
//!
//! Owns: how bytes in memory go out together (vectored) and how ranges of files go out: by sendfile where the stream is
//! a plain TCP connection, else through a buffer.
//!
//! Invariants: a range that cannot be read is an error that ends the connection, since a response's length was promised.
//!
//! Does not know: what a response says.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use headwater_wire::protocol::{Chunk, FileRange};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// Slices handed to one vectored write.
const MAX_SLICES: usize = 64;
/// Read from a file at a time where sendfile is not possible.
const COPY_BYTES: usize = 256 * 1024;
/// A range of a file up to this length is read and sent along with its neighbours: one call less, and fewer packets.
const SMALL_RANGE: usize = 16 * 1024;
/// Sent from a file at a time, so that a connection yields now and then.
const SEND_BYTES: usize = 1024 * 1024;

/// A byte stream that responses are written to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Sends a range of a file.
    fn send_file(&mut self, range: FileRange) -> impl Future<Output = io::Result<()>> + Send;
}

/// Any stream; ranges of files are read and written.
#[derive(Debug)]
pub(crate) struct Plain<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> AsyncRead for Plain<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Plain<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for Plain<S> {
    async fn send_file(&mut self, range: FileRange) -> io::Result<()> {
        copy_range(&mut self.0, range).await
    }
}

impl Stream for TcpStream {
    async fn send_file(&mut self, range: FileRange) -> io::Result<()> {
        let Some(file) = range.file.as_std_file() else {
            return copy_range(self, range).await;
        };
        let mut at = range.offset;
        let end = range.offset + range.len as u64;
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(SEND_BYTES).min(SEND_BYTES);
            let sent = self
                .async_io(Interest::WRITABLE, || {
                    let mut position = at;
                    rustix::fs::sendfile(&*self, file, Some(&mut position), wanted).map_err(io::Error::from)
                })
                .await?;
            if sent == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += sent as u64;
        }
        Ok(())
    }
}

async fn copy_range<S: AsyncWrite + Unpin>(stream: &mut S, range: FileRange) -> io::Result<()> {
    let mut buffer = BytesMut::zeroed(range.len.min(COPY_BYTES));
    let mut done = 0;
    while done < range.len {
        let take = (range.len - done).min(COPY_BYTES);
        let Some(piece) = buffer.get_mut(..take) else {
            break;
        };
        range.file.read_exact_at(piece, range.offset + done as u64)?;
        stream.write_all(piece).await?;
        done += take;
    }
    Ok(())
}

/// Writes all chunks, in order.
pub(crate) async fn write_chunks<S: Stream>(stream: &mut S, chunks: Vec<Chunk>) -> io::Result<()> {
    let mut memory: VecDeque<Bytes> = VecDeque::new();
    for chunk in chunks {
        match &chunk {
            Chunk::Bytes(bytes) if bytes.is_empty() => {}
            Chunk::Bytes(bytes) => memory.push_back(bytes.clone()),
            Chunk::File(range) if range.len <= SMALL_RANGE => memory.push_back(chunk.to_bytes()?),
            Chunk::File(range) => {
                write_memory(stream, &mut memory).await?;
                stream.send_file(range.clone()).await?;
            }
        }
    }
    write_memory(stream, &mut memory).await?;
    stream.flush().await
}

async fn write_memory<S: Stream>(stream: &mut S, memory: &mut VecDeque<Bytes>) -> io::Result<()> {
    while !memory.is_empty() {
        let mut written = poll_fn(|cx| {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let mut used = 0;
            for (slice, bytes) in slices.iter_mut().zip(memory.iter()) {
                *slice = IoSlice::new(bytes);
                used += 1;
            }
            let slices = slices.get(..used).unwrap_or_default();
            Pin::new(&mut *stream).poll_write_vectored(cx, slices)
        })
        .await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while let Some(front) = memory.front_mut() {
            if front.len() > written {
                front.advance(written);
                break;
            }
            written -= front.len();
            memory.pop_front();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;

    use headwater_wire::protocol::ReadAt;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[derive(Debug)]
    struct OnDisk(File);

    impl ReadAt for OnDisk {
        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            std::os::unix::fs::FileExt::read_exact_at(&self.0, buf, offset)
        }

        fn as_std_file(&self) -> Option<&File> {
            Some(&self.0)
        }
    }

    fn chunks() -> (Vec<Chunk>, Vec<u8>) {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        file.write_all(&content).unwrap();
        let file: Arc<dyn ReadAt> = Arc::new(OnDisk(file));
        let mut chunks = vec![Chunk::Bytes(Bytes::from_static(b"head")), Chunk::Bytes(Bytes::new())];
        chunks.extend((0..200u8).map(|n| Chunk::Bytes(Bytes::copy_from_slice(&[n]))));
        chunks.push(Chunk::File(FileRange { file: file.clone(), offset: 100, len: 2_500_000 }));
        chunks.push(Chunk::Bytes(Bytes::from_static(b"tail")));
        let small: Vec<u8> = (0..200u8).collect();
        let expected = [b"head", &small[..], &content[100..2_500_100], b"tail"].concat();
        (chunks, expected)
    }

    #[tokio::test]
    async fn a_plain_stream_gets_memory_and_files_in_order() {
        let (chunks, expected) = chunks();
        let (near, mut far) = tokio::io::duplex(10_000);
        let writer = tokio::spawn(async move { write_chunks(&mut Plain(near), chunks).await });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(got == expected);
    }

    #[tokio::test]
    async fn tcp_gets_memory_and_files_in_order() {
        let (chunks, expected) = chunks();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut near, _) = listener.accept().await.unwrap();
        let writer = tokio::spawn(async move { write_chunks(&mut near, chunks).await });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(got == expected);
    }

    #[tokio::test]
    async fn a_range_beyond_the_files_end_is_an_error() {
        let file: Arc<dyn ReadAt> = Arc::new(OnDisk(tempfile::tempfile().unwrap()));
        let range = || vec![Chunk::File(FileRange { file: file.clone(), offset: 0, len: 10 })];
        let (near, _far) = tokio::io::duplex(10_000);
        assert!(write_chunks(&mut Plain(near), range()).await.is_err());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut near, _) = listener.accept().await.unwrap();
        assert!(write_chunks(&mut near, range()).await.is_err());
    }
}
