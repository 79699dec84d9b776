//! The control API: Toxiproxy's, so that its clients work unchanged, and ours under `/deadzone/v1`.

mod guard;
mod metrics;
mod own;
mod refusal;
mod toxiproxy;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

pub use guard::Trusted;

use super::gates::Gates;

/// How long a client may take to send a request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait when the system cannot give more connections.
const RECOVERY: Duration = Duration::from_millis(20);

/// What all requests share.
pub(super) type App = axum::extract::State<Arc<Gates>>;

/// All routes.
fn router(gates: Arc<Gates>, trusted: Trusted) -> Router {
    toxiproxy::routes()
        .merge(own::routes())
        .route("/metrics", get(metrics::metrics))
        .fallback(refusal::unknown_route)
        .method_not_allowed_fallback(refusal::wrong_method)
        .layer(from_fn_with_state(Arc::new(trusted), guard::guard))
        .with_state(gates)
}

/// Serves the API on `listener` for ever.
///
/// # Errors
/// When the listener has no address.
pub(super) async fn serve(listener: TcpListener, gates: Arc<Gates>, trusted: Trusted) -> io::Result<()> {
    let router = router(gates, trusted);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the control API cannot accept");
                tokio::time::sleep(RECOVERY).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
            // A peer that breaks off is the peer's affair.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Listens where the API is to be.
///
/// # Errors
/// When the address cannot be listened on.
pub(super) async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
