//! A stream of which the beginning was read ahead, and whose client may not keep us waiting for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How much is read ahead at once.
const AHEAD: usize = 512;

/// A stream that can be looked at before it is served.
pub(super) struct Stream<S> {
    inner: S,
    ahead: Vec<u8>,
    patience: Duration,
    /// Runs while the client takes nothing of what we have for it.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Stream<S> {
    /// A client that takes nothing for `patience` is given up.
    pub(super) const fn new(inner: S, patience: Duration) -> Self {
        Self {
            inner,
            ahead: Vec::new(),
            patience,
            stalled: None,
        }
    }

    /// What was read ahead.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Takes the first bytes of what was read ahead away.
    pub(super) fn consume(&mut self, count: usize) {
        self.ahead.drain(..count.min(self.ahead.len()));
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Reads on ahead.
    pub(super) async fn read_ahead(&mut self) -> io::Result<()> {
        let mut buffer = [0; AHEAD];
        let count = self.inner.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.ahead.extend_from_slice(&buffer[..count]);
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let count = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..count]);
        self.consume(count);
        if self.ahead.is_empty() {
            self.ahead = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Unpin> Stream<S> {
    /// Gives a write up that has waited too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stalled = None;
            return done;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch(cx, done)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_was_read_ahead_is_read_first() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut stream = Stream::new(server, Duration::from_secs(1));
        client.write_all(b"abcdef").await.unwrap();
        stream.read_ahead().await.unwrap();
        stream.consume(2);
        assert_eq!(stream.ahead(), b"cdef");
        client.write_all(b"ghi").await.unwrap();
        client.shutdown().await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "cdefghi");
        assert!(stream.read_ahead().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let (mut client, server) = tokio::io::duplex(4);
        let mut stream = Stream::new(server, Duration::from_secs(5));
        let slow = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            let mut some = [0; 4];
            client.read_exact(&mut some).await.unwrap();
            client
        };
        let (written, _client) = tokio::join!(stream.write_all(b"abcdef"), slow);
        written.unwrap();
        let error = stream.write_all(b"abcdef").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
