//! What a request or an answer says, as far as the checks need it. What cannot be read is `Other`, never an error.

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::extract::Query;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, RETRY_AFTER};
use hyper::{Method, StatusCode, Uri};
use hyper::{http::request, http::response};
use jiff::fmt::rfc2822::DateTimeParser;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::faults::Target;
use super::upload;
use crate::history::{MessageKind, RecordRef};
use crate::protocol::gzip;
use crate::protocol::{
    DeltaAnswer, DeltaQuery, IdsByKind, MAX_INFLATED_BODY, Problem, PushAnswer, PushRequest, Record, RemovalsByKind,
    SelectionAnswer, path,
};

/// A request of the API, by method and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    SignIn,
    Refresh,
    Profile,
    Asset,
    Delta,
    Push,
    Selection,
    Upload,
    File,
}

impl Route {
    /// The route of a request; `None` for whatever is not in the API.
    pub(super) fn of(method: &Method, uri: &Uri) -> Option<Self> {
        if uri.path().starts_with(path::ATTACHMENTS) {
            let reads = method == Method::GET;
            return Some(if reads { Self::File } else { Self::Upload }).filter(|_| method != Method::OPTIONS);
        }
        if method == Method::GET && uri.path().strip_prefix(path::ASSETS).is_some_and(|id| id.starts_with('/')) {
            return Some(Self::Asset);
        }
        let (wanted, route) = match uri.path() {
            path::SIGN_IN => (Method::POST, Self::SignIn),
            path::REFRESH => (Method::POST, Self::Refresh),
            path::PROFILE => (Method::GET, Self::Profile),
            path::DELTA => (Method::GET, Self::Delta),
            path::PUSH => (Method::POST, Self::Push),
            path::SELECTION => (Method::POST, Self::Selection),
            _ => return None,
        };
        (wanted == *method).then_some(route)
    }

    /// The name by which a rule calls it.
    pub(super) fn target(self) -> Target {
        match self {
            Self::SignIn => Target::SignIn,
            Self::Refresh => Target::Refresh,
            Self::Profile | Self::Asset => Target::Profile,
            Self::Selection => Target::Selection,
            Self::Delta => Target::Pull,
            Self::Push => Target::Push,
            Self::Upload => Target::Upload,
            Self::File => Target::File,
        }
    }
}

/// Whether a body names `word`, out of its coding.
pub(super) fn mentions(headers: &HeaderMap, body: &[u8], word: &str) -> bool {
    let holds = |body: &[u8]| body.windows(word.len().max(1)).any(|part| part == word.as_bytes());
    plain(headers, body).is_some_and(|body| holds(&body))
}

/// What a request says.
pub(super) fn request(route: Option<Route>, head: &request::Parts, body: &[u8]) -> MessageKind {
    let kind = match route {
        Some(Route::SignIn) => Some(MessageKind::SignIn),
        Some(Route::Refresh) => Some(MessageKind::Refresh),
        Some(Route::Profile) => Some(MessageKind::Profile),
        Some(Route::Asset) => Some(MessageKind::Asset),
        Some(Route::Delta) => {
            let query = Query::<DeltaQuery>::try_from_uri(&head.uri).ok();
            query.map(|Query(DeltaQuery { cursor, since, digest, .. })| {
                let digest = digest.is_some();
                MessageKind::Delta { cursor, since, digest }
            })
        }
        Some(Route::Push) => {
            json::<PushRequest>(&head.headers, body).map(|PushRequest { operations }| MessageKind::Push { operations })
        }
        Some(Route::Selection) => Some(MessageKind::Selection),
        Some(Route::Upload) => upload::request(head, body.len() as u64, false),
        Some(Route::File) => Some(upload::file(head)),
        None => None,
    };
    kind.unwrap_or_else(|| MessageKind::Other { summary: format!("{} {}", head.method, head.uri.path()) })
}

/// What the answer to a request of `route` says.
pub(super) fn answer(route: Option<Route>, head: &response::Parts, body: &[u8]) -> MessageKind {
    let kind = if head.status == StatusCode::NOT_MODIFIED {
        Some(MessageKind::NotModified)
    } else if !head.status.is_success() {
        json::<Problem>(&head.headers, body).map(|Problem { code, detail, .. }| MessageKind::Problem { code, detail })
    } else {
        match route {
            Some(Route::SignIn) => Some(MessageKind::SignIn),
            Some(Route::Refresh) => Some(MessageKind::Refresh),
            Some(Route::Profile) => Some(MessageKind::Profile),
            Some(Route::Asset) => Some(MessageKind::Asset),
            Some(Route::Delta) => json::<DeltaAnswer>(&head.headers, body).map(delta),
            Some(Route::Push) => json::<PushAnswer>(&head.headers, body)
                .map(|PushAnswer { results }| MessageKind::PushAnswer { results }),
            Some(Route::Selection) => json::<SelectionAnswer>(&head.headers, body)
                .map(|SelectionAnswer { picked }| MessageKind::SelectionAnswer { picked }),
            Some(Route::Upload) => Some(MessageKind::UploadAnswer { offset: upload::offset(&head.headers) }),
            Some(Route::File) => Some(MessageKind::FileAnswer {
                bytes: body.len() as u64,
                tag: head.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned),
            }),
            None => None,
        }
    };
    kind.unwrap_or_else(|| MessageKind::Other { summary: text(&head.headers, &CONTENT_TYPE).into() })
}

