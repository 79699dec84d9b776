//! Answers that no HTTP library would write: bytes, the pauses before them, and what comes after them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::response;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What is written to a device in place of an ordinary answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What is written, in order.
    pub pieces: Vec<Piece>,
    /// What comes then.
    pub end: End,
}

/// Bytes, and how fast they go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
    /// How many at once; at least 1.
    pub step: usize,
    /// The pause before each step.
    pub every: Duration,
}

impl Piece {
    /// All at once.
    #[must_use]
    pub fn whole(bytes: Bytes) -> Self {
        Self { bytes, step: usize::MAX, every: Duration::ZERO }
    }
}

/// What comes after the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The next request, on the same connection.
    Keep,
    /// The end of the connection, which the device has asked for.
    Close,
    /// The end of the connection.
    Cut,
    /// Nothing, for ever.
    Silence,
}

impl Script {
    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes.len() as u64).sum()
    }

    /// Plays it on `stream`; says whether the connection goes on.
    ///
    /// # Errors
    /// When the device ends the connection, or speaks out of its turn.
    pub async fn play(self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<bool> {
        for Piece { bytes, step, every } in self.pieces {
            for part in bytes.chunks(step.max(1)) {
                if !every.is_zero() {
                    tokio::select! {
                        biased;
                        error = over(stream) => return Err(error),
                        () = tokio::time::sleep(every) => {}
                    }
                }
                stream.write_all(part).await?;
                stream.flush().await?;
            }
        }
        match self.end {
            End::Keep => Ok(true),
            End::Close => stream.shutdown().await.map(|()| false),
            End::Cut => Ok(false),
            End::Silence => Err(over(stream).await),
        }
    }
}

/// Ends when the device does anything but wait.
async fn over(stream: &mut (impl AsyncRead + Unpin)) -> io::Error {
    match stream.read(&mut [0; 64]).await {
        Ok(0) => io::ErrorKind::ConnectionAborted.into(),
        Ok(_) => io::Error::new(io::ErrorKind::InvalidData, "a request before the answer to the last one"),
        Err(error) => error,
    }
}

/// An answer's head as hyper writes it, with the empty line.
pub(super) fn head_text(head: &response::Parts) -> Vec<u8> {
    let reason = head.status.canonical_reason().unwrap_or("<none>");
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_str()).into_bytes();
    for (name, value) in &head.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}
