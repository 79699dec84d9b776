//! What is no HTTP is refused below the routes, by an answer without a body. Here it gets the problem document that all
//! other refusals have (RFC 9457).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::refusal::Refusal;
use crate::protocol::Problem;

/// A stream whose bare refusals are explained. They are the last thing that is written to it.
#[derive(Debug)]
pub(super) struct Explained<S> {
    inner: S,
    /// An explained refusal, as far as it has not been written, and how much of what was given it stands for.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Explained<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, instead: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() {
            match explained(bytes) {
                Some(explained) => this.instead = Some((explained, bytes.len())),
                None => return Pin::new(&mut this.inner).poll_write(context, bytes),
            }
        }
        while let Some((left, stands_for)) = &mut this.instead {
            if left.is_empty() {
                let written = *stands_for;
                this.instead = None;
                return Poll::Ready(Ok(written));
            }
            let written = ready!(Pin::new(&mut this.inner).poll_write(context, left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            left.drain(..written);
        }
        Poll::Ready(Ok(0))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// `bytes` with the bare refusal at their end explained; none where there is no such refusal.
fn explained(bytes: &[u8]) -> Option<Vec<u8>> {
    const VERSION: &[u8] = b"HTTP/1.1 ";
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.windows(VERSION.len()).rposition(|window| window == VERSION)?;
    let head = std::str::from_utf8(&bytes[start..]).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let first = lines.next()?;
    let status: StatusCode = first.get(VERSION.len()..)?.split(' ').next()?.parse().ok()?;
    let is_bare = |line: &str| matches!(&*line.to_ascii_lowercase(), "content-length: 0" | "connection: close");
    if !status.is_client_error() || !lines.all(is_bare) {
        return None;
    }
    let body = serde_json::to_vec(&Refusal::no_http(status).problem()).ok()?;
    let mut whole = bytes[..start].to_vec();
    let media_type = Problem::MEDIA_TYPE;
    let fields = format!("content-type: {media_type}\r\ncontent-length: {}\r\nconnection: close", body.len());
    whole.extend_from_slice(format!("{first}\r\n{fields}\r\n\r\n").as_bytes());
    whole.extend_from_slice(&body);
    Some(whole)
}