fn delta(answer: DeltaAnswer) -> MessageKind {
    let changes = answer.changes;
    let rows = [
        ("work-orders", "workOrderId", &changes.work_orders),
        ("assets", "assetId", &changes.assets),
        ("inventory", "partId", &changes.inventory),
    ];
    let records = rows.iter().flat_map(|(kind, key, rows)| rows.iter().map(|row| reference(kind, key, row))).collect();
    let inventory_fields: BTreeSet<&String> = changes.inventory.iter().flat_map(Record::keys).collect();
    let inventory_fields = inventory_fields.into_iter().cloned().collect();
    let IdsByKind { work_orders, assets, inventory } = changes.deleted_ids;
    let deleted = [work_orders, assets, inventory].concat();
    let RemovalsByKind { work_orders, assets, inventory } = changes.removed;
    let removed = [work_orders, assets, inventory].concat();
    MessageKind::DeltaAnswer {
        sync_timestamp: answer.sync_timestamp,
        answers: answer.cursor,
        next_cursor: answer.next_cursor,
        has_more: answer.has_more,
        records,
        removed,
        deleted,
        inventory_fields,
    }
}

fn reference(kind: &str, key: &str, row: &Record) -> RecordRef {
    RecordRef {
        kind: kind.into(),
        id: row.get(key).and_then(Value::as_str).unwrap_or_default().into(),
        version: row.get("_version").and_then(Value::as_i64).unwrap_or_default(),
    }
}

/// How many seconds an answer asks to wait; a date counts from the answer's own `Date`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let asked = text(headers, &RETRY_AFTER);
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let seconds = || date(asked)?.duration_since(date(text(headers, &DATE))?).as_secs().try_into().ok();
    asked.parse().ok().or_else(seconds)
}

/// A JSON body, out of its coding; `None` when it is no such thing.
pub(super) fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Option<T> {
    serde_json::from_slice(&plain(headers, body)?).ok()
}

/// The body without its coding; `None` when it is broken, too large or coded in another way.
pub(super) fn plain<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match text(headers, &CONTENT_ENCODING) {
        "" | "identity" => Some(Cow::Borrowed(body)),
        "gzip" => gzip::unpack(body, MAX_INFLATED_BODY).ok().map(Cow::Owned),
        _ => None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::protocol::{ErrorCode, Removal, RemovalReason};
    use hyper::{Request, Response};

    fn asked(method: &str, target: &str, body: &str) -> MessageKind {
        let request = Request::builder().method(method).uri(target).body(()).unwrap();
        let (head, ()) = request.into_parts();
        super::request(Route::of(&head.method, &head.uri), &head, body.as_bytes())
    }

    fn answered(route: Route, status: u16, body: &str) -> MessageKind {
        let response = Response::builder().status(status).header("content-type", "text/html").body(()).unwrap();
        answer(Some(route), &response.into_parts().0, body.as_bytes())
    }

    fn other(summary: &str) -> MessageKind {
        MessageKind::Other { summary: summary.into() }
    }

    #[test]
    fn a_pull_is_read_with_its_cursor_verbatim() {
        let kind = asked("GET", "/api/v1/sync/delta?cursor=a%2Bb&since=2025-11-08T06:00:00.000Z", "");
        let since = Some("2025-11-08T06:00:00.000Z".into());
        assert_eq!(kind, MessageKind::Delta { cursor: Some("a+b".into()), since, digest: false });
        let kind = asked("GET", "/api/v1/sync/delta?digest=1", "");
        assert_eq!(kind, MessageKind::Delta { cursor: None, since: None, digest: true });
    }

    #[test]
    fn a_pages_records_and_removals_are_named() {
        let body = r#"{"syncTimestamp":"t","cursor":"b","nextCursor":"c","hasMore":true,"changes":{
            "workOrders":[{"workOrderId":"WO-1","assetId":"A-1","_version":3}],
            "inventory":[{"partId":"P-1"}],
            "deletedIds":{"workOrders":["WO-3"]},
            "removed":{"workOrders":[{"id":"WO-2","reason":"reassigned"}]}}}"#;
        let refer = |kind: &str, id: &str, version| RecordRef { kind: kind.into(), id: id.into(), version };
        let expected = MessageKind::DeltaAnswer {
            sync_timestamp: "t".into(),
            answers: Some("b".into()),
            deleted: vec!["WO-3".into()],
            inventory_fields: vec!["partId".into()],
            next_cursor: "c".into(),
            has_more: true,
            records: vec![refer("work-orders", "WO-1", 3), refer("inventory", "P-1", 0)],
            removed: vec![Removal { id: "WO-2".into(), reason: RemovalReason::Reassigned }],
        };
        assert_eq!(answered(Route::Delta, 200, body), expected);
    }

    #[test]
    fn a_problem_is_read_whatever_was_asked() {
        let body = r#"{"type":"t","title":"t","status":401,"code":"AUTH_ERROR","detail":"expired"}"#;
        let expected = MessageKind::Problem { code: ErrorCode::AuthError, detail: "expired".into() };
        assert_eq!(answered(Route::Push, 401, body), expected);
    }

    #[test]
    fn what_cannot_be_read_is_other() {
        assert_eq!(asked("POST", path::PUSH, "{"), other("POST /api/v1/sync/push"));
        assert_eq!(asked("GET", path::PUSH, ""), other("GET /api/v1/sync/push"));
        assert_eq!(asked("GET", "/", ""), other("GET /"));
        assert_eq!(answered(Route::Push, 200, "<html>log in</html>"), other("text/html"));
        assert_eq!(answered(Route::Push, 502, "bad gateway"), other("text/html"));
    }

    #[test]
    fn a_gzip_bomb_is_other() {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::copy(&mut std::io::repeat(b' ').take(MAX_INFLATED_BODY as u64), &mut coder).unwrap();
        std::io::copy(&mut &br#"{"operations":[]}"#[..], &mut coder).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(json::<PushRequest>(&headers, &coder.finish().unwrap()), None);
    }
}
