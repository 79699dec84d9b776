//! `deadzone serve`: the reference server alone, for clients and tools of one's own.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::exit::Exit;
use super::interrupt::EndSignals;
use super::{failed, say, warn, wrong};
use crate::base::{Clock, Seed, WallClock};
use crate::protocol::path;
use crate::scenario::MOST_GENERATED;
use crate::tls::{Authority, AuthorityError, Key, Validity, Versions, server_settings};
use crate::world::{DemoOrders, DemoUser, Staged, demo};

/// A handshake that has not ended after this long never will.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a peer may keep a request waiting. More than half a minute: a client that syncs twice a minute keeps its
/// connection.
const PATIENCE: Duration = Duration::from_secs(35);
/// How long to wait when the system cannot give more connections.
const RECOVERY: Duration = Duration::from_millis(100);
/// How long the server's certificate lasts; phones accept no more than 825 days.
const CERTIFICATE_LIFE: SignedDuration = SignedDuration::from_hours(398 * 24);

/// Arguments of `deadzone serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Work orders that it holds: a number of generated ones, or a JSON file with an array of them
    #[arg(long, value_name = "FILE|N", default_value = "20", allow_negative_numbers = true, value_parser = orders)]
    orders: DemoOrders,
    /// Let whoever asks replace all that it holds, so that `deadzone check-server` can test it
    #[arg(long)]
    stage: bool,
    /// Speak TLS 1.3, with a certificate of the authority in this folder; what is missing there is made
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Seed of generated orders and of tokens; another one at each start when absent
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(super) fn serve(arguments: &ServeArguments) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    LocalSet::new().block_on(&runtime, async {
        let clock = Clock::system();
        let seed = arguments.seed.unwrap_or_else(|| clock.wall().as_nanosecond().unsigned_abs() as u64);
        let address = arguments.listen;
        // Before the orders are made, which takes a while if there are many.
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) => {
                return wrong(&format!("--listen {address}: {error}: name another port, or port 0 for a free one"));
            }
        };
        let (server, users) = match demo(&arguments.orders, Seed(seed), clock) {
            Ok(demo) => demo,
            Err(error) => return wrong(&format!("--orders: {error}")),
        };
        let tls = match arguments.tls.as_deref().map(|folder| secured(folder, address, clock)).transpose() {
            Ok(tls) => tls,
            Err(error) => return wrong(&format!("--tls: {error}")),
        };
        let server = Rc::new(Staged::new(server, clock, Seed(seed), arguments.stage));
        match listen(&listener, &server, &users, tls).await {
            Ok(()) => Exit::Held,
            Err(error) => failed(&error.to_string()),
        }
    })
}

/// `--orders` as it is meant: what is written as a number is one, and no file's name.
fn orders(text: &str) -> Result<DemoOrders, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(DemoOrders::File(PathBuf::from(text)));
    }
    let count = text.parse().ok().filter(|count| *count <= u64::from(MOST_GENERATED));
    count.map(DemoOrders::Generate).ok_or_else(|| {
        format!("a number of orders goes from 0 to {MOST_GENERATED}; a file of this name is written `./{text}`")
    })
}

/// Serves until somebody asks for the end.
async fn listen(
    listener: &TcpListener,
    server: &Rc<Staged>,
    users: &[DemoUser],
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let mut signals = EndSignals::listen()?;
    introduce(listener.local_addr()?, users, tls.is_some());
    let mut told = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = signals.next() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Once for each kind of trouble: it may last.
                if told.replace(error.kind()) != Some(error.kind()) {
                    warn(&format!("a connection cannot be accepted: {error}; it is tried again"));
                }
                tokio::select! {
                    biased;
                    () = signals.next() => return Ok(()),
                    () = sleep(RECOVERY) => continue,
                }
            }
        };
        told = None;
        let (server, tls) = (server.clone(), tls.clone());
        spawn_local(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            // A peer that breaks off is the peer's affair.
            match tls {
                None => drop(server.serve(stream, PATIENCE).await),
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
                        drop(server.serve(stream, PATIENCE).await);
                    }
                }
            }
        });
    }
}

/// The server's side of TLS, with a certificate of the authority in `folder`; says what clients must know.
fn secured(folder: &Path, address: SocketAddr, clock: Clock) -> Result<TlsAcceptor, AuthorityError> {
    let authority = Authority::kept_in(folder, clock.wall())?;
    let key = Key::kept_in(&folder.join("server-key.pem"))?;
    let names = [address.ip().to_string(), "localhost".to_owned()];
    let names = names.each_ref().map(String::as_str);
    let certified = authority.issue(&key, &names, Validity::from_now(clock.wall(), CERTIFICATE_LIFE))?;
    let settings = server_settings(Arc::new(certified), Versions::Only13, &WallClock::new(clock, 0));
    say(&format!("certificates are by {}; the server's key is {}", folder.join("authority.pem").display(), key.pin()));
    Ok(settings.map_err(AuthorityError::new)?.into())
}

fn introduce(address: SocketAddr, users: &[DemoUser], secure: bool) {
    let scheme = if secure { "https" } else { "http" };
    if !address.ip().is_loopback() {
        let plain = if secure { "" } else { "plain HTTP and " };
        warn(&format!("{plain}known passwords, open to whoever reaches this address"));
    }
    say(&format!("listening on {scheme}://{address}"));
    say(&format!("the API is described at {scheme}://{address}{}", path::OPENAPI));
    for DemoUser { user_id, role, password } in users {
        say(&format!("{role} `{user_id}`, password `{password}`"));
    }
    say("Ctrl-C ends it");
}
