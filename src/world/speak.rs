//! The other end of `docs/DEVICE_PROTOCOL.md`: the reference engine as a program that speaks JSON lines.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::child::{FromDevice, Greeting, Open, PROTOCOL, ToDevice};
use super::http::HttpClient;
use super::session::Session;
use super::tls::Secured;
use crate::base::{Clock, Seed, WallClock};
use crate::client::{Engine, FileKeychain, KeyCost, Parts, Settings};
use crate::disk::Storage;
use crate::history::Capability;
use crate::proxy::{ByteStream, Upstream};

/// Runs the reference engine over `input` and `output` until `input` ends. Call it inside a `LocalSet`.
///
/// # Errors
/// When a line is not of the protocol, or `input` or `output` breaks.
pub async fn speak(input: impl AsyncRead + Unpin, output: impl AsyncWrite + Unpin + 'static) -> io::Result<()> {
    let (lines, receiver) = mpsc::unbounded_channel();
    let writer = spawn_local(write_lines(receiver, output));
    let mut input = BufReader::new(input).lines();
    let mut session = None;
    while let Some(line) = input.next_line().await? {
        let line: ToDevice = serde_json::from_str(&line).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("`{line}` is not of the protocol: {error}"))
        })?;
        match (line, &session) {
            (ToDevice::Open(open), None) => match start(&open, &lines) {
                Ok(started) => session = Some(started),
                Err(why) => send(&lines, FromDevice::Failed(why)),
            },
            (ToDevice::Ask { id, what }, Some(session)) => {
                let (session, lines) = (Session::clone(session), lines.clone());
                spawn_local(async move {
                    let what = session.answer(what).await;
                    send(&lines, FromDevice::Reply { id, what });
                });
            }
            (ToDevice::Open(_), Some(_)) => send(&lines, FromDevice::Failed("it is open already".into())),
            (ToDevice::Ask { .. }, None) => send(&lines, FromDevice::Failed("the first line must be `open`".into())),
        }
    }
    drop((session, lines));
    writer.abort();
    Ok(())
}

type Lines = mpsc::UnboundedSender<FromDevice>;

fn send(lines: &Lines, line: FromDevice) {
    // Nobody reads any more when the parent has gone; then this process ends with its input.
    let _ = lines.send(line);
}

fn start(open: &Open, lines: &Lines) -> Result<Session, String> {
    if open.protocol != PROTOCOL {
        return Err(format!("protocol {} is not spoken here, {PROTOCOL} is", open.protocol));
    }
    let clock = Clock::system();
    let wall = WallClock::new(clock, open.skew_ms);
    let settings = Settings {
        sync_every: open.sync_every_ms.map(Duration::from_millis),
        jitter: open.jitter,
        page_limit: open.page.unwrap_or(Settings::default().page_limit),
        key_cost: KeyCost::REAL,
    };
    let observer = lines.clone();
    let network = Secured::over(Rc::new(Tcp(open.server.clone())), open.tls.as_ref(), &wall);
    let parts = Parts {
        transport: Rc::new(HttpClient::new(clock, &open.server, network.map_err(|error| error.to_string())?)),
        keychain: Rc::new(FileKeychain::new(open.directory.join("keychain.json"))),
        clock: wall.clone(),
        random: Seed(open.seed).stream(&format!("device/{}/boot-{}", open.name, open.boot)),
        observer: Rc::new(move |event| send(&observer, FromDevice::Event(event))),
        settings,
        online: open.online,
    };
    let engine = Engine::open(&Storage::Directory(open.directory.clone()), parts).map_err(|error| error.to_string())?;
    send(lines, FromDevice::Opened(Greeting { protocol: PROTOCOL, can: Capability::ALL.to_vec() }));
    let schedule = engine.clone();
    spawn_local(async move { schedule.run().await });
    Ok(Session { engine, clock: wall })
}

async fn write_lines(
    mut lines: mpsc::UnboundedReceiver<FromDevice>,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(line) = lines.recv().await {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        output.write_all(&text).await?;
        output.flush().await?;
    }
    Ok(())
}

/// Connects over TCP, without Nagle's delay; what waits to be sent when it ends never is, as on the modelled link.
pub(super) struct Tcp(pub(super) String);

impl Upstream for Tcp {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async {
            let stream = TcpStream::connect(&self.0).await?;
            stream.set_nodelay(true)?;
            stream.set_zero_linger()?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}
