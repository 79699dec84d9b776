//! `deadzone proxy`: the fault proxy alone, between any app and its server.

mod authority;
mod journal;
mod scenario;
mod steps;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::exit::Exit;
use super::interrupt::EndSignals;
use super::{failed, say, tell_error, warn, wrong};
use crate::base::{Clock, Seed};
use crate::net::{PROFILES, Profile, profile};
use crate::proxy::{Alone, NewLink, Trusted, Wanted};
use authority::ProxyCommand;
use journal::Journal;
use scenario::Story;
use steps::WORDS;

/// What the gate of the command line is called in the control API.
const GATE: &str = "app";

/// How long connections that are open may go on once the end was asked for.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether they have ended.
const GLANCE: Duration = Duration::from_millis(50);
/// How long connections that were closed may take to end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Arguments of `deadzone proxy`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ProxyArguments {
    #[command(subcommand)]
    command: Option<ProxyCommand>,
    /// Where the app connects to; port 0 lets the system choose one
    #[arg(long, value_name = "HOST:PORT", requires = "upstream")]
    listen: Option<String>,
    /// The app's server; https://HOST:PORT where it speaks TLS and the app does not, or its TLS ends here
    #[arg(long, value_name = "HOST:PORT", requires = "listen")]
    upstream: Option<String>,
    /// End the app's TLS here, with certificates of the authority that `deadzone proxy ca` prints
    #[arg(long, requires = "listen")]
    tls_terminate: bool,
    /// The authority's folder; `.deadzone/authority` in the home folder when absent
    #[arg(long, value_name = "DIR", requires = "tls_terminate")]
    ca: Option<PathBuf>,
    /// A name or address by which apps call the proxy that ask for no name, beside this machine's usual ones
    #[arg(long, value_name = "NAME", requires = "tls_terminate")]
    tls_name: Vec<String>,
    /// Leave `Host` as the app wrote it, where the server is https://; it names the server otherwise, and exchanges are followed
    #[arg(long, requires = "upstream")]
    keep_host: bool,
    /// Trust the authorities in this PEM file, and no others, to say who the server is; the system's when absent
    #[arg(long, value_name = "FILE", requires = "upstream")]
    upstream_ca: Option<PathBuf>,
    /// The network between them: a profile's name
    #[arg(long, value_name = "NAME", value_parser = known_profile)]
    profile: Option<Profile>,
    /// Follow HTTP exchanges: they are noted in the history, and can be struck by faults
    #[arg(long)]
    inspect: bool,
    /// What happens to the link and to messages, and when: the steps of a scenario file
    #[arg(long, value_name = "FILE", requires = "listen")]
    scenario: Option<PathBuf>,
    /// Write what happens, one event a line
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Write the HTTP exchanges that are followed as an archive (HAR 1.2), which browsers' developer tools open
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
    /// Where the control API listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8474")]
    control: SocketAddr,
    /// A name by which the control API may be called, beside `localhost` and IP addresses
    #[arg(long, value_name = "NAME")]
    control_name: Vec<String>,
    /// Seed of all draws; another one at each start when absent
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads that carry connections
    #[arg(long, value_name = "N", default_value_t = threads())]
    threads: usize,
}

