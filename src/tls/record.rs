//! How bytes become TLS 1.3 records (RFC 8446, section 5), as far as their number goes; and a stream that has this number
//! without the cryptography.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error, ServerConfig, ServerConnection};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Most bytes of content in a record.
const FRAGMENT: usize = 16 * 1024;
/// A record's head: type, version, length.
const HEAD: usize = 5;
/// What stands behind the content: its type, and the tag of the cipher.
const TAIL: usize = 1 + 16;
/// `close_notify` is a record with two bytes.
const GOODBYE: usize = HEAD + 2 + TAIL;

/// How many bytes travel when `bytes` are written at once.
#[must_use]
pub fn sealed_size(bytes: u64) -> u64 {
    bytes + bytes.div_ceil(FRAGMENT as u64) * (HEAD + TAIL) as u64
}

/// The bytes of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Flights {
    /// The client's first words.
    pub hello: usize,
    /// All that the server answers.
    pub answer: usize,
    /// The client's last words, with which it need not wait for an answer.
    pub finish: usize,
}

impl Flights {
    /// Has `client` and `server` shake hands once, and counts.
    ///
    /// # Errors
    /// When they do not get on.
    pub fn between(
        client: Arc<ClientConfig>,
        name: ServerName<'static>,
        server: Arc<ServerConfig>,
    ) -> Result<Self, Error> {
        let (mut client, mut server) = (ClientConnection::new(client, name)?, ServerConnection::new(server)?);
        let io = |error: io::Error| Error::General(error.to_string());
        let mut flights = [0; 3];
        let mut wire = Vec::new();
        for (number, flight) in flights.iter_mut().enumerate() {
            wire.clear();
            if number == 1 {
                while server.wants_write() {
                    *flight += server.write_tls(&mut wire).map_err(io)?;
                }
                client.read_tls(&mut wire.as_slice()).map_err(io)?;
                client.process_new_packets()?;
            } else {
                while client.wants_write() {
                    *flight += client.write_tls(&mut wire).map_err(io)?;
                }
                server.read_tls(&mut wire.as_slice()).map_err(io)?;
                server.process_new_packets()?;
            }
        }
        if client.is_handshaking() || server.is_handshaking() {
            return Err(Error::HandshakeNotComplete);
        }
        let [hello, answer, finish] = flights;
        Ok(Self { hello, answer, finish })
    }
}

/// A stream whose bytes travel in records of TLS 1.3 that nobody has encrypted: the right number, and no more. For fleets.
#[derive(Debug)]
pub struct Modelled<S> {
    inner: S,
    /// Records that are yet to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    reading: Reading,
    /// Where the head or the tail being read is kept.
    head: [u8; HEAD],
    said_goodbye: bool,
}

/// What comes next from the other side.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Head { have: usize },
    Content { left: usize },
    Tail { left: usize },
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Modelled<S> {
    /// The client's side of a handshake of so many bytes.
    ///
    /// # Errors
    /// When the other side breaks off.
    pub async fn connect(mut inner: S, flights: Flights) -> io::Result<Self> {
        inner.write_all(&vec![0; flights.hello]).await?;
        inner.flush().await?;
        inner.read_exact(&mut vec![0; flights.answer]).await?;
        inner.write_all(&vec![0; flights.finish]).await?;
        inner.flush().await?;
        Ok(Self::new(inner))
    }

    /// The server's side of the same.
    ///
    /// # Errors
    /// When the other side breaks off.
    pub async fn accept(mut inner: S, flights: Flights) -> io::Result<Self> {
        inner.read_exact(&mut vec![0; flights.hello]).await?;
        inner.write_all(&vec![0; flights.answer]).await?;
        inner.flush().await?;
        inner.read_exact(&mut vec![0; flights.finish]).await?;
        Ok(Self::new(inner))
    }

    fn new(inner: S) -> Self {
        let (out, reading) = (Vec::new(), Reading::Head { have: 0 });
        Self { inner, out, written: 0, reading, head: [0; HEAD], said_goodbye: false }
    }

    fn seal(&mut self, content: &[u8]) {
        for fragment in content.chunks(FRAGMENT) {
            // A fragment fits 16 bits, and so does what is around it.
            let length = u16::try_from(fragment.len() + TAIL).unwrap_or(u16::MAX).to_be_bytes();
            self.out.extend([23, 3, 3, length[0], length[1]]);
            self.out.extend(fragment);
            self.out.extend([0; TAIL]);
        }
    }

    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(context, &self.out[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.out.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads at most `most` bytes into `buffer`; 0 at the end.
    fn poll_in(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Modelled<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        loop {
            // What has come is handed over before more is waited for.
            let step = match this.reading {
                Reading::End => return Poll::Ready(Ok(())),
                _ if into.remaining() == 0 => return Poll::Ready(Ok(())),
                Reading::Head { have } => {
                    let mut part = [0; HEAD];
                    let polled = this.poll_in(context, &mut part[have..]);
                    polled.map_ok(|count| {
                        this.head[have..have + count].copy_from_slice(&part[have..have + count]);
                        count
                    })
                }
                Reading::Content { left } => {
                    let most = left.min(into.remaining());
                    let polled = this.poll_in(context, into.initialize_unfilled_to(most));
                    polled.map_ok(|count| {
                        into.advance(count);
                        count
                    })
                }
                Reading::Tail { left } => {
                    let mut part = [0; TAIL];
                    this.poll_in(context, &mut part[..left])
                }
            };
            if step.is_pending() && into.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(step)?;
            if count == 0 {
                this.reading = Reading::End;
            } else {
                this.advance(count);
            }
        }
    }
}

impl<S> Modelled<S> {
    fn advance(&mut self, count: usize) {
        self.reading = match self.reading {
            Reading::Head { have } if have + count < HEAD => Reading::Head { have: have + count },
            Reading::Head { .. } => {
                let length = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
                match length.saturating_sub(TAIL) {
                    // An alert; the only one that is sent here says goodbye.
                    2 if self.head[0] == 21 => Reading::End,
                    0 => Reading::Tail { left: TAIL },
                    left => Reading::Content { left },
                }
            }
            Reading::Content { left } if count < left => Reading::Content { left: left - count },
            Reading::Content { .. } => Reading::Tail { left: TAIL },
            Reading::Tail { left } if count < left => Reading::Tail { left: left - count },
            Reading::Tail { .. } => Reading::Head { have: 0 },
            Reading::End => Reading::End,
        };
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Modelled<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_out(context))?;
        self.seal(data);
        // It is taken; if it cannot all leave now, the next call goes on with it.
        if let Poll::Ready(Err(error)) = self.poll_out(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_goodbye {
            self.said_goodbye = true;
            self.out.extend([21, 3, 3, 0, 2 + 17]);
            self.out.extend([0; GOODBYE - HEAD]);
        }
        ready!(self.poll_out(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
