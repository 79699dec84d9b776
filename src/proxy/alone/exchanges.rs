//! HTTP exchanges on their way through: followed and noted, not changed. Bodies stream; what is no HTTP/1, or what two
//! readers may read in two ways, is answered with an error and goes no further.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::watch;
use tokio::time::timeout;

use super::body::Body;
use super::course::{Meter, Toxics};
use super::head::{self, Answered, Asked, BadHead, LONGEST};
use super::pipeline::Ending;
use super::pump::{Pump, read_onto};

/// How long a client may take for a head, from its first byte on.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long a client that was refused may go on sending.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);

/// Why exchanges are followed no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// The connection is over.
    Over(Ending),
    /// Between two exchanges, something wants to disturb the next one.
    Disturbed,
}

/// What may want to disturb exchanges.
#[derive(Clone, Debug)]
pub(super) struct Disturbance {
    /// Toxics, where nothing else obeys them.
    pub(super) toxics: Option<Toxics>,
    /// Whether HTTP faults are armed.
    pub(super) armed: watch::Receiver<bool>,
}

impl Disturbance {
    /// Whether it does now.
    pub(super) fn is_now(&self) -> bool {
        *self.armed.borrow() || self.toxics.as_ref().is_some_and(|toxics| !toxics.borrow().is_empty())
    }

    /// Waits until it does.
    async fn comes(&mut self) {
        while !self.is_now() {
            let toxics = async {
                match &mut self.toxics {
                    Some(toxics) => drop(toxics.changed().await),
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.armed.changed() => {}
                () = toxics => {}
            }
        }
    }
}

/// Who is told of exchanges.
pub(super) trait Note {
    /// A request has passed, head and body of so many bytes; returns the exchange's number.
    fn asked(&self, head: &Asked) -> u64;
    /// An answer has passed, of so many bytes in all.
    fn answered(&self, exchange: u64, head: &Answered, bytes: u64);
}

/// Bytes of one side that were read and not yet passed on.
struct Input<'m, R> {
    reader: R,
    buffer: BytesMut,
    ended: bool,
    meter: &'m Meter,
}

/// A head that does not come.
enum NoHead {
    Bad(BadHead),
    Slow,
    Broken(io::Error),
}

impl From<io::Error> for NoHead {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl<'m, R: AsyncRead + Unpin> Input<'m, R> {
    fn new(reader: R, meter: &'m Meter) -> Self {
        Self { reader, buffer: BytesMut::new(), ended: false, meter }
    }

    /// Reads more; false at the end. Dropping it loses nothing.
    async fn fill(&mut self) -> io::Result<bool> {
        if !self.ended {
            let count = read_onto(&mut self.reader, &mut self.buffer).await?;
            self.meter.add_received(count);
            self.ended = count == 0;
        }
        Ok(!self.ended)
    }

    /// The next head as `parse` reads it; `None` when the other side ends before it. Dropping it loses nothing.
    async fn head<T>(
        &mut self,
        within: Option<Duration>,
        parse: impl Fn(&[u8]) -> Result<Option<T>, BadHead>,
    ) -> Result<Option<T>, NoHead> {
        if self.buffer.is_empty() {
            // Whoever waits holds no memory.
            self.buffer = BytesMut::new();
            if !self.fill().await? {
                return Ok(None);
            }
        }
        let rest = async {
            loop {
                if let Some(head) = parse(&self.buffer).map_err(NoHead::Bad)? {
                    return Ok(Some(head));
                }
                if !self.fill().await? {
                    return Err(NoHead::Bad(BadHead::Garbage));
                }
            }
        };
        match within {
            Some(within) => timeout(within, rest).await.unwrap_or(Err(NoHead::Slow)),
            None => rest.await,
        }
    }

