//! Live mode: a device's real socket, carried over its modelled link.

use std::io;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::memory::Link;
use super::stream::ProxyEnd;

impl Link {
    /// Puts the device's `socket` on this link and gives the proxy's end, after the handshake that the model asks for.
    /// Call it inside a `LocalSet`: a task of its own then moves the bytes.
    ///
    /// # Errors
    /// `NotConnected` in airplane mode; the socket is reset.
    pub async fn carry(&self, mut socket: TcpStream) -> io::Result<ProxyEnd> {
        let (mut device, proxy) = match self.connect().await {
            Ok(ends) => ends,
            Err(error) => {
                socket.set_zero_linger()?;
                return Err(error);
            }
        };
        socket.set_nodelay(true)?;
        spawn_local(async move {
            if copy_bidirectional(&mut socket, &mut device).await.is_err() {
                // A reset on either side is a reset on the other; a socket too broken for it is closed all the same.
                let _ = socket.set_zero_linger();
            }
        });
        Ok(proxy)
    }
}
