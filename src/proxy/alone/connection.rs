//! One connection from its client to its server.
//!
//! ```text
//!   client ══ toxics ═══════════════════ server    as it is
//!   client ══ exchanges ════════════════ server    HTTP that nothing disturbs
//!   client ══ toxics ══ link ═══════════ server    over a modelled link
//!   client ══ toxics ══ link ══ faults ═ server    HTTP with faults; a link that is none where there is no other
//!   client ══ toxics ══ link ══ TLS ══ … ═ server  TLS that ends here, and HTTP in it as above
//! ```

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::spawn_local;

use super::body::Body;
use super::course::{Course, Meter};
use super::exchanges::{Left, Note, follow};
use super::field::{Engine, Field};
use super::gate::Gate;
use super::head::{Answered, Asked};
use super::pipeline::Ending;
use super::pump::Pump;
use super::secure::{Server, dial};
use super::toxic::Stream;
use crate::history::{Message, MessageKind, Recorder, What};
use crate::net::{Link, ProxyEnd, profile};

/// The profile of a link that limits nothing.
const NO_LINK: &str = "perfect";

/// What is known of a connection while it is open.
#[derive(Debug)]
pub(super) struct Connection {
    /// Its number in the program's life.
    pub(super) number: u64,
    /// Its number at its gate.
    pub(super) ordinal: u64,
    /// Who opened it.
    pub(super) peer: SocketAddr,
    /// When.
    pub(super) since: Duration,
    up: Meter,
    down: Meter,
}

impl Connection {
    /// A connection that has seen nothing yet.
    pub(super) fn new(number: u64, ordinal: u64, peer: SocketAddr, since: Duration) -> Self {
        Self { number, ordinal, peer, since, up: Meter::default(), down: Meter::default() }
    }

    /// Bytes from the client, to the server, from the server, to the client.
    pub(super) fn bytes(&self) -> [u64; 4] {
        [self.up.received(), self.up.sent(), self.down.received(), self.down.sent()]
    }
}

/// Carries a connection until it is over, or its gate is closed.
pub(super) async fn serve(
    field: Rc<Field>,
    gate: Arc<Gate>,
    connection: Arc<Connection>,
    socket: std::net::TcpStream,
    mut closing: watch::Receiver<()>,
) {
    let (device, number) = (gate.name.to_string(), connection.number);
    field.recorder.record(What::ConnectionOpened { device: device.clone(), connection: number });
    if let Ok(mut client) = TcpStream::from_std(socket) {
        let ending = tokio::select! {
            biased;
            // The gate's end of it is dropped and nothing ever sent.
            _ = closing.changed() => Ending::Close,
            ending = carry(&field, &gate, &connection, &mut client) => ending,
        };
        if ending == Ending::Reset {
            // A socket that is too broken for it is closed all the same.
            let _ = client.set_zero_linger();
        }
    }
    field.recorder.record(What::ConnectionClosed { device, connection: number });
    gate.forget(&connection);
}

/// Carries it the way that its gate asks for; says how it ended.
async fn carry(field: &Rc<Field>, gate: &Arc<Gate>, connection: &Arc<Connection>, client: &mut TcpStream) -> Ending {
    let ends_tls = gate.ground.secure.faces.is_some();
    let link = field.link(&gate.name).or_else(|| ends_tls.then(|| no_link(field, gate)).flatten());
    let ended = match (link, gate.manner().inspected) {
        (None, false) => straight(gate, connection, client).await,
        (None, true) => match followed(field, gate, connection, client).await {
            Ok(Left::Over(ending)) => Ok(ending),
            Ok(Left::Disturbed) => {
                // What disturbs it needs room between the client and the exchanges: a link that is none.
                match no_link(field, gate) {
                    Some(link) => over(field, gate, connection, client, &link).await,
                    None => Ok(Ending::Close),
                }
            }
            Err(error) => Err(error),
        },
        (Some(link), _) => over(field, gate, connection, client, &link).await,
    };
    // What broke on one side breaks on the other.
    ended.unwrap_or_else(|error| {
        tracing::debug!(gate = %gate.name, connection = connection.number, %error, "broken");
        Ending::Reset
    })
}

/// A link of its own for one connection, where what is beyond it needs some.
fn no_link(field: &Field, gate: &Gate) -> Option<Link> {
    profile(NO_LINK).map(|profile| field.new_link(profile, &gate.name))
}

/// Carries it as it is, but for toxics.
async fn straight(gate: &Gate, connection: &Connection, client: &mut TcpStream) -> io::Result<Ending> {
    let Ok(mut server) = dial(&gate.upstream(), &gate.ground.secure).await else { return Ok(Ending::Close) };
    let gone = Cell::new(false);
    let ended = match &mut server {
        Server::Plain(stream) => both(gate, connection, client.split(), stream.split(), &gone).await,
        Server::Secured(stream) => both(gate, connection, client.split(), split(stream), &gone).await,
    };
    if matches!(ended, Ok(Ending::Reset)) || ended.is_err() {
        server.reset_at_end();
    }
    ended
}

/// Carries it while nothing disturbs its HTTP exchanges.
async fn followed(
    field: &Rc<Field>,
    gate: &Arc<Gate>,
    connection: &Arc<Connection>,
    client: &mut TcpStream,
) -> io::Result<Left> {
    let disturbance = gate.disturbance(true);
    if disturbance.is_now() {
        return Ok(Left::Disturbed);
    }
    let Ok(mut server) = dial(&gate.upstream(), &gate.ground.secure).await else {
        return Ok(Left::Over(Ending::Close));
    };
    let note = Noted::new(field, gate, connection);
    let host = gate.host();
    follow(client, &mut server, [&connection.up, &connection.down], disturbance, host.as_deref(), &note).await
}

