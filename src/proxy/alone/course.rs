//! One direction of one connection: at full speed while no toxic concerns it, else as its pipeline says.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::pipeline::{Applied, Ending, Item, Pipeline};
use super::pump::{Pump, read_chunk};
use super::toxic::{Stream, Toxic};
use crate::base::{Clock, Seed};

/// The toxics of a proxy, as they are now.
pub(super) type Toxics = watch::Receiver<Arc<Vec<Toxic>>>;

/// Bytes that have passed one direction.
#[derive(Debug, Default)]
pub(super) struct Meter {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Meter {
    /// Bytes from the sender.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes to the receiver.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// So many bytes came in.
    pub(super) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes went out.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Who is carried, and by what it is disturbed.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) clock: Clock,
    pub(super) seed: Seed,
    /// The proxy's name.
    pub(super) proxy: Arc<str>,
    /// The connection's number at that proxy.
    pub(super) ordinal: u64,
    pub(super) stream: Stream,
    pub(super) toxics: Toxics,
}

impl Course {
    /// Carries all bytes of `reader` to `writer`; says how it ended.
    ///
    /// # Errors
    /// When either side breaks.
    pub(super) async fn carry<R, W>(mut self, mut reader: R, mut writer: W, meter: &Meter) -> io::Result<Ending>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut pump = Pump::default();
        loop {
            let applied = self.applied();
            if applied.is_empty() {
                tokio::select! {
                    biased;
                    ended = pump.run(&mut reader, &mut writer, meter) => return ended.map(|()| Ending::Finish),
                    // Without a proxy nothing changes any more.
                    Ok(()) = self.toxics.changed() => continue,
                }
            }
            let pipeline = Pipeline::new(applied, self.clock.elapsed());
            if let Some(ending) = self.disturbed(pipeline, &mut pump, (&mut reader, &mut writer), meter).await? {
                return Ok(ending);
            }
        }
    }

    /// Carries through `pipeline` until the end, or until nothing is left of it.
    async fn disturbed<R, W>(
        &mut self,
        mut pipeline: Pipeline,
        pump: &mut Pump,
        (reader, writer): (&mut R, &mut W),
        meter: &Meter,
    ) -> io::Result<Option<Ending>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        // What the pump had read is under way already.
        let rest = pump.take();
        meter.add_sent(rest.len());
        writer.write_all(&rest).await?;
        let mut finished = pump.has_ended();
        if finished {
            pipeline.finish(self.clock.elapsed());
        }
        loop {
            while let Some(item) = pipeline.take_due(self.clock.elapsed()) {
                match item {
                    Item::Data(data) => {
                        writer.write_all(&data).await?;
                        meter.add_sent(data.len());
                    }
                    Item::End(Ending::Finish) => {
                        writer.shutdown().await?;
                        return Ok(Some(Ending::Finish));
                    }
                    Item::End(ending) => return Ok(Some(ending)),
                }
            }
            writer.flush().await?;
            if pipeline.is_idle() && !finished {
                return Ok(None);
            }
            let due = pipeline.next_due();
            let (clock, wake) = (self.clock, due.unwrap_or(Duration::ZERO));
            tokio::select! {
                biased;
                Ok(()) = self.toxics.changed() => pipeline.change(self.applied(), self.clock.elapsed()),
                () = clock.sleep_until(wake), if due.is_some() => {}
                read = read_chunk(reader), if !finished && pipeline.has_room() => {
                    let (chunk, now) = (read?, self.clock.elapsed());
                    meter.add_received(chunk.len());
                    if chunk.is_empty() {
                        finished = true;
                        pipeline.finish(now);
                    } else {
                        pipeline.offer(now, chunk);
                    }
                }
                else => return Ok(Some(Ending::Close)),
            }
        }
    }

    /// The toxics that concern this direction of this connection. Each draws from a stream of its own, so that the same
    /// seed decides the same of the same connection, whatever other toxics there are.
    fn applied(&mut self) -> Vec<Applied> {
        let toxics = Arc::clone(&self.toxics.borrow_and_update());
        let ours = toxics.iter().filter(|toxic| toxic.stream == self.stream);
        ours.filter_map(|toxic| {
            let name = format!("toxic/{}/{}/{}", self.proxy, toxic.name, self.ordinal);
            let mut random = self.seed.stream(&name);
            (random.unit() < toxic.toxicity).then(|| Applied { toxic: toxic.clone(), random })
        })
        .collect()
    }
}
