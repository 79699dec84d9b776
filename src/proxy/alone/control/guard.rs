//! Keeps web pages away from the control API: a browser on the same machine reaches it, whoever wrote the page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, HeaderMap, HeaderName, ORIGIN, USER_AGENT};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;

/// Set by browsers alone, and on every request.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names by which the API may be called, beside IP addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub struct Trusted(pub Vec<String>);

impl Trusted {
    /// Whether `host`, with or without a port, is one of them. A page that rebinds its own name to this machine is
    /// found out here.
    fn is_host(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(""),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok()
            || self.0.iter().any(|trusted| trusted.eq_ignore_ascii_case(name))
    }

    /// Why the request is not answered; `None` when it is.
    fn refuses(&self, headers: &HeaderMap) -> Option<Refusal> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        if headers.contains_key(ORIGIN) || headers.contains_key(FETCH_SITE) {
            return Some(forbidden("web pages may not use the control API"));
        }
        if text(USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/")) {
            return Some(forbidden("User agent not allowed"));
        }
        match text(HOST) {
            Some(host) if self.is_host(host) => None,
            Some(host) => Some(forbidden(format!(
                "the control API does not go by the name `{host}`; name it with --control-name if it should"
            ))),
            None => Some(Refusal::new(StatusCode::BAD_REQUEST, "the request has no Host")),
        }
    }
}

fn forbidden(why: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, why)
}

/// Lets pass what is no web page.
pub(super) async fn guard(State(trusted): State<Arc<Trusted>>, request: Request, next: Next) -> Response {
    match trusted.refuses(request.headers()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        Trusted(vec!["toxiproxy".to_owned()]).refuses(&headers).is_some()
    }

    #[test]
    fn addresses_and_known_names_pass() {
        for host in ["127.0.0.1:8474", "localhost:8474", "LOCALHOST", "[::1]:8474", "toxiproxy:8474", "10.0.2.2"] {
            assert!(!refused(&[("host", host)]), "{host}");
        }
    }

    #[test]
    fn pages_and_rebound_names_do_not() {
        assert!(refused(&[("host", "evil.example:8474")]));
        assert!(refused(&[("host", "localhost.evil.example")]));
        assert!(refused(&[("host", "127.0.0.1.evil.example:80")]));
        assert!(refused(&[]));
        assert!(refused(&[("host", "localhost"), ("origin", "null")]));
        assert!(refused(&[("host", "localhost"), ("origin", "http://localhost:8474")]));
        assert!(refused(&[("host", "localhost"), ("sec-fetch-site", "cross-site")]));
        assert!(refused(&[("host", "localhost"), ("user-agent", "Mozilla/5.0 (X11)")]));
    }
}