/// Carries it over `link`.
async fn over(
    field: &Rc<Field>,
    gate: &Arc<Gate>,
    connection: &Arc<Connection>,
    client: &mut TcpStream,
    link: &Link,
) -> io::Result<Ending> {
    let (device, far) = link.connect().await?;
    let gone = Rc::new(Cell::new(false));
    // Dropping the device's end sends the news over the link, so that this ends by itself.
    spawn_local({
        let beyond = beyond(Rc::clone(field), Arc::clone(gate), Arc::clone(connection), far);
        let gone = Rc::clone(&gone);
        async move {
            beyond.await;
            gone.set(true);
        }
    });
    both(gate, connection, client.split(), split(device), &gone).await
}

/// Carries it beyond its link.
async fn beyond(field: Rc<Field>, gate: Arc<Gate>, connection: Arc<Connection>, end: ProxyEnd) {
    let secure = &gate.ground.secure;
    if !gate.manner().inspected && secure.faces.is_none() {
        if let Ok(server) = dial(&gate.upstream(), secure).await {
            plain(end, server).await;
        }
        return;
    }
    let (engine, who) = (field.engine(&gate), (&*gate.name, connection.number));
    let Some(mut met) = engine.proxy.meet(&engine.front(), who, end).await else { return };
    let disturbance = gate.disturbance(false);
    if !disturbance.is_now() {
        let Ok(mut server) = dial(&gate.upstream(), secure).await else { return };
        let note = Noted::new(&field, &gate, &connection);
        let meters = (Meter::default(), Meter::default());
        let (meters, host) = ([&meters.0, &meters.1], gate.host());
        let left = follow(met.stream(), &mut server, meters, disturbance, host.as_deref(), &note).await;
        if !matches!(left, Ok(Left::Disturbed)) {
            return;
        }
        met.settle();
    }
    engine.proxy.speak(who, met).await;
    gate.look_for_faults(&field);
}

/// Notes exchanges that pass untouched.
struct Noted<'a> {
    recorder: &'a Recorder,
    engine: Engine,
    gate: &'a str,
    connection: u64,
}

impl<'a> Noted<'a> {
    fn new(field: &'a Field, gate: &'a Arc<Gate>, connection: &Connection) -> Self {
        let engine = field.engine(gate);
        Self { recorder: &field.recorder, engine, gate: &gate.name, connection: connection.number }
    }

    fn message(&self, exchange: u64, bytes: u64, status: u16, summary: String) -> Message {
        let (device, connection) = (self.gate.to_owned(), self.connection);
        let kind = MessageKind::Other { summary };
        Message { device, connection, exchange, bytes, status, delivered: true, retry_after: None, kind }
    }
}

impl Note for Noted<'_> {
    fn asked(&self, head: &Asked) -> u64 {
        let exchange = self.engine.proxy.next_exchange();
        let body = if let Body::Left(bytes) = head.body { bytes } else { 0 };
        let summary = format!("{} {}", head.method, head.path);
        self.recorder.record(What::Request(self.message(exchange, head.length as u64 + body, 0, summary)));
        exchange
    }

    fn answered(&self, exchange: u64, head: &Answered, bytes: u64) {
        self.recorder.record(What::Answer(self.message(exchange, bytes, head.status, head.media.clone())));
    }
}

/// Carries both directions, through the toxics of each. Once the server has finished and is `gone` altogether, what the
/// client still has to say interests nobody.
async fn both<R1, W1, R2, W2>(
    gate: &Gate,
    connection: &Connection,
    (from_client, to_client): (R1, W1),
    (from_server, to_server): (R2, W2),
    gone: &Cell<bool>,
) -> io::Result<Ending>
where
    R1: AsyncRead + Unpin,
    W1: AsyncWrite + Unpin,
    R2: AsyncRead + Unpin,
    W2: AsyncWrite + Unpin,
{
    let course = |stream| Course {
        clock: gate.ground.clock,
        seed: gate.ground.seed,
        proxy: Arc::clone(&gate.name),
        ordinal: connection.ordinal,
        stream,
        toxics: gate.watch_toxics(),
    };
    let up = course(Stream::Upstream).carry(from_client, to_server, &connection.up);
    let down = course(Stream::Downstream).carry(from_server, to_client, &connection.down);
    let (mut up, mut down) = (pin!(up), pin!(down));
    let first = tokio::select! {
        ended = &mut up => (ended?, true),
        ended = &mut down => (ended?, false),
    };
    match first {
        (Ending::Finish, true) => down.await,
        (Ending::Finish, false) if gone.get() => Ok(Ending::Close),
        (Ending::Finish, false) => up.await,
        (ending, _) => Ok(ending),
    }
}

/// Carries both directions as they are.
async fn plain<S>(near: S, far: Server)
where
    S: AsyncRead + AsyncWrite,
{
    let (mut from_client, mut to_client) = split(near);
    let (mut from_server, mut to_server) = split(far);
    let (up, down) = (Meter::default(), Meter::default());
    let (mut upward, mut downward) = (Pump::default(), Pump::default());
    let ended = tokio::try_join!(
        upward.run(&mut from_client, &mut to_server, &up),
        downward.run(&mut from_server, &mut to_client, &down),
    );
    if ended.is_err() {
        from_server.unsplit(to_server).reset_at_end();
    }
}
