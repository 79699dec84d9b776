//! Prometheus metrics, which move while a connection is open.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::App;
use crate::proxy::alone::gate::Gate;

/// Toxiproxy's names, what they are, and which two of a gate's four totals they count: upstream and downstream.
const BYTES: [(&str, &str, [usize; 2]); 2] = [
    ("toxiproxy_proxy_received_bytes_total", "Bytes received by proxies.", [0, 2]),
    ("toxiproxy_proxy_sent_bytes_total", "Bytes sent by proxies.", [1, 3]),
];

pub(super) async fn metrics(State(gates): App) -> Response {
    let text = render(&gates.all());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn render(gates: &[std::sync::Arc<Gate>]) -> String {
    let mut out = String::new();
    let read: Vec<_> = gates.iter().map(|gate| (labels(gate), gate.totals())).collect();
    for (name, help, [upstream, downstream]) in BYTES {
        head(&mut out, name, help, "counter");
        for (labels, totals) in &read {
            for (direction, index) in [("upstream", upstream), ("downstream", downstream)] {
                line(&mut out, &format!("{name}{{direction=\"{direction}\",{labels}}}"), totals.bytes[index]);
            }
        }
    }
    head(&mut out, "deadzone_connections_total", "Connections accepted.", "counter");
    for (labels, totals) in &read {
        line(&mut out, &format!("deadzone_connections_total{{{labels}}}"), totals.connections);
    }
    head(&mut out, "deadzone_connections_open", "Connections open now.", "gauge");
    for (labels, totals) in &read {
        line(&mut out, &format!("deadzone_connections_open{{{labels}}}"), totals.open as u64);
    }
    out
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, what: &str, value: u64) {
    let _ = writeln!(out, "{what} {value}");
}

fn labels(gate: &Gate) -> String {
    let (listener, upstream) = (gate.listen(), gate.upstream());
    format!("listener=\"{}\",proxy=\"{}\",upstream=\"{}\"", quoted(&listener), quoted(&gate.name), quoted(&upstream))
}

/// A label's value as the text format wants it.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
