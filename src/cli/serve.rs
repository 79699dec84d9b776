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
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::exit::Exit;
use super::interrupt::EndSignals;
use super::{say, tell};
use crate::base::{Clock, Seed, WallClock};
use crate::protocol::path;
use crate::tls::{Authority, AuthorityError, Key, Validity, Versions, server_settings};
use crate::world::{DemoOrders, DemoUser, Staged, demo};

/// A handshake that has not ended after this long never will.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long the server's certificate lasts; phones accept no more than 825 days.
const CERTIFICATE_LIFE: SignedDuration = SignedDuration::from_hours(398 * 24);

/// Arguments of `deadzone serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Work orders that it holds: a number of generated ones, or a JSON file with an array of them
    #[arg(long, value_name = "FILE|N", default_value = "20")]
    orders: String,
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
        Err(error) => return failed(&error),
    };
    LocalSet::new().block_on(&runtime, async {
        let clock = Clock::system();
        let seed = arguments.seed.unwrap_or_else(|| clock.wall().as_nanosecond().unsigned_abs() as u64);
        let orders = match arguments.orders.parse() {
            Ok(count) => DemoOrders::Generate(count),
            Err(_) => DemoOrders::File(PathBuf::from(&arguments.orders)),
        };
        let (server, users) = match demo(&orders, Seed(seed), clock) {
            Ok(demo) => demo,
            Err(error) => {
                tell(&format!("deadzone serve: --orders: {error}"));
                return Exit::WrongInput;
            }
        };
        let tls = match arguments.tls.as_deref().map(|folder| secured(folder, arguments.listen, clock)).transpose() {
            Ok(tls) => tls,
            Err(error) => {
                tell(&format!("deadzone serve: --tls: {error}"));
                return Exit::WrongInput;
            }
        };
        let server = Rc::new(Staged::new(server, clock, Seed(seed), arguments.stage));
        match listen(arguments.listen, &server, &users, tls).await {
            Ok(()) => Exit::Held,
            Err(error) => failed(&error),
        }
    })
}

fn failed(error: &io::Error) -> Exit {
    tell(&format!("deadzone serve: {error}"));
    Exit::Harness
}

/// Serves until somebody asks for the end.
async fn listen(
    address: SocketAddr,
    server: &Rc<Staged>,
    users: &[DemoUser],
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let mut signals = EndSignals::listen()?;
    introduce(listener.local_addr()?, users, tls.is_some());
    loop {
        let stream = tokio::select! {
            biased;
            () = signals.next() => return Ok(()),
            accepted = listener.accept() => accepted?.0,
        };
        let (server, tls) = (server.clone(), tls.clone());
        spawn_local(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            // A peer that breaks off is the peer's affair.
            match tls {
                None => drop(server.serve(stream).await),
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
                        drop(server.serve(stream).await);
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
        tell(&format!("deadzone serve: {plain}known passwords, open to whoever reaches this address"));
    }
    say(&format!("listening on {scheme}://{address}"));
    say(&format!("the API is described at {scheme}://{address}{}", path::OPENAPI));
    for DemoUser { user_id, role, password } in users {
        say(&format!("{role} `{user_id}`, password `{password}`"));
    }
    say("Ctrl-C ends it");
}
