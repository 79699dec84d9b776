//! Whatever is asked, the control API answers: with what was asked for, or with an error in its one form.

use std::sync::OnceLock;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use proptest::prelude::*;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::base::{Clock, Seed};
use crate::proxy::alone::{Alone, Secure, Words};

/// One API for all tests here; its gates come and go.
fn api() -> &'static Router {
    static API: OnceLock<Router> = OnceLock::new();
    API.get_or_init(|| {
        let words = Words { steps: |_| Err("no steps here".to_owned()), link: |_| Err("no links here".to_owned()) };
        let alone = Alone::new(Clock::system(), Seed(1), 1, words, Secure::default()).unwrap();
        router(Arc::clone(&alone.gates), Trusted::default())
    })
}

fn ask(method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = Request::builder().method(method).uri(path).header("host", "localhost").body(Body::from(body));
        let answer = api().clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status();
        (status, to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec())
    })
}

/// JSON that is near to what is understood.
fn near_json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "name",
        "listen",
        "upstream",
        "enabled",
        "type",
        "stream",
        "toxicity",
        "attributes",
        "latency",
        "bandwidth",
        "rate",
        "downstream",
        "profile",
        "state",
        "up",
        "inspect",
        "127.0.0.1:0",
        "app",
        "localhost:1",
        "timeout",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(|word| format!("\"{word}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        Just("null".to_owned()),
        Just("true".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let pair = (word.clone(), inner.clone()).prop_map(|(word, value)| format!("\"{word}\":{value}"));
        prop_oneof![
            prop::collection::vec(pair, 0..5).prop_map(|pairs| format!("{{{}}}", pairs.join(","))),
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_asked_breaks_it(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]),
        path in prop::sample::select(vec![
            "/proxies", "/populate", "/reset", "/version", "/metrics", "/proxies/app", "/proxies/app/toxics",
            "/proxies/app/toxics/latency_downstream", "/deadzone/v1/state", "/deadzone/v1/proxies/app",
            "/deadzone/v1/proxies/app/link", "/deadzone/v1/proxies/app/faults", "/deadzone/v1/proxies/app/faults/7",
            "/deadzone/v1/proxies/app/schedule", "/proxies/%00", "/", "/proxies/app/toxics/%ff",
        ]),
        body in prop_oneof![
            near_json().prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..200),
        ],
    ) {
        let (status, body) = ask(method, path, body);
        if status.is_success() {
            return Ok(());
        }
        // A port that cannot be listened on is the one thing that is the machine's fault.
        prop_assert!(status.is_client_error() || status == StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}: {status}");
        if method != "HEAD" && !path.contains("%ff") {
            let error: Value = serde_json::from_slice(&body).expect("an error in JSON");
            prop_assert_eq!(&error["status"], status.as_u16());
            prop_assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()));
            if status == StatusCode::INTERNAL_SERVER_ERROR {
                prop_assert!(error["error"].as_str().is_some_and(|text| text.starts_with("listen tcp")), "{}", error);
            }
        }
    }
}
