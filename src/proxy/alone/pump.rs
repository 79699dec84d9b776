//! Moves bytes one way at full speed. A direction that has nothing to move holds no buffer: thousands of idle
//! connections share a few.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::course::Meter;

/// Bytes that are moved at once.
const BUFFER: usize = 64 * 1024;
/// Buffers that a thread keeps for later.
const KEPT: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// What is read and not yet written, and whether the end was seen.
#[derive(Debug, Default)]
pub(super) struct Pump {
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    ended: bool,
}

impl Pump {
    /// Moves all bytes of `reader` to `writer` and then the end, and counts them. Another call goes
    /// on where one that was dropped left off.
    ///
    /// # Errors
    /// When either side breaks.
    pub(super) async fn run<R, W>(&mut self, reader: &mut R, writer: &mut W, meter: &Meter) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        poll_fn(|context| self.poll(context, reader, writer, meter)).await
    }

    /// What was read and not yet written; it is the caller's now.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let rest = self.buffer.get(self.from..self.to).map(<[u8]>::to_vec).unwrap_or_default();
        (self.from, self.to) = (0, 0);
        rest
    }

    /// Whether the reader's end was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        meter: &Meter,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while self.from < self.to {
                let written = ready!(Pin::new(&mut *writer).poll_write(context, &self.buffer[self.from..self.to]))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.from += written;
                meter.add_sent(written);
            }
            if self.ended {
                give_back(&mut self.buffer);
                return Pin::new(writer).poll_shutdown(context);
            }
            if self.buffer.is_empty() {
                self.buffer = spare();
            }
            let mut buffer = ReadBuf::new(&mut self.buffer);
            match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
                Poll::Ready(read) => {
                    let count = buffer.filled().len();
                    read?;
                    (self.from, self.to, self.ended) = (0, count, count == 0);
                    meter.add_received(count);
                }
                Poll::Pending => {
                    give_back(&mut self.buffer);
                    // A stream that gathers what is written sends it once there is nothing more.
                    ready!(Pin::new(&mut *writer).poll_flush(context))?;
                    return Poll::Pending;
                }
            }
        }
    }
}

/// What `reader` has, up to a buffer full; empty at its end.
///
/// # Errors
/// When it breaks.
pub(super) async fn read_chunk<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Bytes> {
    read_with(reader, Bytes::copy_from_slice).await
}

/// Reads what `reader` has, up to a buffer full, onto the end of `all`; how much it was. Dropping it loses nothing.
///
/// # Errors
/// When it breaks.
pub(super) async fn read_onto<R: AsyncRead + Unpin>(reader: &mut R, all: &mut BytesMut) -> io::Result<usize> {
    let append = |came: &[u8]| {
        all.extend_from_slice(came);
        came.len()
    };
    read_with(reader, append).await
}

/// Reads into a spare buffer, which is held no longer than that, and gives what came to `take`.
async fn read_with<R, T>(reader: &mut R, mut take: impl FnMut(&[u8]) -> T) -> io::Result<T>
where
    R: AsyncRead + Unpin,
{
    poll_fn(|context| {
        let mut whole = spare();
        let mut buffer = ReadBuf::new(&mut whole);
        let read = Pin::new(&mut *reader).poll_read(context, &mut buffer);
        let taken = take(buffer.filled());
        give_back(&mut whole);
        read.map_ok(|()| taken)
    })
    .await
}

fn spare() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; BUFFER])
}

fn give_back(buffer: &mut Vec<u8>) {
    let buffer = std::mem::take(buffer);
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < KEPT && buffer.len() == BUFFER {
            spare.push(buffer);
        }
    });
}

impl Drop for Pump {
    fn drop(&mut self) {
        give_back(&mut self.buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn everything_arrives_then_the_end() {
        let (mut near, mut from) = tokio::io::duplex(1000);
        let (mut to, mut far) = tokio::io::duplex(700);
        let sent: Vec<u8> = (0..200_000_u32).map(|byte| byte as u8).collect();
        let meter = Meter::default();
        let mut pump = Pump::default();
        let moving = async {
            pump.run(&mut from, &mut to, &meter).await.unwrap();
        };
        let feeding = async {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (_, _, read) = tokio::join!(moving, feeding, far.read_to_end(&mut got));
        assert_eq!(read.unwrap(), sent.len());
        assert_eq!([meter.received(), meter.sent()], [200_000; 2]);
        assert_eq!(got, sent);
    }

    #[tokio::test]
    async fn a_run_that_was_dropped_loses_nothing() {
        let (mut near, mut from) = tokio::io::duplex(1000);
        let (mut to, mut far) = tokio::io::duplex(10);
        near.write_all(b"0123456789abcdef").await.unwrap();
        let (mut pump, meter) = (Pump::default(), Meter::default());
        tokio::select! {
            biased;
            _ = pump.run(&mut from, &mut to, &meter) => panic!("it cannot end: nobody reads"),
            () = std::future::ready(()) => {}
        }
        let mut got = [0; 10];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!((&got[..], &pump.take()[..]), (&b"0123456789"[..], &b"abcdef"[..]));
    }

    #[tokio::test]
    async fn who_waits_holds_no_buffer() {
        let (_near, mut from) = tokio::io::duplex(1000);
        let (mut to, _far) = tokio::io::duplex(10);
        let (mut pump, meter) = (Pump::default(), Meter::default());
        tokio::select! {
            biased;
            _ = pump.run(&mut from, &mut to, &meter) => panic!("it cannot end"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(pump.buffer.capacity(), 0);
    }
}