pub(super) fn proxy(arguments: &ProxyArguments) -> Exit {
    if let Some(ProxyCommand::Ca(arguments)) = &arguments.command {
        return authority::ca(arguments);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    raise_descriptor_limit();
    let story =
        match arguments.scenario.as_deref().map(|path| scenario::load(path, arguments.tls_terminate)).transpose() {
            Ok(story) => story.unwrap_or_default(),
            Err(exit) => return exit,
        };
    runtime.block_on(async {
        let clock = Clock::system();
        let seed = arguments.seed.or(story.seed);
        let seed = seed.unwrap_or_else(|| clock.wall().as_nanosecond().unsigned_abs() as u64);
        let mut signals = match EndSignals::listen() {
            Ok(signals) => signals,
            Err(error) => return failed(&error.to_string()),
        };
        let secure = match authority::secure(arguments, clock) {
            Ok(secure) => secure,
            Err(message) => return wrong(&message),
        };
        let proxy = match Alone::new(clock, Seed(seed), arguments.threads, WORDS, secure) {
            Ok(proxy) => proxy,
            Err(error) => return failed(&error.to_string()),
        };
        let journal = match Journal::open(arguments, clock, seed) {
            Ok(journal) => journal,
            Err(message) => return wrong(&message),
        };
        let events = proxy.events();
        let listener = match set_up(&proxy, arguments, story, seed).await {
            Ok(listener) => listener,
            Err(message) => return wrong(&message),
        };
        match work(&proxy, arguments, (journal.keep(events, &proxy), listener), &mut signals).await {
            Ok(exit) => exit,
            Err(error) => failed(&error.to_string()),
        }
    })
}

/// Is a proxy until somebody asks for the end, and a little longer.
async fn work(
    proxy: &Alone,
    arguments: &ProxyArguments,
    (keeping, listener): (impl Future<Output = io::Result<()>>, TcpListener),
    signals: &mut EndSignals,
) -> io::Result<Exit> {
    let serving = proxy.control(listener, Trusted(arguments.control_name.clone()));
    let (mut keeping, mut serving) = (pin!(keeping), pin!(serving));
    tokio::select! {
        biased;
        () = signals.next() => {}
        ended = &mut serving => ended?,
        ended = &mut keeping => ended?,
    }
    proxy.accept_no_more();
    tokio::select! {
        biased;
        () = signals.next() => {}
        () = quiet(proxy, GRACE) => {}
    }
    proxy.close();
    quiet(proxy, LAST_WORDS).await;
    proxy.settle().await;
    keeping.await?;
    // Schedules of requests are nobody's claim.
    let missed = if arguments.scenario.is_some() { proxy.missed() } else { Vec::new() };
    missed.iter().for_each(|fault| tell_error(fault));
    Ok(if missed.is_empty() { Exit::Held } else { Exit::CheckFailed })
}

/// Waits until no connection is open, but not longer than `most`: many apps keep theirs for later.
async fn quiet(proxy: &Alone, most: Duration) {
    let none_open = async {
        while proxy.glance().iter().any(|gate| !gate.open.is_empty()) {
            sleep(GLANCE).await;
        }
    };
    let _ = timeout(most, none_open).await;
}

/// Opens everything and says where it is.
async fn set_up(proxy: &Alone, arguments: &ProxyArguments, story: Story, seed: u64) -> Result<TcpListener, String> {
    let control = arguments.control;
    let listener = proxy.listen_for_control(control).await;
    let listener = listener.map_err(|error| format!("--control {control}: {error}"))?;
    let control = listener.local_addr().map_err(|error| format!("--control {control}: {error}"))?;
    if let (Some(listen), Some(upstream)) = (&arguments.listen, &arguments.upstream) {
        let link = arguments.profile.map(NewLink::from).or(story.link);
        let over = over(link.as_ref());
        // Who names the server follows exchanges.
        let names = upstream.starts_with("https://") && !arguments.keep_host;
        let inspected = arguments.inspect || arguments.har.is_some() || names;
        let wanted = Wanted { name: GATE, listen, upstream, link, inspected, steps: story.steps };
        let at = proxy.open(wanted).map_err(|error| format!("--listen: {error}"))?;
        say(&format!("listening on {at} for {upstream}, {over}"));
        if arguments.tls_terminate {
            say("TLS ends here: install on the device what `deadzone proxy ca` prints");
        }
        if at.parse::<SocketAddr>().is_ok_and(|at| !at.ip().is_loopback()) {
            warn(&format!("{at} is open to whoever reaches this address"));
        }
    }
    say(&format!("control API on http://{control}"));
    if !control.ip().is_loopback() {
        warn(&format!("the control API on {control} is open to whoever reaches this address, and has no password"));
    }
    say(&format!("seed {seed}"));
    say("Ctrl-C ends it");
    Ok(listener)
}

fn over(link: Option<&NewLink>) -> String {
    match link.map(|link| &link.written) {
        None => "as fast as it goes".to_owned(),
        Some(Value::String(name)) => format!("over {name}"),
        Some(numbers) => format!("over {numbers}"),
    }
}

fn known_profile(name: &str) -> Result<Profile, String> {
    profile(name).ok_or_else(|| {
        let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        format!("there is no such profile; there are {}", names.join(", "))
    })
}

/// As many as the machine has cores, but few: two carry more than most links.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

/// A connection takes two descriptors, and systems give a program few unless it asks for more.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // What it has must do then.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