    /// Passes a head of `length` bytes and what follows it on to `out`; returns how many bytes it all was.
    async fn pass<W>(&mut self, length: usize, mut body: Body, out: &mut W, meter: &Meter) -> io::Result<u64>
    where
        W: AsyncWrite + Unpin,
    {
        let bad = |_| io::Error::from(io::ErrorKind::InvalidData);
        let mut ready = length + body.take(&self.buffer[length..]).map_err(bad)?;
        let mut passed = 0;
        loop {
            out.write_all(&self.buffer[..ready]).await?;
            self.buffer.advance(ready);
            meter.add_sent(ready);
            passed += ready as u64;
            if body.is_done() {
                break;
            }
            out.flush().await?;
            if !self.fill().await? {
                if body == Body::UntilClose {
                    break;
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            ready = body.take(&self.buffer).map_err(bad)?;
        }
        out.flush().await?;
        Ok(passed)
    }
}

/// Follows the exchanges between `client` and `server` until the connection is over or a disturbance comes. Requests ask
/// `host`, where there is one, whomever they asked before.
///
/// # Errors
/// When either side breaks.
pub(super) async fn follow<C, S, N>(
    client: &mut C,
    server: &mut S,
    [up, down]: [&Meter; 2],
    mut disturbance: Disturbance,
    host: Option<&str>,
    note: &N,
) -> io::Result<Left>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
    N: Note,
{
    let (from_client, mut to_client) = split(client);
    let (from_server, mut to_server) = split(server);
    let (mut asking, mut answering) = (Input::new(from_client, up), Input::new(from_server, down));
    loop {
        if asking.buffer.is_empty() && disturbance.is_now() {
            return Ok(Left::Disturbed);
        }
        let undisturbed = asking.buffer.is_empty();
        let head = tokio::select! {
            biased;
            () = disturbance.comes(), if undisturbed => continue,
            head = asking.head(Some(HEAD_WITHIN), head::asked) => head,
            // A server that speaks unasked, or ends.
            _ = answering.fill() => {
                to_client.shutdown().await?;
                return Ok(Left::Over(Ending::Close));
            }
        };
        let head = match head {
            Ok(Some(head)) => head.asking(host, &mut asking.buffer),
            Ok(None) => return Ok(Left::Over(Ending::Close)),
            Err(NoHead::Broken(error)) => return Err(error),
            Err(NoHead::Bad(bad)) => {
                refuse(&mut asking, &mut to_client, bad.status(), &bad.to_string()).await?;
                return Ok(Left::Over(Ending::Close));
            }
            Err(NoHead::Slow) => {
                refuse(&mut asking, &mut to_client, 408, "the head of the request did not come in time").await?;
                return Ok(Left::Over(Ending::Close));
            }
        };
        let outcome = {
            let client = (&mut asking, &mut to_client);
            let server = (&mut answering, &mut to_server);
            exchange(head, client, server, note).await?
        };
        match outcome {
            Outcome::Next => {}
            Outcome::Last => {
                to_client.shutdown().await?;
                return Ok(Left::Over(Ending::Close));
            }
            Outcome::Tunnel => {
                to_server.write_all(&asking.buffer).await?;
                to_client.write_all(&answering.buffer).await?;
                let (mut upward, mut downward) = (Pump::default(), Pump::default());
                tokio::try_join!(
                    upward.run(&mut asking.reader, &mut to_server, up),
                    downward.run(&mut answering.reader, &mut to_client, down),
                )?;
                return Ok(Left::Over(Ending::Close));
            }
        }
    }
}

/// What comes after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Next,
    Last,
    /// Something other than HTTP.
    Tunnel,
}

/// One exchange: the request goes up while the answer comes down, which may begin before the request has ended.
async fn exchange<R1, W1, R2, W2, N>(
    head: Asked,
    (asking, to_client): (&mut Input<'_, R1>, &mut W1),
    (answering, to_server): (&mut Input<'_, R2>, &mut W2),
    note: &N,
) -> io::Result<Outcome>
where
    R1: AsyncRead + Unpin,
    W1: AsyncWrite + Unpin,
    R2: AsyncRead + Unpin,
    W2: AsyncWrite + Unpin,
    N: Note,
{
    let number = note.asked(&head);
    let (up, down) = (asking.meter, answering.meter);
    let uploaded = Cell::new(false);
    let body = head.body.clone();
    let upward = async {
        asking.pass(head.length, body, to_server, up).await?;
        uploaded.set(true);
        // Whatever comes early waits; a client that ends is news for the server.
        while asking.buffer.len() < LONGEST {
            if !asking.fill().await? {
                to_server.shutdown().await?;
                break;
            }
        }
        pending::<io::Result<()>>().await
    };
    let downward = async {
        loop {
            let answer = answering.head(None, |bytes| head::answered(bytes, &head.method)).await;
            let answer = match answer {
                Ok(Some(answer)) => answer,
                Ok(None) => return Ok((None, Outcome::Last)),
                Err(NoHead::Broken(error)) => return Err(error),
                Err(NoHead::Bad(_) | NoHead::Slow) => return Err(io::ErrorKind::InvalidData.into()),
            };
            let tunnel = answer.status == 101 || (head.method == "CONNECT" && (200..300).contains(&answer.status));
            let body = if tunnel { Body::None } else { answer.body.clone() };
            let bytes = answering.pass(answer.length, body, to_client, down).await?;
            if tunnel {
                return Ok((Some((answer, bytes)), Outcome::Tunnel));
            }
            // An interim answer is followed by another one.
            if answer.status >= 200 {
                let last = answer.closes || head.closes;
                let outcome = if last { Outcome::Last } else { Outcome::Next };
                return Ok((Some((answer, bytes)), outcome));
            }
        }
    };
    let (mut upward, mut downward) = (pin!(upward), pin!(downward));
    let mut broken = None;
    let (answer, outcome) = loop {
        tokio::select! {
            biased;
            done = &mut downward => break done?,
            // A server that does not want to hear more may still answer.
            failed = &mut upward, if broken.is_none() => broken = failed.err(),
        }
    };
    // Without an answer its client learns at once that it is over, and may ask again.
    let Some((answer, bytes)) = answer else { return Err(io::ErrorKind::ConnectionReset.into()) };
    note.answered(number, &answer, bytes);
    // The rest of a request that was answered early cannot be told from the next one.
    Ok(if broken.is_none() && uploaded.get() { outcome } else { Outcome::Last })
}

/// Answers what cannot be passed on, and lets the client finish, so that it reads the answer before the end.
async fn refuse<R, W>(asking: &mut Input<'_, R>, to_client: &mut W, status: u16, why: &str) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let reason = match status {
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        _ => "Bad Request",
    };
    let body = format!("deadzone proxy: {why}\n");
    let length = body.len();
    let head = "content-type: text/plain\r\nconnection: close";
    let answer = format!("HTTP/1.1 {status} {reason}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
    to_client.write_all(answer.as_bytes()).await?;
    to_client.shutdown().await?;
    let drain = async {
        loop {
            asking.buffer.clear();
            if !matches!(asking.fill().await, Ok(true)) {
                break;
            }
        }
    };
    // One that goes on for longer is cut off.
    let _ = timeout(DRAIN_WITHIN, drain).await;
    Ok(())
}

#[cfg(test)]
#[path = "exchanges_tests.rs"]
mod tests;
