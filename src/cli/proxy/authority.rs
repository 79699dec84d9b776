//! The authority by which a proxy ends apps' TLS: where it is kept, how it gets onto a device; and whom servers are judged by.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::super::exit::Exit;
use super::super::{print, wrong};
use super::ProxyArguments;
use crate::base::{Clock, WallClock};
use crate::proxy::{Faces, Secure};
use crate::tls::{Authority, Key, trusting};

/// Where systems keep the authorities that they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// How an app calls a proxy on the same machine: by itself, and from Android's emulator.
const NEAR: [&str; 4] = ["localhost", "127.0.0.1", "::1", "10.0.2.2"];

/// What can be asked of the proxy beside being one.
#[derive(Debug, Subcommand)]
pub(super) enum ProxyCommand {
    /// Print the certificate of the authority, for installing it on a device; it is made at the first time
    Ca(CaArguments),
}

/// Arguments of `deadzone proxy ca`.
#[derive(Debug, Args)]
pub(super) struct CaArguments {
    /// The authority's folder; `.deadzone/authority` in the home folder when absent
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn ca(arguments: &CaArguments) -> Exit {
    match folder(arguments.dir.as_deref()).and_then(|folder| kept_in(&folder)) {
        Ok(authority) => {
            print(&authority.certificate_pem());
            Exit::Held
        }
        Err(message) => wrong(&message),
    }
}

/// What TLS needs on either side, as the arguments have it.
///
/// # Errors
/// When the authority or a bundle cannot be read; the text says why.
pub(super) fn secure(arguments: &ProxyArguments, clock: Clock) -> Result<Secure, String> {
    let clock = WallClock::new(clock, 0);
    let faces = if arguments.tls_terminate {
        let folder = folder(arguments.ca.as_deref())?;
        let authority = kept_in(&folder)?;
        let key = Key::kept_in(&folder.join("proxy-key.pem")).map_err(|error| error.to_string())?;
        let listen = arguments.listen.as_deref().and_then(|listen| listen.parse::<SocketAddr>().ok());
        let own = listen.map(|at| at.ip().to_string()).filter(|own| !NEAR.contains(&own.as_str()));
        let nameless = NEAR.map(str::to_owned).into_iter().chain(own).chain(arguments.tls_name.clone()).collect();
        let faces = Faces::new(&authority, &key, clock.clone(), nameless);
        Some(Arc::new(faces.map_err(|error| format!("--tls-terminate: {error}"))?))
    } else {
        None
    };
    let over_tls = arguments.upstream.as_deref().is_some_and(|upstream| upstream.starts_with("https://"));
    let servers = match &arguments.upstream_ca {
        Some(path) => Some(bundle(path, &clock).map_err(|why| format!("--upstream-ca {}: {why}", path.display()))?),
        None => match BUNDLES.iter().map(Path::new).find(|path| path.exists()) {
            Some(path) => bundle(path, &clock).ok(),
            None => None,
        },
    };
    if over_tls && servers.is_none() {
        return Err("--upstream: no bundle of trusted authorities was found; name one with --upstream-ca".to_owned());
    }
    Ok(Secure { faces, servers, keeps_host: arguments.keep_host })
}

fn bundle(path: &Path, clock: &WallClock) -> Result<Arc<rustls::ClientConfig>, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    trusting(&bytes, clock).map_err(|error| error.to_string())
}

fn folder(named: Option<&Path>) -> Result<PathBuf, String> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".deadzone/authority"));
    named.map(Path::to_path_buf).or_else(home).ok_or_else(|| "there is no home folder; name the authority's".to_owned())
}

fn kept_in(folder: &Path) -> Result<Authority, String> {
    Authority::kept_in(folder, Clock::system().wall()).map_err(|error| error.to_string())
}
