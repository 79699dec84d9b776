//! `deadzone serve`: the reference server alone, for clients and tools of one's own.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use super::exit::Exit;
use super::interrupt::EndSignals;
use super::{say, tell};
use crate::base::{Clock, Seed};
use crate::protocol::path;
use crate::server::Server;
use crate::world::{DemoOrders, DemoUser, demo};

/// Arguments of `deadzone serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Work orders that it holds: a number of generated ones, or a JSON file with an array of them
    #[arg(long, value_name = "FILE|N", default_value = "20")]
    orders: String,
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
        match listen(arguments.listen, &server, &users).await {
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
async fn listen(address: SocketAddr, server: &Server, users: &[DemoUser]) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let mut signals = EndSignals::listen()?;
    introduce(listener.local_addr()?, users);
    loop {
        let stream = tokio::select! {
            biased;
            () = signals.next() => return Ok(()),
            accepted = listener.accept() => accepted?.0,
        };
        let server = server.clone();
        spawn_local(async move {
            // A peer that breaks off is the peer's affair.
            if stream.set_nodelay(true).is_ok() {
                drop(server.serve(stream).await);
            }
        });
    }
}

fn introduce(address: SocketAddr, users: &[DemoUser]) {
    if !address.ip().is_loopback() {
        tell("deadzone serve: plain HTTP and known passwords, open to whoever reaches this address");
    }
    say(&format!("listening on http://{address}"));
    say(&format!("the API is described at http://{address}{}", path::OPENAPI));
    for DemoUser { user_id, role, password } in users {
        say(&format!("{role} `{user_id}`, password `{password}`"));
    }
    say("Ctrl-C ends it");
}
