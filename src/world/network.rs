//! How the parties reach each other: device to proxy over its link, proxy to server, each as a connector.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_local};

use super::machine::Machine;
use crate::net::Link;
use crate::proxy::{ByteStream, Proxy, Upstream};

/// Bytes that fit between proxy and server, who stand in one room.
const ROOM: usize = 64 * 1024;

/// The server's name where it has no address.
pub(super) const SERVER: &str = "server";

/// Connects to a server in this process.
pub(super) struct ToServer(pub(super) Rc<Machine>);

impl Upstream for ToServer {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        let (near, far) = tokio::io::duplex(ROOM);
        let machine = self.0.clone();
        spawn_local(async move { machine.serve(far).await });
        Box::pin(async { Ok(Box::new(near) as Box<dyn ByteStream>) })
    }
}

/// Connects a device to the proxy over the device's simulated link.
pub(super) struct OverLink {
    pub(super) device: String,
    pub(super) link: Link,
    pub(super) proxy: Rc<Proxy>,
    /// It stands in the server's own house, where there is no TLS.
    pub(super) inside: bool,
}

impl Upstream for OverLink {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async {
            let (near, far) = self.link.connect().await?;
            let (proxy, device) = (self.proxy.clone(), self.device.clone());
            let inside = self.inside;
            spawn_local(async move {
                if inside {
                    proxy.serve_inside(&device, far).await;
                } else {
                    proxy.serve(&device, far).await;
                }
            });
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}

/// Real sockets that this process listens on; dropping it accepts no more.
#[derive(Default)]
pub(super) struct Listeners(RefCell<JoinSet<()>>);

impl Listeners {
    /// Serves every connection of a new loopback port with `serve`; returns `host:port`.
    pub(super) async fn open<F>(&self, serve: impl Fn(TcpStream) -> F + 'static) -> io::Result<String>
    where
        F: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        self.0.borrow_mut().spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if stream.set_nodelay(true).is_ok() {
                    spawn_local(serve(stream));
                }
            }
        });
        Ok(address)
    }
}
